"""Under which conditions a mock brick was observed: seeing, noise, dust and coverage, each drawn from the brick's name.

Legend: x, y in pixels from 0; FWHM in arcsec, pixel included, of a circular Moffat with beta 3.5; noise in nMgy per pixel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.survey import PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.mock.mock_settings import Conditions, MockSky

MOFFAT_BETA = 3.5
EXTINCTION: Mapping[str, float] = {
    "g": 3.214,
    "r": 2.165,
    "z": 1.211,
    "w1": 0.184,
    "w2": 0.113,
    "w3": 0.0241,
    "w4": 0.00910,
}
"""Magnitudes of extinction per magnitude of E(B-V): the DECam and WISE figures of the Legacy Surveys catalogues."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BandConditions:
    """One band of one brick. ``sigma_nmgy`` is the noise where all ``exposures`` contribute."""

    fwhm_arcsec: float
    gradient: tuple[float, float, float]
    sigma_nmgy: float
    electrons_per_nmgy: float
    exposures: int
    border_angle_rad: float
    border_offset: float


@dataclass(frozen=True)
class BrickConditions:
    """All bands of one brick, and the dust in front of it."""

    size_pix: int
    ebv_mag: float
    bands: Mapping[str, BandConditions]


def sky_sigma_nmgy(depth_mag: float, fwhm_arcsec: float) -> float:
    """Noise of one pixel that makes white noise of a 5-sigma point-source depth, Moffat PSF of beta 3.5.

    The error of the matched flux is sigma / sqrt(sum P^2) for unit-sum PSF pixels P (Naylor 1998).
    """
    error_nmgy = 10 ** (-0.4 * (depth_mag - ZEROPOINT_MAG)) / 5
    return error_nmgy * math.sqrt(moffat_power(fwhm_arcsec))


def moffat_power(fwhm_arcsec: float) -> float:
    """Sum of the squared pixels of a unit-flux Moffat: (beta-1)^2 / (pi alpha^2 (2 beta - 1)) times the pixel's area."""
    beta = MOFFAT_BETA
    alpha = moffat_alpha_arcsec(fwhm_arcsec)
    return PIXEL_SCALE_ARCSEC**2 * (beta - 1) ** 2 / (math.pi * alpha**2 * (2 * beta - 1))


def moffat_alpha_arcsec(fwhm_arcsec: float) -> float:
    """Scale radius of a Moffat of beta 3.5."""
    return fwhm_arcsec / (2 * math.sqrt(2 ** (1 / MOFFAT_BETA) - 1))


def transmission(band: str, ebv_mag: float) -> float:
    """Share of the light that Galactic dust lets through."""
    return float(10 ** (-0.4 * EXTINCTION[band] * ebv_mag))


def electrons_per_nmgy(sky_mag_per_arcsec2: float, sigma_nmgy: float) -> float:
    """Gain for which the shot noise of the sky alone is ``sigma_nmgy``: sky level over variance."""
    sky = PIXEL_SCALE_ARCSEC**2 * 10 ** (-0.4 * (sky_mag_per_arcsec2 - ZEROPOINT_MAG))
    return float(sky / sigma_nmgy**2)


def conditions_of(mock: MockSky, brickname: str) -> BrickConditions:
    """The conditions of a brick: the same for the same seed and name, whatever bands are drawn."""
    settings = mock.sky.conditions
    rng = generator(mock.seed, brickname, "dust")
    ebv = settings.ebv_median_mag * math.exp(settings.ebv_scatter * float(np.clip(rng.standard_normal(), -2.5, 2.5)))
    bands = {band: _band_conditions(mock, brickname, band, settings) for band in settings.psf_fwhm_arcsec}
    return BrickConditions(mock.brick_size_pix, ebv, bands)


def fwhm_at(band: BandConditions, x_pix: Array, y_pix: Array, size_pix: int) -> Array:
    """PSF width at positions: a smooth second-order change over the brick."""
    u, v = _centred(x_pix, size_pix), _centred(y_pix, size_pix)
    along_x, along_y, curved = band.gradient
    return band.fwhm_arcsec * np.exp(along_x * u + along_y * v + curved * (u * u + v * v - 2 / 3))


def exposures_at(band: BandConditions, x_pix: Array, y_pix: Array, size_pix: int) -> npt.NDArray[np.int16]:
    """Number of exposures at positions: one less beyond the chip border that crosses the brick."""
    u, v = _centred(x_pix, size_pix), _centred(y_pix, size_pix)
    beyond = u * math.cos(band.border_angle_rad) + v * math.sin(band.border_angle_rad) > band.border_offset
    return (band.exposures - beyond).astype(np.int16)


def sky_invvar_at(band: BandConditions, x_pix: Array, y_pix: Array, size_pix: int) -> Array:
    """Inverse variance of a pixel without light, nMgy^-2: proportional to the exposures."""
    share: Array = exposures_at(band, x_pix, y_pix, size_pix) / band.exposures
    return share / band.sigma_nmgy**2


def _band_conditions(mock: MockSky, brickname: str, band: str, settings: Conditions) -> BandConditions:
    rng = generator(mock.seed, brickname, "conditions", band)
    least, most = settings.psf_fwhm_range_arcsec
    scatter = math.exp(settings.psf_fwhm_scatter * rng.standard_normal())
    fwhm = float(np.clip(settings.psf_fwhm_arcsec[band] * scatter, least, most))
    depth = settings.psf_depth_mag[band] + settings.psf_depth_scatter_mag * float(np.clip(rng.standard_normal(), -2.5, 2.5))
    gradient = rng.uniform(-1, 1, 3) * settings.psf_fwhm_gradient
    sigma = sky_sigma_nmgy(depth, fwhm)
    return BandConditions(
        fwhm_arcsec=fwhm,
        gradient=(float(gradient[0]), float(gradient[1]), float(gradient[2])),
        sigma_nmgy=sigma,
        electrons_per_nmgy=electrons_per_nmgy(settings.sky_mag_per_arcsec2[band], sigma),
        exposures=int(rng.integers(settings.exposures[0], settings.exposures[1] + 1)),
        border_angle_rad=float(rng.uniform(0, 2 * math.pi)),
        border_offset=float(rng.uniform(0.3, 0.9)),
    )


def _centred(pix: Array, size_pix: int) -> Array:
    """Pixel coordinate scaled to -1 .. 1 over the brick."""
    return (np.asarray(pix, dtype=np.float64) + 0.5) / size_pix * 2 - 1
