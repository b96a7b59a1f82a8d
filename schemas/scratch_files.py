"""Files of this machine on their way to S3 or from it: in a folder of their own, gone when the block ends.

The folder is Spark's own of the executor, which goes with it (``SPARK_LOCAL_DIRS``, the first of them), or else the system's
for temporary files (``TMPDIR``).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.locations import Location, S3Location, chunks_of


def scratch_folder() -> Path:
    """Where bytes under way may lie."""
    return Path(os.environ.get("SPARK_LOCAL_DIRS", "").partition(",")[0] or tempfile.gettempdir())


def own_folder(parent: Path, name: str) -> Path:
    """A folder of this user that stays; one of that name that another user made is passed over for a fresh one."""
    folder = parent / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder if folder.stat().st_uid == os.getuid() else Path(tempfile.mkdtemp(prefix="dhs-", dir=parent))


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A folder that nobody else has."""
    with tempfile.TemporaryDirectory(prefix="dhs-", dir=scratch_folder()) as folder:
        yield Path(folder)


@contextmanager
def scratch_file(name: str) -> Iterator[Path]:
    """A place for a file of this name that nobody else has."""
    with empty_folder() as folder:
        yield folder / name


@contextmanager
def on_disk(place: Location) -> Iterator[Path]:
    """A file on this machine: itself, or a copy of an object for as long as the block lasts.

    Raises LocationError where S3 does not give it whole.
    """
    if isinstance(place, Path):
        yield place
        return
    with scratch_file(place.name) as path:
        copy_object(place, path)
        yield path


def copy_object(place: S3Location, path: Path) -> None:
    """The bytes of an object to a file; raises LocationError where fewer come than it has."""
    with open(path, "wb") as stream:
        for chunk in chunks_of(place):
            stream.write(chunk)
