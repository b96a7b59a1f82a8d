"""How a finished file appears under its name, so that a file that is there is whole: in one rename, or one finished upload."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.locations import Location, LocationError, S3Location
from schemas.object_upload import abort_uploads, ready, upload
from schemas.scratch_files import scratch_file


def remove_unfinished(directory: Location) -> None:
    """Remove what killed processes left behind below a directory that nobody writes to."""
    if isinstance(directory, S3Location):
        abort_uploads(directory)
        return
    for left in directory.rglob(".*.unfinished"):
        left.unlink(missing_ok=True)


def require_writable(place: Location) -> None:
    """Raise LocationError, before the work for it is done, where a file cannot go up to S3; of a disk nothing is asked."""
    if not isinstance(place, S3Location):
        return
    if not place.key:
        raise LocationError(f"{place} is a bucket; wanted a name in it for a file")
    ready(place)


@contextmanager
def unfinished_file(place: Location) -> Iterator[Path]:
    """A path on this machine to write to: the file takes its name when the block ends well, and is gone where it does not.

    On disk it lies beside its place, whose folder is made where it is not there. For S3 it lies in the scratch folder.
    Raises LocationError where S3 does not take it; what can be known of that before the block, before the block.
    """
    require_writable(place)
    if isinstance(place, S3Location):
        with scratch_file(place.name) as unfinished:
            yield unfinished
            upload(unfinished, place)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    unfinished = place.with_name(f".{place.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, place)
    finally:
        unfinished.unlink(missing_ok=True)


def commit_bytes(place: Location, content: bytes) -> None:
    """Write a whole file."""
    with unfinished_file(place) as unfinished:
        unfinished.write_bytes(content)


def commit_text(place: Location, text: str) -> None:
    """Write a whole file of text in UTF-8."""
    commit_bytes(place, text.encode())
