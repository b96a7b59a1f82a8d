"""One file of a survey's server, fetched into a folder."""

from __future__ import annotations

from pathlib import Path

from spark_jobs.transforms.fetching.fetch_file import Fetched, FetchTools, fetch_file
from spark_jobs.transforms.fetching.fetch_journal import JournalEntry
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.fetch_target import DiskTarget
from spark_jobs.transforms.fetching.http_client import HttpClient
from spark_jobs.transforms.fetching.wanted_file import WantedFile
from tests.spark_jobs.small_survey_server import SurveyServer, plane

PATH = "/coadd/a.fits.fz"
CONTENT = plane()


def tools(server: SurveyServer, folder: Path, **limits: float) -> FetchTools:
    """What a fetch works with, patient for a short time only."""
    chosen = FetchLimits(**{"per_second": 100, "timeout_seconds": 5.0, **limits})  # type: ignore[arg-type]
    return FetchTools(DiskTarget(folder), HttpClient(chosen, server.clock), chosen, server.clock)


def fetch(server: SurveyServer, folder: Path, known: JournalEntry | None = None, **limits: float) -> Fetched:
    """The file at ``PATH`` into ``b/a.fits.fz``."""
    return fetch_file(tools(server, folder, **limits), WantedFile("b/a.fits.fz", f"{server.address}{PATH}"), known)


def left_in(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
