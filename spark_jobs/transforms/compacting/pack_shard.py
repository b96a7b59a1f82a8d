"""Write one shard from its pieces, count and hash its blobs on both sides, and let it appear under its name only then."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.file_commit import unfinished_file
from schemas.finished_files import FileEntry, describe_file, size_and_sha256
from schemas.job_entry import InputError
from schemas.locations import Location, raise_if_of_store, whole
from spark_jobs.transforms.compacting.pack_plan import Piece, Shard

_ROWS_AT_A_TIME = 256


@dataclass(frozen=True)
class Packing:
    """Where shards go, the rows of their row groups, and the paths of those that stand there already."""

    out: Location
    rows_per_group: int
    standing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tally:
    """Rows, blobs that are not null, their bytes, and a hash over all of them in order."""

    rows: int
    blobs: int
    blob_bytes: int
    digest: str


def pack_shard(packing: Packing, shard: Shard) -> tuple[Tally, FileEntry]:
    """Write a shard, or find it; either way it is read back.

    Raises InputError where a source cannot be read, or where what was written is not what was read.
    """
    path = packing.out / shard.path
    if shard.path in packing.standing:
        read = _tally(batch for piece in shard.pieces for batch in _batches(piece))
        return _read_back(path, path, read), describe_file(path, packing.out)
    with unfinished_file(path) as unfinished:
        read = _write(unfinished, shard, packing.rows_per_group)
        written = _read_back(unfinished, path, read)
        size, digest = size_and_sha256(unfinished)
    return written, FileEntry(shard.path, written.rows, size, digest)


def _read_back(here: Location, path: Location, read: Tally) -> Tally:
    """What a shard holds; InputError where that is not what was read for it."""
    groups = metadata_of(here).num_row_groups
    written = _tally(_batches(Piece(here, 0, groups, 0, 0)))
    if written != read:
        raise InputError(f"{path} holds {written}; its sources hold {read}: wanted the same. Remove it and run again.")
    return written


def metadata_of(file: Location) -> pq.FileMetaData:
    """The footer of anybody's Parquet file; raises InputError where it is none."""
    try:
        source = file if isinstance(file, Path) else file.open()
        return whole(lambda: pq.read_metadata(source))
    except (pa.ArrowInvalid, OSError) as error:
        raise_if_of_store(file, error)
        raise InputError(f"{file} is not a readable Parquet file: {error}") from error


class _Counting:
    """Counts and hashes the blobs of the batches that pass."""

    def __init__(self) -> None:
        self._rows = self._blobs = self._bytes = 0
        self._hash = hashlib.sha256()

    def see(self, batch: pa.RecordBatch) -> None:
        """Take one batch in."""
        self._rows += batch.num_rows
        for name in blob_names(batch.schema):
            for value in batch.column(name):
                blob: bytes | None = value.as_py()
                self._hash.update(b"-" if blob is None else len(blob).to_bytes(8, "big") + blob)
                self._blobs += blob is not None
                self._bytes += len(blob or b"")

    @property
    def tally(self) -> Tally:
        """What was seen."""
        return Tally(self._rows, self._blobs, self._bytes, self._hash.hexdigest())


def blob_names(schema: pa.Schema) -> list[str]:
    """Columns of bytes."""
    return [field.name for field in schema if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type)]


def _write(path: Path, shard: Shard, rows_per_group: int) -> Tally:
    """Blobs as they are, everything else with zstd; a checksum on every page."""
    seen = _Counting()
    writer: pq.ParquetWriter | None = None
    waiting: list[pa.RecordBatch] = []
    try:
        for piece in shard.pieces:
            for batch in _batches(piece):
                seen.see(batch)
                writer = writer or _writer(path, batch.schema)
                waiting.append(batch.replace_schema_metadata(writer.schema.metadata))
                waiting = _flushed(writer, waiting, rows_per_group, last=False)
        if writer is not None:
            _flushed(writer, waiting, rows_per_group, last=True)
    finally:
        if writer is not None:
            writer.close()
    return seen.tally


def _flushed(
    writer: pq.ParquetWriter, waiting: list[pa.RecordBatch], rows_per_group: int, *, last: bool
) -> list[pa.RecordBatch]:
    """Write whole row groups, at the end what is left; answers with what waits on."""
    rows = sum(batch.num_rows for batch in waiting)
    if rows < rows_per_group and not (last and rows):
        return waiting
    table = pa.Table.from_batches(waiting)
    whole = rows if last else rows - rows % rows_per_group
    writer.write_table(table.slice(0, whole), row_group_size=rows_per_group)
    rest: list[pa.RecordBatch] = table.slice(whole).to_batches()
    return rest


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    blobs = set(blob_names(schema))
    others = [name for name in schema.names if name not in blobs]
    compression = {name: "none" if name in blobs else "zstd" for name in schema.names}
    options: dict[str, Any] = {"use_dictionary": others, "write_statistics": others, "write_page_checksum": True}
    return pq.ParquetWriter(path, schema, compression=compression, **options)


def _batches(piece: Piece) -> Iterator[pa.RecordBatch]:
    source = _open(piece.file)
    with source as file:
        try:
            for group in range(piece.first, piece.last):  # of a file in S3, what is asked for at once is kept in memory
                yield from file.iter_batches(_ROWS_AT_A_TIME, row_groups=[group])
        except (pa.ArrowInvalid, OSError) as error:
            raise_if_of_store(piece.file, error)
            raise InputError(f"{piece.file} is damaged: {error}") from error


def _open(file: Location) -> pq.ParquetFile:
    source = file if isinstance(file, Path) else file.open()
    return whole(lambda: pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=not isinstance(file, Path)))


def _tally(batches: Iterator[pa.RecordBatch]) -> Tally:
    seen = _Counting()
    for batch in batches:
        seen.see(batch)
    return seen.tally
