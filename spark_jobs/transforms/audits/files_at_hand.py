"""The files of a run on this machine, so that one audit holds for both places: themselves on disk, or copies of objects.

Each object is read once. What rows are asked of stays until the audit ends: a copy with holes in the place of its blobs, every
other byte where it stands in the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.locations import (
    Location,
    S3Location,
    StoreUnreachableError,
    asked,
    below,
    each_in_order,
    raise_if_of_store,
    relative_path,
    whole,
)
from schemas.scratch_files import copy_object
from schemas.stamps import STAMPS

_READ_BYTES = 16 << 20
_END_BYTES = 1 << 20
"""What is kept of an object that is no Parquet file: its end, in which a reader finds that out again."""


def root_at_hand(directory: Location, folder: Path) -> Path:
    """What the paths of a run's files are relative to on this machine; copies lie in ``folder``."""
    return directory if isinstance(directory, Path) else folder


def each_at_hand(directory: Location, paths: Sequence[str], folder: Path, *, pixels: bool) -> Iterator[Path]:
    """Each file of a run in turn. A copy holds every byte only in its turn, and only where ``pixels`` are wanted.

    Raises LocationError where S3 does not give an object.
    """
    if isinstance(directory, Path):
        yield from (directory / path for path in paths)
    elif not pixels:
        yield from each_in_order(partial(_copy_without_blobs, directory, folder), [below(directory, path) for path in paths])
    else:
        for path in paths:
            copy = _make_room(folder / path)
            copy_object(below(directory, path), copy)
            yield copy
            _drop_blobs(copy)


def all_at_hand(directory: Location, places: Sequence[Location], folder: Path) -> list[Path]:
    """The files of a run without their blobs."""
    paths = [relative_path(place, directory) for place in places]
    return list(each_at_hand(directory, paths, folder, pixels=False))


def _copy_without_blobs(directory: S3Location, folder: Path, place: S3Location) -> Path:
    copy = _make_room(folder / relative_path(place, directory))
    with place.open() as stream:
        _copy_what_is_no_blob(place, stream, copy)
    return copy


def _drop_blobs(copy: Path) -> None:
    unfinished = copy.with_name(f".{copy.name}.unfinished")
    with pa.OSFile(str(copy)) as stream:
        _copy_what_is_no_blob(copy, stream, unfinished)
    unfinished.replace(copy)


def _make_room(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _copy_what_is_no_blob(place: Location, stream: pa.NativeFile, path: Path) -> None:
    """Every byte of a file that is of no blob, at its own place; of what is no Parquet file the end alone."""
    size = int(asked(place, stream.size))
    with open(path, "wb") as copy:
        for start, end in _between(_blob_ranges(place, stream, size), size):
            copy.seek(start)
            while copy.tell() < end:
                at, count = copy.tell(), min(_READ_BYTES, end - copy.tell())
                content: bytes = asked(place, partial(stream.read_at, count, at))
                if not content:
                    told = f"it ended {end - at} bytes before its end"
                    raise StoreUnreachableError(f"{place}: S3 cannot be reached for now: {told}")
                copy.write(content)
        copy.truncate(size)


def _blob_ranges(place: Location, stream: pa.NativeFile, size: int) -> list[tuple[int, int]]:
    """First byte of the pages of each column of blobs in each row group, and the first behind them."""
    try:
        footer = whole(lambda: pq.read_metadata(stream))
    except (pa.ArrowInvalid, OSError) as error:
        raise_if_of_store(place, error)
        return [(0, max(0, size - _END_BYTES))]
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    blobs = [column for column in columns if column.path_in_schema in STAMPS.blob_names]
    starts = [column.dictionary_page_offset or column.data_page_offset for column in blobs]
    return [(start, start + column.total_compressed_size) for start, column in zip(starts, blobs, strict=True)]


def _between(holes: Sequence[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """What lies between the holes, in order, whatever a footer says of their places."""
    at = 0
    for start, end in sorted(holes):
        if at < start:
            yield at, min(start, size)
        at = max(at, end)
    if at < size:
        yield at, size
