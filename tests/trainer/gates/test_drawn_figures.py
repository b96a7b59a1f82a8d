"""Figures of which the answer is known, and intervals that hold it as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import (
    difference_of_shares,
    mean_interval,
    median_interval,
    of_several,
    ratio_of_means,
    standardised_difference,
)
from trainer.intervals import Interval, wilson_interval

HOW = Chance(draws=200, seed=3)
N = 900
UNITS = np.arange(N) // 3
LENS = np.arange(N) % 2 == 0


def test_values_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).lognormal(size=N)
    assert median_interval(values, UNITS, HOW).value == np.median(values)
    assert mean_interval(values, UNITS, HOW).value == pytest.approx(values.mean())
    assert ratio_of_means(values, LENS, UNITS, HOW).value == pytest.approx(values[LENS].mean() / values[~LENS].mean())
    scatter = np.sqrt((values[LENS].var() + values[~LENS].var()) / 2)
    expected = (values[LENS].mean() - values[~LENS].mean()) / scatter
    assert standardised_difference(values, LENS, UNITS, HOW).value == pytest.approx(expected)


def test_nineteen_intervals_in_twenty_hold_the_truth() -> None:
    held = np.zeros(4)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        shared = rng.normal(size=N // 3)[UNITS]  # stamps of a unit resemble each other
        values = 5 + shared + rng.normal(size=N)
        found = [median_interval(values, UNITS, HOW), mean_interval(values, UNITS, HOW)]
        found += [ratio_of_means(values, LENS, UNITS, HOW), standardised_difference(values, LENS, UNITS, HOW)]
        held += [i.low <= truth <= i.high for i, truth in zip(found, (5, 5, 1, 0), strict=True)]
    assert held.min() >= 89


def test_a_quantity_that_is_constant_in_each_class_and_differs_is_a_large_difference_and_one_that_does_not_is_none() -> None:
    assert standardised_difference(np.where(LENS, 23.9, 24.0), LENS, UNITS, HOW).high < -100
    same = standardised_difference(np.full(N, 23.9), LENS, UNITS, HOW)
    assert (same.low, same.value, same.high) == pytest.approx((0, 0, 0), abs=1e-6)


def test_a_difference_of_shares_is_never_sure_of_nothing_found() -> None:
    none = difference_of_shares(0, 200, 0, 400)
    assert none == Interval(0.0, -wilson_interval(0, 400).high, wilson_interval(0, 200).high)
    assert difference_of_shares(200, 200, 0, 400).low > 0.97
    newcombe = difference_of_shares(56, 70, 48, 80)  # Newcombe 1998, table II, example a, method 10
    assert (newcombe.value, newcombe.low, newcombe.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_intervals_of_several_figures_are_wider_and_keep_their_value() -> None:
    one = Interval(1.0, 0.9, 1.2)
    assert of_several(one, 1) == one
    twenty = of_several(one, 20)
    assert (twenty.value, twenty.low, twenty.high) == pytest.approx((1.0, 1 - 0.1 * 1.5424, 1 + 0.2 * 1.5424), abs=1e-4)
