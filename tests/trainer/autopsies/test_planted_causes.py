"""Each planted cause of a difference in brightness moves what it must in the measurements, and nothing that another moves.

The figures that tell them apart are medians of a set over those of the same kind of galaxies with nothing planted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import CAUSES, Cause
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.measurements import Measured, measure

Side = tuple[ImageSet, Measured]
R = 1


def side(name: str, cause: Cause) -> Side:
    of = drawn_set(name, cause)
    return of, measure(of)


@pytest.fixture(scope="module")
def reference() -> Side:
    return side("negatives", Cause())


@pytest.fixture(scope="module")
def planted() -> Mapping[str, Side]:
    lifted = Cause(sky_shift_sigma=0.6)
    return {name: side("anchors", cause) for name, cause in {"nothing": Cause(), **CAUSES, "lifted": lifted}.items()}


def figures(one: Side, other: Side) -> dict[str, float]:
    """Factors in light and in noise, changes of texture and sky level, share centred, change of aperture less catalogue."""
    (of, seen), (of_other, seen_other) = one, other
    light, noise = (np.median(seen[name][:, R]) / np.median(seen_other[name][:, R]) for name in ("core_flux", "noise"))
    texture, level = (np.median(seen[name][:, R]) - np.median(seen_other[name][:, R]) for name in ("texture", "pedestal"))
    photometry = np.nanmedian(seen["aperture_mag"] - of.mag_r) - np.nanmedian(seen_other["aperture_mag"] - of_other.mag_r)
    known = np.median(of.mag_r) - np.median(of_other.mag_r)
    found = {"light": light, "noise": noise, "texture": texture, "level": level, "photometry": photometry, "catalogue": known}
    return {name: float(value) for name, value in found.items()} | {"centred": float(seen["centred"].mean())}


def test_with_nothing_planted_nothing_moves(reference: Side, planted: Mapping[str, Side]) -> None:
    seen = figures(planted["nothing"], reference)
    assert 0.6 < seen["light"] < 1.6 and seen["noise"] == pytest.approx(1, abs=0.06)
    assert abs(seen["texture"]) < 0.06 and abs(seen["level"]) < 0.15
    assert abs(seen["photometry"]) < 0.1 and seen["centred"] == 1


def test_scaled_pixels_scale_light_and_noise_alike_and_part_from_the_catalogue(
    reference: Side, planted: Mapping[str, Side]
) -> None:
    seen, plain = figures(planted["units"], reference), figures(planted["nothing"], reference)
    assert seen["noise"] / plain["noise"] == pytest.approx(0.3, rel=0.01)
    assert seen["light"] / plain["light"] == pytest.approx(0.3, rel=0.01)
    assert seen["photometry"] - plain["photometry"] == pytest.approx(-2.5 * np.log10(0.3), abs=0.02)
    for name in ("texture", "level", "centred", "catalogue"):
        assert seen[name] == pytest.approx(plain[name], abs=0.01)


def test_smoothing_shows_in_the_neighbours_and_lowers_noise_without_light(reference: Side, planted: Mapping[str, Side]) -> None:
    seen, plain = figures(planted["processing"], reference), figures(planted["nothing"], reference)
    assert seen["texture"] > 0.5 and seen["noise"] < 0.5
    assert seen["light"] == pytest.approx(plain["light"], rel=0.05)
    assert abs(seen["photometry"]) < 0.15 and seen["centred"] == 1


def test_a_lifted_sky_shows_in_its_level_alone(reference: Side, planted: Mapping[str, Side]) -> None:
    seen, plain = figures(planted["lifted"], reference), figures(planted["nothing"], reference)
    assert seen["level"] - plain["level"] == pytest.approx(0.6, abs=0.1)
    for name in ("light", "noise", "texture", "photometry", "catalogue", "centred"):
        assert seen[name] == pytest.approx(plain[name], abs=0.02)


def test_off_position_leaves_the_sky_as_it_is_and_no_galaxy_in_the_middle(reference: Side, planted: Mapping[str, Side]) -> None:
    seen = figures(planted["position"], reference)
    assert seen["centred"] < 0.2 and abs(seen["light"]) < 0.05
    assert seen["noise"] == pytest.approx(1, abs=0.06) and abs(seen["texture"]) < 0.06 and abs(seen["level"]) < 0.15
    assert abs(seen["catalogue"]) < 0.5


def test_fainter_galaxies_are_centred_on_the_same_sky_and_the_catalogue_knows(
    reference: Side, planted: Mapping[str, Side]
) -> None:
    seen, plain = figures(planted["population"], reference), figures(planted["nothing"], reference)
    assert seen["centred"] == 1 and seen["noise"] == pytest.approx(1, abs=0.06)
    assert seen["light"] / plain["light"] == pytest.approx(10 ** (-0.4 * 2.4), rel=0.1)
    assert seen["catalogue"] - plain["catalogue"] == pytest.approx(2.4)
    assert abs(seen["photometry"]) < 0.25 and abs(seen["texture"]) < 0.06 and abs(seen["level"]) < 0.15
