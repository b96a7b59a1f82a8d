"""What an autopsy says: figures with their intervals and objects, each beside the failed experiment's; parts of a page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainer.figures_canvas import Drawing
from trainer.gates.gate import Table
from trainer.intervals import Interval
from trainer.report_examples import Example


@dataclass(frozen=True)
class Finding:
    """One figure: ``n`` objects in ``n_units`` units (``unit``) that the interval is drawn over; ``failed`` is the other's."""

    name: str
    label: str
    interval: Interval
    n: int
    n_units: int
    unit: str
    failed: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The figure with its interval, for the eye."""
        one = self.interval
        if not math.isfinite(one.value):
            return "not measurable"
        ends = (one.low, one.high)
        return number(one.value) + (f" ({number(ends[0])} to {number(ends[1])})" if all(map(math.isfinite, ends)) else "")

    @property
    def objects(self) -> str:
        """The objects behind it."""
        return f"{self.n:,}" if self.unit == "object" else f"{self.n:,} in {self.n_units:,} {self.unit}s"

    def as_json(self) -> dict[str, Any]:
        """Plain values; what is not finite is null."""
        found = {"name": self.name, "label": self.label, "n": self.n, "n_units": self.n_units, "interval_unit": self.unit}
        ends = {name: known(getattr(self.interval, name)) for name in ("value", "low", "high")}
        return found | ends | {"failed_experiment": self.failed or None, "note": self.note or None}


@dataclass(frozen=True)
class Gallery:
    """Pictures under one heading."""

    title: str
    examples: Sequence[Example]


@dataclass(frozen=True)
class Part:
    """A section of the page. ``absent`` says, where a part has nothing to say, what to give for it."""

    key: str
    title: str
    told: str
    findings: Sequence[Finding] = ()
    drawings: Sequence[Drawing] = ()
    galleries: Sequence[Gallery] = ()
    absent: Sequence[str] = ()
    tables: Sequence[Table] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        found: dict[str, Any] = {"title": self.title, "absent": list(self.absent)}
        found["tables"] = [
            {"caption": of.caption, "head": list(of.head), "rows": [list(row) for row in of.rows]} for of in self.tables
        ]
        return found | {"findings": [one.as_json() for one in self.findings]} | dict(self.more)


def number(value: float) -> str:
    """Three digits that count, without an exponent where a person reads none; small values of pixels keep theirs."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else ("beyond" if math.isinf(value) else "none")
    if abs(value) < 1e-4 or abs(value) >= 1e5:
        return f"{value:.2e}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def known(value: float) -> float | None:
    """The value, None where it is not finite."""
    return float(value) if math.isfinite(value) else None
