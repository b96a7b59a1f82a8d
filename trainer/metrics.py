"""AUC and recall at fixed false positive rate, with intervals and the number of objects behind each; unsupported rates say so.

Legend: scores (sample,) larger for lenses, labels (sample,) 1 or 0, units (sample,) the sky cell or host that a sample belongs
to, objects (sample,) what a negative's pixels are: samples with one number show the same pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

from trainer.intervals import Bootstrap, Integers, Interval, Scores, Units, distinct, percentile_interval, units_of

FEWEST_EXPECTED_FALSE_POSITIVES = 10
FEWEST_TO_COMPARE = 100
FALSE_POSITIVE_RATES = (0.1, 0.01, 0.001, 0.0001)


@dataclass(frozen=True)
class RateAtFpr:
    """The share of lenses found while at most a share ``fpr`` of the negatives is; they lie at or above ``threshold``.

    ``n_negative`` counts distinct negatives: the same pixels scored twice are one.
    """

    fpr: float
    rate: Interval
    threshold: float
    n_negative: int

    @property
    def expected_false_positives(self) -> float:
        """Distinct negatives above the threshold, if the rate is met."""
        return self.fpr * self.n_negative

    @property
    def supported(self) -> bool:
        """Whether enough negatives stand behind the figure for it to be quoted."""
        return self.expected_false_positives >= FEWEST_EXPECTED_FALSE_POSITIVES

    @property
    def comparable(self) -> bool:
        """Whether enough negatives stand behind the figure for two networks to be compared by it."""
        return self.expected_false_positives >= FEWEST_TO_COMPARE


def area_under_roc(scores: Scores, labels: Integers) -> float:
    """The chance that a lens scores above a negative, ties counted half; NaN where a class is absent, never 0.5."""
    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, scores))


class WeightedRoc:
    """The ROC of samples with weights, sorted once: a bootstrap draw costs a few passes and no sort.

    ``positive`` and ``negative`` are the samples of a class, the largest score first. A corner of the curve stands before and
    after each negative score, so a tie, of one class or of both, is a slope and never split.
    """

    def __init__(self, scores: Scores, labels: Integers) -> None:
        order = np.argsort(-scores, kind="stable")
        self.positive, self.negative = order[labels[order] == 1], order[labels[order] == 0]
        self._lenses, self._others = scores[self.positive], scores[self.negative]
        self._above = np.searchsorted(-self._lenses, -self._others, "left")  # lenses that beat each negative
        self._level = np.searchsorted(-self._lenses, -self._others, "right")  # lenses that beat or equal it
        self._first = np.searchsorted(-self._others, -self._others, "left")  # where each negative's tie begins

    def curve(self, weights: Scores) -> tuple[Scores, Scores]:
        """(false positive rate, true positive rate) at the corners, from the origin to (1, 1)."""
        found = np.append(0.0, np.cumsum(weights[self.positive]))
        false = np.append(0.0, np.cumsum(weights[self.negative]))
        start = np.unique(self._first)
        end = np.append(start[1:], len(self.negative))
        fpr = np.append(np.stack([false[start], false[end]], axis=1).ravel(), false[-1])
        tpr = np.append(np.stack([found[self._above[start]], found[self._level[start]]], axis=1).ravel(), found[-1])
        return np.append(0.0, fpr / false[-1]), np.append(0.0, tpr / found[-1])

    def area_and_rates(self, positive: Scores, negative: Scores, rates: Sequence[float]) -> tuple[float, Scores]:
        """AUC and the true positive rate at each false positive rate, weights given in the order of the samples of a class."""
        found, false = np.append(0.0, np.cumsum(positive)), np.cumsum(negative)
        area = negative @ (found[self._above] + found[self._level]) / (2 * found[-1] * false[-1])
        beyond = [self._first_beyond(false, rate) for rate in rates]
        at = [len(positive) if n == len(negative) else self._above[n] for n in beyond]
        return float(area), found[at] / found[-1]

    def threshold(self, rate: float) -> float:
        """The lowest score at which the false positive rate, all weights one, is within ``rate``; infinite where none is."""
        n = self._first_beyond(np.arange(1.0, len(self.negative) + 1), rate)
        if n == len(self.negative):
            return float(min(self._lenses[-1], self._others[-1]))
        above, first = self._above[n], self._first[n]
        lowest = [self._lenses[above - 1]] if above else []
        lowest += [self._others[first - 1]] if first else []
        return float(min(lowest, default=np.inf))

    @staticmethod
    def _first_beyond(false: Scores, rate: float) -> int:
        """Place of the first negative that, accepted with all above it, exceeds the rate; their number where none does."""
        return int(np.searchsorted(false, rate * (1 + 1e-12) * false[-1], "right"))


def rates_and_intervals(
    scores: Scores,
    labels: Integers,
    units: Integers,
    *,
    draws: int,
    seed: int,
    false_positive_rates: Sequence[float] = FALSE_POSITIVE_RATES,
    objects: Integers | None = None,
) -> tuple[Interval, list[RateAtFpr]]:
    """AUC and the true positive rate at each false positive rate, with intervals. Both classes must be there.

    The threshold is the lowest score at which the false positive rate is not above the wanted one, so a tie is never split;
    each draw finds its own. Without ``objects`` every sample counts as pixels of its own.
    """
    roc = WeightedRoc(scores, labels)
    drawn = _drawn(roc, units_of(units), Bootstrap(draws, seed), false_positive_rates)
    _, found = roc.area_and_rates(np.ones(len(roc.positive)), np.ones(len(roc.negative)), false_positive_rates)
    negatives = len(roc.negative) if objects is None else distinct(objects[labels == 0])
    rates = [
        RateAtFpr(wanted, percentile_interval(float(rate), drawn[:, n + 1]), roc.threshold(wanted), negatives)
        for n, (wanted, rate) in enumerate(zip(false_positive_rates, found, strict=True))
    ]
    return percentile_interval(area_under_roc(scores, labels), drawn[:, 0]), rates


def rate_at_fpr(scores: Scores, labels: Integers, wanted: float) -> float:
    """The share of lenses found while at most a share ``wanted`` of the negatives is; both classes must be there."""
    roc = WeightedRoc(scores, labels)
    return float(roc.area_and_rates(np.ones(len(roc.positive)), np.ones(len(roc.negative)), (wanted,))[1][0])


def thinned_curve(scores: Scores, labels: Integers, points: int = 400) -> tuple[Scores, Scores]:
    """The ROC at no more than about ``points`` corners, dense where the false positive rate is small."""
    fpr, tpr = WeightedRoc(scores, labels).curve(np.ones(len(scores)))
    negatives = int((labels == 0).sum())
    wanted = np.unique(np.concatenate([np.geomspace(1 / negatives, 1, points // 2), np.linspace(0, 1, points // 2)]))
    corners = np.unique(np.concatenate([np.searchsorted(fpr, wanted, "right") - 1, [0, len(fpr) - 1]]))
    return fpr[corners], tpr[corners]


def _drawn(roc: WeightedRoc, units: Units, how: Bootstrap, rates: Sequence[float]) -> Scores:
    """(draw, 1 + rates): AUC and true positive rates of resampled units; draws that miss a class are left out."""
    positive, negative = units.of[roc.positive], units.of[roc.negative]
    results = []
    for counts in units.drawn(how):
        weights = counts.astype(np.float64)
        lenses, others = weights[positive], weights[negative]
        if lenses.any() and others.any():
            area, found = roc.area_and_rates(lenses, others, rates)
            results.append([area, *found])
    return np.array(results, dtype=np.float64).reshape(-1, 1 + len(rates))
