"""What the record of a run says of a finished file: where it stands, its rows, its bytes and their hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from schemas.locations import Location, S3Location, chunks_of, relative_path, whole


@dataclass(frozen=True)
class FileEntry:
    """One finished file of a run: path relative to the directory, rows, bytes and hash of the file."""

    path: str
    rows: int
    bytes: int
    sha256: str


def describe_file(place: Location, directory: Location) -> FileEntry:
    """Rows from the Parquet footer, size, and SHA-256 of the bytes, all of which are read."""
    size, digest = size_and_sha256(place)
    source = place if isinstance(place, Path) else place.open()
    with whole(lambda: pq.ParquetFile(source)) as parquet:
        return FileEntry(relative_path(place, directory), parquet.metadata.num_rows, size, digest)


def size_and_sha256(place: Location) -> tuple[int, str]:
    """Bytes of a file, and their SHA-256 as hex digits."""
    if isinstance(place, S3Location):
        size, digest = 0, hashlib.sha256()
        for chunk in chunks_of(place):
            digest.update(chunk)
            size += len(chunk)
        return size, digest.hexdigest()
    return place.stat().st_size, file_sha256(place)


def file_sha256(path: Path) -> str:
    """SHA-256 of the bytes of a file on disk, as hex digits."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
