"""The gates that a report shows: gates.json of finished runs, held against the stamps and the network of the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import read_run
from trainer.gates.gate import Verdict
from trainer.gates.gate_figures import VERDICT_COLOURS
from trainer.gates.gate_files import JSON, verdict_counts
from trainer.matching_runs import record_hash, require_same

ABSENT = (
    "No gates were given. dhs gate-data asks them of these stamps, dhs gate-model of the network; then --gates with their "
    "directories shows them here."
)
_TITLES = {"gate-data": "Of the data", "gate-model": "Of the network"}


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReadDrawing(_Read):
    """A picture behind a verdict, as it stands in gates.json."""

    uri: str
    alt: str
    caption: str

    @field_validator("uri")
    @classmethod
    def _is_held_in_the_page(cls, uri: str) -> str:
        if not uri.startswith("data:image/"):
            raise ValueError(f"picture {uri[:40]!r} is not held in the file; wanted a data:image/ address")
        return uri


class ReadTable(_Read):
    """A table behind a verdict."""

    caption: str
    head: list[str]
    rows: list[list[str]]


class ReadGate(_Read):
    """One gate of gates.json; no value where nothing is supported."""

    gate: str
    title: str
    question: str
    statistic: str
    verdict: Verdict
    why: str
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n_positive: int
    n_negative: int
    n_hosts: int
    n_units: int
    interval_unit: str
    drawings: list[ReadDrawing] = []
    table: ReadTable | None = None

    @property
    def colour(self) -> str:
        """Colour of its light."""
        return VERDICT_COLOURS[self.verdict]

    @property
    def figure(self) -> str:
        """The figure with its interval, as text."""
        if self.value is None:
            return "no figure"
        ends = "" if self.low is None or self.high is None else f" ({self.low:.3g} to {self.high:.3g})"
        return f"{self.value:.3g}{ends}"

    @property
    def objects(self) -> str:
        """The objects behind the figure, as text."""
        counted = ((self.n_positive, "lenses"), (self.n_negative, "others"), (self.n_hosts, "hosts"))
        words = ", ".join(f"{n:,} {name}" for n, name in counted if n) or "none"
        return words + (f"; interval over {self.n_units:,} {self.interval_unit}s" if self.n_units else "")


class _GatesFile(_Read):
    gates: list[ReadGate]


@dataclass(frozen=True)
class GatesRun:
    """The gates of one finished directory, and where it stands."""

    place: Location
    title: str
    split: str
    gates: tuple[ReadGate, ...]

    @property
    def lights(self) -> list[tuple[str, str, int]]:
        """(verdict, colour, number of gates) of the verdicts that were given."""
        counts = verdict_counts([gate.verdict.value for gate in self.gates])
        return [(verdict.value, colour, counts[verdict.value]) for verdict, colour in VERDICT_COLOURS.items()]


def read_gates(place: Location, stamps: Location, record: Mapping[str, Any], checkpoint: str, whose: str) -> GatesRun:
    """The gates of a finished directory.

    ``record`` is that of ``stamps``; ``checkpoint`` is the report's, empty where it has none, and ``whose`` is where it stands.
    Raises RunError where the directory is not finished, InputError where its gates were asked of other stamps or another
    network.
    """
    run = read_run(place)
    gates = _gates(place, run)
    for key in ("recipe_hash", "run_seed"):
        require_same(key, place, run.get(key), stamps, record.get(key), "gates asked of these stamps")
    settings = run.get("settings", {})
    seen = settings.get("stamps_record")
    require_same("stamps with record", place, seen, stamps, record_hash(stamps), "gates asked of these stamps")
    if checkpoint and settings.get("checkpoint"):
        wanted = "gates asked of the network of this report"
        require_same("checkpoint", place, settings["checkpoint"], whose, checkpoint, wanted)
    job = str(run.get("job"))
    return GatesRun(place, _TITLES.get(job, job), str(settings.get("split", "")), tuple(gates))


def gates_content(runs: tuple[GatesRun, ...]) -> dict[str, Any]:
    """What the section's template needs."""
    return {"runs": runs, "fail": Verdict.FAIL}


def _gates(place: Location, run: Mapping[str, Any]) -> list[ReadGate]:
    """gates.json, whole and as its run wrote it."""
    path = place / JSON
    recorded = {entry["path"]: entry["sha256"] for entry in run["files"]}
    if JSON not in recorded or not path.is_file():
        raise InputError(f"{place} holds no {JSON} of a finished run; wanted a directory of dhs gate-data or dhs gate-model")
    text = path.read_bytes()
    if hashlib.sha256(text).hexdigest() != recorded[JSON]:
        raise InputError(f"{path} is not as its run wrote it (another hash than in its record); run the gates again")
    try:
        gates = _GatesFile.model_validate(json.loads(text)).gates
    except (ValidationError, ValueError) as error:
        raise InputError(f"{path} is not in the layout of gates: {_first(error)}; run the gates again") from error
    return gates


def _first(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).splitlines()[0]
