"""How a finished file appears under its name: in one rename, so that a file that is there is whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def remove_unfinished(directory: Path) -> None:
    """Remove what killed processes left behind below a directory that nobody writes to."""
    for left in directory.rglob(".*.unfinished"):
        left.unlink(missing_ok=True)


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """A place beside ``path`` to write to: it takes the name when the block ends well, and is gone where it does not.

    The folder is made where it is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def commit_bytes(path: Path, content: bytes) -> None:
    """Write a whole file."""
    with unfinished_file(path) as unfinished:
        unfinished.write_bytes(content)


def commit_text(path: Path, text: str) -> None:
    """Write a whole file of text in UTF-8."""
    commit_bytes(path, text.encode())
