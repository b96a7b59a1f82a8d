"""One task made again from recipe, plan, cutouts and bank, without Spark, and held against the row that stands.

The task and its pair go through what a Spark worker does to a shard, as a shard of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.array_codec import decode_stamp
from schemas.contract import Contract
from schemas.contract_files import Provenance, write_table
from schemas.cutouts import CUTOUTS
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from schemas.task_search import matching_rows
from schemas.tasks import TASKS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.inject_shard import ShardTask, shard_rows
from spark_jobs.transforms.simulation.make_stamp import StampMaker

Row = dict[str, Any]

ACROSS_MACHINES = 1e-6
"""Pixels of one task on another family of processors may differ by this share of the sky's noise."""


@dataclass(frozen=True)
class Difference:
    """A column in which the row that stands and the one made again differ, and both values as text."""

    column: str
    stands: str
    made_again: str


def replayed_row(task: Row, plan: Location, cutouts: Location, recipe: Recipe, bank: SourceBank | None) -> Row:
    """The stamps row of a task, made again. ``task`` is its row of the index; the directories are finished runs.

    Raises InputError where the plan does not hold the task.
    """
    name = f"shard-{task['shard']:05d}.parquet"
    planned = [row for row in _of(plan / "tasks" / name, TASKS, "host_id", task["host_id"]) if _together(row, task)]
    if task["task_id"] not in {row["task_id"] for row in planned}:
        raise InputError(f"{plan / 'tasks' / name} has no task {task['task_id']} of host {task['host_id']}")
    hosts = _of(plan / "hosts" / name, HOSTS, "host_id", task["host_id"])
    cut = _of(cutouts / name, CUTOUTS, "host_id", task["host_id"])
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{part}.parquet" for part in ("tasks", "hosts", "cutouts")]
        shard = ShardTask(files[0], files[1], files[2], stamps={})
        for path, rows, contract in ((shard.tasks, planned, TASKS), (shard.hosts, hosts, HOSTS), (shard.cutouts, cut, CUTOUTS)):
            write_table(path, pa.Table.from_pylist(rows, contract.arrow_schema()), contract, Provenance(""))
        made = [row for rows in shard_rows(StampMaker(recipe, bank), shard) for row in rows]
    (found,) = (row for row in made if row["task_id"] == task["task_id"])
    return found


def differences(stands: Row, made_again: Row) -> list[Difference]:
    """Every column of the stamps contract in which two rows differ, in the order of the contract; pixels by their bytes."""
    return [
        Difference(name, _text(stands[name]), _text(made_again[name]))
        for name in STAMPS.names
        if not _same(stands[name], made_again[name])
    ]


def pixel_difference(stands: Row, made_again: Row) -> float | None:
    """The largest difference of a pixel in units of the sky's noise in its band; None where one of the two has no pixels.

    Not finite where the sky's noise is not known, or where the sizes differ.
    """
    if stands["stamp_npz"] is None or made_again["stamp_npz"] is None:
        return None
    one, other = decode_stamp(stands["stamp_npz"]), decode_stamp(made_again["stamp_npz"])
    sky = [stands[f"sky_sigma_{band}_nmgy"] or math.nan for band in BANDS]
    if one.shape != other.shape:
        return math.inf
    return float(np.max(np.abs(one - other) / np.array(sky)[:, None, None]))


def _together(row: Row, task: Row) -> bool:
    """The task itself, and the other half of its pair: a pair is made or refused as one."""
    return bool(row["task_id"] == task["task_id"] or (row["pair_id"] is not None and row["pair_id"] == task["pair_id"]))


def _of(path: Location, contract: Contract, column: str, value: str) -> list[Row]:
    return [row for row in matching_rows(path, contract, column, value) if row[column] == value]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return bool(one == other)


def _text(value: Any) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else "null" if value is None else repr(value)
