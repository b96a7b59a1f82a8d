"""What share of the candidates above a threshold would be lenses on the sky, where almost nothing is one.

The odds of a candidate are the odds before looking times TPR / FPR. It is the purity of a sky whose lenses are like this
split's lenses and whose other galaxies are like this split's negatives, in the proportions in which the split holds them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trainer.calibration import at_prevalence
from trainer.intervals import Bootstrap, Interval, Scores, Units, distinct, percentile_interval
from trainer.metrics import FEWEST_EXPECTED_FALSE_POSITIVES, RateAtFpr
from trainer.scored_rows import ScoredRows

SKY_PREVALENCES = (1e-4, 5e-4)
"""Lenses among the galaxies that a search looks at: the random purity of a Euclid-like survey (arXiv 2503.15328)."""


@dataclass(frozen=True)
class Purity:
    """Expected purity at the threshold of a false positive rate; ``interval`` is None where ``why`` says why."""

    prevalence: float
    interval: Interval | None
    why: str | None = None


def expected_purity(rows: ScoredRows, rate: RateAtFpr, units: Units, how: Bootstrap) -> list[Purity]:
    """Purity at each sky prevalence, with the interval that TPR and FPR at this frozen threshold leave it, drawn together."""
    why = _why_not(rows, rate)
    if why:
        return [Purity(prevalence, None, why) for prevalence in SKY_PREVALENCES]
    above = rows.logits >= rate.threshold
    columns = np.stack([above & rows.lens, rows.lens, above & ~rows.lens, ~rows.lens]).astype(np.float64)
    value = _likelihood_ratio(columns.sum(axis=1)[None])
    drawn = _likelihood_ratio(units.drawn_sums(columns, how))
    drawn = drawn[~np.isnan(drawn)]
    return [Purity(prevalence, _interval(value, drawn, prevalence)) for prevalence in SKY_PREVALENCES]


def _interval(value: Scores, drawn: Scores, prevalence: float) -> Interval:
    return percentile_interval(float(at_prevalence(value, 0.5, prevalence)[0]), at_prevalence(drawn, 0.5, prevalence))


def _likelihood_ratio(sums: Scores) -> Scores:
    """(draw,) log of TPR / FPR from sums of lenses found, lenses, negatives found, negatives; NaN where nothing is found."""
    found, lenses, false, negatives = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log((found / lenses) / (false / negatives)), dtype=np.float64)


def _why_not(rows: ScoredRows, rate: RateAtFpr) -> str | None:
    wanted = f"wanted at least {FEWEST_EXPECTED_FALSE_POSITIVES}"
    if not rate.supported:
        return f"{rate.n_negative} distinct negatives let {rate.expected_false_positives:.3g} be expected above; {wanted}"
    above = (rows.logits >= rate.threshold) & ~rows.lens
    seen = distinct(rows.objects[above])
    return f"{seen} distinct negatives lie above the threshold; {wanted}" if seen < FEWEST_EXPECTED_FALSE_POSITIVES else None
