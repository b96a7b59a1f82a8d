"""Figures of merit with their intervals and the number of objects behind each; a figure that the data cannot carry says so.

Legend: scores (sample,) larger for lenses, labels (sample,) 1 or 0, units (sample,) the sky cell or host that a sample belongs
to. Intervals are 95 % percentiles of a bootstrap that draws whole units, lenses and others together: stamps of one cell share
their seeing, depth and often their galaxy, so single stamps would give intervals that are too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

FEWEST_EXPECTED_FALSE_POSITIVES = 10
FEWEST_CELLS = 10
FALSE_POSITIVE_RATES = (0.01, 0.001)
_PERCENTILES = (2.5, 97.5)

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its 95 % interval; NaN ends where there are too few units to draw from."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RateAtFpr:
    """The share of lenses found while at most a share ``fpr`` of the negatives is; they lie above ``threshold``."""

    fpr: float
    rate: Interval
    threshold: float
    n_negative: int

    @property
    def expected_false_positives(self) -> float:
        """Negatives above the threshold, if the rate is met."""
        return self.fpr * self.n_negative

    @property
    def supported(self) -> bool:
        """Whether enough negatives stand behind the figure for it to be quoted."""
        return self.expected_false_positives >= FEWEST_EXPECTED_FALSE_POSITIVES


def area_under_roc(scores: Scores, labels: npt.NDArray[np.int64]) -> float:
    """The chance that a lens scores above a negative, ties counted half; NaN where a class is absent, never 0.5."""
    if len(np.unique(labels)) < 2:
        return float("nan")
    return float(roc_auc_score(labels, scores))


class WeightedRoc:
    """The ROC of samples with weights, sorted once: each bootstrap draw costs one pass and no sort."""

    def __init__(self, scores: Scores, labels: npt.NDArray[np.int64]) -> None:
        self._order = np.argsort(-scores, kind="stable")
        in_order = scores[self._order]
        self._ends = np.append(np.flatnonzero(np.diff(in_order)), len(scores) - 1)
        self.thresholds = in_order[self._ends]
        self._positive = labels[self._order] == 1

    def curve(self, weights: npt.NDArray[np.float64]) -> tuple[Scores, Scores]:
        """(false positive rate, true positive rate) at each distinct score, from the origin on."""
        ordered = weights[self._order]
        true = np.cumsum(np.where(self._positive, ordered, 0.0))[self._ends]
        false = np.cumsum(np.where(self._positive, 0.0, ordered))[self._ends]
        return np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])


def rates_and_intervals(
    scores: Scores,
    labels: npt.NDArray[np.int64],
    units: npt.NDArray[np.int64],
    *,
    draws: int,
    seed: int,
    false_positive_rates: Sequence[float] = FALSE_POSITIVE_RATES,
) -> tuple[Interval, list[RateAtFpr]]:
    """AUC and the true positive rate at each false positive rate, with intervals. Both classes must be there.

    The threshold is the lowest score at which the false positive rate is not above the wanted one, so a tie is never split.
    """
    roc = WeightedRoc(scores, labels)
    drawn = _bootstrap(roc, labels, units, draws, seed, false_positive_rates)
    ends = np.percentile(drawn, _PERCENTILES, axis=0) if len(drawn) else np.full((2, 1 + len(false_positive_rates)), np.nan)
    fpr, tpr = roc.curve(np.ones(len(scores)))
    auc = Interval(area_under_roc(scores, labels), float(ends[0, 0]), float(ends[1, 0]))
    rates = []
    for n, wanted in enumerate(false_positive_rates):
        at = _last_within(fpr, wanted)
        threshold = float(roc.thresholds[at - 1]) if at else float("inf")
        rate = Interval(float(tpr[at]), float(ends[0, n + 1]), float(ends[1, n + 1]))
        rates.append(RateAtFpr(wanted, rate, threshold, int((labels == 0).sum())))
    return auc, rates


def thinned_curve(scores: Scores, labels: npt.NDArray[np.int64], points: int = 400) -> tuple[Scores, Scores]:
    """The ROC at no more than about ``points`` corners, dense where the false positive rate is small."""
    fpr, tpr = WeightedRoc(scores, labels).curve(np.ones(len(scores)))
    negatives = int((labels == 0).sum())
    wanted = np.unique(np.concatenate([np.geomspace(1 / negatives, 1, points // 2), np.linspace(0, 1, points // 2)]))
    corners = np.unique(np.concatenate([np.searchsorted(fpr, wanted, "right") - 1, [0, len(fpr) - 1]]))
    return fpr[corners], tpr[corners]


def bootstrap_units(cells: npt.NDArray[np.int64], hosts: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], str]:
    """What the bootstrap draws: sky cells, or hosts where there are fewer than ten cells (then the name says ``host``)."""
    if len(np.unique(cells)) >= FEWEST_CELLS:
        return cells, "cell"
    return hosts, "host"


def _bootstrap(
    roc: WeightedRoc, labels: npt.NDArray[np.int64], units: npt.NDArray[np.int64], draws: int, seed: int, rates: Sequence[float]
) -> Scores:
    """(draw, 1 + rates): AUC and true positive rates of resampled units; draws that miss a class are left out."""
    names, unit_of = np.unique(units, return_inverse=True)
    if len(names) < 2:
        return np.empty((0, 1 + len(rates)))
    random = np.random.Generator(np.random.Philox(seed))
    results = []
    for _ in range(draws):
        counts = np.bincount(random.integers(len(names), size=len(names)), minlength=len(names))
        weights = counts[unit_of].astype(np.float64)
        if weights[labels == 1].sum() and weights[labels == 0].sum():
            fpr, tpr = roc.curve(weights)
            results.append([np.trapezoid(tpr, fpr), *(tpr[_last_within(fpr, rate)] for rate in rates)])
    return np.array(results).reshape(-1, 1 + len(rates))


def _last_within(fpr: Scores, wanted: float) -> int:
    """Index of the last point of a curve whose false positive rate is not above the wanted one."""
    return int(np.searchsorted(fpr, wanted * (1 + 1e-12), "right")) - 1
