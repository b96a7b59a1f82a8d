"""Each planted cause is named and no other; with nothing planted none is; what cannot be known is not claimed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import CAUSES, Cause
from trainer.autopsies.cause_evidence import Side, evidence
from trainer.autopsies.causes import Said, Word, causes_of, causes_part, conclusion, side_of
from trainer.autopsies.measurements import measure
from trainer.gates.class_scores import Chance
from trainer.intervals import Interval

HOW = Chance(draws=60, seed=1)
COUNT = 60
NAMES = ("position", "units", "processing", "population")


def side(name: str, cause: Cause, count: int = COUNT) -> Side:
    of = drawn_set(name, cause, count)
    return of, measure(of)


@pytest.fixture(scope="module")
def negatives() -> Side:
    return side("negatives", Cause())


@pytest.fixture(scope="module")
def planted() -> Mapping[str, Side]:
    return {name: side("anchors", cause) for name, cause in {"nothing": Cause(), **CAUSES}.items()}


def words(one: Side, other: Side) -> dict[str, Word]:
    return {said.cause: said.word for said in causes_of(evidence(one, other, HOW))}


def supported(one: Side, other: Side) -> set[str]:
    return {name for name, word in words(one, other).items() if word is Word.SUPPORTED}


@pytest.mark.parametrize("cause", NAMES)
def test_the_cause_that_is_planted_is_the_one_that_is_named(cause: str, planted: Mapping[str, Side], negatives: Side) -> None:
    assert supported(planted[cause], negatives) == {cause}


def test_with_nothing_planted_nothing_is_named_and_most_is_excluded(planted: Mapping[str, Side], negatives: Side) -> None:
    said = words(planted["nothing"], negatives)
    assert Word.SUPPORTED not in said.values()
    assert said["position"] is said["units"] is said["processing"] is Word.EXCLUDED


def test_two_causes_at_once_are_both_named(negatives: Side) -> None:
    both = side("anchors", Cause(pixels_times=0.3, fainter_mag=2.0))
    assert supported(both, negatives) == {"units", "population"}


def test_units_that_make_up_for_a_fainter_population_hide_neither(negatives: Side) -> None:
    both = side("anchors", Cause(pixels_times=3.0, fainter_mag=2.0))
    assert supported(both, negatives) == {"units", "population"}


def test_light_that_falls_where_noise_rises_is_no_change_of_units(planted: Mapping[str, Side], negatives: Side) -> None:
    of, seen = planted["units"]
    noisier = {**seen, "noise": seen["noise"] / 0.09}  # three times the stated noise, a third of the light
    assert words((of, noisier), negatives)["units"] is Word.OPEN


def test_a_lifted_sky_is_processing(negatives: Side) -> None:
    assert supported(side("anchors", Cause(sky_shift_sigma=0.6)), negatives) == {"processing"}


def test_where_no_magnitude_is_known_population_is_what_is_left_when_the_others_are_excluded(negatives: Side) -> None:
    fainter = side("anchors", Cause(fainter_mag=2.4, magnitudes_known=False))
    said = {one.cause: one for one in causes_of(evidence(fainter, negatives, HOW))}
    assert said["population"].word is Word.SUPPORTED
    assert "no catalogue magnitude is known, units and processing are excluded" in said["population"].why


def test_where_no_magnitude_is_known_units_are_told_by_the_noise_against_the_stated_depth(negatives: Side) -> None:
    scaled = side("anchors", Cause(pixels_times=0.3, magnitudes_known=False))
    assert words(scaled, negatives)["units"] is Word.SUPPORTED
    assert words(scaled, negatives)["population"] is Word.OPEN
    unstated = replace(scaled[0], depth_mag=np.full_like(scaled[0].depth_mag, np.nan))
    assert words((unstated, measure(unstated)), negatives)["units"] is Word.OPEN


def test_a_deeper_sky_that_says_so_is_not_other_units(negatives: Side) -> None:
    of, seen = side("anchors", Cause())
    deeper = replace(of, depth_mag=of.depth_mag + 1.0)
    quieter = {**measure(deeper), "noise": seen["noise"] * 10**-0.4}
    assert words((deeper, quieter), negatives)["units"] is Word.EXCLUDED
    assert evidence((deeper, quieter), negatives, HOW).noise[1].value == pytest.approx(1, abs=0.1)


def test_a_catalogue_that_is_wrong_is_no_unit_of_the_pixels(negatives: Side) -> None:
    of, _ = side("anchors", Cause())
    listed_fainter = replace(of, mag_r=of.mag_r + 1.3)
    said = words((listed_fainter, measure(listed_fainter)), negatives)
    assert said["units"] is Word.EXCLUDED and said["population"] is Word.OPEN


def test_few_objects_leave_it_open(negatives: Side) -> None:
    few = side("anchors", CAUSES["population"], count=4)
    assert words(few, negatives)["population"] is Word.OPEN


def test_the_pixels_of_wrong_positions_claim_no_population(planted: Mapping[str, Side], negatives: Side) -> None:
    said = {one.cause: one for one in causes_of(evidence(planted["position"], negatives, HOW))}
    assert said["population"].word is Word.OPEN and "fewer than five galaxies" in said["population"].why
    assert "0% of anchors" in said["position"].why.replace("2%", "0%") and "100% of negatives" in said["position"].why


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(0.3, 0.7, Word.SUPPORTED), (1.3, 2, Word.SUPPORTED), (0.9, 1.1, Word.EXCLUDED), (0.7, 0.9, Word.OPEN), (1, 2, Word.OPEN)],
)
def test_a_word_rests_on_the_whole_interval(low: float, high: float, word: Word) -> None:
    assert side_of(Interval((low + high) / 2, low, high), (0.8, 1.25)) is word
    assert side_of(Interval(0.5, float("nan"), float("nan")), (0.8, 1.25)) is Word.OPEN


def test_the_conclusion_says_by_how_much_and_names_the_verdicts(planted: Mapping[str, Side], negatives: Side) -> None:
    seen = evidence(planted["units"], negatives, HOW)
    told = conclusion(seen, causes_of(seen))
    assert told.startswith(("Anchors hold 0.2", "Anchors hold 0.3"))
    assert "times the light of negatives. Supported: units;" in told
    nothing = evidence(planted["nothing"], negatives, HOW)
    only = [Said("units", Word.EXCLUDED, "")]
    assert "Supported" not in conclusion(nothing, only) and "Excluded: units." in conclusion(nothing, only)


def test_a_part_holds_any_two_sets_and_says_that_lenses_have_arcs(planted: Mapping[str, Side], negatives: Side) -> None:
    lenses = side("lenses", Cause(), count=20)
    part = causes_part([lenses, negatives, planted["position"]], HOW)
    verdicts = part.as_json()["verdicts"]
    assert list(verdicts) == ["anchors/negatives", "anchors/lenses", "negatives/lenses"]
    assert verdicts["anchors/negatives"]["position"] == "supported"
    assert verdicts["anchors/lenses"]["told"].endswith("The light of lenses has their arcs in it.")
    assert "arcs" not in verdicts["anchors/negatives"]["told"]
    names = [one.name for one in part.findings]
    assert len(set(names)) == len(names) == 3 * 15
    assert [row[0] for row in part.tables[0].rows] == list(NAMES)
