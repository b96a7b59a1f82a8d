"""How a finished file appears under its name: in one rename, so that a file that is there is whole."""

from __future__ import annotations

import os
from pathlib import Path


def commit_bytes(path: Path, content: bytes) -> None:
    """Write a file beside its place, then rename; the folder is made where it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
