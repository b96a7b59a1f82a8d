"""Which pixels of a mock brick are flagged, and with which of the survey's bits."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.mock.brick_fits_writer import brick_wcs
from spark_jobs.transforms.mock.brick_tiling import brick_at
from spark_jobs.transforms.mock.mock_maskbits import (
    ALLMASK,
    BRIGHT,
    MEDIUM,
    NPRIMARY,
    SATURATED,
    mask_plane,
    star_mask_radius_arcsec,
)
from tests.spark_jobs.small_mock_sky import SIZE, one_object

BRICK = brick_at(150.0, 2.0)
WCS = brick_wcs(BRICK, SIZE)
NONE = {band: np.zeros((SIZE, SIZE), bool) for band in "grz"}


def _plane_of_star(magnitude: float, **changes: float) -> np.ndarray:
    flux = 10 ** (-0.4 * (magnitude - 22.5))
    return mask_plane(one_object(population="star", type="PSF", flux_r=flux, **changes), NONE, BRICK, WCS, SIZE)


@pytest.mark.parametrize(("magnitude", "radius"), [(13.0, 21.3), (16.0, 7.8)])
def test_the_survey_s_mask_radii_are_reproduced(magnitude: float, radius: float) -> None:
    assert star_mask_radius_arcsec(magnitude) == pytest.approx(radius, rel=0.01)


def test_a_medium_star_flags_its_circle_and_a_bright_one_half_of_it_too() -> None:
    medium = _plane_of_star(15.0)
    assert np.sqrt(np.sum(medium & MEDIUM > 0) / np.pi) * PIXEL_SCALE_ARCSEC == pytest.approx(
        star_mask_radius_arcsec(15.0), rel=0.01
    )
    assert not np.any(medium & BRIGHT)
    bright = _plane_of_star(12.5)
    ratio = np.sqrt(np.sum(bright & BRIGHT > 0) / np.sum(bright & MEDIUM > 0))
    assert ratio == pytest.approx(0.5, abs=0.01)
    assert not np.any(_plane_of_star(16.5))


def test_a_galaxy_flags_nothing_however_bright() -> None:
    assert not np.any(mask_plane(one_object(flux_r=1e5), NONE, BRICK, WCS, SIZE))


def test_a_star_over_the_edge_flags_what_lies_on_the_brick() -> None:
    plane = _plane_of_star(14.0, x=-5.0, y=310.0)
    assert plane[-1, 0] & MEDIUM
    assert not plane[:200].any()
    assert not _plane_of_star(15.9, x=-200.0).any()


def test_saturated_pixels_carry_the_bits_of_their_band_and_a_margin() -> None:
    cores = NONE | {"r": NONE["r"].copy()}
    cores["r"][100, 50] = True
    plane = mask_plane(one_object(), cores, BRICK, WCS, SIZE)
    assert plane[100, 50] == SATURATED["r"] | ALLMASK["r"] == (1 << 3) | (1 << 6)
    assert plane[100, 52] == SATURATED["r"]
    assert np.sum(plane > 0) == 13


def test_pixels_that_belong_to_the_next_brick_are_not_primary() -> None:
    size = 3600
    plane = mask_plane(one_object(), {}, BRICK, brick_wcs(BRICK, size), size)
    assert not plane[size // 2, size // 2]
    assert plane[0, size // 2] == plane[size // 2, 0] == plane[-1, -1] == NPRIMARY
    # 0.25 degrees are 3435 pixels of 0.262 arcsec; the row's bricks are a little narrower along right ascension.
    assert np.sum(plane[:, size // 2] == 0) == pytest.approx(3435, abs=2)
    width = (BRICK.ra2 - BRICK.ra1) * np.cos(np.radians(BRICK.dec)) * 3600 / PIXEL_SCALE_ARCSEC
    assert np.sum(plane[size // 2] == 0) == pytest.approx(width, abs=2)
