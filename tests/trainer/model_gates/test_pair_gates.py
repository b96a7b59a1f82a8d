"""Pixels moved between a lens and its control: which ones they are, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.drawn_judges import DrawnJudge
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Verdict
from trainer.model_gates.judged_stamps import Pairs
from trainer.model_gates.pair_gates import (
    ARC_SIGMA,
    SUPPRESSED,
    arc_pixels,
    core_pixels,
    has_core,
    kept_gate,
    mixed,
    pair_gates,
    shares_noise,
)

HOW = Chance(draws=40, seed=1)


def test_a_pixel_is_of_the_arc_where_any_band_exceeds_three_tenths_of_its_noise_either_way(by_hand: Pairs) -> None:
    where = arc_pixels(by_hand)
    assert where.shape == (4, 16, 16) and where.sum((1, 2)).tolist() == [8] * 4
    assert where[:, 3, 4:12].all()
    lens = by_hand.control.copy()
    step = ARC_SIGMA * by_hand.sky_sigma[0].astype(np.float32)
    lens[0, 0, 0, 0] += 1.1 * step[0]
    lens[1, 1, 1, 0] -= 1.1 * step[1]
    lens[2, 2, 2, 0] += 1.1 * step[2]
    lens[3, 0, 3, 0] += 0.9 * step[0]
    lens[3, 2, 3, 0] += 0.9 * step[2]
    found = arc_pixels(replace(by_hand, lens=lens))
    assert np.argwhere(found).tolist() == [[0, 0, 0], [1, 1, 0], [2, 2, 0]]


def test_pairs_whose_noise_is_not_the_same_are_told_apart_by_the_pixels_without_an_arc(by_hand: Pairs) -> None:
    assert shares_noise(by_hand).all()
    rng = np.random.default_rng(6)
    lens = by_hand.lens.copy()
    lens[1, 2] += rng.normal(0, 0.04, (16, 16)).astype(np.float32)  # as much noise as it has, in one band
    y, x = np.mgrid[:16, :16]
    lens[2] += (40 * np.exp(-((x - 8) ** 2 + (y - 7) ** 2) / 32) * 0.01).astype(np.float32)  # light over all of the stamp
    assert shares_noise(replace(by_hand, lens=lens)).tolist() == [True, False, True, True]


def test_a_few_pairs_of_other_noise_are_left_out_and_with_many_nothing_is_said(by_hand: Pairs) -> None:
    many = by_hand.of(np.arange(200) % 4)
    many = replace(many, units=np.arange(200) % 20)
    judge = DrawnJudge(lambda images, metadata: images[:, 1].sum((1, 2), dtype=np.float64))
    rng = np.random.default_rng(7)
    for apart, few in ((8, True), (12, False)):
        lens = many.lens.copy()
        lens[:apart] += rng.normal(0, 0.05, lens[:apart].shape).astype(np.float32)
        gate = pair_gates(judge, replace(many, lens=lens), HOW)[0]
        assert (gate.interval is not None) == few
        assert gate.behind.n_positive == (200 - apart if few else 200)
        if not few:
            assert gate.why.startswith("12 of 200 lenses have other noise than their controls where no arc is")


def test_a_core_is_what_lies_a_psf_width_within_the_einstein_radius_where_that_is_wide_enough(by_hand: Pairs) -> None:
    assert has_core(by_hand).tolist() == [False, False, True, True]  # 1.0, 1.5, 2.0, 2.5 against 1.5 * 1.2 arcsec
    core = core_pixels(by_hand)
    assert core[0].sum() == 0
    # (2.0 - 1.2) / 0.262 = 3.05 pixels about (x 8, y 7.5): rows at 0.5, 1.5, 2.5 on either side
    widths = [len([x for x in range(16) if np.hypot(x - 8, y - 7.5) < 3.0534]) for y in range(16)]
    assert core[2].sum(axis=1).tolist() == widths and sum(widths) == 2 * (7 + 5 + 3)
    assert np.argwhere(core[2].any(axis=0)).ravel().tolist() == [5, 6, 7, 8, 9, 10, 11]


def test_pixels_are_exchanged_in_all_bands_and_nowhere_else(by_hand: Pairs) -> None:
    where = arc_pixels(by_hand)
    np.testing.assert_array_equal(mixed(by_hand.lens, by_hand.control, where), by_hand.control)
    np.testing.assert_array_equal(mixed(by_hand.control, by_hand.lens, where), by_hand.lens)
    half = mixed(by_hand.lens, by_hand.control, where & (np.arange(16) < 8))
    np.testing.assert_array_equal(half[:, :, 3, 4:8], by_hand.control[:, :, 3, 4:8])
    np.testing.assert_array_equal(half[:, :, 3, 8:12], by_hand.lens[:, :, 3, 8:12])
    assert half.dtype == np.float32


@pytest.mark.parametrize(("share", "verdict"), [(0.0, Verdict.PASS), (0.5, Verdict.FAIL)])
def test_a_gate_shows_the_scores_of_lenses_controls_and_changed_images(by_hand: Pairs, share: float, verdict: Verdict) -> None:
    judge = DrawnJudge(lambda images, metadata: images.sum((1, 2, 3), dtype=np.float64))
    pairs = by_hand.of(np.arange(120) % 4)
    pairs = replace(pairs, units=np.arange(120) % 12, lens_logits=judge.logits(pairs.lens, pairs.metadata))
    pairs = replace(pairs, control_logits=judge.logits(pairs.control, pairs.metadata))
    gate = kept_gate(SUPPRESSED, judge, pairs, lambda some: some.control + np.float32(share) * some.arc, HOW)
    assert gate.verdict is verdict and gate.interval is not None
    assert gate.interval.value == pytest.approx(share, abs=1e-5)
    assert list(gate.evidence.series) == ["lens", "control", "changed"]
    np.testing.assert_allclose(gate.evidence.series["lens"], pairs.lens_logits)
    assert (gate.behind.n_positive, gate.behind.n_units, gate.behind.unit) == (120, 12, "cell")
