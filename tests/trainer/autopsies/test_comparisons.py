"""Sets side by side, and the failed experiment's ring: figures by hand, the right failed figure beside each."""

from __future__ import annotations

import numpy as np
import pytest

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import Cause
from tests.trainer.drawn_judges import DrawnJudge
from trainer.autopsies.comparisons import Sets, normalisation_part, peak_part, ring_means_part, sky_part
from trainer.autopsies.findings import Part
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.measurements import Measured, measure
from trainer.autopsies.ring_test import ring_part, with_ring
from trainer.gates.class_scores import Chance
from trainer.judge import Images, Numbers

HOW = Chance(draws=40, seed=2)


def side(name: str, cause: Cause) -> tuple[ImageSet, Measured]:
    of = drawn_set(name, cause, count=16, logits=np.linspace(-4, 4, 16))
    return of, measure(of)


@pytest.fixture(scope="module")
def sets() -> Sets:
    return [side("lenses", Cause()), side("negatives", Cause()), side("anchors", Cause(fainter_mag=2.5))]


def value(part: Part, name: str) -> float:
    return next(one.interval.value for one in part.findings if one.name == name)


def failed(part: Part, name: str) -> str:
    return next(one.failed for one in part.findings if one.name == name)


def test_the_maximum_is_of_the_middle_eight_pixels_alone(sets: Sets) -> None:
    (of, measured), part = sets[0], peak_part(sets, HOW)
    by_hand = of.images[:, 1, 28:36, 28:36].max((1, 2))
    np.testing.assert_allclose(measured["peak_r"], by_hand)
    assert value(part, "lenses.mean") == pytest.approx(by_hand.mean()) and failed(part, "lenses.mean") == "0.0878 ± 0.0558"
    assert value(part, "lenses.median") == pytest.approx(np.median(by_hand))


@pytest.mark.parametrize(("pixel", "counts"), [((28, 28), True), ((35, 35), True), ((27, 31), False), ((31, 36), False)])
def test_a_bright_pixel_counts_from_28_to_35_and_not_beside_it(sets: Sets, pixel: tuple[int, int], counts: bool) -> None:
    of = sets[0][0].of(np.arange(2))
    of.images[:, 1, *pixel] = 50
    assert (measure(of)["peak_r"] == 50).all() == counts


def test_any_two_sets_have_a_ratio_and_ten_times_fainter_is_a_tenth(sets: Sets) -> None:
    part = peak_part(sets, HOW)
    ratios = {one.name for one in part.findings if "/" in one.name}
    pairs = ("anchors/negatives", "anchors/lenses", "negatives/lenses")
    assert ratios == {f"{pair}.{word}" for pair in pairs for word in ("means", "medians")}
    assert 0.07 < value(part, "anchors/lenses.medians") < 0.2
    assert failed(part, "anchors/lenses.means") == "0.11"
    assert "lenses" in part.drawings[0].alt


def test_every_band_of_sky_and_normalisation_is_said(sets: Sets) -> None:
    sky, normalisation = sky_part(sets, HOW), normalisation_part(sets, HOW)
    assert value(sky, "lenses.outer_std.z") == pytest.approx(0.011, rel=0.1)
    assert failed(sky, "lenses.outer_mean.r") == "0.00032" and failed(sky, "lenses.outer_mean.g") == ""
    assert value(normalisation, "anchors.norm_mad.g") * 1.4826 == pytest.approx(0.0023, rel=0.1)
    assert len(normalisation.findings) == 3 * 2 * 3


def test_normalised_means_fall_outwards_and_the_anchors_quarters_are_told_apart(sets: Sets) -> None:
    part = ring_means_part(sets, HOW)
    means = [value(part, f"lenses.{ring}.r") for ring in ("0-8", "8-16", "16-24")]
    assert means[0] > means[1] > means[2] and means[0] <= 10
    quarters = {one.name.split(".")[0]: one.n for one in part.findings if "scoring" in one.name}
    assert quarters == {"high-scoring anchors": 4, "low-scoring anchors": 4}
    assert failed(part, "high-scoring anchors.16-24.r") == "2.08" and failed(part, "low-scoring anchors.0-8.g") == "0.08"


def test_the_quarter_that_scores_high_is_the_one_of_the_highest_logits(sets: Sets) -> None:
    of, measured = sets[2]
    shuffled = of.of(np.array([5, 0, 12, 3, 9, 15, 1, 7, 14, 2, 11, 4, 8, 13, 6, 10]))
    told = {**measured, "ring_means": np.tile(shuffled.logits[:, None], (1, 9))}
    part = ring_means_part([(shuffled, told)], HOW)
    by_hand = np.linspace(-4, 4, 16)
    assert value(part, "high-scoring anchors.0-8.r") == pytest.approx(by_hand[-4:].mean())
    assert value(part, "low-scoring anchors.0-8.r") == pytest.approx(by_hand[:4].mean())


def test_without_anchors_the_part_says_what_to_give(sets: Sets) -> None:
    part = ring_means_part(sets[:2], HOW)
    assert part.absent and not any("scoring" in one.name for one in part.findings)
    assert not ring_means_part(sets, HOW).absent


def ring_reader(images: Images, metadata: Numbers) -> Numbers:
    """How much brighter a ring about 15 px is than one about 26 px, in all bands alike."""
    radius = np.hypot(*(np.indices((64, 64)) - 32))
    crest, beyond = (images[:, :, np.abs(radius - at) < 1].mean((1, 2), dtype=np.float64) for at in (15, 26))
    return np.asarray(2000 * (crest - beyond) - 8)


def test_the_ring_is_the_failed_experiments_in_every_band() -> None:
    given: list[Images] = []

    def keep(images: Images, metadata: Numbers) -> Numbers:
        given.append(images)
        return np.zeros(len(images))

    of = drawn_set("negatives", Cause(), count=3)
    with_ring(DrawnJudge(keep), of)
    added = given[0] - of.images
    radius = np.hypot(*(np.indices((64, 64)) - 32))
    np.testing.assert_allclose(added, np.broadcast_to(0.01 * np.exp(-((radius - 15) ** 2) / 20), added.shape), atol=1e-6)


def test_the_ring_part_gives_p_before_and_after_beside_the_failed_figures(sets: Sets) -> None:
    part = ring_part(DrawnJudge(ring_reader), sets[1][0], HOW)
    assert value(part, "mean.after") > value(part, "mean.before")
    assert value(part, "median.before") == pytest.approx(np.median(sets[1][0].probability))
    assert (failed(part, "median.before"), failed(part, "median.after")) == ("0.0001", "1.0000")
    assert value(part, "called") == 1
