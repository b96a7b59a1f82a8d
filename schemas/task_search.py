"""Where one task's rows lie among finished runs: looked up by the bytes of its name, and read alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from schemas.contract import Contract, ContractError
from schemas.contract_files import open_parquet, read_group
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.runs_there import FoundRun
from schemas.stamps import STAMP_INDEX, STAMPS

Row = dict[str, Any]

_TASK_ID = re.compile(r"[\w.:+-]{6,64}", re.ASCII)


@dataclass(frozen=True)
class FoundTask:
    """A task's row in the index of a run, and the run."""

    run: FoundRun
    index: Row


def check_task_id(text: str) -> str:
    """A task_id, or its beginning; raises InputError for anything else. Adopted tasks have names of their own."""
    if not _TASK_ID.fullmatch(text):
        raise InputError(f"{text[:80]!r} is no task_id; wanted one such as 03f2a91c, its first 6 characters or more")
    return text


def find_task(task_id: str, runs: Sequence[FoundRun]) -> FoundTask:
    """The one task whose name begins so; raises InputError where there is none, or more than one in these runs."""
    check_task_id(task_id)
    searched = [run for run in runs if run.holds("index/")]
    found = [FoundTask(run, row) for run in searched for row in _index_rows(run, "task_id", task_id)]
    if not searched:
        raise InputError("none of the directories holds stamps; wanted one that dhs inject or dhs adopt filled")
    if not found:
        counted = sum(entry["rows"] for run in searched for entry in run.record["files"] if entry["path"].startswith("index/"))
        names = ", ".join(run.name for run in searched)
        raise InputError(f"no task {task_id} among the {counted} rows of {names}")
    found = [task for task in found if task.index["task_id"] == task_id] or found
    if len(found) > 1:
        examples = ", ".join(f"{task.index['task_id']} in {task.run.name}" for task in found[:3])
        raise InputError(f"{len(found)} rows have a task_id that begins with {task_id}: {examples}; wanted one")
    return found[0]


def partners(task: FoundTask) -> list[Row]:
    """Index rows of the other members of a task's pair."""
    pair = task.index["pair_id"]
    rows = _index_rows(task.run, "pair_id", pair) if pair is not None else []
    return [row for row in rows if row["pair_id"] == pair and row["task_id"] != task.index["task_id"]]


def stamp_row(run: FoundRun, index: Row) -> Row:
    """The stamps row, pixels included, that an index row points at; only its row group is read.

    Raises ContractError where another task stands in that place.
    """
    files = {str(path): path for path in run.files(STAMPS, index["file"])}
    if len(files) != 1:
        raise ContractError(f"the index of {run.directory} names {index['file']!r}, which is not a file of the run")
    (path,) = files.values()
    with open_parquet(path, STAMPS) as file:
        first = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first <= index["row"] < first + rows:
                row: Row = read_group(path, file, group, STAMPS.names).slice(index["row"] - first, 1).to_pylist()[0]
                if row["task_id"] == index["task_id"]:
                    return row
            first += rows
    raise ContractError(f"{path}, row {index['row']} is not task {index['task_id']}, which the index places there")


def matching_rows(path: Location, contract: Contract, column: str, value: str) -> Iterator[Row]:
    """Rows of a file in which a column of text begins with ``value``, in order; blobs of other row groups are not read."""
    with open_parquet(path, contract) as file:
        for group in range(file.num_row_groups):
            hits = pc.starts_with(read_group(path, file, group, [column])[column], value)
            if pc.any(hits).as_py():
                yield from read_group(path, file, group, contract.names).filter(hits).to_pylist()


def _index_rows(run: FoundRun, column: str, value: str) -> list[Row]:
    files = run.files(STAMP_INDEX, "index/")
    return [row for path in files for row in matching_rows(path, STAMP_INDEX, column, value)]
