"""PSF and noise of the stand-in: its width, its power and its transfer function are what they are said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from standin_conditions import band_conditions, conditions_of, gaussian_sum_psf
from standin_settings import Settings

from schemas.survey import PIXEL_SCALE_ARCSEC

SHARES, RATIOS = (0.73, 0.22, 0.05), (1.0, 1.8, 4.0)


def grid(half: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    axis = np.arange(-half, half + 1) * step
    return axis[None, :], axis[:, None]


@pytest.mark.parametrize("fwhm", [0.75, 1.25, 2.2])
def test_a_round_psf_falls_to_half_at_half_its_width(fwhm: float) -> None:
    psf = gaussian_sum_psf(fwhm, SHARES, RATIOS, 0.0, 0.0)
    peak, half = psf.light(np.array([0.0, fwhm / 2]), np.zeros(2))
    assert half / peak == pytest.approx(0.5, rel=1e-9)


def test_the_wings_are_wider_than_those_of_the_moffat_that_the_training_knows() -> None:
    psf = gaussian_sum_psf(1.25, SHARES, RATIOS, 0.0, 0.0)
    x, y = grid(400, 0.05)
    radius = np.hypot(x, y)
    alpha = 1.25 / (2 * math.sqrt(2 ** (1 / 3.5) - 1))
    moffat = 2.5 / (math.pi * alpha**2) * (1 + (radius / alpha) ** 2) ** -3.5
    shares = [float((light * 0.05**2)[radius > 3].sum()) for light in (psf.light(x, y), moffat)]
    assert shares[0] > 1.2 * shares[1]
    assert np.abs(psf.light(x, y) - moffat).max() > 0.03 * moffat.max()


def test_all_light_of_a_star_is_kept_and_its_power_is_that_of_its_pixels() -> None:
    psf = gaussian_sum_psf(1.25, SHARES, RATIOS, 0.05, 0.4)
    pixels = psf.light(*grid(80, PIXEL_SCALE_ARCSEC)) * PIXEL_SCALE_ARCSEC**2
    assert pixels.sum() == pytest.approx(1, abs=1e-4)
    assert (pixels**2).sum() == pytest.approx(psf.power, rel=1e-6)


def test_the_transfer_function_is_the_fourier_transform_of_the_light() -> None:
    psf = gaussian_sum_psf(1.0, SHARES, RATIOS, 0.1, 0.7)
    x, y = grid(300, 0.06)
    light = psf.light(x, y) * 0.06**2
    for fx, fy in ((0.0, 0.0), (0.3, 0.0), (0.2, -0.4), (0.2, 0.4)):
        there = (light * np.cos(2 * math.pi * (fx * x + fy * y))).sum()
        assert psf.transfer(np.array(fx), np.array(fy)) == pytest.approx(there, abs=2e-5)


def test_the_long_axis_lies_along_its_angle() -> None:
    psf = gaussian_sum_psf(1.25, SHARES, RATIOS, 0.1, math.pi / 4)
    along, across = psf.light(np.array([0.5, 0.5]), np.array([0.5, -0.5]))
    assert along > across


def test_the_noise_is_that_of_the_depth_by_matched_filter() -> None:
    psf = gaussian_sum_psf(1.25, SHARES, RATIOS, 0.02, 0.3)
    seen = band_conditions(psf, 1.25, 23.9, 21.0)
    pixels = psf.light(*grid(40, PIXEL_SCALE_ARCSEC)) * PIXEL_SCALE_ARCSEC**2
    error = seen.sky_sigma_nmgy / math.sqrt((pixels**2).sum())
    assert 22.5 - 2.5 * math.log10(5 * error) == pytest.approx(23.9, abs=1e-3)
    assert 0.004 < seen.sky_sigma_nmgy < 0.007


def test_the_gain_makes_the_sky_as_noisy_as_it_is() -> None:
    seen = band_conditions(gaussian_sum_psf(1.25, SHARES, RATIOS, 0, 0), 1.25, 23.9, 21.0)
    sky_nmgy = PIXEL_SCALE_ARCSEC**2 * 10 ** (-0.4 * (21.0 - 22.5))
    assert math.sqrt(sky_nmgy / seen.electrons_per_nmgy) == pytest.approx(seen.sky_sigma_nmgy)
    assert 3e3 < seen.electrons_per_nmgy < 3e4


def test_conditions_have_the_medians_and_scatter_that_the_settings_say() -> None:
    settings = Settings()
    drawn = [conditions_of(settings, cell, f"negative-{cell}") for cell in range(400)]
    for number, band in enumerate(("g", "r", "z")):
        widths = np.array([one[band].fwhm_arcsec for one in drawn])
        depths = np.array([one[band].depth_mag for one in drawn])
        assert np.median(widths) == pytest.approx(settings.conditions.fwhm_arcsec[number], rel=0.02)
        assert np.log(widths).std() == pytest.approx(0.101, rel=0.15)
        assert depths.mean() == pytest.approx(settings.conditions.depth_mag[number], abs=0.03)
        assert depths.std() == pytest.approx(0.152, rel=0.15)


def test_objects_of_one_cell_share_its_seeing_but_for_a_little() -> None:
    settings = Settings()
    within = [conditions_of(settings, 5, f"negative-{n}")["r"].fwhm_arcsec for n in range(100)]
    assert np.log(within).std() == pytest.approx(settings.conditions.fwhm_scatter[1], rel=0.25)


def test_the_shape_of_the_psf_varies_from_object_to_object_and_the_conditions_follow_from_the_name() -> None:
    settings = Settings()
    one, again, other = (conditions_of(settings, 3, name)["g"] for name in ("lens-1", "lens-1", "lens-2"))
    assert one == again
    assert one.psf.shares != other.psf.shares
    assert all(sum(seen.psf.shares) == pytest.approx(1) for seen in (one, other))
