"""The unfinished bytes of a file, and what is known of them: enough to continue a download, or to know that one may not."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from schemas.file_commit import commit_bytes


@dataclass(frozen=True)
class Standing:
    """Bytes that stand, the length of the whole where the server gave one, and the validator that names this very version."""

    bytes: int = 0
    total: int | None = None
    validator: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing."""
        return self.total is not None and self.bytes == self.total


class PartialFile:
    """Unfinished bytes beside their place, hidden by a leading dot."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.path = place.with_name(f".{place.name}.part")
        self._notes = place.with_name(f".{place.name}.part.json")

    def standing(self, url: str) -> Standing:
        """What can be continued: nothing where the bytes came from elsewhere, or may be of another version."""
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
            found = Standing(self.path.stat().st_size, notes["total"], notes["validator"])
            usable = notes["url"] == url and found.validator and (found.total is None or found.bytes <= found.total)
        except (OSError, ValueError, KeyError, TypeError):  # no notes, or torn ones
            return Standing()
        return found if usable and found.bytes else Standing()

    def begin(self, url: str, total: int | None, validator: str) -> BinaryIO:
        """Empty, for writing; notes are made first, so that bytes never stand without them."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        self.path.unlink(missing_ok=True)
        commit_bytes(self._notes, json.dumps({"url": url, "total": total, "validator": validator}).encode())
        return open(self.path, "wb")

    def go_on(self) -> BinaryIO:
        """For appending."""
        return open(self.path, "ab")

    def discard(self) -> None:
        """Leave nothing."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def commit(self) -> None:
        """Give the bytes their name, in one rename, once the disk holds them."""
        with open(self.path, "rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(self.path, self._place)
        self._notes.unlink(missing_ok=True)
