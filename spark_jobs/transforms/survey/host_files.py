"""Hosts files: how a Spark worker makes one of a sweep, through an unfinished part below ``_work/``, and where those made lie.

Two steps, because whether a host is a duplicate is known only when every sweep has been read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.contract_files import Provenance, TableWriter, read_table, write_table
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import AnyLocation
from schemas.refusal_reasons import Reason
from schemas.run_record import read_run, run_files
from spark_jobs.transforms.survey.host_rows import HostSelection, select_host_rows
from spark_jobs.transforms.survey.sweep_reader import count_rows, read_chunks


@dataclass(frozen=True)
class SweepTask:
    """One sweep, its photometric redshifts if there are any, and the part to write."""

    sweep: Path
    photo_z: Path | None
    part: Path


@dataclass(frozen=True)
class SweepAccount:
    """Rows that the sweep holds, or why it could not be read."""

    sweep_rows: int
    error: str = ""


@dataclass(frozen=True)
class HostFileTask:
    """One part, the rows of it that are duplicates, and the hosts file to write."""

    part: Path
    hosts: Path
    duplicates: npt.NDArray[np.int64]


def write_part(selection: HostSelection, provenance: Provenance, task: SweepTask) -> SweepAccount:
    """Read one sweep and write its hosts, duplicates unmarked; a part that stands already is left as it is.

    A sweep that cannot be read comes back as a text, so that the driver can name every bad file at once.
    """
    try:
        if not task.part.exists():
            with TableWriter(task.part, HOSTS, provenance) as writer:
                for hosts in _selected(selection, task):
                    writer.add_batch(hosts)
        return SweepAccount(count_rows(task.sweep))
    except InputError as error:
        return SweepAccount(0, str(error))


def write_hosts(provenance: Provenance, task: HostFileTask) -> None:
    """Write the hosts file of one part with its duplicates marked; a file that stands already is left as it is."""
    if task.hosts.exists():
        return
    table = read_table(task.part, HOSTS)
    reasons = table["reasons"].to_numpy().copy()
    reasons[task.duplicates] |= Reason.DUPLICATE_HOST.value
    column = table.column_names.index("reasons")
    write_table(task.hosts, table.set_column(column, HOSTS["reasons"].arrow_field, pa.array(reasons)), HOSTS, provenance)


def finished_host_files(directory: AnyLocation) -> list[AnyLocation]:
    """The hosts files of a plan (below ``hosts/``) or of select-hosts (beside its record)."""
    planned = any(entry["path"].startswith("hosts/") for entry in read_run(directory)["files"])
    return run_files(cast(AnyLocation, directory.resolve()), HOSTS, "hosts/" if planned else "")


def _selected(selection: HostSelection, task: SweepTask) -> Iterator[pa.Table]:
    for rows in read_chunks(task.sweep, task.photo_z, selection.survey.z_phot_columns):
        yield select_host_rows(rows, selection)
