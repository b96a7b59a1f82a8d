"""Reliability: known miscalibration is measured, noise is told from fault, and Bayes moves p to another prevalence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.calibration import at_prevalence, equal_count_bins, log_odds, reliability, sigmoid
from trainer.intervals import Bootstrap, units_of

HOW = Bootstrap(200, 1)


def calibrated(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn with the very p that the logits say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 2.0, n)
    return logits, (rng.random(n) < sigmoid(logits)).astype(int)


def test_the_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise", under="ignore"):
        assert sigmoid(np.array([-800.0, 0.0, 800.0])).tolist() == [0.0, 0.5, 1.0]


def test_ece_and_brier_are_those_of_their_definitions() -> None:
    logits, labels = calibrated(1500)
    table = reliability(logits, labels, units_of(np.arange(1500)), HOW)
    p, order = sigmoid(logits), np.argsort(logits)
    gaps = [abs(p[part].mean() - labels[part].mean()) for part in np.split(order, 15)]
    assert table.ece.value == pytest.approx(np.mean(gaps), abs=1e-12)
    assert table.brier.value == pytest.approx(((p - labels) ** 2).mean(), abs=1e-12)
    assert [b.n for b in table.bins] == [100] * 15
    for b, part in zip(table.bins, np.split(order, 15), strict=True):
        assert (b.first, b.last) == (logits[part].min(), logits[part].max())
        assert (b.mean_p, b.observed.value) == pytest.approx((p[part].mean(), labels[part].mean()))
        assert b.observed.low < b.observed.value < b.observed.high


def test_a_calibrated_network_shows_the_ece_that_its_noise_alone_makes() -> None:
    seen, said, low = [], [], []
    for seed in range(40):
        logits, labels = calibrated(900, seed)
        table = reliability(logits, labels, units_of(np.arange(900)), HOW)
        seen.append(table.ece.value)
        said.append(table.ece_if_calibrated)
        low.append(table.ece.low)
    assert np.mean(seen) == pytest.approx(np.mean(said), rel=0.05)
    assert np.median(low) < 0.005  # nothing speaks against an ECE of zero


def test_the_interval_of_a_faulty_ece_covers_its_true_value_about_as_often_as_it_says() -> None:
    truth_logits, truth_labels = calibrated(400_000, 99)
    truth = reliability(2 * truth_logits, truth_labels, units_of(np.zeros(400_000, int)), HOW).ece.value
    covered = 0
    for seed in range(60):
        logits, labels = calibrated(2000, seed)
        ece = reliability(2 * logits, labels, units_of(np.arange(2000)), HOW).ece
        covered += ece.low <= truth <= ece.high
    assert covered >= 52


def test_stamps_that_share_a_cell_widen_the_intervals() -> None:
    logits, labels = calibrated(100)
    copies = np.repeat(np.arange(100), 20)
    by_cell = reliability(logits[copies], labels[copies], units_of(copies), HOW).brier
    by_stamp = reliability(logits[copies], labels[copies], units_of(np.arange(2000)), HOW).brier
    assert by_cell.high - by_cell.low > 3 * (by_stamp.high - by_stamp.low)


def test_equal_logits_are_never_split_and_no_bin_is_empty() -> None:
    logits = np.repeat([-3.0, 0.0, 0.5, 2.0], [900, 50, 45, 5])
    bins = equal_count_bins(logits)
    assert all(len(set(bins[logits == value].tolist())) == 1 for value in np.unique(logits))
    assert (np.bincount(bins) > 0).all() and bins[0] == 0 and bins[-1] == bins.max()
    assert (np.diff(bins) >= 0).all()


@pytest.mark.parametrize(("n", "bins"), [(1, 1), (39, 1), (40, 2), (299, 14), (5000, 15)])
def test_few_stamps_make_few_bins(n: int, bins: int) -> None:
    assert equal_count_bins(np.arange(n, dtype=float)).max() + 1 == bins


def test_a_temperature_moves_p_and_leaves_the_bins() -> None:
    logits, labels = calibrated(600)
    before, after = (reliability(logits, labels, units_of(np.arange(600)), HOW, temperature=t) for t in (1.0, 2.0))
    assert [(b.n, b.first, b.observed) for b in before.bins] == [(b.n, b.first, b.observed) for b in after.bins]
    assert after.bins[-1].mean_p < before.bins[-1].mean_p


@given(st.floats(0.01, 0.99), st.floats(1e-5, 0.99), st.floats(-8, 8))
def test_moving_the_prevalence_is_bayes_and_moving_it_back_undoes_it(trained: float, wanted: float, logit: float) -> None:
    p = float(sigmoid(np.array(logit)))
    moved = float(at_prevalence(logit, trained, wanted))
    lens, other = p / trained * wanted, (1 - p) / (1 - trained) * (1 - wanted)
    assert moved == pytest.approx(lens / (lens + other), rel=1e-9)
    assert float(at_prevalence(log_odds(moved), wanted, trained)) == pytest.approx(p, rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_prevalence_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="wanted a share above 0 and below 1"):
        at_prevalence(0.0, 0.5, share)
