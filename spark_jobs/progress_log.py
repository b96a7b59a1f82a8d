"""What a run says while it runs: a line of JSON every ten seconds in ``_progress.jsonl`` beside its outputs, for ``tail -f``.

A run is finished if and only if ``_run.json`` stands; the log is for whoever waits, and no reader takes it for data.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.contract import Contract
from schemas.file_commit import commit_text
from schemas.locations import Location, LocationError, S3Location
from schemas.refusal_reasons import names_of
from spark_jobs.transforms.refusal_counts import reason_masks

PROGRESS_NAME = "_progress.jsonl"
LINE_SECONDS = 10.0
OBJECT_SECONDS = 60.0
"""An object in S3 cannot be appended to: the whole log is put there again, no more often than this."""


@dataclass(frozen=True)
class Tally:
    """Shards that are done; of these, those that an earlier call had made; rows of the others; refused rows by bit mask."""

    shards: int = 0
    found: int = 0
    rows: int = 0
    masks: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: Tally) -> Tally:
        masks = dict(Counter(self.masks) + Counter(other.masks))
        return Tally(self.shards + other.shards, self.found + other.found, self.rows + other.rows, masks)


@dataclass(frozen=True)
class Counting:
    """How a worker counts what it made of an item: the files of the item, the contract whose ``reasons`` they hold, and
    whether an earlier call of the job made them."""

    files: Callable[[Any], Sequence[Location]]
    contract: Contract
    stands: Callable[[Any], bool]

    def tally(self, item: Any) -> Tally:
        """What the item's finished files hold; refusals count whoever made them."""
        masks = reason_masks([path for path in self.files(item) if path.exists()], self.contract)
        found = self.stands(item)
        rows = 0 if found else masks.total()
        return Tally(1, int(found), rows, {mask: count for mask, count in masks.items() if mask})


class ProgressLog:
    """The log of one call of a job; an earlier call's lines stay, and the calls are numbered."""

    def __init__(self, directory: Location) -> None:
        self.path = directory / PROGRESS_NAME
        before = self.path.read_text() if self.path.exists() else ""
        calls: dict[int, float] = {}
        for line in before.splitlines():
            entry = _read(line)
            calls[entry.get("call", 0)] = entry.get("seconds", 0.0)
        self.call = 1 + max(calls, default=0)
        self._earlier_seconds = sum(calls.values())
        self._text = before if before.endswith("\n") or not before else before + "\n"  # a line that a kill cut off ends here
        self._unwritten = self._text[len(before) :]
        self._begun = time.monotonic()
        self._object_written = self._begun
        self._tally, self._stage, self._shards = Tally(), "", 0
        self._stage_begun = self._last_line = self._begun

    def begin(self, stage: str, shards: int) -> None:
        """A stage of the job begins, of so many shards."""
        self._stage, self._shards, self._tally = stage, shards, Tally()
        self._stage_begun = time.monotonic()
        self._say("running")

    def see(self, tally: Tally) -> None:
        """What the workers have done so far: a line, where the last one is old enough."""
        self._tally = tally
        if time.monotonic() - self._last_line >= LINE_SECONDS:
            self._say("running")

    def end(self, state: str) -> None:
        """The stage is over: ``done`` or ``failed``."""
        self._say(state)

    def rows_per_second(self) -> float | None:
        """Rows of this stage that this call made, by the time that it has taken; None before the first."""
        seconds = time.monotonic() - self._stage_begun
        return round(self._tally.rows / seconds, 1) if self._tally.rows and seconds > 0 else None

    def took(self) -> dict[str, Any]:
        """For the record of the run: calls that it took, seconds of all of them, and rows of the last stage of this one."""
        seconds = time.monotonic() - self._begun
        made = {"rows_made": self._tally.rows, "rows_per_second": self.rows_per_second()}
        return {"calls": self.call, "seconds": round(self._earlier_seconds + seconds, 1), "last_call": made}

    def _say(self, state: str) -> None:
        now = self._last_line = time.monotonic()
        tally, seconds = self._tally, now - self._stage_begun
        made, left = tally.shards - tally.found, self._shards - tally.shards
        refused: Counter[str] = Counter()
        for mask, rows in tally.masks.items():
            refused.update(dict.fromkeys(names_of(mask), rows))
        line = {
            "utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "call": self.call,
            "state": state,
            "stage": self._stage,
            "shards_done": tally.shards,
            "shards": self._shards,
            "shards_found": tally.found,
            "rows_made": tally.rows,
            "rows_per_second": self.rows_per_second(),
            "refused": dict(sorted(refused.items())),
            "seconds": round(now - self._begun, 1),
            "seconds_left": round(left * seconds / made) if made else None,
        }
        self._write(json.dumps(line) + "\n", state != "running")

    def _write(self, text: str, now: bool) -> None:
        self._text += text
        self._unwritten += text
        if not isinstance(self.path, S3Location):
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(self._unwritten)
            self._unwritten = ""
        elif now or time.monotonic() - self._object_written >= OBJECT_SECONDS:
            self._object_written = time.monotonic()
            try:
                commit_text(self.path, self._text)
            except LocationError:
                return  # the next line takes this one along; nobody's data waits for it


def _read(line: str) -> dict[str, Any]:
    """One line of the log; nothing where it was cut off."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return entry
