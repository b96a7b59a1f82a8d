"""The gain of a cutout: told by the rise of its variance where it rises, else by the sky, and never made up."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from spark_jobs.physics.effective_gain import GainEstimate, effective_gain

SKY_MAG, SCALE = 20.91, 0.262
SKY_NMGY = 10 ** (0.4 * (22.5 - SKY_MAG)) * SCALE**2
Image = npt.NDArray[np.float64]


def galaxy(flux_nmgy: float, scale_pix: float = 4.0, size: int = 64) -> Image:
    """An exponential galaxy in the middle of a stamp."""
    offset = np.arange(size) - 0.5 * (size - 1)
    light = np.exp(-np.hypot(offset[:, None], offset) / scale_pix)
    return np.asarray(flux_nmgy * light / light.sum())


def observed(light: Image, gain: float, sky: float = SKY_NMGY, own_noise: bool = True) -> tuple[Image, Image]:
    """Image and inverse variance: Poisson electrons of sky and light; ``own_noise`` says if invvar knows of the light."""
    electrons = np.random.default_rng(3).poisson((light + sky) * gain)
    return electrons / gain - sky, gain / (sky + (light if own_noise else 0.0 * light))


@pytest.mark.parametrize("gain", [3e3, 1e4, 4e4])
@pytest.mark.parametrize("flux", [60.0, 300.0])
def test_the_rise_of_the_variance_gives_the_gain_within_5_per_cent_whatever_the_sky_is_said_to_be(
    gain: float, flux: float
) -> None:
    image, invvar = observed(galaxy(flux), gain)
    for said in (SKY_MAG, SKY_MAG - 0.6, SKY_MAG + 0.6):
        estimate = effective_gain(image, invvar, said, SCALE)
        assert estimate.origin == "invvar"
        assert estimate.gain == pytest.approx(gain, rel=0.05)


@pytest.mark.parametrize("gain", [3e3, 1e4, 4e4])
@pytest.mark.parametrize("flux", [0.0, 5.0, 300.0])
def test_a_variance_that_knows_only_the_sky_gives_the_sky_s_gain(gain: float, flux: float) -> None:
    image, invvar = observed(galaxy(flux), gain, own_noise=False)
    estimate = effective_gain(image, invvar, SKY_MAG, SCALE)
    assert estimate.origin == "sky"
    assert estimate.gain == pytest.approx(gain, rel=1e-9)


def test_a_faint_galaxy_s_photon_noise_does_not_bias_the_sky_s_gain() -> None:
    image, invvar = observed(galaxy(5.0), 1e4)
    estimate = effective_gain(image, invvar, SKY_MAG, SCALE)
    assert estimate.origin == "sky"
    assert estimate.gain == pytest.approx(1e4, rel=0.05)


def test_the_sky_s_gain_is_sky_flux_of_a_pixel_times_the_median_invvar() -> None:
    """A sky of 22.5 mag/arcsec^2 is 1 nMgy per arcsec^2, 0.25 nMgy on a pixel of half an arcsec."""
    invvar = np.array([[4.0e4, 4.0e4], [0.0, 9.0e4]])
    assert effective_gain(np.zeros((2, 2)), invvar, 22.5, 0.5).gain == pytest.approx(0.25 * 4.0e4)


def test_coverage_that_halves_across_a_galaxy_is_not_taken_for_photon_noise() -> None:
    image, invvar = observed(galaxy(300.0), 1e4, own_noise=False)
    invvar[:, 32:] /= 2
    estimate = effective_gain(image, invvar, SKY_MAG, SCALE)
    assert estimate.origin == "sky"
    assert estimate.gain is not None
    assert 0.5e4 <= estimate.gain <= 1e4


def test_a_rise_on_which_the_pixels_do_not_agree_is_not_believed() -> None:
    """A third of the columns show no rise, a third the right one and a third three times as much: the median alone is right."""
    light = galaxy(300.0)
    image, _ = observed(light, 1e4)
    rise = np.array([0.0, 1.0, 3.0])[np.arange(64) % 3]
    estimate = effective_gain(image, 1e4 / (SKY_NMGY + rise * light), SKY_MAG, SCALE)
    assert estimate.origin == "sky"


def test_light_that_fills_the_stamp_is_not_taken_for_sky() -> None:
    light = np.full((64, 64), 0.15 * SKY_NMGY)
    light[:8] = 0.0
    estimate = effective_gain(*observed(light, 4e4), SKY_MAG, SCALE)
    assert estimate.origin == "sky"
    assert estimate.gain == pytest.approx(4e4, rel=1e-6)


def test_a_rise_that_contradicts_the_sky_by_more_than_three_is_not_believed() -> None:
    image, invvar = observed(galaxy(300.0), 1e4)
    estimate = effective_gain(image, invvar, SKY_MAG - 1.5, SCALE)
    assert estimate.origin == "sky"


def test_pixels_without_data_are_left_out_and_a_cutout_of_them_has_no_gain() -> None:
    image, invvar = observed(galaxy(300.0), 1e4)
    whole = effective_gain(image, invvar, SKY_MAG, SCALE)
    invvar[:4], image[4, 0], invvar[5, 0] = 0.0, np.nan, np.nan
    image[:4] = 1e6
    assert effective_gain(image, invvar, SKY_MAG, SCALE).gain == pytest.approx(whole.gain, rel=0.01)
    assert effective_gain(image, np.zeros_like(invvar), SKY_MAG, SCALE) == GainEstimate(None, None)


@pytest.mark.parametrize(("sky", "scale"), [(math.nan, 0.262), (math.inf, 0.262), (21.0, 0.0), (21.0, -1.0), (21.0, math.nan)])
def test_a_sky_or_pixel_that_cannot_be_is_refused(sky: float, scale: float) -> None:
    with pytest.raises(ValueError, match="wanted finite, the pixel above 0"):
        effective_gain(np.zeros((2, 2)), np.ones((2, 2)), sky, scale)
    with pytest.raises(ValueError, match=r"image of shape \(2, 2\) and invvar of shape \(3, 2\); wanted the same"):
        effective_gain(np.zeros((2, 2)), np.ones((3, 2)), 21.0, 0.262)


def test_a_real_cutout_of_the_legacy_surveys_shows_its_photon_noise_in_g_and_r(shared_data: Path) -> None:
    """Deep DR9 pixels: the variance rises with the light as the sky's own photon noise says, within a factor of two."""
    with fits.open(shared_data / "legacy_dr9_cutout" / "cutout_59.1067_-30.4848.fits") as file:
        planes = [(file[n].data, file[n + 1].data) for n in (1, 3, 5)]
    estimates = [effective_gain(*plane, sky, SCALE) for plane, sky in zip(planes, (22.04, 20.91, 18.46), strict=True)]
    assert [estimate.origin for estimate in estimates] == ["invvar", "invvar", "sky"]
    for (_, invvar), sky, estimate in zip(planes, (22.04, 20.91, 18.46), estimates, strict=True):
        by_sky = 10 ** (0.4 * (22.5 - sky)) * SCALE**2 * np.median(invvar)
        assert estimate.gain is not None
        assert 0.5 < estimate.gain / by_sky < 2
        assert 2e4 < estimate.gain < 6e4
