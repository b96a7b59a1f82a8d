"""What is measured of a stamp follows what was drawn: factors scale, levels shift, galaxies cancel out of the noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from schemas.survey import BANDS
from tests.synthetic_stamps import SIGMA
from tests.trainer.autopsies.drawn_sets import drawn_set
from tests.trainer.autopsies.planted_anchors import Cause
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.measurements import Measured, expected_noise, measure

NOISE = np.array([SIGMA[band] for band in BANDS])
SCALES = ("peak_r", "core_flux", "outer_mean", "outer_std", "norm_median", "noise")


@pytest.fixture(scope="module")
def plain() -> tuple[ImageSet, Measured]:
    of = drawn_set("plain", Cause(), count=12)
    return of, measure(of)


def changed(of: ImageSet, images: np.ndarray) -> Measured:
    return measure(replace(of, images=images.astype(np.float32)))


def test_a_factor_in_the_pixels_is_a_factor_in_flux_and_noise_and_changes_no_ratio(plain: tuple[ImageSet, Measured]) -> None:
    of, before = plain
    after = changed(of, 0.25 * of.images)
    for name in SCALES:
        np.testing.assert_allclose(after[name], 0.25 * before[name], rtol=1e-3, atol=1e-7)
    for name in ("texture", "pedestal", "offset_arcsec", "g_r", "r_z", "half_light_arcsec"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(after["aperture_mag"] - before["aperture_mag"], 2.5 * np.log10(4), atol=1e-4)


def test_a_level_moves_the_sky_and_no_galaxy(plain: tuple[ImageSet, Measured]) -> None:
    of, before = plain
    after = changed(of, of.images + NOISE[:, None, None])
    np.testing.assert_allclose(after["outer_mean"] - before["outer_mean"], np.tile(NOISE, (12, 1)), rtol=1e-3)
    np.testing.assert_allclose(after["pedestal"] - before["pedestal"], 1, atol=0.1)
    for name in ("core_flux", "aperture_mag", "outer_std", "noise", "texture"):
        np.testing.assert_allclose(after[name], before[name], rtol=2e-3, atol=2e-3)


def test_the_noise_is_that_which_was_drawn_and_its_neighbours_are_alike_once_smoothed(plain: tuple[ImageSet, Measured]) -> None:
    of, before = plain
    np.testing.assert_allclose(np.median(before["noise"], axis=0), NOISE, rtol=0.05)
    assert np.abs(np.median(before["texture"], axis=0)).max() < 0.08
    after = changed(of, gaussian_filter(of.images, (0, 0, 1, 1)))
    assert np.median(after["texture"], axis=0).min() > 0.7


def test_a_bright_galaxys_outskirts_are_neither_noise_nor_texture_nor_sky(plain: tuple[ImageSet, Measured]) -> None:
    of, before = plain
    axis = np.arange(64) - 32
    outskirts = 0.02 * (np.hypot(axis[:, None], axis).clip(4) / 24) ** -2.5
    after = changed(of, of.images + outskirts)
    assert np.median(after["outer_mean"][:, 1] - before["outer_mean"][:, 1]) > 2 * SIGMA["r"]
    np.testing.assert_allclose(np.median(after["noise"], axis=0), np.median(before["noise"], axis=0), rtol=0.05)
    assert np.abs(np.median(after["texture"] - before["texture"], axis=0)).max() < 0.05
    assert np.abs(np.median(after["pedestal"] - before["pedestal"], axis=0)).max() < 0.25


def test_a_galaxy_is_centred_and_sky_is_not(plain: tuple[ImageSet, Measured]) -> None:
    assert plain[1]["centred"].all() and plain[1]["offset_arcsec"].max() < 0.3
    sky = measure(drawn_set("sky", Cause(off_position=True), count=12))
    assert sky["centred"].mean() < 0.2
    assert abs(np.median(sky["core_flux"][:, 1])) < 0.05 * np.median(plain[1]["core_flux"][:, 1])


@pytest.mark.parametrize(("pixels", "centred"), [(2.0, True), (8.0, False), (20.0, False)])
def test_a_galaxy_beside_the_centre_is_none_at_it(plain: tuple[ImageSet, Measured], pixels: float, centred: bool) -> None:
    of = replace(plain[0], x_pix=plain[0].x_pix + pixels)
    seen = measure(of)
    np.testing.assert_allclose(seen["offset_arcsec"], 0.262 * pixels, atol=0.3)
    assert (seen["centred"] == centred).all()


def test_colours_and_magnitudes_are_those_drawn(plain: tuple[ImageSet, Measured]) -> None:
    of, before = plain
    np.testing.assert_allclose(before["g_r"], 1.5, atol=0.1)
    np.testing.assert_allclose(before["r_z"], 0.7, atol=0.1)
    assert np.median(np.abs(before["aperture_mag"] - of.mag_r)) < 0.15


def test_the_expected_noise_of_a_depth_is_that_of_five_sigma_of_a_point() -> None:
    of = drawn_set("one", Cause(), count=1)
    effective_pix = 4 * np.pi * (1.25 / 0.262 / 2.3548) ** 2
    assert expected_noise(of)[0, 1] == pytest.approx(10 ** (-0.4 * (23.9 - 22.5)) / 5 / np.sqrt(effective_pix), rel=1e-4)
    deeper = replace(of, depth_mag=of.depth_mag + 2.5)
    np.testing.assert_allclose(expected_noise(deeper), expected_noise(of) / 10)
