"""Hosts files: how a Spark worker makes one of a sweep, through an unfinished part below ``_work/``, and where those made lie.

Two steps, because whether a host is a duplicate is known only when every sweep has been read.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.contract_files import Provenance, TableWriter, read_table, write_entry
from schemas.finished_files import FileEntry, describe_file
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import AnyLocation, Location
from schemas.refusal_reasons import Reason
from schemas.run_record import read_run, run_files
from schemas.scratch_files import on_disk
from spark_jobs.transforms.survey.host_rows import HostSelection, select_host_rows
from spark_jobs.transforms.survey.sweep_reader import count_rows, read_chunks


@dataclass(frozen=True)
class SweepTask:
    """One sweep, its photometric redshifts if there are any, and the part to write, unless it stands."""

    sweep: Location
    photo_z: Location | None
    part: Location
    stands: bool = False


@dataclass(frozen=True)
class SweepAccount:
    """Rows that the sweep holds, or why it could not be read."""

    sweep_rows: int
    error: str = ""


@dataclass(frozen=True)
class HostFileTask:
    """One part, the rows of it that are duplicates, and the hosts file to write, unless it stands."""

    part: Location
    hosts: Location
    duplicates: npt.NDArray[np.int64]
    stands: bool = False


def write_part(selection: HostSelection, provenance: Provenance, task: SweepTask) -> SweepAccount:
    """Read one sweep and write its hosts, duplicates unmarked; a part that stands already is left as it is.

    A sweep that cannot be read comes back as a text, so that the driver can name every bad file at once.
    """
    with on_disk(task.sweep) as sweep, on_disk(task.photo_z) if task.photo_z else nullcontext() as photo_z:
        try:
            if not task.stands:
                with TableWriter(task.part, HOSTS, provenance) as writer:
                    for rows in read_chunks(sweep, photo_z, selection.survey.z_phot_columns):
                        writer.add_batch(select_host_rows(rows, selection))
            return SweepAccount(count_rows(sweep))
        except InputError as error:
            text = str(error).replace(str(sweep), str(task.sweep))
            return SweepAccount(0, text.replace(str(photo_z), str(task.photo_z)))


def write_hosts(provenance: Provenance, task: HostFileTask) -> FileEntry:
    """Write the hosts file of one part with its duplicates marked, or read the one that stands."""
    if task.stands:
        return describe_file(task.hosts, task.hosts.parent)
    table = read_table(task.part, HOSTS)
    reasons = table["reasons"].to_numpy().copy()
    reasons[task.duplicates] |= Reason.DUPLICATE_HOST.value
    column = table.column_names.index("reasons")
    marked = table.set_column(column, HOSTS["reasons"].arrow_field, pa.array(reasons))
    return write_entry(task.hosts, marked, HOSTS, provenance, task.hosts.parent)


def finished_host_files(directory: AnyLocation) -> list[AnyLocation]:
    """The hosts files of a plan (below ``hosts/``) or of select-hosts (beside its record)."""
    planned = any(entry["path"].startswith("hosts/") for entry in read_run(directory)["files"])
    return run_files(cast(AnyLocation, directory.resolve()), HOSTS, "hosts/" if planned else "")
