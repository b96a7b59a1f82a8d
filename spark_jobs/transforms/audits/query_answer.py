"""One question asked of some runs: the answer as rows, and what it cost in bytes read."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from schemas.contract import ContractError
from schemas.job_entry import InputError
from schemas.runs_there import FoundRun
from spark_jobs.transforms.audits.counted_files import BytesRead, counted_dataset
from spark_jobs.transforms.audits.query_tables import (
    BITS_COLUMNS,
    REASON_BITS,
    RUN_TABLES,
    RUNS,
    RUNS_COLUMNS,
    bit_rows,
    run_row,
    values_view,
)
from spark_jobs.transforms.audits.query_texts import Query

WIDEST_CELL = 60
COLUMNS_SIDE_BY_SIDE = 15


@dataclass(frozen=True)
class Answer:
    """Columns and rows; bytes and files that were read, bytes that the tables asked have altogether."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    bytes_read: int = 0
    bytes_there: int = 0
    files: int = 0

    def as_text(self) -> str:
        """A table for the terminal, figures to the right; a line a column where one row is wide; a word for no rows."""
        if not self.rows:
            return "(no rows)\n"
        if len(self.rows) == 1 and len(self.columns) > COLUMNS_SIDE_BY_SIDE:
            width = max(map(len, self.columns))
            return "".join(f"{n:<{width}}  {_cell(value)}\n" for n, value in zip(self.columns, self.rows[0], strict=True))
        cells = [[_cell(value) for value in row] for row in self.rows]
        widths = [max(len(row[n]) for row in [list(self.columns), *cells]) for n in range(len(self.columns))]
        right = [all(isinstance(row[n], int | float | None) for row in self.rows) for n in range(len(self.columns))]

        def line(row: Sequence[str]) -> str:
            return "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True)).rstrip()

        return "\n".join(line(row) for row in [self.columns, *cells]) + "\n"

    def as_csv(self) -> str:
        """The same as CSV, every digit kept, nothing for a null."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return text.getvalue()

    def column(self, name: str) -> list[Any]:
        """The values of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def ask(query: Query, runs: Sequence[FoundRun], given: str = "", *, threads: int | None = None) -> Answer:
    """The answer of a question over all runs that hold its tables.

    Raises InputError where no run holds one of them or the question wants what was not given, ContractError where a file is
    damaged.
    """
    if bool(query.asks) != bool(given):
        wanted = f"asks for {query.asks}; wanted --task TASK_ID" if query.asks else "asks for nothing; wanted no --task"
        raise InputError(f"query {query.name} {wanted}")
    tally, there = BytesRead(), 0
    connection = duckdb.connect(":memory:", config={"threads": threads} if threads else {})
    try:
        for table in query.tables:
            there += _open_table(connection, table, query.name, runs, tally)
        found = connection.execute(query.sql, [given] if given else [])
        columns = tuple(str(entry[0]) for entry in found.description or ())
        return Answer(columns, found.fetchall(), tally.total, there, tally.files)
    except (duckdb.Error, pa.ArrowInvalid, OSError) as error:
        raise ContractError(f"query {query.name} cannot be answered: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


def _open_table(
    connection: duckdb.DuckDBPyConnection, table: str, query: str, runs: Sequence[FoundRun], tally: BytesRead
) -> int:
    """Make one table of a question; returns the bytes of its files."""
    if table == REASON_BITS:
        connection.execute(values_view(REASON_BITS, BITS_COLUMNS, bit_rows()))
        return 0
    if table == RUNS:
        connection.execute(values_view(RUNS, RUNS_COLUMNS, [run_row(run) for run in runs]))
        return 0
    wanted = RUN_TABLES[table]
    (under,) = wanted.folders
    holders = [run for run in runs if run.holds(under)]
    if not holders:
        names = ", ".join(run.name for run in runs)
        raise InputError(f"query {query} reads {table}, and {names} has none; wanted a run that {wanted.filled_by} filled too")
    parts = []
    for number, run in enumerate(holders):
        connection.register(f"{table}_{number}", counted_dataset(run.files(wanted.contract, under), wanted.contract, tally))
        name = run.name.replace("'", "''")
        parts.append(f"SELECT '{name}' AS run, * FROM {table}_{number}")  # noqa: S608 - names of ours, quotes doubled
    connection.execute(f"CREATE VIEW {table} AS {' UNION ALL '.join(parts)}")
    return sum(entry["bytes"] for run in holders for entry in run.record["files"] if entry["path"].startswith(under))


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    printable = "".join(c if c.isprintable() else "?" for c in text)
    return printable if len(printable) <= WIDEST_CELL else printable[: WIDEST_CELL - 3] + "..."
