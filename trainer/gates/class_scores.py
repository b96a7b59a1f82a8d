"""How well some features alone tell lenses from others: the AUC of classifiers that never saw the host that they judge.

Two learners look at the same features, since each is blind to what the other sees at once: a ridge logistic regression for
many weak features, gradient-boosted trees for thresholds and curves. Each judges a fold of hosts that it was not fitted on, and
its scores become ranks within the fold, since folds differ in level, which would pull a chance AUC below 0.5. Their ranks are
averaged. The fold of a host is a hash of its name, classes weigh the same, and for the regression a NaN counts as the column's
median.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.intervals import Integers, Interval
from trainer.metrics import rates_and_intervals

FOLDS = 5
_RIDGE = 0.1
_TREES = {"max_iter": 40, "max_leaf_nodes": 8, "max_bins": 32, "learning_rate": 0.15, "min_samples_leaf": 20}
_ENDS: tuple[tuple[Callable[..., Any], float], ...] = ((np.min, np.inf), (np.max, -np.inf))

Numbers = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]
Learner = Callable[[Numbers, Rows, Numbers, int], Numbers]


@dataclass(frozen=True)
class Chance:
    """Draws of the bootstrap, and the seed of it, of the folds and of the learners."""

    draws: int
    seed: int


@dataclass(frozen=True)
class ClassScores:
    """Out-of-fold rank of each sample, 0 to 1, larger for lenses; and the AUC of the ranks."""

    ranks: Numbers
    auc: Interval


def class_scores(
    features: Numbers, lens: Rows, host_hash: npt.NDArray[np.uint64], units: Integers, how: Chance, *, trees: bool = True
) -> ClassScores | None:
    """Scores from ``features`` (sample, feature); None where a fold or its complement lacks a class.

    Without ``trees`` the logistic regression judges alone, as in the failed experiment's own test.
    """
    fold = (host_hash % np.uint64(FOLDS)).astype(np.int64)
    learners: list[Learner] = [_logistic, *([_boosted] if trees else [])]
    ranks = np.zeros(len(lens))
    for number in range(FOLDS):
        held, rest = fold == number, fold != number
        if not held.any():
            continue
        if len(np.unique(lens[held])) < 2 or len(np.unique(lens[rest])) < 2:
            return None
        fitted = _telling(features[rest])
        if not fitted.any():
            return None
        told = (features[rest][:, fitted], lens[rest], features[held][:, fitted], how.seed)
        scores = [learner(*told) for learner in learners]
        ranks[held] = np.mean([_rank(score) for score in scores], axis=0)
    auc, _ = rates_and_intervals(ranks, lens.astype(np.int64), units, draws=how.draws, seed=how.seed, false_positive_rates=())
    return ClassScores(ranks, auc)


def _telling(features: Numbers) -> Rows:
    """(feature,) which ones take more than one value."""
    low, high = (np.nan_to_num(end(features, axis=0, initial=far, where=np.isfinite(features))) for end, far in _ENDS)
    return np.asarray(low < high)


def _rank(scores: Numbers) -> Numbers:
    """Ranks of the scores from 0 to 1, equal ones alike."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(middle[place] / (len(scores) + 1))


def _logistic(features: Numbers, lens: Rows, judged: Numbers, seed: int) -> Numbers:
    from sklearn.linear_model import LogisticRegression

    middle = np.nanmedian(features, axis=0)
    fitted, asked = (np.where(np.isfinite(part), part, middle) for part in (features, judged))
    spread = np.maximum(1.4826 * np.median(np.abs(fitted - middle), axis=0), 0.1 * fitted.std(axis=0))
    spread = np.where(spread > 1e-9 * np.maximum(np.abs(middle), 1), spread, 1.0)
    # Cut at ten scatters, so that one outlier of a heavy tail does not decide a fit of thousands.
    fitted, asked = (np.clip((part - middle) / spread, -10, 10) for part in (fitted, asked))
    model = LogisticRegression(C=_RIDGE, class_weight="balanced", max_iter=2000)
    return np.asarray(model.fit(fitted, lens).decision_function(asked), np.float64)


def _boosted(features: Numbers, lens: Rows, judged: Numbers, seed: int) -> Numbers:
    from sklearn.ensemble import HistGradientBoostingClassifier

    settings: dict[str, Any] = _TREES
    fitted, asked = _binned(features, judged)
    model = HistGradientBoostingClassifier(**settings, early_stopping=False, class_weight="balanced", random_state=seed)
    return np.asarray(model.fit(fitted, lens).decision_function(asked), np.float64)


def _binned(fitted: Numbers, judged: Numbers) -> tuple[Numbers, Numbers]:
    """Both by the number of the bin that a value lies in, of as many of the fitted values each; a NaN stays one.

    The learner would find its bins itself, of weighted values, one quantile at a time: five times the work of its trees.
    """
    bins = int(_TREES["max_bins"])
    numbers = fitted.copy(), judged.copy()
    for column, values in enumerate(fitted.T):
        known = np.sort(values[np.isfinite(values)])
        levels = np.unique(known)
        if len(levels) <= bins:
            edges = (levels[1:] + levels[:-1]) / 2
        else:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="averaged_inverted_cdf"))
        for part in numbers:
            there = ~np.isnan(part[:, column])
            part[there, column] = np.searchsorted(edges, part[there, column])
    return numbers
