"""Figures of merit: ties, one class, thresholds, and intervals that are as wide as the cells make them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trainer.metrics import (
    WeightedRoc,
    area_under_roc,
    bootstrap_units,
    rates_and_intervals,
    thinned_curve,
)


def drawn(n: int, shift: float, seed: int = 1, decimals: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    return np.round(rng.normal(size=n) + shift * labels, decimals), labels


def pairs_won(scores: np.ndarray, labels: np.ndarray) -> float:
    """AUC from its definition: lenses above negatives, ties half."""
    difference = scores[labels == 1][:, None] - scores[labels == 0][None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def test_auc_is_the_share_of_pairs_won_with_ties_counted_half() -> None:
    scores, labels = drawn(300, 1.0, decimals=0)
    assert area_under_roc(scores, labels) == pytest.approx(pairs_won(scores, labels), abs=1e-12)
    assert area_under_roc(np.zeros(10), np.array([0, 1] * 5)) == 0.5


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_has_no_auc_and_never_a_half(label: int) -> None:
    assert np.isnan(area_under_roc(np.arange(5.0), np.full(5, label)))
    assert np.isnan(area_under_roc(np.empty(0), np.empty(0, int)))


@given(st.integers(0, 2**32 - 1))
def test_the_weighted_roc_agrees_with_scikit_learn_for_any_weights_and_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 6, 40).astype(float), np.arange(40) % 2
    weights = rng.integers(0, 4, 40).astype(float)
    weights[:2] = 1
    fpr, tpr = WeightedRoc(scores, labels).curve(weights)
    assert np.trapezoid(tpr, fpr) == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)


def test_no_more_than_the_wanted_share_of_negatives_is_called_a_lens() -> None:
    scores, labels = drawn(20_000, 2.0, decimals=1)
    _, rates = rates_and_intervals(scores, labels, np.arange(20_000), draws=2, seed=1)
    for rate in rates:
        found = scores >= rate.threshold
        assert found[labels == 0].mean() <= rate.fpr
        assert found[labels == 1].mean() == pytest.approx(rate.rate.value)
        assert (scores >= rate.threshold - 0.1)[labels == 0].mean() > rate.fpr  # one step lower would be too many


def test_a_negative_on_top_leaves_nothing_to_find_at_a_rate_below_one_negative() -> None:
    scores, labels = np.array([3.0, 2.0, 1.0, 0.0]), np.array([0, 1, 1, 0])
    _, rates = rates_and_intervals(scores, labels, np.arange(4), draws=5, seed=1)
    assert rates[0].rate.value == 0 and rates[0].threshold == float("inf")


@pytest.mark.parametrize(("negatives", "supported"), [(999, False), (1000, True)])
def test_a_rate_is_supported_from_ten_expected_false_positives_on(negatives: int, supported: bool) -> None:
    labels = np.array([1] * 50 + [0] * negatives)
    _, rates = rates_and_intervals(np.arange(len(labels), dtype=float), labels, np.arange(len(labels)), draws=2, seed=1)
    assert rates[0].supported is supported and rates[0].n_negative == negatives
    assert not rates[1].supported


def test_the_interval_covers_the_true_auc_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        scores, labels = drawn(200, 1.0, seed)
        auc, _ = rates_and_intervals(scores, labels, np.arange(200), draws=200, seed=seed)
        covered += auc.low <= 0.76025 <= auc.high  # Phi(1 / sqrt 2)
    assert covered >= 50


def test_samples_that_share_a_cell_widen_the_interval() -> None:
    scores, labels = drawn(100, 1.0)
    copies = np.repeat(np.arange(100), 20)
    by_cell, _ = rates_and_intervals(scores[copies], labels[copies], copies, draws=300, seed=1)
    by_sample, _ = rates_and_intervals(scores[copies], labels[copies], np.arange(2000), draws=300, seed=1)
    assert by_cell.high - by_cell.low > 3 * (by_sample.high - by_sample.low)


def test_one_cell_gives_a_value_and_no_interval() -> None:
    scores, labels = drawn(100, 1.0)
    auc, rates = rates_and_intervals(scores, labels, np.zeros(100, int), draws=50, seed=1)
    assert np.isfinite(auc.value) and np.isnan(auc.low) and np.isnan(rates[0].rate.high)


def test_hosts_stand_in_where_there_are_fewer_than_ten_cells() -> None:
    hosts = np.arange(40)
    assert bootstrap_units(hosts % 9, hosts)[1] == "host"
    units, name = bootstrap_units(hosts % 10, hosts)
    assert name == "cell" and np.array_equal(units, hosts % 10)


def test_the_thinned_curve_keeps_the_ends_and_the_area() -> None:
    scores, labels = drawn(30_000, 1.5)
    fpr, tpr = thinned_curve(scores, labels)
    assert len(fpr) <= 410 and (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(area_under_roc(scores, labels), abs=2e-3)
