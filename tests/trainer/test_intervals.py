"""Intervals: what is drawn, that a draw's sums are those of its units, and Wilson's against its own equation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.intervals import (
    Bootstrap,
    basic_interval,
    bootstrap_units,
    distinct,
    percentile_interval,
    units_of,
    wilson_interval,
)


def test_every_draw_takes_as_many_units_as_there_are_and_the_same_seed_the_same_ones() -> None:
    units = units_of(np.array([7, 7, 3, 9, 3, 12]))
    draws = list(units.drawn(Bootstrap(20, 1)))
    assert units.count == 4 and all(counts.sum() == 4 for counts in draws)
    assert all(np.array_equal(a, b) for a, b in zip(draws, units.drawn(Bootstrap(20, 1)), strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(draws, units.drawn(Bootstrap(20, 2)), strict=True))


def test_one_unit_cannot_be_drawn_from() -> None:
    units = units_of(np.zeros(5, int))
    assert list(units.drawn(Bootstrap(20, 1))) == []
    assert units.drawn_sums(np.ones((2, 5)), Bootstrap(20, 1)).shape == (0, 2)
    assert math.isnan(percentile_interval(1.0, np.empty(0)).low)


def test_the_sums_of_a_draw_are_those_over_its_samples_as_often_as_their_unit_was_drawn() -> None:
    rng = np.random.default_rng(1)
    units, columns = units_of(rng.integers(0, 9, 60)), rng.normal(size=(3, 60))
    sums = units.drawn_sums(columns, Bootstrap(5, 3))
    for counts, row in zip(units.drawn(Bootstrap(5, 3)), sums, strict=True):
        assert row == pytest.approx(columns @ counts[units.of])


def test_hosts_stand_in_where_there_are_fewer_than_ten_cells() -> None:
    hosts = np.arange(40)
    assert bootstrap_units(hosts % 9, hosts)[1] == "host"
    units, name = bootstrap_units(hosts % 10, hosts)
    assert name == "cell" and np.array_equal(units, hosts % 10)


def test_the_basic_interval_is_the_percentiles_mirrored_at_the_value() -> None:
    drawn = np.linspace(1.0, 2.0, 1001)
    percentiles, basic = percentile_interval(1.2, drawn), basic_interval(1.2, drawn)
    assert (percentiles.low, percentiles.high) == pytest.approx((1.025, 1.975))
    assert (basic.low, basic.high) == pytest.approx((2.4 - 1.975, 2.4 - 1.025))


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_at_the_ends_of_wilsons_interval_the_share_is_just_two_sided_five_percent_away(n: int, share: float) -> None:
    interval = wilson_interval(share, n)
    assert 0 <= interval.low <= share <= interval.high <= 1
    for end in (interval.low, interval.high):
        if 0 < end < 1:
            assert (share - end) ** 2 == pytest.approx(1.959963984540054**2 * end * (1 - end) / n, rel=1e-6, abs=1e-12)


def test_none_of_twenty_may_still_be_a_sixth_and_none_of_none_is_unknown() -> None:
    interval = wilson_interval(0.0, 20)
    assert interval.low == 0 and interval.high == pytest.approx(0.1611, abs=1e-4)
    assert math.isnan(wilson_interval(0.0, 0).value)


def test_numbers_that_come_again_are_counted_once() -> None:
    assert distinct(np.array([5, 0, 5, 2, 0])) == 3 and distinct(np.empty(0, int)) == 0
