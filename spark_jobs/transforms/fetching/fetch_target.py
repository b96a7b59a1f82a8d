"""Where fetched files come to stand: what stands there, how to look at it, and how a verified file gets its name.

A target has a folder on this machine, for bytes under way and for the journal; of a target on disk that is the target itself.
Paths are relative to the target, with slashes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from spark_jobs.transforms.fetching.partial_file import PartialFile


class FetchTarget(Protocol):
    """What a fetch asks of a target."""

    @property
    def folder(self) -> Path:
        """Folder of this machine for unfinished bytes and the journal."""
        ...

    def bytes_of(self, path: str) -> int | None:
        """Size of a file that stands, None where none does."""
        ...

    def looked_at(self, path: str) -> AbstractContextManager[Path]:
        """A file that stands, on this machine for as long as the block lasts."""
        ...

    def settle(self, partial: PartialFile, path: str) -> int:
        """Give verified bytes their name, whole or not at all; answers with their number."""
        ...

    def begin(self) -> None:
        """Find what stands; raises LocationError where the target cannot be reached."""
        ...

    def publish(self) -> None:
        """Keep the journal where the next fetch finds it."""
        ...


class DiskTarget:
    """A directory of this machine."""

    def __init__(self, directory: Path) -> None:
        self.folder = directory

    def bytes_of(self, path: str) -> int | None:
        """Size of a file that stands."""
        place = self.folder / path
        return place.stat().st_size if place.is_file() else None

    @contextmanager
    def looked_at(self, path: str) -> Iterator[Path]:
        """The file itself."""
        yield self.folder / path

    def settle(self, partial: PartialFile, path: str) -> int:
        """One rename, once the disk holds the bytes."""
        partial.commit()
        return (self.folder / path).stat().st_size

    def begin(self) -> None:
        """A directory is looked at file by file."""

    def publish(self) -> None:
        """The journal stands there already."""
