"""What a gate is: a question, a statistic with its interval, limits with their reason, the objects behind it, a verdict.

The rule. Limits are two nested ranges: ``harmless`` within ``tolerated``. A gate fails where its whole interval lies outside
what is harmless, so a fault is shown; it passes where its whole interval lies inside what is tolerated, so a fault of more than
that is excluded. Where neither is shown it is not supported: the interval is too wide, more objects would decide.
Verdicts rest on the size of an effect, never on a p-value: with a million stamps a p-value always rejects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from trainer.figures_canvas import Drawing
from trainer.intervals import Interval

FEWEST_OF_A_CLASS = 100
"""Fewer lenses or others support no figure: an AUC's interval would be as wide as its range of interest."""
FEWEST_UNITS = 10
"""Fewer cells or hosts support no bootstrap."""


class Verdict(Enum):
    """What a gate says. ``CONFOUNDED`` is a figure that cannot tell a fault from lensing: shown, never counted."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    NOT_SUPPORTED = "not supported"
    CONFOUNDED = "confounded"


@dataclass(frozen=True)
class Limits:
    """``harmless`` lies within ``tolerated``; both are (low, high), an open end infinite. ``reason`` says why these."""

    harmless: tuple[float, float]
    tolerated: tuple[float, float]
    reason: str

    def __post_init__(self) -> None:
        low, high = self.harmless
        if not self.tolerated[0] <= low < high <= self.tolerated[1]:
            raise ValueError(f"harmless {self.harmless} does not lie within tolerated {self.tolerated}")


@dataclass(frozen=True)
class Question:
    """What a gate asks, before anything is measured."""

    name: str
    title: str
    question: str
    statistic: str
    limits: Limits


@dataclass(frozen=True)
class Behind:
    """The objects behind a figure, and what its interval is drawn over."""

    n_positive: int = 0
    n_negative: int = 0
    n_hosts: int = 0
    n_units: int = 0
    unit: str = "none"


@dataclass(frozen=True)
class Table:
    """A small table of evidence."""

    caption: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Evidence:
    """What a picture of the verdict is drawn from: values by name over one axis; a table; pictures drawn already."""

    series: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    axis: str = ""
    caption: str = ""
    table: Table | None = None
    drawings: Sequence[Drawing] = ()


@dataclass(frozen=True)
class Gate:
    """A question and what came of it; ``interval`` is None where too few objects stand behind it for any figure."""

    asked: Question
    verdict: Verdict
    why: str
    interval: Interval | None
    behind: Behind
    evidence: Evidence


def judged(asked: Question, interval: Interval, behind: Behind, evidence: Evidence) -> Gate:
    """The gate with the verdict that the rule gives."""
    verdict, why = verdict_of(interval, asked.limits)
    return Gate(asked, verdict, why, None if math.isnan(interval.value) else interval, behind, evidence)


def unsupported(asked: Question, why: str, behind: Behind | None = None, evidence: Evidence | None = None) -> Gate:
    """The gate without a figure."""
    return Gate(asked, Verdict.NOT_SUPPORTED, why, None, behind or Behind(), evidence or Evidence())


def worst_of(asked: Question, found: Mapping[str, Interval], behind: Behind, evidence: Evidence) -> Gate:
    """One gate for several figures: it fails where one fails, passes where all pass, and shows the worst of them."""
    order = (Verdict.FAIL, Verdict.NOT_SUPPORTED, Verdict.PASS)
    ranked = sorted(
        (order.index(verdict_of(interval, asked.limits)[0]), -_excess(interval, asked.limits), name)
        for name, interval in found.items()
    )
    name = ranked[0][2]
    verdict, why = verdict_of(found[name], asked.limits)
    figure = None if math.isnan(found[name].value) else found[name]
    return Gate(asked, verdict, f"{name}: {why}", figure, behind, evidence)


def verdict_of(interval: Interval, limits: Limits) -> tuple[Verdict, str]:
    """The rule, and in words why."""
    low, high = interval.low, interval.high
    if not (math.isfinite(low) and math.isfinite(high)):
        return Verdict.NOT_SUPPORTED, "no interval: too few cells or hosts to draw from"
    words = f"{low:.3g} to {high:.3g}"
    if high < limits.harmless[0] or low > limits.harmless[1]:
        return Verdict.FAIL, f"{words} lies wholly outside {_range(limits.harmless)}"
    if limits.tolerated[0] <= low and high <= limits.tolerated[1]:
        return Verdict.PASS, f"{words} lies within {_range(limits.tolerated)}"
    return Verdict.NOT_SUPPORTED, (
        f"interval too wide: {words} touches {_range(limits.harmless)} and leaves {_range(limits.tolerated)}; "
        "wanted more objects"
    )


def too_few(n_positive: int, n_negative: int, units: int, *, fewest: int = FEWEST_OF_A_CLASS) -> str | None:
    """Why no figure that compares two classes is supported, or None where it is."""
    if not n_positive or not n_negative:
        return f"one class only: {n_positive} lenses, {n_negative} others"
    if min(n_positive, n_negative) < fewest:
        return f"too few objects: {n_positive} lenses, {n_negative} others; wanted {fewest} of each"
    if units < FEWEST_UNITS:
        return f"too few cells or hosts: {units}; wanted {FEWEST_UNITS}"
    return None


def _excess(interval: Interval, limits: Limits) -> float:
    """How far a value lies from the middle of what is harmless, in half-widths where both ends are closed."""
    low, high = limits.harmless
    if math.isnan(interval.value):
        return -math.inf
    if math.isinf(low) or math.isinf(high):
        return interval.value - high if math.isinf(low) else low - interval.value
    return abs(interval.value - (low + high) / 2) / ((high - low) / 2)


def _range(ends: tuple[float, float]) -> str:
    low, high = ends
    if math.isinf(low):
        return f"up to {high:g}"
    return f"{low:g} and more" if math.isinf(high) else f"{low:g} to {high:g}"
