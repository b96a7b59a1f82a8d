"""Which finished runs a person means who names some directories: each one itself, or those that stand directly in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.contract import Contract
from schemas.locations import Location, S3Location, location
from schemas.run_record import FINISHED_NAME, STARTED_NAME, RunError, read_run, run_files


@dataclass(frozen=True)
class FoundRun:
    """A finished run: a short name for it (the directory's), where it lies, and its record."""

    name: str
    directory: Location
    record: dict[str, Any]

    def holds(self, under: str) -> bool:
        """Whether the record names files below ``under``."""
        return any(entry["path"].startswith(under) for entry in self.record["files"])

    def files(self, contract: Contract, under: str) -> list[Location]:
        """Those files, each checked against its contract."""
        return run_files(self.directory, contract, under)


def runs_there(directories: Sequence[str | Path | S3Location]) -> list[FoundRun]:
    """The finished runs that the directories are or directly hold, in the order named, each once.

    A directory in S3 must be a run itself. Raises RunError for a directory that is an unfinished run, or no run and holds none.
    """
    places: list[Location] = []
    for given in directories:
        places += [place for place in _places(location(given)) if place not in places]
    names = [_name(place) for place in places]
    return [
        FoundRun(name if names.count(name) == 1 else str(place), place, read_run(place))
        for name, place in zip(names, places, strict=True)
    ]


def unfinished_there(directories: Sequence[str | Path | S3Location]) -> list[str]:
    """Names of unfinished runs that stand directly in the directories: what ``runs_there`` passes over."""
    places = [location(given) for given in directories]
    inside = [path for place in places if isinstance(place, Path) and place.is_dir() for path in sorted(place.iterdir())]
    return [path.name for path in inside if (path / STARTED_NAME).is_file() and not (path / FINISHED_NAME).is_file()]


def _places(place: Location) -> list[Location]:
    if (place / FINISHED_NAME).is_file() or (place / STARTED_NAME).is_file():
        return [place]
    if isinstance(place, S3Location):
        raise RunError(f"{place} holds no run: {FINISHED_NAME} is not there; in S3 each run is named itself, no folder of runs")
    if not place.is_dir():
        raise RunError(f"{place} is not a directory; wanted a finished run (with {FINISHED_NAME}) or a folder of runs")
    inside: list[Location] = [path for path in sorted(place.iterdir()) if (path / FINISHED_NAME).is_file()]
    if not inside:
        raise RunError(f"{place} holds no finished run: {FINISHED_NAME} is neither in it nor in a folder of it")
    return inside


def _name(place: Location) -> str:
    return place.resolve().name if isinstance(place, Path) else place.name
