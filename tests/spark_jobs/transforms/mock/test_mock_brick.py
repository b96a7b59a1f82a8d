"""The light on a mock brick: flux, place, shape and noise are those that the catalogue and the planes state."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.mock.mock_brick import draw_band, draw_light, unit_noise
from spark_jobs.transforms.mock.mock_conditions import conditions_of, fwhm_at, moffat_alpha_arcsec, transmission
from tests.spark_jobs.small_mock_sky import NAME, SIZE, one_object, small_mock

CONDITIONS = conditions_of(small_mock(), NAME)


def _aperture(light: np.ndarray, x: float, y: float, radius_arcsec: float) -> float:
    yy, xx = np.mgrid[: light.shape[0], : light.shape[1]]
    return float(light[np.hypot(xx - x, yy - y) * PIXEL_SCALE_ARCSEC < radius_arcsec].sum())


@pytest.mark.parametrize("band", ["g", "r", "z"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"type": "SER", "sersic": 5.5, "shape_r": 1.5, "e1": 0.2, "e2": -0.1},
        {"population": "field", "type": "EXP", "sersic": 1.0},
        {"population": "star", "type": "PSF", "shape_r": 0.0},
    ],
)
def test_the_light_in_a_wide_aperture_is_the_catalogue_s_flux_behind_the_dust(band: str, changes: dict[str, object]) -> None:
    light = draw_light(one_object(**changes), band, CONDITIONS)
    asked = 20.0 * transmission(band, CONDITIONS.ebv_mag)
    assert _aperture(light, 150.3, 148.8, 30.0) == pytest.approx(asked, rel=2e-3)


def test_half_of_a_galaxy_s_light_lies_within_its_half_light_radius_when_the_seeing_is_small_against_it() -> None:
    light = draw_light(one_object(shape_r=6.0, sersic=1.0, type="EXP"), "z", CONDITIONS)
    assert _aperture(light, 150.3, 148.8, 6.0) / light.sum() == pytest.approx(0.5, abs=0.015)


def test_a_star_lies_where_the_catalogue_says_to_a_fiftieth_of_a_pixel_and_has_the_plane_s_width() -> None:
    light = draw_light(one_object(population="star", type="PSF", shape_r=0.0), "r", CONDITIONS)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    near = np.hypot(xx - 150.3, yy - 148.8) < 20
    assert (light * xx)[near].sum() / light[near].sum() == pytest.approx(150.3, abs=0.02)
    assert (light * yy)[near].sum() / light[near].sum() == pytest.approx(148.8, abs=0.02)
    fwhm = float(fwhm_at(CONDITIONS.bands["r"], np.array(150.3), np.array(148.8), SIZE))
    alpha = fwhm / (2 * np.sqrt(2 ** (1 / 3.5) - 1))
    # The pixel is in the width already: values at pixel centres are the Moffat itself, not its average over the pixel.
    expected = 2.5 / (np.pi * alpha**2) * (1 + (np.hypot(0.3, 0.2) * PIXEL_SCALE_ARCSEC / alpha) ** 2) ** -3.5
    assert light[149, 150] / light.sum() == pytest.approx(expected * PIXEL_SCALE_ARCSEC**2, rel=3e-3)


@pytest.mark.parametrize(("e1", "e2"), [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.1, -0.25)])
def test_second_moments_on_the_stamp_are_minus_the_catalogue_s_ellipticity(e1: float, e2: float) -> None:
    light = draw_light(one_object(e1=e1, e2=e2, shape_r=4.0, sersic=1.0, type="EXP"), "r", CONDITIONS)
    y, x = np.mgrid[:SIZE, :SIZE].astype(float) - np.array([148.8, 150.3])[:, None, None]
    xx, yy, xy = ((light * values).sum() for values in (x * x, y * y, x * y))
    seen = np.array([xx - yy, 2 * xy]) / (xx + yy)
    direction = -np.array([e1, e2]) / np.hypot(e1, e2)
    assert seen / np.hypot(*seen) == pytest.approx(direction, abs=0.02)
    # Mean r^2 of an exponential is 6 h^2, of a Moffat alpha^2 / (beta - 2); the round seeing dilutes the ellipticity.
    e = np.hypot(e1, e2)
    axis_ratio = (1 - e) / (1 + e)
    galaxy = 6 * (4.0 / 1.678) ** 2 * (1 + axis_ratio**2) / 2
    seeing = moffat_alpha_arcsec(CONDITIONS.bands["r"].fwhm_arcsec) ** 2 / 1.5
    intrinsic = (1 - axis_ratio**2) / (1 + axis_ratio**2)
    assert np.hypot(*seen) == pytest.approx(intrinsic * galaxy / (galaxy + seeing), rel=0.02)


def test_an_object_over_the_edge_is_cut_there_and_does_not_wrap_around() -> None:
    light = draw_light(one_object(x=-0.4, y=150.0), "r", CONDITIONS)
    flux = 20.0 * transmission("r", CONDITIONS.ebv_mag)
    assert 0.4 * flux < light.sum() < 0.65 * flux
    assert light[:, SIZE // 2 :].sum() < 1e-3 * flux
    assert draw_light(one_object(x=-5000.0, y=150.0), "r", CONDITIONS).sum() == 0


def test_the_noise_is_what_the_inverse_variance_says_in_sky_and_in_light() -> None:
    mock = small_mock()
    objects = one_object(shape_r=4.0, sersic=1.0, flux_z=3000.0)
    planes = draw_band(mock, NAME, "z", objects)
    pull = (planes.image - draw_light(objects, "z", CONDITIONS)) * np.sqrt(planes.invvar)
    assert pull.std() == pytest.approx(1.0, rel=0.02)
    assert pull[140:160, 140:160].std() == pytest.approx(1.0, rel=0.12)
    assert planes.invvar[148, 150] < 0.9 * np.median(planes.invvar)
    assert planes.image.dtype == planes.invvar.dtype == planes.psfsize.dtype == np.float32


def test_a_saturated_core_is_cut_at_the_limit_and_has_no_weight() -> None:
    planes = draw_band(small_mock(), NAME, "r", one_object(population="star", type="PSF", shape_r=0.0, flux_r=20000.0))
    assert planes.saturated.sum() > 10
    assert (planes.image[planes.saturated] == 20.0).all()
    assert (planes.invvar[planes.saturated] == 0).all()
    assert (planes.invvar[~planes.saturated] > 0).all()


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_correlated_noise_keeps_unit_variance_and_has_the_asked_correlation(rho: float) -> None:
    noise = unit_noise(small_mock(noise_correlation=rho), NAME, "g")
    assert noise.std() == pytest.approx(1.0, rel=0.02)
    for axis in (0, 1):
        assert np.mean(noise * np.roll(noise, 1, axis)) == pytest.approx(rho, abs=0.02)


def test_bands_and_seeds_have_noise_of_their_own() -> None:
    a, b, c = (
        unit_noise(small_mock(), NAME, "g"),
        unit_noise(small_mock(), NAME, "r"),
        unit_noise(small_mock(seed=9), NAME, "g"),
    )
    assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(a.ravel(), c.ravel())[0, 1]) < 0.02
