"""One number T that all logits are divided by, so that p = sigmoid(logit / T) fits the validation split best (Guo et al. 2017).

Legend: logits (sample,), labels (sample,) 1 or 0, units: what the bootstrap draws. The mean binary cross-entropy is convex in
1 / T, so its least value is where the slope vanishes; there is none where the logits part the classes at zero without fault
(T would be 0) or say nothing of them (T would be infinite).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainer.calibration import sigmoid
from trainer.intervals import Bootstrap, Integers, Interval, Scores, Units, percentile_interval

SMALLEST, LARGEST = 1e-3, 1e3
_ROUNDED_TO = 1e-3
_MOST_STEPS = 200


@dataclass(frozen=True)
class Temperature:
    """T with its interval, or the reason why there is none; an end is NaN where it is open or nothing can be drawn."""

    interval: Interval | None
    why: str | None = None


def fit_temperature(logits: Scores, labels: Integers, units: Units, how: Bootstrap) -> Temperature:
    """T of the least cross-entropy between 0.001 and 1000.

    Draws use logits rounded to a thousandth, which changes T by far less than drawing does and lets equal ones share a step.
    """
    if len(np.unique(labels)) < 2:
        lenses = int(labels.sum())
        return Temperature(None, f"{lenses} lenses and {len(labels) - lenses} negatives; wanted some of both")
    value = best_temperature(logits, labels, np.ones(len(logits)))
    if value <= SMALLEST:
        return Temperature(None, "the logits part lenses and negatives at zero without fault: no finite scale is best")
    if value >= LARGEST:
        return Temperature(None, "larger logits do not mean more lenses: no temperature makes probabilities of them")
    kinds, place = np.unique(2 * np.round(logits / _ROUNDED_TO).astype(np.int64) + labels, return_inverse=True)
    rounded, label = kinds // 2 * _ROUNDED_TO, kinds % 2
    drawn = []
    for counts in units.drawn(how):
        weights = np.bincount(place, weights=counts[units.of].astype(np.float64)).astype(np.float64)
        drawn.append(best_temperature(rounded, label, weights))
    found = percentile_interval(value, np.array(drawn))
    low, high = (end if SMALLEST < end < LARGEST else math.nan for end in (found.low, found.high))
    return Temperature(Interval(value, low, high))


def best_temperature(logits: Scores, labels: Integers, weights: Scores) -> float:
    """T of the least weighted cross-entropy: Newton's steps on 1 / T, by halves where a step would leave the bracket.

    The bracket's end, 0.001 or 1000, where the best T lies beyond it.
    """
    used = weights > 0
    z, y, w = logits[used], labels[used], weights[used]
    low, high, scale = 1 / LARGEST, 1 / SMALLEST, 1.0
    if _slope(z, y, w, low)[0] >= 0:
        return LARGEST
    if _slope(z, y, w, high)[0] <= 0:
        return SMALLEST
    for _ in range(_MOST_STEPS):
        slope, curvature = _slope(z, y, w, scale)
        low, high = (low, scale) if slope > 0 else (scale, high)
        wanted = scale - slope / curvature if curvature > 0 else math.inf
        following = wanted if low < wanted < high else math.sqrt(low * high)
        if abs(following - scale) <= 1e-12 * scale:
            break
        scale = following
    return 1 / scale


def _slope(z: Scores, y: Integers, w: Scores, scale: float) -> tuple[float, float]:
    """First and second derivative of the weighted cross-entropy by ``scale`` = 1 / T."""
    p = sigmoid(scale * z)
    return float(w @ (z * (p - y))), float(w @ (z * z * p * (1 - p)))
