"""Which row groups of which files go into which shard: in the order of names, folder by folder, to one size each.

A folder of the source (``split=train``) stays a folder. The plan follows from footers alone, so that a run that was broken off
plans the same shards again and finds those that stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.job_entry import InputError
from schemas.locations import Location

_NAME = "part-{:05d}.parquet"


@dataclass(frozen=True)
class Piece:
    """Consecutive row groups of one file, ``last`` not included; ``rows`` and ``size`` (bytes) are theirs."""

    file: Location
    first: int
    last: int
    rows: int
    size: int


@dataclass(frozen=True)
class Shard:
    """One output file: its path below the output directory, and what goes into it."""

    path: str
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """Rows that it will have."""
        return sum(piece.rows for piece in self.pieces)


def plan_shards(folder: str, footers: Mapping[Location, pq.FileMetaData], target_bytes: int) -> list[Shard]:
    """The shards of one folder: row groups in order, a shard closed once it holds the target; the last one is not left small.

    Raises InputError where two files of the folder have other columns or types.
    """
    _require_one_schema(folder, footers)
    groups = [_piece(file, footer, n) for file, footer in footers.items() for n in range(footer.num_row_groups)]
    runs: list[list[Piece]] = [[]]
    for piece in groups:
        if sum(one.size for one in runs[-1]) >= target_bytes:
            runs.append([])
        runs[-1].append(piece)
    if len(runs) > 1 and sum(one.size for one in runs[-1]) < target_bytes / 2:
        runs[-2:] = [runs[-2] + runs[-1]]
    prefix = f"{folder}/" if folder else ""
    return [Shard(prefix + _NAME.format(n), tuple(_joined(run))) for n, run in enumerate(runs) if run]


def _piece(file: Location, footer: pq.FileMetaData, group: int) -> Piece:
    of = footer.row_group(group)
    size = sum(of.column(n).total_compressed_size for n in range(of.num_columns))
    return Piece(file, group, group + 1, of.num_rows, size)


def _joined(run: Sequence[Piece]) -> list[Piece]:
    """Neighbouring row groups of a file as one piece."""
    found: list[Piece] = []
    for piece in run:
        before = found[-1] if found else None
        if before is not None and before.file == piece.file and before.last == piece.first:
            found[-1] = replace(before, last=piece.last, rows=before.rows + piece.rows, size=before.size + piece.size)
        else:
            found.append(piece)
    return found


def _require_one_schema(folder: str, footers: Mapping[Location, pq.FileMetaData]) -> None:
    schemas: dict[Location, pa.Schema] = {file: footer.schema.to_arrow_schema() for file, footer in footers.items()}
    first = next(iter(schemas))
    for file, schema in schemas.items():
        if not schema.equals(schemas[first]):
            here, there = ({f"{field.name}: {field.type}" for field in one} for one in (schema, schemas[first]))
            apart = sorted(here ^ there)
            seen = apart[0] if apart else "the order of the columns"
            raise InputError(f"{folder or 'the source'}: {file} and {first} differ in {seen}; wanted files of one schema")
