"""The tables that questions are asked of: what they are called, where they lie in a run, and the text that makes them.

``run`` stands before the columns of the contract: the name of the directory that a row comes from. ``runs`` has a row a run,
``reason_bits`` a row a bit of the columns ``reasons``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.contract import Contract
from schemas.hosts import HOSTS
from schemas.refusal_reasons import MEANINGS
from schemas.runs_there import FoundRun
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.tasks import TASKS

RUNS, REASON_BITS = "runs", "reason_bits"
RUNS_COLUMNS = {
    "run": "varchar",
    "job": "varchar",
    "recipe_name": "varchar",
    "recipe_hash": "varchar",
    "run_seed": "bigint",
    "code_version": "varchar",
    "split_key": "varchar",
    "finished_utc": "varchar",
    "rows_written": "bigint",
}
BITS_COLUMNS = {"bit": "bigint", "name": "varchar", "meaning": "varchar"}
_WORDS = ("job", "recipe_name", "recipe_hash", "code_version", "split_key", "finished_utc")


@dataclass(frozen=True)
class RunTable:
    """A table of contract, the folders of a run that hold it, and the job whose output to give where it is lacking."""

    contract: Contract
    folders: tuple[str, ...]
    filled_by: str


RUN_TABLES: dict[str, RunTable] = {
    "stamp_index": RunTable(STAMP_INDEX, ("index/",), "dhs inject or dhs adopt"),
    "tasks": RunTable(TASKS, ("tasks/",), "dhs plan"),
    "hosts": RunTable(HOSTS, ("hosts/",), "dhs plan"),
    "stamps": RunTable(STAMPS, ("split=train/", "split=val/", "split=test/"), "dhs inject or dhs adopt"),
}
ASKED = ("stamp_index", "tasks", "hosts")
"""Tables that questions may name: none of them has a blob."""


def run_row(run: FoundRun) -> tuple[Any, ...]:
    """A run's row of ``runs``, in the order of RUNS_COLUMNS."""
    words = {name: None if (value := run.record.get(name)) in (None, "") else str(value) for name in _WORDS}
    values: dict[str, Any] = words | {
        "run": run.name,
        "run_seed": run.record.get("run_seed"),
        "rows_written": run.record["rows"],
    }
    return tuple(values[name] for name in RUNS_COLUMNS)


def bit_rows() -> list[tuple[int, str, str]]:
    """The rows of ``reason_bits``."""
    return [(reason.value, str(reason.name), meaning) for reason, meaning in MEANINGS.items()]


def values_view(name: str, columns: Mapping[str, str], rows: Iterable[Sequence[Any]]) -> str:
    """A view over written-out rows of typed columns: the same text for DuckDB, Trino and Athena."""
    lines = [f"    ({', '.join(map(_literal, row, columns.values()))})" for row in rows]
    joined = ",\n".join(lines)
    return f"CREATE OR REPLACE VIEW {name} AS\nSELECT * FROM (VALUES\n{joined}\n) AS t ({', '.join(columns)});\n"


def _literal(value: Any, kind: str) -> str:
    if kind == "bigint":
        return f"CAST({'NULL' if value is None else int(value)} AS bigint)"
    return "CAST(NULL AS varchar)" if value is None else "'" + str(value).replace("'", "''") + "'"
