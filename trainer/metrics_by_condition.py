"""Which lenses are found and which negatives mistaken: the split's own thresholds, kept, applied to parts of it.

Legend: a threshold is that of a rate of the whole split that enough distinct negatives support; ``split_fpr`` names it. Shares
above it have Wilson intervals, since the threshold is frozen: they hold neither its own noise nor that objects of a cell
resemble each other. A share of negatives is one of rows, its interval one of so many distinct objects. AUCs are bootstrapped.

- By what the lens is (``theta_e_over_fwhm``, ``arc_snr``): lenses are binned at fixed edges, all negatives are the reference.
- By the sky (``psf_depth_r_mag``, ``psf_fwhm_r_arcsec``): both classes are binned, at the split's quantiles.
- By kind of negative: all lenses against the negatives of that kind.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from trainer.intervals import Bootstrap, Interval, bootstrap_units, wilson_interval
from trainer.metrics import RateAtFpr, rates_and_intervals
from trainer.scored_rows import LENS_CONDITIONS, SKY_CONDITIONS, Numbers, ScoredRows

FEWEST_OBJECTS = 10
SKY_BINS = 5
LENS_EDGES = {
    "theta_e_over_fwhm": (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, math.inf),  # an arc melts into its host below about 1
    "arc_snr": (0.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, math.inf),
}


@dataclass(frozen=True)
class ShareAbove:
    """The share of some objects at or above the threshold of a rate of the whole split."""

    split_fpr: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Cell:
    """What a part of a split holds and what became of it; ``why`` says why a list or the AUC is missing.

    ``lower`` is within the part and ``upper`` is not (of the last quantile bin it is); infinite where it has no such edge.
    """

    lower: float
    upper: float
    n_positive: int
    n_negative: int
    n_distinct_negative: int
    tpr: list[ShareAbove] | None
    fpr: list[ShareAbove] | None = None
    auc: Interval | None = None
    why: str | None = None


@dataclass(frozen=True)
class Condition:
    """The cells of one condition, where their edges come from, and the rows whose condition is unknown or below all edges."""

    edges_are: str
    n_without: int
    cells: list[Cell]


@dataclass(frozen=True)
class KindOfNegative:
    """Lenses against the negatives of one kind."""

    kind: str
    n_negative: int
    n_distinct_negative: int
    auc: Interval | None
    fpr: list[ShareAbove] | None
    why: str | None = None


def by_condition(rows: ScoredRows, rates: Sequence[RateAtFpr], how: Bootstrap) -> dict[str, Condition]:
    """Every condition that the rows know."""
    lenses = {name: _by_lens(rows, name, rates) for name in LENS_CONDITIONS if name in rows.conditions}
    return lenses | {name: _by_sky(rows, name, rates, how) for name in SKY_CONDITIONS if name in rows.conditions}


def by_kind(rows: ScoredRows, rates: Sequence[RateAtFpr], how: Bootstrap) -> list[KindOfNegative]:
    """The negatives of each kind, by name; lenses are all lenses of the split."""
    found = []
    for kind in np.unique(rows.kinds[~rows.lens]).tolist():
        part = rows.where(rows.lens | (rows.kinds == kind))
        auc, shares, why = _negatives_of(part, rates, how)
        found.append(KindOfNegative(kind, part.n_negative, part.n_distinct_negative, auc, shares, why))
    return found


def _by_lens(rows: ScoredRows, name: str, rates: Sequence[RateAtFpr]) -> Condition:
    edges, values = LENS_EDGES[name], rows.conditions[name]
    number = _bin_numbers(values, edges)
    cells = []
    for b, (lower, upper) in enumerate(pairwise(edges)):
        lenses = rows.lens & (number == b)
        part = rows.where(lenses | ~rows.lens)
        tpr, why = _lenses_of(part, rates)
        cells.append(Cell(lower, upper, part.n_positive, part.n_negative, part.n_distinct_negative, tpr, why=why))
    return Condition("fixed", int(np.count_nonzero(rows.lens & (number < 0))), cells)


def _by_sky(rows: ScoredRows, name: str, rates: Sequence[RateAtFpr], how: Bootstrap) -> Condition:
    values = rows.conditions[name]
    known = values[np.isfinite(values)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, SKY_BINS + 1))).tolist() if len(known) else []
    if len(edges) == 1:
        edges *= 2
    number = _bin_numbers(values, [*edges[:-1], math.inf])
    cells = []
    for b, (lower, upper) in enumerate(pairwise(edges)):
        part = rows.where(number == b)
        tpr, few_lenses = _lenses_of(part, rates)
        auc, fpr, few = _negatives_of(part, rates, how)
        why = "; ".join(dict.fromkeys(reason for reason in (few_lenses, few) if reason)) or None
        counts = (part.n_positive, part.n_negative, part.n_distinct_negative)
        cells.append(Cell(lower, upper, *counts, tpr, fpr, auc, why))
    return Condition("quantiles of lenses and negatives together", int(np.count_nonzero(number < 0)), cells)


def _lenses_of(part: ScoredRows, rates: Sequence[RateAtFpr]) -> tuple[list[ShareAbove] | None, str | None]:
    """Share of the lenses above each threshold, or why there is none."""
    why = _no_threshold(rates) or _too_few(part.n_positive, "lenses")
    return (None, why) if why else (_shares(part.logits[part.lens], part.n_positive, rates), None)


def _negatives_of(
    part: ScoredRows, rates: Sequence[RateAtFpr], how: Bootstrap
) -> tuple[Interval | None, list[ShareAbove] | None, str | None]:
    """AUC of the part, share of its negatives above each threshold, and what is missing for one of them."""
    n = part.n_distinct_negative
    few_lenses, few_negatives, no_threshold = (
        _too_few(part.n_positive, "lenses"),
        _too_few(n, "distinct negatives"),
        _no_threshold(rates),
    )
    auc = None if few_lenses or few_negatives else _auc(part, how)
    shares = None if few_negatives or no_threshold else _shares(part.logits[~part.lens], n, rates)
    return auc, shares, "; ".join(reason for reason in (few_lenses, few_negatives, no_threshold) if reason) or None


def _auc(part: ScoredRows, how: Bootstrap) -> Interval:
    units, _ = bootstrap_units(part.cells, part.hosts)
    auc, _ = rates_and_intervals(part.logits, part.labels, units, draws=how.draws, seed=how.seed, false_positive_rates=())
    return auc


def _shares(logits: Numbers, n: int, rates: Sequence[RateAtFpr]) -> list[ShareAbove]:
    shares = [(rate.fpr, wilson_interval(float((logits >= rate.threshold).mean()), n)) for rate in rates if rate.supported]
    return [ShareAbove(fpr, share.value, share.low, share.high) for fpr, share in shares]


def _too_few(n: int, what: str) -> str | None:
    return f"{n} {what}; wanted at least {FEWEST_OBJECTS}" if n < FEWEST_OBJECTS else None


def _no_threshold(rates: Sequence[RateAtFpr]) -> str | None:
    if any(rate.supported for rate in rates):
        return None
    return f"no false positive rate is supported by the split's {rates[0].n_negative} distinct negatives"


def _bin_numbers(values: Numbers, edges: Sequence[float]) -> npt.NDArray[np.int64]:
    """Bin of each value, lower edge included; -1 where it is NaN or below the first edge."""
    numbers = np.searchsorted(np.asarray(edges), values, "right") - 1
    return np.where(np.isnan(values) | (numbers >= len(edges) - 1), -1, numbers)
