"""How sure a figure is: intervals from drawing whole units anew, and Wilson's for a share above a threshold that stays.

Legend: samples are scored stamps; units are the sky cells or hosts that they belong to. Stamps of one cell share their seeing,
depth and often their galaxy, so a bootstrap draws whole units, lenses and others together; single stamps would give intervals
that are too narrow. All intervals are 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

FEWEST_CELLS = 10
_PERCENTILES = (2.5, 97.5)
_TAIL = 0.025
_WILSON_Z = 1.959963984540054  # 97.5 % point of the normal law

Scores = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval; NaN ends where there are too few units to draw from."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bootstrap:
    """How often units are drawn, and from which seed: the same seed draws the same units for every figure of a split."""

    draws: int
    seed: int


@dataclass(frozen=True)
class Units:
    """What a bootstrap draws: ``of`` (sample,) is the number of each sample's unit, from 0 to ``count`` - 1."""

    of: Integers
    count: int

    def drawn(self, how: Bootstrap) -> Iterator[Integers]:
        """(unit,) how often each unit is drawn, draw by draw; no draw at all where there are fewer than two units."""
        random = np.random.Generator(np.random.Philox(how.seed))
        for _ in range(how.draws if self.count > 1 else 0):
            yield np.bincount(random.integers(self.count, size=self.count), minlength=self.count)

    def drawn_sums(self, columns: Scores, how: Bootstrap) -> Scores:
        """(draw, column) sums of ``columns`` (column, sample) over the samples of the units drawn.

        A sum is taken once a unit, so that a draw costs units, not samples.
        """
        by_unit = np.stack([np.bincount(self.of, weights=column, minlength=self.count) for column in columns], axis=1)
        sums = [counts.astype(np.float64) @ by_unit for counts in self.drawn(how)]
        return np.array(sums).reshape(-1, len(columns))


def units_of(names: Integers) -> Units:
    """Units from the name that each sample's unit has."""
    different, of = np.unique(names, return_inverse=True)
    return Units(of, len(different))


def distinct(numbers: Integers) -> int:
    """How many different numbers there are; they are small and not negative, so counting beats sorting."""
    return int(np.count_nonzero(np.bincount(numbers)))


def bootstrap_units(cells: Integers, hosts: Integers) -> tuple[Integers, str]:
    """What the bootstrap draws: sky cells, or hosts where there are fewer than ten cells (then the name says ``host``)."""
    if len(np.unique(cells)) >= FEWEST_CELLS:
        return cells, "cell"
    return hosts, "host"


def percentile_interval(value: float, drawn: Scores) -> Interval:
    """The middle 95 % of ``drawn`` (draw,)."""
    low, high = np.percentile(drawn, _PERCENTILES) if len(drawn) else (math.nan, math.nan)
    return Interval(value, float(low), float(high))


def basic_interval(value: float, drawn: Scores) -> Interval:
    """The percentiles of ``drawn`` mirrored at the value: for what noise only raises, so that drawing raises it again."""
    mirrored = percentile_interval(value, drawn)
    return Interval(value, 2 * value - mirrored.high, 2 * value - mirrored.low)


def exact_interval(count: int, n: int) -> Interval:
    """``count`` of ``n`` independent objects as a share (Clopper & Pearson 1934); NaN for none."""
    if n < 1:
        return Interval(math.nan, math.nan, math.nan)
    low = float(betaincinv(count, n - count + 1, _TAIL)) if count > 0 else 0.0
    high = float(betaincinv(count + 1, n - count, 1 - _TAIL)) if count < n else 1.0
    return Interval(count / n, low, high)


def wilson_interval(share: float, n: int) -> Interval:
    """A share of ``n`` objects counted above a frozen threshold (Wilson 1927); never empty at 0 or 1, NaN for none."""
    if n < 1:
        return Interval(math.nan, math.nan, math.nan)
    z2 = _WILSON_Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _WILSON_Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))
