"""What a target directory knows of its files: one line a file, appended as it is settled, so that a kill loses at most one.

The last line about a file holds. The first line says what is fetched into the directory; another fetch is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from schemas.file_commit import commit_bytes
from schemas.locations import Location
from schemas.run_record import RunError

JOURNAL_NAME = "_fetch.jsonl"


@dataclass(frozen=True)
class JournalEntry:
    """What is known of one file: ``bytes`` is None where the server says that there is none."""

    path: str
    url: str
    bytes: int | None
    vouched: bool = False


class FetchJournal:
    """The entries of a directory, by path; ``add`` writes through."""

    def __init__(
        self, directory: Path, asked: Mapping[str, Any], *, forget_absent: bool = False, of: Location | None = None
    ) -> None:
        """Read what stands; raises RunError where another fetch fills the directory, or the target ``of`` which it is."""
        self.path = directory / JOURNAL_NAME
        self.entries = {entry.path: entry for entry in _read(self.path, asked, of or directory)}
        if forget_absent:
            self.entries = {path: entry for path, entry in self.entries.items() if entry.bytes is not None}
        lines = [json.dumps(dict(asked)), *(json.dumps(asdict(entry)) for entry in self.entries.values())]
        commit_bytes(self.path, "".join(f"{line}\n" for line in lines).encode())  # without the line that a kill tore

    def add(self, entry: JournalEntry) -> None:
        """Note what a file came to."""
        self.entries[entry.path] = entry
        with open(self.path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(entry)) + "\n")


@contextmanager
def sole_fetch(directory: Path) -> Iterator[None]:
    """Hold a directory for this process; raises RunError where another fetch is filling it."""
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(f"{directory} is being filled by another fetch; wanted one at a time") from error
        except OSError:  # a file system without locks: then it is for the person to see to
            pass
        yield
    finally:
        os.close(handle)


def _read(path: Path, asked: Mapping[str, Any], target: Location) -> Iterator[JournalEntry]:
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    first = _parsed(lines[0]) if lines else None
    if first != dict(asked):
        raise RunError(f"{target} holds another fetch: {first}; asked for is {dict(asked)}. Choose another directory.")
    for line in lines[1:]:
        try:
            yield JournalEntry(**(_parsed(line) or {}))
        except TypeError:  # torn by a kill
            continue


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        content = json.loads(line)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
