"""Whether a probability of 0.8 is right four times in five: reliability, its errors, and what p means at another prevalence.

Legend: logits (sample,) before the sigmoid, labels (sample,) 1 or 0. p = sigmoid(logit) is a probability at the prevalence of
the samples; on the sky, where one candidate in thousands is a lens, the same logit means far less (``at_prevalence``).

- Bins hold equal numbers of samples, cut where logits differ: equal logits are never split, so there may be fewer bins.
- ECE = sum over bins of (share of samples) x |mean p - observed share of lenses|, with bins cut once, on the whole sample.
- ``ece_if_calibrated`` is what a perfectly calibrated network would show on average with these p, from the noise of its bins
  alone: sum of shares x sqrt(2/pi) x sqrt(sum p (1 - p)) / n. An ECE near it is no evidence of a fault.
- Noise raises an ECE and drawing raises it again, so its interval is the basic bootstrap's, cut at zero.
- Brier score = mean (p - label)^2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from trainer.intervals import Bootstrap, Integers, Interval, Scores, Units, basic_interval, percentile_interval, wilson_interval

MOST_BINS = 15
FEWEST_IN_BIN = 20


@dataclass(frozen=True)
class ReliabilityBin:
    """Samples with logits from ``first`` to ``last``: their mean p and the share of lenses among them (Wilson interval)."""

    n: int
    first: float
    last: float
    mean_p: float
    observed: Interval


@dataclass(frozen=True)
class Reliability:
    """Bins from small to large p, and what they add up to."""

    bins: list[ReliabilityBin]
    ece: Interval
    ece_if_calibrated: float
    brier: Interval


def sigmoid(logits: Scores) -> Scores:
    """1 / (1 + exp(-logit)), without overflow."""
    small = np.exp(-np.abs(logits))
    return np.asarray(np.where(logits >= 0, 1.0, small) / (1 + small), dtype=np.float64)


def at_prevalence(logit: npt.ArrayLike, trained_at: float, wanted: float) -> Scores:
    """Probability of a lens where a share ``wanted`` of the objects is one, for a logit that is right where ``trained_at`` is.

    Bayes: the odds change by the ratio of the prior odds (Saerens, Latinne & Decaestecker 2002, eq. 4). It holds where lenses
    look like these lenses and the others like these others, and only their numbers differ.
    """
    return sigmoid(np.asarray(logit, dtype=np.float64) + log_odds(wanted) - log_odds(trained_at))


def log_odds(share: float) -> float:
    """The logit of a share; raises ValueError unless it lies between 0 and 1."""
    if not 0 < share < 1:
        raise ValueError(f"a prevalence of {share}; wanted a share above 0 and below 1")
    return math.log(share / (1 - share))


def equal_count_bins(logits: Scores) -> Integers:
    """(sample,) number of the bin, from 0 for the smallest; at most 15, with some 20 samples or more in each."""
    bins = max(1, min(MOST_BINS, len(logits) // FEWEST_IN_BIN))
    ordered = np.sort(logits)
    edges = np.unique(ordered[np.arange(1, bins) * len(logits) // bins])
    numbers = np.searchsorted(edges, logits, "right")
    return np.unique(numbers, return_inverse=True)[1]  # the smallest logit may fill the first edge: then no bin is below it


def reliability(logits: Scores, labels: Integers, units: Units, how: Bootstrap, *, temperature: float = 1.0) -> Reliability:
    """Reliability of p = sigmoid(logit / temperature); bins are the same whatever the temperature."""
    p, y, bins = sigmoid(logits / temperature), labels.astype(np.float64), equal_count_bins(logits)
    count = int(bins.max()) + 1
    member = (np.arange(count)[:, None] == bins).astype(np.float64)
    columns = np.concatenate([member, member * (p - y), [(p - y) ** 2]])
    ece, brier = _errors(columns.sum(axis=1)[None], count)
    drawn_ece, drawn_brier = _errors(units.drawn_sums(columns, how), count)
    n, mean_p, variance = (np.bincount(bins, weights=weights) for weights in (np.ones(len(p)), p, p * (1 - p)))
    observed = np.bincount(bins, weights=y) / n
    table = [
        ReliabilityBin(
            n=int(n[b]),
            first=float(logits[bins == b].min()),
            last=float(logits[bins == b].max()),
            mean_p=float(mean_p[b] / n[b]),
            observed=wilson_interval(float(observed[b]), int(n[b])),
        )
        for b in range(count)
    ]
    interval = basic_interval(float(ece[0]), drawn_ece)
    return Reliability(
        bins=table,
        ece=replace(interval, low=max(interval.low, 0.0)),
        ece_if_calibrated=float(np.sqrt(2 / np.pi) * np.sqrt(variance).sum() / len(p)),
        brier=percentile_interval(float(brier[0]), drawn_brier),
    )


def _errors(sums: Scores, bins: int) -> tuple[Scores, Scores]:
    """(draw,) ECE and Brier score from sums over samples: of members of each bin, of p - y in each bin, of (p - y)^2."""
    n = sums[:, :bins].sum(axis=1)
    return np.abs(sums[:, bins : 2 * bins]).sum(axis=1) / n, sums[:, -1] / n
