"""Recall is given of an accepted set alone, with exact intervals; of a refused one what is wrong; chance stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta

from schemas.job_entry import InputError
from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import CAUSES, AnchorPlaces, Cause, write_planted
from tests.trainer.drawn_judges import DrawnJudge
from trainer.autopsies.anchor_sets import read_anchor_set, read_random_sky
from trainer.autopsies.findings import Finding, Part
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.recall import absent_recall, cuts_of, recall_part
from trainer.gates.class_scores import Chance
from trainer.judge import Images, Numbers

HOW = Chance(draws=40, seed=1)


def central(images: Images, metadata: Numbers) -> Numbers:
    """Larger where there is a galaxy in the middle, more where it is brighter."""
    return np.asarray(40 * images[:, 1, 30:34, 30:34].mean((1, 2)) - 5, np.float64)


JUDGE = DrawnJudge(central)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> AnchorPlaces:
    return write_planted(tmp_path_factory.mktemp("good"), Cause(), count=24)


@pytest.fixture(scope="module")
def negatives() -> ImageSet:
    return drawn_set("negatives", Cause(), 8, logits=np.linspace(-8, -1, 8))


def recalled(places: AnchorPlaces, integrity: Path, negatives: ImageSet, *, sky: bool = True) -> Part:
    real = read_anchor_set(places.anchors, places.cutouts, JUDGE, 64)
    random = read_random_sky(places.random_sky, JUDGE, 64) if sky else None
    return recall_part(places.anchors, places.cutouts, integrity, real, random, negatives, HOW)


@pytest.fixture(scope="module")
def part(good: AnchorPlaces, negatives: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Part:
    return recalled(good, good.integrity(tmp_path_factory.mktemp("checked") / "integrity"), negatives)


def of(part: Part, name: str) -> Finding:
    return next(one for one in part.findings if one.name == name)


def test_recall_of_an_accepted_set_has_the_exact_interval_and_the_failed_figure_beside_it(
    part: Part, good: AnchorPlaces
) -> None:
    real = read_anchor_set(good.anchors, good.cutouts, JUDGE, 64)
    found = int((real.probability >= 0.5).sum())
    assert 0 < found < 24
    one = of(part, "all.all lenses.p ≥ 0.5")
    assert one.label == f"all lenses (pooled over every stratum), p ≥ 0.5: {found} of 24"
    assert one.interval.value == pytest.approx(found / 24)
    assert one.interval.low == pytest.approx(beta.ppf(0.025, found, 25 - found))
    assert one.interval.high == pytest.approx(beta.ppf(0.975, found + 1, 24 - found))
    beside = [found.name for found in part.findings if found.failed.startswith("3 of 68: 0.044")]
    assert beside == ["all.all lenses.p ≥ 0.5"]  # a stratum is not the failed experiment's whole list
    assert of(part, "discovery and camera.spectroscopy, DECam.p ≥ 0.3").n == 24
    assert part.more["accepted"] is True and not part.tables


def test_chance_on_random_sky_stands_beside_it_and_is_asked_for_where_it_is_not_given(
    part: Part, good: AnchorPlaces, negatives: ImageSet, tmp_path: Path
) -> None:
    chance = of(part, "chance.random sky.p ≥ 0.5")
    assert (chance.interval.value, chance.n) == (0, 24) and chance.interval.high > 0.1
    without = recalled(good, good.integrity(tmp_path / "integrity"), negatives, sky=False)
    assert not [one for one in without.findings if one.name.startswith("chance")]
    assert "What random sky gives by chance: give --random-sky-cutouts." in without.absent
    assert not [text for text in part.absent if "random sky" in text]


def test_a_refused_set_gets_no_figure_but_the_list_of_what_is_wrong(negatives: ImageSet, tmp_path: Path) -> None:
    wrong = write_planted(tmp_path, CAUSES["position"], count=24)
    refused = recalled(wrong, wrong.integrity(tmp_path / "integrity"), negatives)
    assert not refused.findings and refused.more["accepted"] is False
    assert "more than 5%" in refused.tables[0].caption
    assert len(refused.tables[0].rows) >= 20 and refused.tables[0].rows[0][0].startswith("planted ")


def test_integrity_of_other_anchors_is_refused(good: AnchorPlaces, negatives: ImageSet, tmp_path: Path) -> None:
    other = write_planted(tmp_path, Cause(fainter_mag=0.1), count=24)
    with pytest.raises(InputError, match="the integrity of these anchors: run dhs check-anchors on them"):
        recalled(good, other.integrity(tmp_path / "integrity"), negatives)


def test_a_rate_is_a_threshold_where_ten_negatives_pass_it_and_is_left_out_in_words_where_not() -> None:
    many = drawn_set("negatives", Cause(), 4)
    logits = np.linspace(-3, 3, 2000)
    cuts, left_out = cuts_of(ImageSet(**{**vars(many), "logits": logits}))
    assert [cut.name for cut in cuts] == ["p ≥ 0.3", "p ≥ 0.5", "FPR 0.01"]
    assert (logits >= cuts[-1].logit).sum() == 20
    assert left_out == ["FPR 0.001: 2,000 negatives do not support it, 10,000 would."]


def test_negatives_are_counted_at_the_same_thresholds(part: Part) -> None:
    one = of(part, "negatives.p ≥ 0.3")
    assert (one.interval.value, one.n) == (0, 8)
    assert of(part, "p.median").failed == "0.016" and of(part, "p.largest").interval.value < 1


def test_without_anchors_the_part_says_what_to_give() -> None:
    assert "give --anchors, --anchor-cutouts and --integrity" in absent_recall().absent[0]
    assert "accepted" not in absent_recall().as_json()
