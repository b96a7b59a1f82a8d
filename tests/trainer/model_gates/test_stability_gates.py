"""What no lens depends on is changed as it is said: turned, moved, blurred with the noise as before, told other conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from schemas.survey import PIXEL_SCALE_ARCSEC
from tests.trainer.drawn_judges import DrawnJudge
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict
from trainer.model_gates.judged_stamps import Pairs
from trainer.model_gates.stability_gates import WIDER, blurred, metadata_gate, orientation_gate, seeing_gate, sub_pixel_gate

HOW = Chance(draws=40, seed=1)
FWHM = math.sqrt(8 * math.log(2))


def star(sigma_pix: float, size: int = 33) -> np.ndarray:
    """A Gaussian of flux one in the middle."""
    r2 = (np.arange(size) - size // 2) ** 2
    one = np.exp(-r2 / (2 * sigma_pix**2))
    return np.outer(one, one) / one.sum() ** 2


def pairs_with(by_hand: Pairs, lens: np.ndarray, control: np.ndarray, judge: DrawnJudge | None = None) -> Pairs:
    """120 pairs of 12 cells, all alike in their pixels, with what the judge says of them."""
    some = by_hand.of(np.arange(120) % 4)
    rng = np.random.default_rng(8)
    lenses, controls = (np.broadcast_to(image, (120, 3, *image.shape[-2:])).astype(np.float32) for image in (lens, control))
    pairs = replace(some, lens=lenses, control=controls, units=np.arange(120) % 12, metadata=rng.normal(0, 1, (120, 2)))
    if judge is None:
        return pairs
    told = {"lens_logits": judge.logits(lenses, pairs.metadata), "control_logits": judge.logits(controls, pairs.metadata)}
    return replace(pairs, **told)


def figure(gate: Gate) -> float:
    assert gate.interval is not None, gate.why
    return gate.interval.value


def test_blurring_keeps_the_flux_and_widens_the_psf_by_its_factor(by_hand: Pairs) -> None:
    fwhm = 1.2
    sigma = fwhm / FWHM / PIXEL_SCALE_ARCSEC
    pairs = pairs_with(by_hand, star(sigma), np.zeros((33, 33)))
    pairs = replace(pairs, sky_sigma=np.zeros((120, 3)), fwhm_arcsec=np.full((120, 3), fwhm))
    lens, control = blurred(pairs, seed=1)
    assert lens.dtype == np.float32 and not control.any()
    np.testing.assert_allclose(lens.sum((2, 3)), 1, atol=1e-4)
    x = np.arange(33) - 16
    width = np.sqrt((lens[0, 1] * x**2).sum() / lens[0, 1].sum())
    assert width == pytest.approx(WIDER * sigma, rel=2e-3)


def test_the_noise_that_blurring_takes_is_put_back_in_each_band_and_is_the_same_in_lens_and_control(by_hand: Pairs) -> None:
    rng = np.random.default_rng(3)
    sigma = np.array([0.01, 0.02, 0.04])
    control = rng.standard_normal((120, 3, 33, 33)) * sigma[:, None, None]
    pairs = pairs_with(by_hand, control + star(2.0), control)
    lens, after = blurred(pairs, seed=1)
    np.testing.assert_allclose(after.std((0, 2, 3)), sigma, rtol=0.01)
    quiet = replace(pairs, sky_sigma=np.zeros((120, 3)))
    bare = [lens - after for lens, after in (blurred(pairs, 1), blurred(quiet, 1))]
    np.testing.assert_allclose(*bare, atol=1e-6)  # nothing of the noise is left in the difference
    assert blurred(quiet, 1)[1].std((0, 2, 3))[1] < 0.8 * sigma[1]
    np.testing.assert_array_equal(lens, blurred(pairs, 1)[0])
    assert not np.array_equal(lens, blurred(pairs, 2)[0])


def test_the_step_under_worse_seeing_is_compared_with_the_step_as_it_was(by_hand: Pairs) -> None:
    peak = DrawnJudge(lambda images, metadata: images[:, 1, 16, 16].astype(np.float64))
    sigma = 1.2 / FWHM / PIXEL_SCALE_ARCSEC
    pairs = pairs_with(by_hand, star(sigma), np.zeros((33, 33)), peak)
    pairs = replace(pairs, fwhm_arcsec=np.full((120, 3), 1.2))
    gate = seeing_gate(peak, pairs, HOW)
    assert figure(gate) == pytest.approx(1 / WIDER**2, rel=2e-3)  # the peak of a star falls with its area
    flux = DrawnJudge(lambda images, metadata: images.sum((1, 2, 3), dtype=np.float64))
    whole = seeing_gate(flux, pairs_with(by_hand, star(sigma), np.zeros((33, 33)), flux), HOW)
    assert (whole.verdict, figure(whole)) == (Verdict.PASS, pytest.approx(1, abs=1e-3))


@pytest.mark.parametrize("gate", [orientation_gate, sub_pixel_gate])
def test_what_does_not_move_the_answer_has_no_scatter(by_hand: Pairs, gate: Callable[..., Gate]) -> None:
    flux = DrawnJudge(lambda images, metadata: images.sum((1, 2, 3), dtype=np.float64))
    found = gate(flux, pairs_with(by_hand, star(2.0), np.zeros((33, 33)), flux), HOW)
    assert (found.verdict, figure(found)) == (Verdict.PASS, pytest.approx(0, abs=1e-3))


def test_the_scatter_over_eight_orientations_is_that_of_their_answers_over_the_step(by_hand: Pairs) -> None:
    corner = DrawnJudge(lambda images, metadata: images[:, 1, 0, 0].astype(np.float64))
    lens = np.zeros((33, 33))
    lens[0, 0] = 1.0  # two of eight orientations bring it back
    gate = orientation_gate(corner, pairs_with(by_hand, lens, np.zeros((33, 33)), corner), HOW)
    alone = np.var([1, 1, 0, 0, 0, 0, 0, 0], ddof=1)
    assert figure(gate) == pytest.approx(math.sqrt(alone / 2))  # lenses scatter, controls do not
    assert gate.verdict is Verdict.FAIL
    table = gate.evidence.table
    assert table is not None and [row[0] for row in table.rows] == ["lenses", "controls"]
    np.testing.assert_allclose(gate.evidence.series["lenses"], math.sqrt(alone))
    np.testing.assert_allclose(gate.evidence.series["controls"], 0)


def test_a_half_pixel_is_half_a_pixel_along_x_along_y_and_along_both(by_hand: Pairs) -> None:
    axis = np.arange(33)

    def place(images: np.ndarray, metadata: np.ndarray) -> np.ndarray:
        light = images[:, 1].astype(np.float64)
        return np.asarray(10 * light.sum((1, 2)) + (light * (axis + 3 * axis[:, None])).sum((1, 2)))

    judge = DrawnJudge(place)
    pairs = pairs_with(by_hand, star(2.0), np.zeros((33, 33)), judge)
    gate = sub_pixel_gate(judge, pairs, HOW)
    moved = np.var([0, 0.5, 1.5, 2.0], ddof=1)  # by x + 3 y
    assert figure(gate) == pytest.approx(math.sqrt(moved / 2) / pairs.gap[0], rel=1e-3)


def test_conditions_are_those_of_another_pair_for_lens_and_control_alike(by_hand: Pairs) -> None:
    told = DrawnJudge(lambda images, metadata: images[:, 1, 16, 16] + metadata[:, 0], ("a", "b"))
    pairs = pairs_with(by_hand, 40 * star(1.0), np.zeros((33, 33)), told)
    gate = metadata_gate(told, pairs, HOW)
    change = gate.evidence.series["lens"]
    np.testing.assert_allclose(change, gate.evidence.series["control"], atol=1e-6)
    np.testing.assert_allclose(np.sort(change + pairs.metadata[:, 0]), np.sort(pairs.metadata[:, 0]), atol=1e-6)
    assert figure(gate) == pytest.approx(math.sqrt((change**2).mean()) / pairs.gap.mean(), rel=1e-6)
    assert np.count_nonzero(change == 0) < 10


def test_where_conditions_are_none_or_all_alike_the_gate_says_so(by_hand: Pairs) -> None:
    flux = DrawnJudge(lambda images, metadata: images.sum((1, 2, 3), dtype=np.float64))
    pairs = pairs_with(by_hand, star(2.0), np.zeros((33, 33)), flux)
    assert metadata_gate(flux, pairs, HOW).why == "the network was told no conditions"
    told = DrawnJudge(flux.read, ("a", "b"))
    gate = metadata_gate(told, replace(pairs, metadata=np.ones((120, 2))), HOW)
    assert (gate.verdict, gate.interval, gate.why) == (Verdict.NOT_SUPPORTED, None, "all pairs have the same conditions")
