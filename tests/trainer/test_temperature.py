"""The temperature: found where it was planted, a minimum of the cross-entropy, and none where none is best."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.test_calibration import HOW, calibrated
from trainer.calibration import reliability
from trainer.intervals import Bootstrap, units_of
from trainer.temperature import LARGEST, SMALLEST, best_temperature, fit_temperature


def cross_entropy(logits: np.ndarray, labels: np.ndarray, temperature: float) -> float:
    scaled = logits / temperature
    return float(np.mean(np.logaddexp(0, scaled) - labels * scaled))


@pytest.mark.parametrize("planted", [0.05, 0.4, 1.0, 2.5, 40.0])
def test_a_planted_temperature_is_found_with_its_interval(planted: float) -> None:
    logits, labels = calibrated(3000)
    found = fit_temperature(planted * logits, labels, units_of(np.arange(3000)), HOW)
    assert found.interval is not None and found.why is None
    assert found.interval.low < planted < found.interval.high
    assert found.interval.high - found.interval.low < 0.3 * planted


def test_no_other_temperature_has_a_smaller_cross_entropy() -> None:
    logits, labels = calibrated(500)
    best = best_temperature(2 * logits, labels, np.ones(500))
    least = cross_entropy(2 * logits, labels, best)
    assert all(cross_entropy(2 * logits, labels, best * factor) > least for factor in (0.5, 0.99, 1.01, 2.0))


def test_a_weight_of_three_is_three_samples() -> None:
    logits, labels = calibrated(200)
    weights = np.random.default_rng(2).integers(0, 4, 200).astype(float)
    copies = np.repeat(np.arange(200), weights.astype(int))
    alone = best_temperature(logits, labels, weights)
    assert alone == pytest.approx(best_temperature(logits[copies], labels[copies], np.ones(len(copies))), rel=1e-9)


def test_it_mends_the_calibration_of_other_samples() -> None:
    units = units_of(np.arange(4000))
    logits, labels = calibrated(4000, 1)
    found = fit_temperature(3 * logits, labels, units, HOW)
    assert found.interval is not None
    others, truth = calibrated(4000, 2)
    before = reliability(3 * others, truth, units, HOW).ece
    after = reliability(3 * others, truth, units, HOW, temperature=found.interval.value).ece
    assert before.low > 0.05 and after.value < 0.03 < before.low


def test_logits_that_part_the_classes_or_say_nothing_of_them_have_none() -> None:
    labels = np.arange(100) % 2
    units = units_of(np.arange(100))
    for logits, why in (
        (4.0 * labels - 2, "part lenses and negatives at zero without fault"),
        (2 - 4.0 * labels, "larger logits do not mean more lenses"),
        (np.zeros(100), "larger logits do not mean more lenses"),
    ):
        found = fit_temperature(logits, labels, units, HOW)
        assert found.interval is None and found.why is not None and why in found.why
    assert best_temperature(4.0 * labels - 2, labels, np.ones(100)) == SMALLEST
    assert best_temperature(2 - 4.0 * labels, labels, np.ones(100)) == LARGEST


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_none_and_says_why(label: int) -> None:
    found = fit_temperature(np.arange(5.0), np.full(5, label), units_of(np.arange(5)), HOW)
    assert (found.interval, found.why) == (None, f"{5 * label} lenses and {5 - 5 * label} negatives; wanted some of both")


def test_an_interval_is_open_where_draws_have_no_best_temperature() -> None:
    """One lens of twenty is on the wrong side: every third draw misses it, and parts the classes without fault."""
    labels = np.arange(40) % 2
    logits = 4.0 * labels - 2
    logits[1] = -0.5
    found = fit_temperature(logits, labels, units_of(np.arange(40)), Bootstrap(400, 1))
    assert found.interval is not None
    assert np.isnan(found.interval.low) and found.interval.high > found.interval.value


def test_rounding_the_logits_of_draws_changes_nothing_that_shows() -> None:
    logits, labels = calibrated(2000)
    units = units_of(np.arange(2000) // 10)
    found = fit_temperature(logits, labels, units, Bootstrap(60, 1))
    exact = [best_temperature(logits, labels, counts[units.of].astype(float)) for counts in units.drawn(Bootstrap(60, 1))]
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(np.percentile(exact, (2.5, 97.5)).tolist(), rel=1e-4)
