"""Figures of merit: ties, one class, thresholds, and intervals that are as wide as the cells make them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from trainer.metrics import FALSE_POSITIVE_RATES, WeightedRoc, area_under_roc, rate_at_fpr, rates_and_intervals, thinned_curve


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


@given(st.integers(0, 2**32 - 1))
def test_area_and_rates_are_those_of_the_curve_for_any_weights_and_ties_within_and_across_the_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 5, 40).astype(float), rng.permutation(np.arange(40) % 2)
    weights = rng.integers(0, 4, 40).astype(float)
    weights[[np.argmax(labels), np.argmin(labels)]] = 1
    roc, rates = WeightedRoc(scores, labels), (0.0, 0.05, 0.3, 0.7, 1.0)
    area, found = roc.area_and_rates(weights[roc.positive], weights[roc.negative], rates)
    assert area == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)
    lenses, others = weights * labels, weights * (1 - labels)
    for rate, share in zip(rates, found, strict=True):
        within = [t for t in np.append(np.unique(scores), np.inf) if others[scores >= t].sum() <= rate * others.sum() + 1e-9]
        assert share == pytest.approx(lenses[scores >= min(within)].sum() / lenses.sum(), abs=1e-12)


@pytest.mark.parametrize("rate", FALSE_POSITIVE_RATES)
def test_a_tie_across_the_classes_is_taken_whole_or_left_whole(rate: float) -> None:
    """A tenth of the negatives and half of the lenses share the highest score but one: above it only lenses stand."""
    scores = np.array([3.0] * 20 + [2.0] * 40 + [0.0] * 20 + [2.0] * 101 + [0.0] * 899)
    labels = np.array([1] * 80 + [0] * 1000)
    _, (found,) = rates_and_intervals(scores, labels, np.arange(1080), draws=2, seed=1, false_positive_rates=(rate,))
    assert (found.rate.value, found.threshold) == (0.25, 3.0)
    scores[80] = 0.0  # now exactly a tenth shares it
    _, (found,) = rates_and_intervals(scores, labels, np.arange(1080), draws=2, seed=1, false_positive_rates=(rate,))
    assert (found.rate.value, found.threshold) == ((0.75, 2.0) if rate == 0.1 else (0.25, 3.0))


def test_where_all_scores_are_equal_nothing_is_found_below_a_rate_of_one() -> None:
    scores, labels = np.zeros(2000), np.arange(2000) % 2
    auc, rates = rates_and_intervals(scores, labels, np.arange(2000), draws=5, seed=1)
    assert auc.value == 0.5 and all(rate.rate.value == 0 and rate.threshold == float("inf") for rate in rates)
    _, (all_found,) = rates_and_intervals(scores, labels, np.arange(2000), draws=5, seed=1, false_positive_rates=(1.0,))
    assert (all_found.rate.value, all_found.threshold) == (1.0, 0.0)


def test_the_quick_rate_is_that_of_the_full_figures() -> None:
    scores, labels = drawn(5000, 1.5, decimals=1)
    _, rates = rates_and_intervals(scores, labels, np.arange(5000), draws=2, seed=1)
    assert [rate_at_fpr(scores, labels, rate.fpr) for rate in rates] == [rate.rate.value for rate in rates]


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
    assert all(rate.rate.value == 0 and rate.threshold == float("inf") for rate in rates)


@pytest.mark.parametrize("place", range(4))
def test_a_rate_is_supported_from_ten_expected_false_positives_on_and_compared_from_a_hundred_on(place: int) -> None:
    fewest = 10 ** (place + 2)  # 100 negatives for a rate of 0.1, a hundred thousand for 1e-4
    for negatives, supported, comparable in ((fewest - 1, False, False), (fewest, True, False), (10 * fewest, True, True)):
        labels = np.array([1] * 50 + [0] * negatives)
        _, rates = rates_and_intervals(np.arange(len(labels), dtype=float), labels, np.zeros(len(labels), int), draws=1, seed=1)
        assert rates[place].n_negative == negatives
        assert (rates[place].supported, rates[place].comparable) == (supported, comparable)


def test_pixels_that_are_scored_again_support_nothing_more() -> None:
    labels = np.array([1] * 50 + [0] * 2000)
    objects = np.append(np.arange(50), 50 + np.arange(2000) // 20)
    scores = np.random.default_rng(1).normal(size=len(labels))
    _, rates = rates_and_intervals(scores, labels, np.arange(len(labels)), draws=2, seed=1, objects=objects)
    assert [rate.n_negative for rate in rates] == [100] * 4
    assert [rate.supported for rate in rates] == [True, False, False, False]


def test_the_interval_covers_the_true_auc_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        scores, labels = drawn(200, 1.0, seed)
        auc, _ = rates_and_intervals(scores, labels, np.arange(200), draws=200, seed=seed)
        covered += auc.low <= 0.76025 <= auc.high  # Phi(1 / sqrt 2)
    assert covered >= 50


def test_both_classes_are_drawn_so_few_lenses_leave_a_rate_uncertain_and_so_do_few_negatives() -> None:
    """With a hundred of one class the share above the threshold scatters as one of a hundred does, or its threshold does."""
    rng = np.random.default_rng(4)
    for lenses, negatives in ((100, 20_000), (20_000, 100)):
        labels = np.array([1] * lenses + [0] * negatives)
        scores = rng.normal(size=len(labels)) + 1.2816 * labels  # half of the lenses above a tenth of the negatives
        _, (rate, *_) = rates_and_intervals(scores, labels, np.arange(len(labels)), draws=200, seed=1)
        spread = (rate.rate.high - rate.rate.low) / (2 * 1.96)
        density = 1.0 if lenses == 100 else 0.3989 / 0.1755  # of lenses over negatives at the threshold
        wanted = np.sqrt((0.5 * 0.5 if lenses == 100 else 0.1 * 0.9) / 100) * density
        assert wanted / 2 < spread < 2 * wanted


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


def test_the_thinned_curve_keeps_the_ends_and_the_area() -> None:
    scores, labels = drawn(30_000, 1.5)
    fpr, tpr = thinned_curve(scores, labels)
    assert len(fpr) <= 410 and (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(tpr, fpr) == pytest.approx(area_under_roc(scores, labels), abs=2e-3)
