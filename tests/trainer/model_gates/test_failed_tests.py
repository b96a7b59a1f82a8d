"""The failed experiment's own tests, as it made them: circles about the middle pixel, and pixels from beyond them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.drawn_judges import DrawnJudge
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Verdict
from trainer.model_gates.failed_tests import core_masked, ring_replaced
from trainer.model_gates.judged_stamps import Pairs

HOW = Chance(draws=40, seed=1)
SIZE = 64
R = np.hypot(*(np.mgrid[:SIZE, :SIZE] - SIZE // 2))


def stamps(by_hand: Pairs, arc_at_pix: float, judge: DrawnJudge) -> Pairs:
    """120 pairs: a sky of 0.5, a core, and a thin bright ring in the lenses."""
    control = np.broadcast_to(0.5 + 2.0 * (R < 3), (120, 3, SIZE, SIZE)).astype(np.float32)
    lens = control + (np.abs(R - arc_at_pix) < 0.5).astype(np.float32)
    pairs = replace(by_hand.of(np.arange(120) % 4), lens=lens, control=control, units=np.arange(120) % 12)
    logits = {"lens_logits": judge.logits(lens, pairs.metadata), "control_logits": judge.logits(control, pairs.metadata)}
    return replace(pairs, **logits)


FLUX = DrawnJudge(lambda images, metadata: images[:, 1].sum((1, 2), dtype=np.float64) / 100)


@pytest.mark.parametrize(("at", "kept"), [(3.0, [0, 0, 0]), (6.0, [1, 0, 0]), (9.0, [1, 1, 0]), (20.0, [1, 1, 1])])
def test_a_hole_keeps_what_lies_outside_it_and_says_how_much_of_the_arc_it_holds(
    by_hand: Pairs, at: float, kept: list[float]
) -> None:
    gate = core_masked(FLUX, stamps(by_hand, at, FLUX), HOW)
    assert gate.verdict is Verdict.CONFOUNDED and gate.interval is not None
    table = gate.evidence.table
    assert table is not None and [row[0] for row in table.rows] == ["4 px", "8 px", "12 px"]
    assert [float(row[1].split()[0]) for row in table.rows] == pytest.approx(kept, abs=1e-5)
    assert [row[2] for row in table.rows] == [f"{1 - share:.0%}" for share in kept]
    assert gate.interval.value == pytest.approx(kept[1], abs=1e-5)
    assert f"a hole of 8 px holds {1 - kept[1]:.0%} of the median arc's light" in gate.why


def test_the_hole_is_at_the_level_of_the_stamps_edge(by_hand: Pairs) -> None:
    seen: list[np.ndarray] = []

    def watch(images: np.ndarray, metadata: np.ndarray) -> np.ndarray:
        seen.append(images)
        return FLUX.logits(images, metadata)

    pairs = stamps(by_hand, 20.0, FLUX)
    core_masked(DrawnJudge(watch), pairs, HOW)
    assert len(seen) == 6  # lens and control, three holes
    for images, radius in zip(seen[::2], (4, 8, 12), strict=True):
        np.testing.assert_array_equal(images[0][:, radius > R], 0.5)
        np.testing.assert_array_equal(images[0][:, radius <= R], pairs.lens[0][:, radius <= R])


def test_the_ring_is_filled_with_outer_pixels_the_same_places_in_all_bands(by_hand: Pairs) -> None:
    seen: list[np.ndarray] = []

    def watch(images: np.ndarray, metadata: np.ndarray) -> np.ndarray:
        seen.append(images)
        return FLUX.logits(images, metadata)

    numbered = stamps(by_hand, 15.0, FLUX)
    number = np.arange(SIZE**2, dtype=np.float32).reshape(SIZE, SIZE)
    lens = np.stack([number, number + 10000, number + 20000])[None].repeat(120, axis=0)
    gate = ring_replaced(DrawnJudge(watch), replace(numbered, lens=lens), HOW)
    ring, (images,) = (R >= 10) & (R < 25), seen
    assert set(images[0, 0][ring].tolist()) <= set(number[R >= 25].tolist())
    np.testing.assert_array_equal(images[0, 1] - images[0, 0], 10000)
    np.testing.assert_array_equal(images[0][:, ~ring], lens[0][:, ~ring])
    assert not np.array_equal(images[0], images[1])  # each lens has its own places
    assert gate.verdict is Verdict.CONFOUNDED


def test_the_figure_is_the_mean_probability_and_the_words_say_what_the_ring_misses(by_hand: Pairs) -> None:
    for at, beyond in ((6.0, "0%"), (15.0, "100%")):
        pairs = stamps(by_hand, at, FLUX)
        gate = ring_replaced(FLUX, pairs, HOW)
        assert f"not a verdict: {beyond} of the median arc's light lies beyond 10 px" in gate.why
        assert gate.interval is not None and 0 <= gate.interval.value <= 1
        wanted = 1 / (1 + np.exp(-(pairs.lens_logits if beyond == "0%" else pairs.control_logits)))
        assert gate.interval.value == pytest.approx(wanted.mean(), abs=1e-3)
        assert list(gate.evidence.series) == ["lens", "control", "ring replaced"]


def test_small_stamps_have_nothing_beyond_the_ring_to_fill_it_with(by_hand: Pairs) -> None:
    pairs = stamps(by_hand, 6.0, FLUX)
    small = replace(pairs, lens=pairs.lens[:, :, 16:48, 16:48], control=pairs.control[:, :, 16:48, 16:48])
    gate = ring_replaced(FLUX, small, HOW)
    assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None)
    assert gate.why == "stamps of 32 px have no pixel beyond 25 px"
    assert core_masked(FLUX, small, HOW).interval is not None
