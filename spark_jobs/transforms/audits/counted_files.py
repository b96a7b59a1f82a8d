"""Parquet files of runs, on disk or in S3, as tables that DuckDB reads column by column, every byte that is read counted."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import pyarrow as pa
import pyarrow.dataset as ds

from schemas.contract import Contract
from schemas.locations import Location

_UNLIKE_EACH_OTHER = {"task_id", "pair_id"}


@dataclass
class BytesRead:
    """How many bytes were read of how many files, whichever thread reads them."""

    total: int = 0
    files: int = 0
    lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, read: int) -> None:
        """Count one read."""
        with self.lock:
            self.total += read


class CountedFile(io.RawIOBase):
    """A file for reading at any place; a local one is open only while it is read, since there may be thousands."""

    def __init__(self, place: Location, tally: BytesRead) -> None:
        super().__init__()
        self._place, self._tally, self._at = place, tally, 0
        self._far: pa.NativeFile | None = None
        if isinstance(place, Path):
            self._size = place.stat().st_size
        else:
            self._far = place.open()
            self._size = self._far.size()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        wanted = self._size - self._at if size is None or size < 0 else size
        content: bytes
        if self._far is not None:
            content = self._far.read_at(min(wanted, max(0, self._size - self._at)), self._at)
        else:
            with open(str(self._place), "rb", buffering=0) as file:
                file.seek(self._at)
                content = file.read(wanted)
        self._at += len(content)
        self._tally.add(len(content))
        return content

    def close(self) -> None:
        if self._far is not None and not self.closed:
            self._far.close()
        super().close()


def counted_dataset(files: Sequence[Location], contract: Contract, tally: BytesRead) -> ds.FileSystemDataset:
    """The files as one dataset of the contract's columns, pages verified by their checksums.

    Every column counts as nullable, whatever its contract promises: where nulls stand is what is asked.
    """
    options = ds.ParquetFragmentScanOptions(pre_buffer=True, page_checksum_verification=True)
    reading = ds.ParquetReadOptions(dictionary_columns=_repetitive(contract))
    kind = ds.ParquetFileFormat(read_options=reading, default_fragment_scan_options=options)
    schema = pa.schema([_as_read(entry, contract) for entry in contract.arrow_schema()])
    parts = [kind.make_fragment(pa.PythonFile(CountedFile(place, tally), mode="r")) for place in files]
    for part in parts:
        part.ensure_complete_metadata()  # else every look at a table reads the ends of its files again
    tally.files += len(parts)
    return ds.FileSystemDataset(parts, schema, kind)


def _repetitive(contract: Contract) -> set[str]:
    """Columns of text whose words come again: read as numbers of words, which is quicker."""
    return {column.name for column in contract if column.type == "string"} - _UNLIKE_EACH_OTHER


def _as_read(entry: pa.Field, contract: Contract) -> pa.Field:
    words = pa.dictionary(pa.int32(), pa.string()) if entry.name in _repetitive(contract) else entry.type
    return pa.field(entry.name, words, nullable=True)
