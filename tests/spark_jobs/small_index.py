"""Runs of an index, and of a plan, with rows as a test writes them: what questions are asked of, no stamp behind it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract import METADATA_KEY, Contract
from schemas.run_record import FINISHED_NAME, RunIdentity, begin_run, finish_run, read_run
from schemas.runs_there import runs_there
from schemas.stamps import STAMP_INDEX
from schemas.tasks import TASKS
from spark_jobs.transforms.audits.query_answer import Answer, ask
from spark_jobs.transforms.audits.query_texts import query_named

Row = dict[str, Any]

RECIPE, SEED = "5ca1ab1e5ca1ab1e", 7


def index_row(number: int, **changes: Any) -> Row:
    """Lens ``number`` of a host of its own: theta_e 1.1 arcsec, arc r 21.5 and S/N 20 on a host of r 18.5; made."""
    row: Row = dict.fromkeys(STAMP_INDEX.names)
    row |= {"task_id": f"{number:032x}", "host_id": f"9010-1-{number}", "cell": number, "shard": 0, "split": "train"}
    row |= {"kind": "lens", "label": 1, "configuration": 0, "replicate": 0, "recipe_hash": RECIPE, "run_seed": SEED}
    row |= {
        "ra_deg": 10.0,
        "dec_deg": 1.0,
        "brickname": "0100p010",
        "reasons": 0,
        "row": number,
        "file": "split=train/a.parquet",
    }
    row |= {"size_pix": 64, "x_centre_pix": 31.5 + 1e-4 * number, "y_centre_pix": 31.0, "sky_sigma_r_nmgy": 0.004}
    row |= {
        "mag_raw_r": 18.5,
        "theta_e_arcsec": 1.1,
        "theta_e_over_fwhm": 0.9,
        "source_mag_r": 24.5,
        "arc_snr": 20.0 + 1e-6 * number,
    }
    return row | {"injected_mag_r": 21.5, "arc_to_host_flux": 0.063, "n_drawn": 3, "n_refused_snr": 2} | changes


def control_row(number: int, **changes: Any) -> Row:
    """A control: the same without what is injected."""
    nothing = dict.fromkeys(STAMP_INDEX.injected_names)
    return index_row(number) | nothing | {"kind": "control", "label": 0} | changes


def write_index(directory: Path, rows: Sequence[Row], **record: Any) -> Path:
    """A finished stamps directory of these rows; ``record`` changes its record."""
    return _write(directory, "inject", "index/split-all.parquet", rows, STAMP_INDEX, record)


def write_plan(directory: Path, rows: Sequence[Row], **record: Any) -> Path:
    """A finished plan of the tasks of these rows."""
    return _write(directory, "plan", "tasks/shard-00000.parquet", rows, TASKS, record)


def answer(name: str, *directories: Path, given: str = "") -> list[Row]:
    """What a question answers over some runs, a mapping a row."""
    return as_rows(ask(query_named(name), runs_there(directories), given))


def as_rows(found: Answer) -> list[Row]:
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def _write(directory: Path, job: str, name: str, rows: Sequence[Row], contract: Contract, record: Row) -> Path:
    identity = RunIdentity(job, "test", RECIPE, SEED)
    begin_run(directory, identity)
    header = {METADATA_KEY: json.dumps({"contract": contract.name, "contract_version": contract.version}).encode()}
    schema = pa.schema([field.with_nullable(True) for field in contract.arrow_schema()]).with_metadata(header)
    (directory / name).parent.mkdir()
    table = pa.Table.from_pylist([{column: row[column] for column in contract.names} for row in rows], schema)
    pq.write_table(table, directory / name, row_group_size=max(7, len(rows) // 8), write_page_checksum=True)
    finish_run(directory, identity, [directory / name], {}, {"recipe_name": "small", "split_key": "host_cell"})
    (directory / FINISHED_NAME).write_text(json.dumps(read_run(directory) | record))
    return directory
