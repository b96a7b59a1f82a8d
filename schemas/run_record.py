"""What stands beside the data of a run: ``_started.json`` (what was asked) and ``_run.json`` (what came out, written last).

A run is finished if and only if ``_run.json`` stands. Readers take the list of files from it and look at nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any

from schemas.contract import Contract
from schemas.contract_files import read_footers
from schemas.file_commit import commit_text, remove_unfinished
from schemas.finished_files import FileEntry, describe_file, size_and_sha256
from schemas.locations import AnyLocation, Location, below, files_below, location, map_in_order, relative_path

STARTED_NAME = "_started.json"
FINISHED_NAME = "_run.json"
_LONGEST_VALUE = 200


class RunError(RuntimeError):
    """An output directory cannot be used or trusted; the text says what was asked, seen and wanted."""


class RunState(Enum):
    """What an output directory holds when a job comes to it."""

    FRESH = "fresh"
    UNFINISHED = "unfinished"
    FINISHED = "finished"


@dataclass(frozen=True)
class RunIdentity:
    """What makes two runs the same run: resume refuses to mix any two that differ."""

    job: str
    code_version: str
    recipe_hash: str = ""
    run_seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def begin_run(directory: Location, identity: RunIdentity) -> RunState:
    """Take a directory for a run: note what was asked, or find that the same run stands there, begun or finished.

    Raises RunError where another run stands there, or where the directory holds files and no record of a run.
    """
    directory = location(directory)
    started = directory / STARTED_NAME
    asked = json.loads(json.dumps(asdict(identity)))
    if isinstance(directory, Path):
        _require_no_way_out(directory)
    if started.exists():
        seen = json.loads(started.read_text())
        different = sorted(key for key in asked.keys() | seen.keys() if asked.get(key) != seen.get(key))
        if different:
            differences = {key: _difference(seen.get(key), asked.get(key)) for key in different}
            pairs = "; ".join(f"{key} was {_brief(was)} and is now {_brief(now)}" for key, (was, now) in differences.items())
            raise RunError(f"{directory} holds another run: {pairs}. Choose another directory, or remove this one.")
        return RunState.FINISHED if (directory / FINISHED_NAME).exists() else RunState.UNFINISHED
    if _holds_anything(directory):
        raise RunError(f"{directory} holds files but no {STARTED_NAME}: it is not a directory that this job may fill.")
    _write_json(started, asked)
    return RunState.FRESH


def standing_files(directory: Location, state: RunState) -> frozenset[str]:
    """Paths below the directory of the files that an unfinished run has made, listed once; of a fresh one there are none."""
    if state is RunState.FRESH:
        return frozenset()
    return frozenset(relative_path(place, directory) for place in files_below(directory))


def finish_run(
    directory: Location, identity: RunIdentity, files: Sequence[Location], counts: Mapping[str, Any], header: Mapping[str, Any]
) -> dict[str, Any]:
    """Write ``_run.json`` over the finished files, all of which are read; row counts are those of their footers."""
    entries = map_in_order(lambda path: describe_file(path, directory), files)
    return finish_run_of_entries(directory, identity, entries, counts, header)


def finish_run_of_files(
    directory: Location,
    identity: RunIdentity,
    files: Mapping[AnyLocation, int],
    counts: Mapping[str, Any],
    header: Mapping[str, Any],
) -> dict[str, Any]:
    """Write ``_run.json`` over finished files that are not Parquet, each with the rows that its writer counted in it."""
    entries = [FileEntry(relative_path(path, directory), rows, *size_and_sha256(path)) for path, rows in files.items()]
    return finish_run_of_entries(directory, identity, entries, counts, header)


def finish_run_of_entries(
    directory: Location,
    identity: RunIdentity,
    entries: Sequence[FileEntry],
    counts: Mapping[str, Any],
    header: Mapping[str, Any],
) -> dict[str, Any]:
    """Write ``_run.json``, last of all, over finished files that those who wrote or found them have described."""
    remove_unfinished(directory)  # of workers that were killed: nobody writes here any more
    record = {
        **asdict(identity),
        **header,
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": sum(entry.rows for entry in entries),
        "counts": dict(counts),
        "files": [asdict(entry) for entry in sorted(entries, key=lambda entry: PurePosixPath(entry.path))],
    }
    _write_json(directory / FINISHED_NAME, record)
    return record


def read_run(directory: Location) -> dict[str, Any]:
    """The record of a finished run; raises RunError where the run is absent or unfinished."""
    directory = location(directory)
    path = directory / FINISHED_NAME
    if not path.exists():
        state = "an unfinished run" if (directory / STARTED_NAME).exists() else "no run"
        raise RunError(f"{directory} holds {state}: {FINISHED_NAME} is not there. Run (or run again) the job that fills it.")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def run_files(directory: AnyLocation, contract: Contract, under: str = "") -> list[AnyLocation]:
    """Files of a finished run in the order of its record, those below ``under`` only, each checked against its contract.

    Raises RunError where a file of the record is absent or holds another number of rows than recorded.
    """
    entries = [entry for entry in read_run(directory)["files"] if entry["path"].startswith(under)]
    outside = next((entry["path"] for entry in entries if not stays_below(entry["path"])), None)
    if outside is not None:
        raise RunError(f"{directory}: the record of the run names {outside!r}; wanted files below the directory")
    found = [below(directory, entry["path"]) for entry in entries]
    for path, stands in zip(found, map_in_order(lambda path: path.exists(), found), strict=True):
        if not stands:
            raise RunError(f"{path} is in the record of the run but not {'on disk' if isinstance(path, Path) else 'there'}")
    for path, entry, footer in zip(found, entries, read_footers(found, contract), strict=True):
        if footer.num_rows != entry["rows"]:
            raise RunError(f"{path} has {footer.num_rows} rows; the record of the run says {entry['rows']}")
    return found


def recorded_rows(directory: Location, files: Sequence[Location]) -> list[int]:
    """Rows of each of some files of a finished run, as its record has them."""
    rows = {entry["path"]: entry["rows"] for entry in read_run(directory)["files"]}
    return [rows[relative_path(file, directory)] for file in files]


def stays_below(path: str) -> bool:
    """Whether the path that a record gives a file leads nowhere but below the run's directory."""
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts


def _require_no_way_out(directory: Path) -> None:
    """Raise RunError where a link below a directory that is about to be filled leads out of it."""
    home = directory.resolve()
    for folder, folders, files in os.walk(directory):
        for name in (*folders, *files):
            place = Path(folder) / name
            if place.is_symlink() and not place.resolve().is_relative_to(home):
                raise RunError(f"{place} is a link to {place.resolve()}, out of the directory that is filled; remove it")


def _difference(seen: Any, asked: Any) -> tuple[Any, Any]:
    """Two values; of two mappings the entries that differ only, since settings hold the hashes of thousands of files."""
    if not (isinstance(seen, dict) and isinstance(asked, dict)):
        return seen, asked
    keys = sorted(key for key in seen.keys() | asked.keys() if seen.get(key) != asked.get(key))
    pairs = {key: _difference(seen.get(key), asked.get(key)) for key in keys}
    return {key: pairs[key][0] for key in keys if key in seen}, {key: pairs[key][1] for key in keys if key in asked}


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _holds_anything(directory: Location) -> bool:
    if isinstance(directory, Path):
        return directory.exists() and any(directory.iterdir())
    return bool(files_below(directory))


def _write_json(path: Location, content: Mapping[str, Any]) -> None:
    commit_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")
