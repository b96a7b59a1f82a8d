"""Arcs scaled: the light is the control's plus so much of the arc, to a stated signal to noise, brightness or colour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.drawn_judges import DrawnJudge
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Table, Verdict
from trainer.model_gates.arc_sweeps import BRIGHTNESS, SNRS, arc_sweeps, colour_gate, fading_gate, faint_gate, scaled
from trainer.model_gates.judged_stamps import Pairs, Threshold

HOW = Chance(draws=40, seed=1)
THRESHOLD = Threshold(2.0, 0.1, 200)
FLUX = DrawnJudge(lambda images, metadata: images.sum((1, 2, 3), dtype=np.float64))


@pytest.fixture
def pairs(by_hand: Pairs) -> Pairs:
    """120 pairs of 12 cells without noise: hosts of 1, 4, 8 nMgy, arcs of 0.8, 1.6, 3.2."""
    control = np.zeros((4, 3, 16, 16), np.float32)
    control[:, :, 7:9, 7:9] = np.array([0.25, 1.0, 2.0], np.float32)[:, None, None]
    some = replace(by_hand, lens=control + np.where(np.abs(by_hand.arc) > 0.05, by_hand.arc, 0), control=control)
    many = some.of(np.arange(120) % 4)
    logits = {"lens_logits": FLUX.logits(many.lens, many.metadata), "control_logits": FLUX.logits(many.control, many.metadata)}
    return replace(many, units=np.arange(120) % 12, **logits)


def table(gate: Gate) -> Table:
    assert gate.evidence.table is not None
    return gate.evidence.table


def test_an_arc_scaled_by_one_is_the_lens_by_none_the_control_and_by_band_each_its_own(pairs: Pairs) -> None:
    np.testing.assert_allclose(scaled(pairs, np.array([[1.0]])), pairs.lens, atol=1e-6)
    np.testing.assert_array_equal(scaled(pairs, np.array([[0.0]])), pairs.control)
    bands = scaled(pairs, np.array([[2.0, 1.0, 0.0]])) - pairs.control
    np.testing.assert_allclose(bands.sum((2, 3))[0], [1.6, 1.6, 0], atol=1e-5)
    each = scaled(pairs, np.arange(120.0)[:, None]) - pairs.control
    np.testing.assert_allclose(each.sum((1, 2, 3)), 5.6 * np.arange(120), rtol=1e-5, atol=1e-5)
    assert bands.dtype == np.float32


def test_every_arc_is_brought_to_the_same_signal_to_noise(pairs: Pairs) -> None:
    gate = faint_gate(FLUX, pairs, THRESHOLD, HOW)
    assert gate.interval is not None
    kept = 1.0 / pairs.arc_snr
    assert gate.interval.value == pytest.approx(kept.mean(), rel=1e-4)  # all arcs have the same flux here
    assert [row[0] for row in table(gate).rows] == [f"{snr:g}" for snr in SNRS]
    assert gate.verdict is Verdict.PASS and len(gate.evidence.drawings) == 1
    assert "step kept 0.05 at 1," in gate.evidence.drawings[0].alt


def test_pairs_without_a_signal_to_noise_are_left_out_of_its_curve_alone(pairs: Pairs) -> None:
    unknown = replace(pairs, arc_snr=np.where(np.arange(120) < 10, np.nan, pairs.arc_snr))
    by_name = {gate.asked.name: gate for gate in arc_sweeps(FLUX, unknown, THRESHOLD, HOW)}
    assert {name: gate.behind.n_positive for name, gate in by_name.items()} == {
        "arc_snr_curve": 110,
        "arc_brightness": 120,
        "arc_colour": 120,
    }
    none = arc_sweeps(FLUX, replace(pairs, arc_snr=np.full(120, np.nan)), THRESHOLD, HOW)[0]
    assert (none.verdict, none.interval) == (Verdict.NOT_SUPPORTED, None)


def test_half_an_arc_makes_a_weaker_lens_to_one_that_reads_light_and_the_same_to_one_that_has_enough(pairs: Pairs) -> None:
    gate = fading_gate(FLUX, pairs, Threshold(13.0 + 0.75 * 5.6, 0.1, 200), HOW)
    assert gate.interval is not None and gate.interval.value == 1.0
    assert [float(row[1].split()[0]) for row in table(gate).rows] == pytest.approx(BRIGHTNESS, rel=1e-3)
    assert [float(row[2].split()[0]) for row in table(gate).rows] == [0, 0, 0, 1, 1, 1]  # called from three quarters on
    enough = DrawnJudge(lambda images, metadata: np.where(images[:, 1, 3, 5] > 0.01, 1.0, -1.0))
    lit = {"lens_logits": np.ones(120), "control_logits": -np.ones(120)}
    stubborn = fading_gate(enough, replace(pairs, **lit), THRESHOLD, HOW)
    assert stubborn.verdict is Verdict.FAIL and stubborn.interval is not None and stubborn.interval.value == 0.0


def test_an_arc_in_its_hosts_colours_keeps_its_r_flux(pairs: Pairs) -> None:
    seen: list[np.ndarray] = []

    def watch(images: np.ndarray, metadata: np.ndarray) -> np.ndarray:
        seen.append((images - pairs.control).sum((2, 3), dtype=np.float64)[0])
        return FLUX.logits(images, metadata)

    gate = colour_gate(DrawnJudge(watch), pairs, HOW)
    np.testing.assert_allclose(seen[0], [0.4, 1.6, 3.2], rtol=1e-4)  # the host is 1 : 4 : 8
    tilt = 10**0.2
    np.testing.assert_allclose(seen[1:], [[0.8 * tilt, 1.6, 3.2], [0.8 / tilt, 1.6, 3.2]], rtol=1e-4)
    assert gate.verdict is Verdict.CONFOUNDED and gate.interval is not None
    assert gate.interval.value == pytest.approx(5.2 / 5.6, rel=1e-4)
    assert [row[0] for row in table(gate).rows] == ["as the host", "0.5 mag bluer in g - r", "0.5 mag redder in g - r"]


def test_an_arc_without_light_in_a_band_keeps_the_colours_that_it_has(pairs: Pairs) -> None:
    lens = pairs.lens.copy()
    lens[:, 0] = pairs.control[:, 0]
    dark = replace(pairs, lens=lens)
    gate = colour_gate(FLUX, dark, HOW)
    assert gate.interval is not None and np.isfinite(gate.interval.value)
