"""Patches of lenses hidden: what is asked, where the answer lies, and who passes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.trainer import drawn_judges as judges
from tests.trainer.drawn_judges import DrawnJudge, told_by, with_a_spark
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict
from trainer.judge import Images, Numbers
from trainer.model_gates import occlusion
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs, pairs_of
from trainer.model_gates.occlusion import occluded, occlusion_gate, share_of_tiles, sky_level, spread, where_arcs_lie

HOW = Chance(draws=60, seed=1)


def light(images: Images, metadata: Numbers) -> Numbers:
    """All light, so that drops can be summed by hand."""
    return np.asarray(images.sum((1, 2, 3), dtype=np.float64))


def asked_of(judge: DrawnJudge, stamps: JudgedStamps) -> Gate:
    return occlusion_gate(judge, pairs_of(told_by(judge, stamps)), HOW)


def brighter_middles(stamps: JudgedStamps) -> JudgedStamps:
    lenses, controls = stamps.stamps.pairs
    images = stamps.images.copy()
    images[lenses] += np.float32(0.2) * images[controls]
    return replace(stamps, images=images)


@pytest.fixture(scope="module")
def honest(clean: JudgedStamps) -> Gate:
    return asked_of(DrawnJudge(judges.arc), clean)


def test_a_judge_of_arcs_passes_and_shows_both_ends_of_its_order(honest: Gate) -> None:
    gate = honest
    assert gate.verdict is Verdict.PASS
    assert gate.behind.n_positive == occlusion.MOST_PAIRS
    assert [drawing.caption.split(",")[0] for drawing in gate.evidence.drawings] == [
        *["Lenses with the largest steps"] * 2,
        *["Lenses with the smallest steps"] * 2,
    ]
    table = gate.evidence.table
    assert table is not None
    shares = {row[0]: float(row[1].split()[0]) for row in table.rows}
    assert shares["drops, patch as its control"] == pytest.approx(1.0)  # nothing else differs
    assert shares["patches"] < shares["drops, patch at the level of the sky"] < 1.0


def test_one_that_reads_a_corner_fails(clean: JudgedStamps) -> None:
    gate = asked_of(DrawnJudge(judges.trace), with_a_spark(clean))
    assert gate.verdict is Verdict.FAIL
    assert gate.interval is not None and gate.interval.high < 0.1


def test_one_that_reads_a_middle_that_is_brighter_in_lenses_fails(clean: JudgedStamps) -> None:
    assert asked_of(DrawnJudge(judges.central_brightness), brighter_middles(clean)).verdict is Verdict.FAIL


def test_of_noise_of_few_pairs_and_of_few_cells_nothing_is_said(clean: JudgedStamps) -> None:
    gate = asked_of(DrawnJudge(judges.noise), clean)
    assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None)
    pairs = pairs_of(clean)
    few = occlusion_gate(DrawnJudge(judges.arc), pairs.of(np.arange(60)), HOW)
    assert (few.verdict, few.interval, few.why) == (Verdict.NOT_SUPPORTED, None, "too few pairs: 60; wanted 100")
    lumped = replace(pairs, units=np.arange(len(pairs.rows)) % 9)
    assert occlusion_gate(DrawnJudge(judges.arc), lumped, HOW).why == "too few cells or hosts: 9; wanted 10"


def test_one_that_no_patch_makes_weaker_gets_no_number(clean: JudgedStamps) -> None:
    pairs = replace(pairs_of(clean), lens_logits=np.full(250, 1.0), control_logits=np.zeros(250))
    gate = occlusion_gate(DrawnJudge(lambda images, metadata: np.full(len(images), 2.0)), pairs, HOW)
    assert (gate.interval, gate.why) == (None, "no patch makes any lens weaker")


def test_a_patch_as_its_control_takes_away_the_arc_there_and_one_at_sky_level_all_that_stands_there(by_hand: Pairs) -> None:
    pairs = replace(by_hand, lens_logits=light(by_hand.lens, by_hand.metadata))
    drops = occluded(DrawnJudge(light), pairs)
    assert drops.by_control.shape == (4, 2, 2)
    # The arc has eight pixels of 0.7 nMgy over the bands in row 3: four in each of the two southern tiles.
    np.testing.assert_allclose(drops.by_control[:, 0], 2.8, atol=1e-4)
    np.testing.assert_allclose(drops.by_control[:, 1], 0, atol=1e-4)
    of_sky = light(pairs.lens[:, :, :8, :8] - sky_level(pairs.lens), pairs.metadata)
    np.testing.assert_allclose(drops.by_sky[:, 0, 0], np.maximum(of_sky, 0), atol=1e-4)


def test_the_level_of_the_sky_is_the_median_of_the_edge_of_each_band(by_hand: Pairs) -> None:
    images = np.zeros((2, 3, 16, 16), np.float32)
    images[:, 1] = 2.0
    images[:, :, 4:12, 4:12] = 9.0
    assert sky_level(images)[:, :, 0, 0].tolist() == [[0, 2, 0], [0, 2, 0]]


def test_arcs_lie_between_an_einstein_radius_less_the_psf_and_two_with_it(by_hand: Pairs) -> None:
    inside, r = where_arcs_lie(by_hand), by_hand.radius_pix * 0.262
    for n, theta_e in enumerate(by_hand.theta_e_arcsec):
        np.testing.assert_array_equal(inside[n], (r[n] > theta_e - 1.2) & (r[n] < 2 * theta_e + 1.2))
    assert inside[0, 8, 8] and not inside[3, 8, 8]  # where theta_E is below the PSF's width there is no core


def test_a_tile_counts_by_where_its_lens_differs_and_an_equal_one_for_nothing(by_hand: Pairs) -> None:
    inside = np.zeros((4, 16, 16), bool)
    inside[:, 3, 4:6] = True  # two of the four arc pixels of the first tile
    np.testing.assert_allclose(share_of_tiles(by_hand, inside), np.tile([[0.5, 0], [0, 0]], (4, 1, 1)), atol=1e-4)


def test_pairs_are_taken_at_equal_steps_through_their_gaps(by_hand: Pairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occlusion, "MOST_PAIRS", 3)
    assert spread(by_hand.of(np.array([3, 0, 2, 1]))).gap.tolist() == [1.0, 3.0, 4.0]
    monkeypatch.setattr(occlusion, "MOST_PAIRS", 9)
    assert spread(by_hand).gap.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_the_last_tile_has_what_is_left_of_the_stamp(by_hand: Pairs) -> None:
    cut = replace(by_hand, lens=by_hand.lens[..., :15, :15], control=by_hand.control[..., :15, :15])
    assert share_of_tiles(cut, np.ones((4, 15, 15), bool)).shape == (4, 1, 1)
    assert occluded(DrawnJudge(light), replace(cut, lens_logits=light(cut.lens, cut.metadata))).by_control[0, 0, 0] > 5


def test_the_gallery_says_in_words_what_it_shows(honest: Gate) -> None:
    drawing = honest.evidence.drawings[0]
    assert drawing.uri.startswith("data:image/svg+xml;base64,")
    assert re.match(r"Occlusion maps of 3 lenses with the largest steps: logit -?\d+\.\d without, ", drawing.alt)
    assert drawing.alt.count("of the drops where arcs lie") == 3
