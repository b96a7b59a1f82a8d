"""Whether finished runs belong together: hashes of their records and files, and one sentence where two differ."""

from __future__ import annotations

import hashlib
from typing import Any

from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import FINISHED_NAME, read_run


def record_hash(directory: Location) -> str:
    """First 16 hex digits of the SHA-256 of a finished run's record, as the runs made from it note it down.

    Raises RunError where the run is absent or unfinished.
    """
    read_run(directory)
    return hashlib.sha256((directory / FINISHED_NAME).read_bytes()).hexdigest()[:16]


def file_digests(directory: Location) -> list[str]:
    """SHA-256 of each file of a finished run, in the order of its record."""
    return [entry["sha256"] for entry in read_run(directory)["files"]]


def require_same(what: str, here: Any, seen: Any, there: Any, known: Any, wanted: str) -> None:
    """Raise InputError that names both places and both values of ``what``, where they differ."""
    if seen != known:
        raise InputError(f"{here} has {what} {_brief(seen)}, {there} has {_brief(known)}; wanted {wanted}")


def _brief(value: Any) -> str:
    """A value as text; of a list of hashes the first and their number."""
    if isinstance(value, list):
        return f"{str(value[0])[:16]} ({len(value)} files)" if value else "no files"
    return "none" if value in (None, "") else str(value)
