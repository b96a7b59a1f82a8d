"""Means, scatters and medians of a set with intervals from drawing its units anew; two sets are drawn independently.

Legend: values and units (object,); drawn (draw,). Values that are not finite take no part. All intervals are 95 %.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from trainer.autopsies.findings import Finding
from trainer.autopsies.image_sets import ImageSet
from trainer.gates.class_scores import Chance
from trainer.intervals import Bootstrap, Integers, Interval, percentile_interval, units_of
from trainer.judge import Numbers

Combine = Callable[[Numbers, Numbers], Numbers]


@dataclass(frozen=True)
class Drawn:
    """A value of a set, the same of each draw, and the objects and units behind it."""

    value: float
    draws: Numbers
    n: int
    n_units: int
    unit: str

    @property
    def interval(self) -> Interval:
        """The middle 95 %."""
        return percentile_interval(self.value, self.draws[np.isfinite(self.draws)])

    def finding(self, name: str, label: str, failed: str = "", note: str = "") -> Finding:
        """As a row of a part."""
        return Finding(name, label, self.interval, self.n, self.n_units, self.unit, failed, note)


def mean_of(values: Numbers, of: ImageSet, how: Chance) -> Drawn:
    """The mean."""
    kept, units = _finite(values, of)
    draws = [float(np.average(kept, weights=weight)) for weight in drawn_weights(units, how, of.name)] if len(kept) else []
    return _drawn(float(kept.mean()) if len(kept) else np.nan, draws, units, of.unit)


def median_of(values: Numbers, of: ImageSet, how: Chance) -> Drawn:
    """The median; each draw takes its own."""
    kept, units = _finite(values, of)
    order = np.argsort(kept, kind="stable")
    draws = []
    for weight in drawn_weights(units, how, of.name) if len(kept) else ():
        reached = np.cumsum(weight[order])
        draws.append(float(kept[order[np.searchsorted(reached, reached[-1] / 2)]]))
    return _drawn(float(np.median(kept)) if len(kept) else np.nan, draws, units, of.unit)


def of_both(one: Drawn, other: Drawn, combine: Combine) -> Drawn:
    """A function of two values, such as their ratio; intervals take the sets as independent."""
    both = np.array([one.value]), np.array([other.value])
    length = min(len(one.draws), len(other.draws))
    with np.errstate(divide="ignore", invalid="ignore"):
        value, draws = float(combine(*both)[0]), combine(one.draws[:length], other.draws[:length])
    units = {one.unit, other.unit}
    unit = units.pop() if len(units) == 1 else f"{one.unit} and {other.unit}"
    return Drawn(value, draws, one.n + other.n, one.n_units + other.n_units, unit)


def drawn_weights(units: Integers, how: Chance, name: str) -> Iterator[Numbers]:
    """(object,) how often each object is drawn, draw by draw; the seed is that of the set's name."""
    numbered = units_of(units)
    for counts in numbered.drawn(Bootstrap(how.draws, how.seed + zlib.crc32(name.encode()))):
        yield counts[numbered.of].astype(np.float64)


def _finite(values: Numbers, of: ImageSet) -> tuple[Numbers, Integers]:
    finite = np.isfinite(values)
    return values[finite], of.units[finite]


def _drawn(value: float, draws: list[float], units: Integers, unit: str) -> Drawn:
    return Drawn(value, np.array(draws, np.float64), len(units), len(np.unique(units)), unit)
