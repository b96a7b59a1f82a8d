"""A folder made once for all workers of a test run: the first that asks makes it, the others wait and read it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path


def made_once(own: Path, name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name`` as ``make`` left it, whole; whoever gets it only reads it, since others read it too.

    ``own`` is the folder of the worker that asks, ``tmp_path_factory.getbasetemp()``. Where making it fails, the next makes it.
    """
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own  # a worker's own folder lies in that of the run
    folder, finished = shared / name, shared / f"{name}.finished"
    with open(shared / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            finished.touch()
    return folder
