"""One file from asked for to believed: what stands is looked at first, then attempts, each bytes, check, name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.fetch_journal import JournalEntry
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.fetch_target import FetchTarget
from spark_jobs.transforms.fetching.fits_integrity import DamagedFileError, check_file
from spark_jobs.transforms.fetching.http_answers import AbsentError, PassingError, RefusedError, back_off_seconds
from spark_jobs.transforms.fetching.http_client import HttpClient
from spark_jobs.transforms.fetching.partial_file import PartialFile
from spark_jobs.transforms.fetching.resumed_download import download
from spark_jobs.transforms.fetching.wanted_file import WantedFile


class Outcome(Enum):
    """What a file came to."""

    FETCHED = "fetched"
    PRESENT = "present"
    ABSENT = "absent"
    FAILED = "failed"


@dataclass(frozen=True)
class Fetched:
    """The outcome of one file; ``entry`` is what to note of it, None where nothing is known, and ``reason`` why it failed."""

    wanted: WantedFile
    outcome: Outcome
    entry: JournalEntry | None = None
    reason: str = ""


@dataclass(frozen=True)
class FetchTools:
    """What all files of a fetch share."""

    target: FetchTarget
    client: HttpClient
    limits: FetchLimits
    clock: FetchClock


def fetch_file(tools: FetchTools, wanted: WantedFile, known: JournalEntry | None) -> Fetched:
    """Bring one file to its place, or say why not.

    Raises StoppedError where the fetch is told to stop, OSError of the disk, LocationError of the store it goes to.
    """
    standing = _standing(tools.target, wanted, known)
    if standing is not None:
        return standing
    partial = PartialFile(tools.target.folder / wanted.path)
    try:
        vouched = _attempts(tools, wanted, partial)
    except AbsentError:
        partial.discard()
        return Fetched(wanted, Outcome.ABSENT, JournalEntry(wanted.path, wanted.url, None))
    except RefusedError as error:
        partial.discard()
        return Fetched(wanted, Outcome.FAILED, reason=str(error))
    except PassingError as error:
        return Fetched(wanted, Outcome.FAILED, reason=f"{error} ({tools.limits.attempts} attempts)")
    size = tools.target.settle(partial, wanted.path)
    return Fetched(wanted, Outcome.FETCHED, JournalEntry(wanted.path, wanted.url, size, vouched))


def _standing(target: FetchTarget, wanted: WantedFile, known: JournalEntry | None) -> Fetched | None:
    """What is known without asking: absent, or there as it was noted, or there and good when looked at."""
    same = known is not None and known.url == wanted.url
    if known is not None and same and known.bytes is None:
        return Fetched(wanted, Outcome.ABSENT, known)
    size = target.bytes_of(wanted.path)
    if size is None:
        return None
    if known is not None and same and known.bytes == size:
        return Fetched(wanted, Outcome.PRESENT, known)
    if known is not None and not same and wanted.cube is not None:
        return Fetched(wanted, Outcome.FAILED, reason="a cutout of another place has this name already; wanted another name")
    try:
        with target.looked_at(wanted.path) as place:
            vouched = check_file(place, wanted)
    except (DamagedFileError, AbsentError):
        return None
    return Fetched(wanted, Outcome.PRESENT, JournalEntry(wanted.path, wanted.url, size, vouched))


def _attempts(tools: FetchTools, wanted: WantedFile, partial: PartialFile) -> bool:
    """Try until the file is good; whether checksums vouch for it. Raises what the last attempt met."""
    attempt = 0
    while True:
        try:
            download(tools.client, wanted.url, partial, tools.limits, tools.clock)
            return _checked(wanted, partial)
        except PassingError as error:
            attempt += 1
            if attempt == tools.limits.attempts:
                raise
            if error.wait_seconds is None:  # else the host's pause holds it back
                tools.clock.sleep(back_off_seconds(wanted.url, attempt - 1))


def _checked(wanted: WantedFile, partial: PartialFile) -> bool:
    try:
        return check_file(partial.path, wanted)
    except DamagedFileError as error:
        partial.discard()  # what is wrong somewhere is fetched anew from its first byte
        raise PassingError(str(error)) from error
