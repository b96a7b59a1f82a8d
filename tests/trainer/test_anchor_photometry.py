"""What is measured on a stamp: a centroid is where the light is, an aperture holds the light in it, blank sky nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.survey import PIXEL_SCALE_ARCSEC
from trainer.anchor_photometry import APERTURE_ARCSEC, Floats, measure_stamp

SIZE, CENTRE, SIGMA = 64, 32.0, 0.004


def spot(x: float, y: float, flux: float, width_pix: float = 2.5) -> Floats:
    rows, columns = np.indices((SIZE, SIZE))
    light = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * width_pix**2))
    return flux * light / (2 * np.pi * width_pix**2)


def noise(seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0, SIGMA, (SIZE, SIZE))


INVVAR = np.full((SIZE, SIZE), SIGMA**-2)


@settings(max_examples=30)
@given(st.floats(-12, 12), st.floats(-12, 12))
def test_the_offset_is_the_distance_to_the_light_at_any_sub_pixel_place(dx: float, dy: float) -> None:
    seen = measure_stamp(spot(CENTRE + dx, CENTRE + dy, 40.0) + noise(), INVVAR, CENTRE, CENTRE)
    assert seen.offset_arcsec == pytest.approx(math.hypot(dx, dy) * PIXEL_SCALE_ARCSEC, abs=0.03)


def test_of_two_sources_the_nearer_one_counts_and_the_other_is_a_neighbour() -> None:
    image = spot(CENTRE + 1, CENTRE, 20.0) + spot(CENTRE + 20, CENTRE, 200.0) + noise()
    seen = measure_stamp(image, INVVAR, CENTRE, CENTRE)
    assert seen.offset_arcsec == pytest.approx(PIXEL_SCALE_ARCSEC, abs=0.05)
    assert seen.source_density == pytest.approx(1 / (SIZE * PIXEL_SCALE_ARCSEC / 60) ** 2)


@pytest.mark.parametrize("sky", [0.0, 0.05, -0.01])
def test_the_aperture_holds_the_light_within_it_whatever_the_sky_is(sky: float) -> None:
    seen = measure_stamp(spot(CENTRE, CENTRE, 10.0) + sky + noise(), INVVAR, CENTRE, CENTRE)
    inside = 10.0 * (1 - math.exp(-((APERTURE_ARCSEC / PIXEL_SCALE_ARCSEC) ** 2) / (2 * 2.5**2)))
    assert seen.aperture_flux_nmgy == pytest.approx(inside, abs=0.3)
    assert seen.aperture_mag == pytest.approx(20.0, abs=0.05)


def test_the_aperture_stands_at_the_position_and_not_at_the_source() -> None:
    seen = measure_stamp(spot(CENTRE + 24, CENTRE, 100.0) + noise(), INVVAR, CENTRE, CENTRE)
    assert abs(seen.aperture_flux_nmgy) < 0.3


def test_blank_sky_has_a_source_in_fewer_than_one_stamp_of_fifty() -> None:
    found = [measure_stamp(noise(seed), INVVAR, CENTRE, CENTRE) for seed in range(200)]
    assert sum(not math.isnan(seen.offset_arcsec) for seen in found) < 4
    dark = measure_stamp(np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE)), CENTRE, CENTRE)
    assert math.isnan(dark.offset_arcsec) and math.isnan(dark.aperture_mag)


def test_pixels_without_inverse_variance_are_no_source() -> None:
    image, invvar = noise(), INVVAR.copy()
    image[30:34, 30:34], invvar[30:34, 30:34] = 50.0, 0.0
    image[5, 5], invvar[5, 5] = np.nan, 0.0
    assert math.isnan(measure_stamp(image, invvar, CENTRE, CENTRE).offset_arcsec)


def test_on_real_pixels_a_galaxy_is_found_at_its_place_and_random_positions_hold_rarely(shared_data: Path) -> None:
    fits = pytest.importorskip("astropy.io.fits")
    with fits.open(shared_data / "legacy_dr9_cutout" / "cutout_59.1067_-30.4848.fits") as planes:
        image, invvar = (np.asarray(planes[n].data, dtype=np.float64) for n in (3, 4))

    def at(x: int, y: int) -> tuple[float, float]:
        box = np.s_[y - 32 : y + 32, x - 32 : x + 32]
        seen = measure_stamp(image[box], invvar[box], CENTRE, CENTRE)
        return seen.offset_arcsec, seen.aperture_mag

    assert at(122, 58)[0] < 0.3 and at(122, 58)[1] == pytest.approx(18.14, abs=0.05)
    seen = [at(x, y) for x in range(34, 224, 7) for y in range(34, 224, 7)]
    holding = sum(offset <= 1 and 15 <= mag <= 21.5 for offset, mag in seen)
    assert len(seen) == 784 and holding <= 8
