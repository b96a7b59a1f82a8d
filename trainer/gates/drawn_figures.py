"""Medians, ratios and standardised differences with intervals from drawing whole units, cells or hosts, anew.

Legend: values, lens and units are (sample,); all intervals are 95 %.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from trainer.gates.class_scores import Chance
from trainer.intervals import Bootstrap, Integers, Interval, percentile_interval, units_of, wilson_interval

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
_SMALLEST_SCATTER = 1e-6
"""Of a column's size: a column that is constant in each class and differs between them gets a large difference, not NaN."""


def median_interval(values: Numbers, units: Integers, how: Chance) -> Interval:
    """The median; each draw takes its own."""
    return quantile_interval(values, 0.5, units, how)


def quantile_interval(values: Numbers, share: float, units: Integers, how: Chance) -> Interval:
    """The value below which a share of all lies; each draw takes its own."""
    order, drawn_of = np.argsort(values, kind="stable"), units_of(units)
    drawn = []
    for counts in drawn_of.drawn(Bootstrap(how.draws, how.seed)):
        weight = np.cumsum(counts[drawn_of.of[order]])
        drawn.append(values[order[np.searchsorted(weight, weight[-1] * share)]])
    return percentile_interval(float(np.quantile(values, share)), np.array(drawn, np.float64))


def mean_interval(values: Numbers, units: Integers, how: Chance) -> Interval:
    """The mean."""
    sums = units_of(units).drawn_sums(np.stack([values, np.ones(len(values))]), Bootstrap(how.draws, how.seed))
    return percentile_interval(float(values.mean()), sums[:, 0] / sums[:, 1])


def ratio_of_means(values: Numbers, lens: Rows, units: Integers, how: Chance) -> Interval:
    """Mean of the lenses over mean of the others."""
    columns = np.stack([values * lens, lens, values * ~lens, ~lens]).astype(np.float64)
    drawn = _of_both_classes(units_of(units).drawn_sums(columns, Bootstrap(how.draws, how.seed)), 1, 3)
    ratio = (drawn[:, 0] / drawn[:, 1]) / (drawn[:, 2] / drawn[:, 3])
    return percentile_interval(float(values[lens].mean() / values[~lens].mean()), ratio)


def standardised_difference(values: Numbers, lens: Rows, units: Integers, how: Chance) -> Interval:
    """Mean of the lenses less that of the others, over the root of the mean of their variances (Cohen's d)."""
    size = max(float(np.abs(values).max()), 1e-300)
    centred = values - values.mean()
    columns = np.stack([part * centred**power for part in (lens, ~lens) for power in (0, 1, 2)])
    drawn = _of_both_classes(units_of(units).drawn_sums(columns, Bootstrap(how.draws, how.seed)), 0, 3)
    floor = _SMALLEST_SCATTER * size
    return percentile_interval(float(_difference(columns.sum(1)[None], floor)[0]), _difference(drawn, floor))


def difference_of_shares(found: int, of: int, other_found: int, other_of: int) -> Interval:
    """The first share less the second, by Newcombe's hybrid of two Wilson intervals (1998, method 10); no end is ever empty."""
    one, two = wilson_interval(found / of, of), wilson_interval(other_found / other_of, other_of)
    value = one.value - two.value
    low = value - np.hypot(one.value - one.low, two.high - two.value)
    return Interval(value, float(low), float(value + np.hypot(one.high - one.value, two.value - two.low)))


def of_several(interval: Interval, figures: int) -> Interval:
    """The interval widened so that all of so many figures lie in theirs together in 95 % (Bonferroni, normal law)."""
    wider = NormalDist().inv_cdf(1 - 0.025 / figures) / NormalDist().inv_cdf(0.975)
    value = interval.value
    return Interval(value, value - wider * (value - interval.low), value + wider * (interval.high - value))


def _difference(sums: Numbers, floor: float) -> Numbers:
    """(draw,) from sums of (count, value, value²) of lenses, then of others."""
    means, variances = [], []
    for count, first, second in (sums[:, :3].T, sums[:, 3:].T):
        means.append(first / count)
        variances.append(np.maximum(second / count - means[-1] ** 2, 0))
    return np.asarray((means[0] - means[1]) / np.maximum(np.sqrt(sum(variances) / 2), floor))


def _of_both_classes(drawn: Numbers, lenses: int, others: int) -> Numbers:
    """Draws that hold both classes, by the columns that count them."""
    return drawn[(drawn[:, lenses] > 0) & (drawn[:, others] > 0)]
