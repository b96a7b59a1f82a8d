"""A source bank in S3 as a file of this machine: one copy for all workers of an executor, named by the hash of its bytes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from schemas.file_commit import unfinished_file
from schemas.finished_files import file_sha256
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.scratch_files import copy_object, own_folder, scratch_folder


def bank_on_disk(place: Location, sha256: str | None = None) -> Path:
    """The bank as a file: itself where it lies on disk, else a copy that is kept for the next who asks.

    ``sha256`` is what its bytes must hash to, where that is known; without it the copy is always made. Raises InputError
    where the object is another, LocationError where S3 does not give it.
    """
    if isinstance(place, Path):
        return place
    folder = own_folder(scratch_folder(), f"dhs-banks-{os.getuid()}")
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # eight workers start at once, and one of them fetches
        known = folder / f"{sha256}.h5"
        if known.exists():
            return known
        with unfinished_file(folder / "newest.h5") as unfinished:
            copy_object(place, unfinished)
            digest = file_sha256(unfinished)
            if sha256 not in (None, digest):
                raise InputError(f"{place} has SHA-256 {digest[:12]}; wanted the bank that begins {sha256[:12]}")
        (folder / "newest.h5").replace(folder / f"{digest}.h5")
        return folder / f"{digest}.h5"
