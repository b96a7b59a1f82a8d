"""Seeing, noise and dust of a mock brick, from first principles."""

from __future__ import annotations

from pathlib import Path

import galsim
import numpy as np
import pytest
from astropy.io import fits

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.mock.mock_conditions import (
    EXTINCTION,
    conditions_of,
    electrons_per_nmgy,
    exposures_at,
    fwhm_at,
    moffat_power,
    sky_invvar_at,
    sky_sigma_nmgy,
    transmission,
)
from tests.spark_jobs.small_mock_sky import NAME, SIZE, small_mock


@pytest.mark.parametrize(("depth", "fwhm", "sigma"), [(24.7, 1.35, 0.0028), (23.9, 1.25, 0.0062), (23.0, 1.20, 0.0148)])
def test_the_survey_s_median_depths_give_the_known_pixel_noise(depth: float, fwhm: float, sigma: float) -> None:
    assert sky_sigma_nmgy(depth, fwhm) == pytest.approx(sigma, rel=0.02)


def test_a_point_source_at_the_depth_has_a_matched_signal_to_noise_of_five() -> None:
    fwhm, depth = 1.3, 24.0
    psf = galsim.Moffat(beta=3.5, fwhm=fwhm).drawImage(nx=101, ny=101, scale=PIXEL_SCALE_ARCSEC, method="no_pixel").array
    flux = 10 ** (-0.4 * (depth - 22.5))
    assert flux * np.sqrt((psf**2).sum()) / sky_sigma_nmgy(depth, fwhm) == pytest.approx(5.0, rel=2e-3)
    assert moffat_power(fwhm) == pytest.approx((psf**2).sum(), rel=3e-3)


def test_the_sky_s_own_shot_noise_is_the_noise_at_the_derived_gain() -> None:
    sky_nmgy = PIXEL_SCALE_ARCSEC**2 * 10 ** (-0.4 * (21.0 - 22.5))
    gain = electrons_per_nmgy(21.0, 0.0062)
    assert np.sqrt(sky_nmgy * gain) / gain == pytest.approx(0.0062)
    assert 5e3 < gain < 3e4


def test_extinction_agrees_with_the_real_catalogue(shared_data: Path) -> None:
    rows = fits.getdata(shared_data / "sweep" / "sweep-330m005-340p000.fits", 1)
    for band in EXTINCTION:
        seen = [transmission(band, float(ebv)) for ebv in rows["EBV"]]
        assert seen == pytest.approx(rows[f"MW_TRANSMISSION_{band.upper()}"], rel=1e-4)


def test_seeing_changes_smoothly_and_stays_near_the_brick_s_median() -> None:
    band = conditions_of(small_mock(), NAME).bands["r"]
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    plane = fwhm_at(band, x, y, SIZE)
    assert 1e-4 < np.ptp(plane) < 0.2 * band.fwhm_arcsec
    assert np.abs(np.diff(plane, axis=0)).max() < 2e-3
    assert plane.mean() == pytest.approx(band.fwhm_arcsec, rel=0.05)


def test_inverse_variance_falls_with_the_exposures_beyond_the_chip_border() -> None:
    band = conditions_of(small_mock(), NAME).bands["g"]
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    counts, invvar = exposures_at(band, x, y, SIZE), sky_invvar_at(band, x, y, SIZE)
    assert set(np.unique(counts)) == {band.exposures, band.exposures - 1}
    assert np.allclose(invvar * band.sigma_nmgy**2, counts / band.exposures)


def test_bricks_scatter_around_the_survey_s_medians() -> None:
    all_of_them = [conditions_of(small_mock(), f"{n:04d}p020") for n in range(200)]
    for band, fwhm, sigma in (("g", 1.35, 0.0028), ("r", 1.25, 0.0062), ("z", 1.2, 0.0148)):
        assert np.median([c.bands[band].fwhm_arcsec for c in all_of_them]) == pytest.approx(fwhm, rel=0.04)
        assert np.median([c.bands[band].sigma_nmgy for c in all_of_them]) == pytest.approx(sigma, rel=0.06)
    assert len({c.ebv_mag for c in all_of_them}) > 150
