"""How every job ends: an exit code, and for bad input one clear error instead of a traceback."""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from schemas.array_codec import BlobError
from schemas.contract import ContractError
from schemas.locations import LocationError, StoreUnreachableError
from schemas.run_record import RunError

EXIT_DONE = 0
EXIT_BREACH = 1
EXIT_BAD_INPUT = 2
EXIT_UNREACHABLE = 75
"""A store did not answer, or the disk is full: what sysexits.h calls a temporary failure. The same command later may do."""
EXIT_STOPPED = 143
"""Told to stop, saved, and not done: what a shell reports of a process that SIGTERM ended."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFullError(RuntimeError):
    """There is no room for what a job writes; nothing half-written stands, and the same command goes on once there is."""


class InputError(ValueError):
    """What a person gave cannot be used; the text says what was asked, what was seen and what would be right."""


BAD_INPUT = (InputError, ContractError, RunError, BlobError, LocationError, DiskFullError)
"""What is told in one line, wherever it is met: nothing is wrong with the program."""


def run_job(job: str, main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> int:
    """Run a job's main function; bad input becomes one line on standard error and exit code 2, or 75 where S3 did not
    answer or the disk is full.

    Anything else that goes wrong is a fault of the program and keeps its traceback.
    """
    try:
        with room_on_disk():
            return main(argv)
    except (*BAD_INPUT, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        print(f"dhs {job}: error: {' '.join(str(error).splitlines())}", file=sys.stderr)
        later = isinstance(error, StoreUnreachableError | DiskFullError)
        return EXIT_UNREACHABLE if later else EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print(f"dhs {job}: interrupted; run the same command again to go on", file=sys.stderr)
        return 130


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Turn the error of a full disk, a full quota or a limit on file sizes into a DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        where = f" at {error.filename}" if error.filename else ""
        text = f"no room on the disk{where}: {error}; make room and run the same command again, which goes on where it was"
        raise DiskFullError(text) from error


def account(job: str, text: str) -> None:
    """The one line that a job closes with, on standard output."""
    print(f"dhs {job}: {text}", flush=True)
