"""Values of a set and of two: what they are without chance, what their intervals are made of, and who takes no part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import Cause
from trainer.autopsies.findings import Finding, Part, number
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.set_draws import mean_of, median_of, of_both
from trainer.gates.class_scores import Chance
from trainer.intervals import Interval
from trainer.judge import Numbers

HOW = Chance(draws=200, seed=5)


def values(key: int, count: int = 80) -> Numbers:
    return np.random.default_rng([9, key]).normal(3, 1, count)


def named(name: str, count: int = 80) -> ImageSet:
    of = drawn_set(name, Cause(), count=1).of(np.zeros(count, np.int64))
    return replace(of, units=np.arange(count))


def test_mean_and_median_are_numpys_and_lie_in_intervals_as_wide_as_theory_says() -> None:
    x, of = values(1), named("one")
    mean, median = mean_of(x, of, HOW), median_of(x, of, HOW)
    assert mean.value == pytest.approx(x.mean()) and median.value == pytest.approx(np.median(x))
    assert mean.interval.high - mean.interval.low == pytest.approx(2 * 1.96 * x.std() / np.sqrt(80), rel=0.2)
    assert median.interval.low < median.value < median.interval.high


def test_what_is_not_finite_takes_no_part_and_is_not_counted() -> None:
    x = values(2)
    holed = x.copy()
    holed[:30] = [np.nan, np.inf, -np.inf] * 10
    for statistic, plain in ((mean_of, np.mean), (median_of, np.median)):
        seen = statistic(holed, named("one"), HOW)
        assert seen.value == pytest.approx(plain(x[30:])) and seen.n == seen.n_units == 50
        nothing = statistic(np.full(80, np.nan), named("one"), HOW)
        assert np.isnan(nothing.value) and nothing.n == 0 and np.isnan(nothing.interval.low)


def test_the_ratio_of_a_set_to_itself_under_another_name_is_one_with_an_interval_of_both() -> None:
    x = values(3)
    one, other = mean_of(x, named("one"), HOW), mean_of(x, named("other"), HOW)
    ratio = of_both(one, other, np.divide)
    assert ratio.value == 1 and ratio.n == 160
    both = np.hypot(*(np.std(drawn.draws) for drawn in (one, other))) / x.mean()
    assert np.std(ratio.draws) == pytest.approx(both, rel=0.2)


def test_two_sets_of_the_same_length_are_not_drawn_alike_and_one_set_is_always_drawn_alike() -> None:
    x = values(4)
    one, other = mean_of(x, named("one"), HOW), mean_of(x, named("other"), HOW)
    assert abs(np.corrcoef(one.draws, other.draws)[0, 1]) < 0.3
    np.testing.assert_array_equal(one.draws, mean_of(x, named("one"), HOW).draws)


def test_a_single_unit_gives_a_value_and_no_interval() -> None:
    of = replace(named("one"), units=np.zeros(80, np.int64), unit="host")
    seen = median_of(values(5), of, HOW)
    assert np.isfinite(seen.value) and np.isnan(seen.interval.low) and seen.n_units == 1
    assert seen.finding("x", "x").as_json()["low"] is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0878, "0.0878"),
        (0.0, "0"),
        (1.0, "1.00"),
        (-0.02, "-0.0200"),
        (173.0, "173"),
        (3.2e-5, "3.20e-05"),
        (np.inf, "beyond"),
    ],
)
def test_a_number_shows_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_a_part_as_json_holds_no_nan_and_keeps_objects_units_and_the_failed_figure() -> None:
    nothing = Finding("a", "A", Interval(np.nan, np.nan, np.nan), 0, 0, "object")
    figure = Finding("b", "B", Interval(1.0, 0.5, 2.0), 40, 12, "cell", "0.225")
    seen = Part("k", "K", "told", [nothing, figure]).as_json()["findings"]
    assert seen[0]["value"] is None and nothing.text == "not measurable"
    assert (seen[1]["low"], seen[1]["high"], seen[1]["n"], seen[1]["n_units"]) == (0.5, 2.0, 40, 12)
    assert seen[1]["failed_experiment"] == "0.225" and figure.objects == "40 in 12 cells"
    assert figure.text == "1.00 (0.500 to 2.00)"
