"""How every job ends: an exit code, and for bad input one clear error instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from schemas.array_codec import BlobError
from schemas.contract import ContractError
from schemas.locations import LocationError, StoreUnreachableError
from schemas.run_record import RunError

EXIT_DONE = 0
EXIT_BREACH = 1
EXIT_BAD_INPUT = 2
EXIT_UNREACHABLE = 75
"""A store did not answer: what sysexits.h calls a temporary failure. The same command later may do."""
EXIT_STOPPED = 143
"""Told to stop, saved, and not done: what a shell reports of a process that SIGTERM ended."""


class InputError(ValueError):
    """What a person gave cannot be used; the text says what was asked, what was seen and what would be right."""


BAD_INPUT = (InputError, ContractError, RunError, BlobError, LocationError)
"""What is told in one line, wherever it is met: nothing is wrong with the program."""


def run_job(job: str, main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> int:
    """Run a job's main function; bad input becomes one line on standard error and exit code 2, or 75 where S3 did not answer.

    Anything else that goes wrong is a fault of the program and keeps its traceback.
    """
    try:
        return main(argv)
    except (*BAD_INPUT, FileNotFoundError, NotADirectoryError, PermissionError) as error:
        print(f"dhs {job}: error: {' '.join(str(error).splitlines())}", file=sys.stderr)
        return EXIT_UNREACHABLE if isinstance(error, StoreUnreachableError) else EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print(f"dhs {job}: interrupted; run the same command again to go on", file=sys.stderr)
        return 130


def account(job: str, text: str) -> None:
    """The one line that a job closes with, on standard output."""
    print(f"dhs {job}: {text}", flush=True)
