"""How a table under contract is written to Parquet and read back: whole or not at all, and never of an unknown version.

Blob columns are stored uncompressed (noise does not deflate) and others with zstd, so that an audit reads few bytes.
Every page carries a checksum: without it a flipped byte in a blob is read silently.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract import METADATA_KEY, Contract, ContractError
from schemas.file_commit import unfinished_file
from schemas.finished_files import FileEntry, describe_file, size_and_sha256
from schemas.locations import Location, S3Location, location, map_in_order, raise_if_of_store, relative_path, whole
from schemas.refusal_reasons import published_bits

ROWS_PER_GROUP_WITH_BLOBS = 256
ROWS_PER_GROUP = 65536


@dataclass(frozen=True)
class Provenance:
    """What made a file; empty strings where a table has no recipe."""

    code_version: str
    recipe_hash: str = ""
    run_seed: int | None = None
    recipe_name: str = ""


class TableWriter:
    """Writes one Parquet file row group by row group; the file appears under its name when the block ends well.

    Usage: ``with TableWriter(path, STAMPS, provenance) as writer: writer.add_rows([...])``. On an error nothing stands
    under ``path`` and the unfinished file is removed.
    """

    def __init__(self, path: Location, contract: Contract, provenance: Provenance) -> None:
        self.path, self.contract = location(path), contract
        self.rows_written = 0
        self._commit = unfinished_file(self.path)
        self._uploaded: tuple[int, str] | None = None
        self._rows: list[dict[str, Any]] = []  # turned into Arrow a row group at a time
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._group = ROWS_PER_GROUP_WITH_BLOBS if contract.blob_names else ROWS_PER_GROUP
        header = {"contract": contract.name, "contract_version": contract.version, "reasons": published_bits()}
        metadata = {METADATA_KEY: json.dumps(header | asdict(provenance)).encode()}
        self._schema = contract.arrow_schema().with_metadata(metadata)
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> TableWriter:
        self._unfinished = self._commit.__enter__()
        blobs = set(self.contract.blob_names)
        with self._undone_on_error():
            self._writer = pq.ParquetWriter(
                self._unfinished,
                self._schema,
                compression={name: "none" if name in blobs else "zstd" for name in self.contract.names},
                use_dictionary=[name for name in self.contract.names if name not in blobs],
                write_statistics=[name for name in self.contract.names if name not in blobs],
                write_page_checksum=True,
            )
        return self

    def entry(self, directory: Location) -> FileEntry:
        """What the record of a run says of the finished file."""
        if self._uploaded is None:
            return describe_file(self.path, directory)
        return FileEntry(relative_path(self.path, directory), self.rows_written, *self._uploaded)

    def add_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append rows given as mappings; every column of the contract must be named, no other may be."""
        wanted = set(self.contract.names)
        for row in rows:
            if row.keys() != wanted:
                raise ContractError(_difference(self.contract, row.keys()))
        self._rows += [dict(row) for row in rows]
        if len(self._rows) >= self._group:
            self._take_rows()

    def add_batch(self, batch: pa.RecordBatch | pa.Table) -> None:
        """Append an Arrow batch or table; columns are taken by name and cast to the contract."""
        self._take_rows()
        self._append(batch)

    def _take_rows(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._append(pa.RecordBatch.from_pylist(rows, schema=self._schema))

    def _append(self, batch: pa.RecordBatch | pa.Table) -> None:
        conformed = conform(batch, self.contract).replace_schema_metadata(self._schema.metadata)
        self._pending += conformed.to_batches()
        self._pending_rows += conformed.num_rows
        while self._pending_rows >= self._group:
            self._flush(self._group)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._pending, schema=self._schema)
        if self._writer is None:
            raise RuntimeError("TableWriter is used outside its with block")
        self._writer.write_table(table.slice(0, rows), row_group_size=self._group)
        rest = table.slice(rows)
        self._pending, self._pending_rows = rest.to_batches(), rest.num_rows
        self.rows_written += min(rows, table.num_rows)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._undone_on_error():
            try:
                if kind is None:
                    self._take_rows()
                if kind is None and self._pending_rows:
                    self._flush(self._pending_rows)
            finally:
                if self._writer is not None:
                    self._writer.close()
            if kind is None and isinstance(self.path, S3Location):
                self._uploaded = size_and_sha256(self._unfinished)  # while its bytes are here
        self._commit.__exit__(kind, error, trace)

    @contextmanager
    def _undone_on_error(self) -> Iterator[None]:
        """Where the block fails, nothing stands."""
        try:
            yield
        except BaseException as error:
            self._commit.__exit__(type(error), error, error.__traceback__)
            raise


def write_table(path: Location, table: pa.Table, contract: Contract, provenance: Provenance) -> int:
    """Write a whole table in one file; returns the number of rows."""
    with TableWriter(path, contract, provenance) as writer:
        writer.add_batch(table)
    return writer.rows_written


def write_entry(path: Location, table: pa.Table, contract: Contract, provenance: Provenance, directory: Location) -> FileEntry:
    """Write a whole table in one file of a run's directory; returns what its record says of the file."""
    with TableWriter(path, contract, provenance) as writer:
        writer.add_batch(table)
    return writer.entry(directory)


def conform(data: pa.RecordBatch | pa.Table, contract: Contract) -> pa.Table:
    """The same rows with exactly the contract's columns, order and types; raises ContractError where that cannot be.

    Nulls in a column that may not hold them are an error that names the column and counts them.
    """
    table = pa.Table.from_batches([data]) if isinstance(data, pa.RecordBatch) else data
    if set(table.column_names) != set(contract.names):
        raise ContractError(_difference(contract, table.column_names))
    schema = contract.arrow_schema()
    for column in contract:
        nulls = table.column(column.name).null_count
        if nulls and not column.nullable:
            raise ContractError(f"{contract.name}.{column.name}: {nulls} nulls of {table.num_rows} rows; wanted none")
    try:
        return table.select(contract.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ContractError(f"{contract.name}: a column cannot be cast to the contract's type: {error}") from error


def read_table(path: Location, contract: Contract, columns: Iterable[str] | None = None) -> pa.Table:
    """Read the named columns (default: all) of one Parquet file under contract, page checksums verified."""
    wanted = contract.arrow_schema(columns)
    with open_parquet(path, contract) as file:
        try:
            return whole(lambda: file.read(columns=wanted.names)).select(wanted.names)
        except (pa.ArrowInvalid, OSError) as error:
            raise_if_of_store(path, error)
            raise ContractError(f"{path} is damaged: {error}") from error


def row_batches(path: Location, contract: Contract, columns: Iterable[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The named columns (default: all) of one file under contract, a row group at a time; errors as of ``read_group``."""
    wanted = contract.arrow_schema(columns).names
    with open_parquet(path, contract) as file:
        for group in range(file.num_row_groups):  # of a file in S3, what is asked for at once is kept in memory
            yield from read_group(path, file, group, wanted).to_batches()


def read_group(
    path: Location | str, file: pq.ParquetFile, group: int, columns: Iterable[str], *, use_threads: bool = True
) -> pa.Table:
    """The named columns of one row group; asked for again where S3 refused a small one for now.

    Raises ContractError that names file and row group where they are damaged, LocationError where S3 does not give them.
    """
    names = list(columns)
    try:
        return whole(lambda: file.read_row_group(group, columns=names, use_threads=use_threads))
    except (pa.ArrowInvalid, OSError) as error:
        raise_if_of_store(path, error)
        raise ContractError(f"{path}, row group {group}: {error}") from error


def open_parquet(path: Location, contract: Contract) -> pq.ParquetFile:
    """An open Parquet file whose contract has been checked and whose pages are verified while they are read.

    Raises ContractError where the bytes are not such a file, LocationError where S3 does not give them.
    """
    try:
        source = path if isinstance(path, str | os.PathLike) else path.open()
        far = not isinstance(source, str | os.PathLike)  # then columns that lie together are read at once
        file = whole(lambda: pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=far))
    except (pa.ArrowInvalid, OSError) as error:
        raise_if_of_store(path, error)
        raise ContractError(f"{path} is not a readable Parquet file: {error}") from error
    check_header(path, file, contract)
    return file


def read_footers(paths: Sequence[Location], contract: Contract) -> list[pq.FileMetaData]:
    """The footers of many files, in order, each file checked against its contract."""

    def footer(path: Location) -> pq.FileMetaData:
        with open_parquet(path, contract) as file:
            return file.metadata

    return map_in_order(footer, paths)


def header_of(path: Location, file: pq.ParquetFile) -> dict[str, Any]:
    """The project's metadata of an open file; raises ContractError where there is none."""
    raw = (file.schema_arrow.metadata or {}).get(METADATA_KEY)
    if raw is None:
        raise ContractError(f"{path} carries no darkhaloscope metadata: it was not written under a contract")
    header: dict[str, Any] = json.loads(raw)
    return header


def check_header(path: Location, file: pq.ParquetFile, contract: Contract) -> dict[str, Any]:
    """Raise ContractError unless the file is of this contract and of a major version that this code knows."""
    header = header_of(path, file)
    if header["contract"] != contract.name:
        raise ContractError(f"{path} holds {header['contract']!r}; wanted {contract.name!r}")
    seen, known = str(header["contract_version"]), contract.version
    major = known.partition(".")[0]
    if seen.partition(".")[0] != major:
        raise ContractError(f"{path} is of {contract.name} contract version {seen}; this code reads {major}.x")
    absent = sorted(set(contract.names) - set(file.schema_arrow.names))
    if absent:
        raise ContractError(f"{path} lacks columns {', '.join(absent)} of the {contract.name} contract {known}")
    return header


def _difference(contract: Contract, seen: Iterable[str]) -> str:
    absent, extra = sorted(set(contract.names) - set(seen)), sorted(set(seen) - set(contract.names))
    lacking, unknown = ", ".join(absent) or "none", ", ".join(extra) or "none"
    return f"{contract.name}: columns lacking: {lacking}; columns not in the contract: {unknown}"
