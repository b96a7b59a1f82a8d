"""Under what PSF and noise an object was seen: three elliptical Gaussians with wide wings, and the pixel's noise of a depth.

Legend: angles in arcsec, x west, y north; frequencies in cycles per arcsec; fluxes in nMgy. The FWHM contains the pixel: an
image is this PSF's convolution sampled at pixel centres, and nothing is blurred by the pixel again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from standin_identity import generator
from standin_settings import Settings, SkyConditions

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GaussianSumPsf:
    """Shares (they add up to one) and covariances (arcsec squared: xx, xy, yy) of concentric Gaussians."""

    shares: tuple[float, ...]
    covariances: tuple[tuple[float, float, float], ...]

    def transfer(self, fx: Array, fy: Array) -> Array:
        """Fourier transform at frequencies that broadcast; 1 at the origin."""
        total: Array = np.zeros(np.broadcast_shapes(fx.shape, fy.shape))
        for share, (xx, xy, yy) in zip(self.shares, self.covariances, strict=True):
            total += share * np.exp(-2 * math.pi**2 * (xx * fx * fx + 2 * xy * fx * fy + yy * fy * fy))
        return total

    def light(self, x: Array, y: Array) -> Array:
        """Surface brightness per arcsec squared of a star of unit flux at the origin."""
        total: Array = np.zeros(np.broadcast_shapes(x.shape, y.shape))
        for share, (xx, xy, yy) in zip(self.shares, self.covariances, strict=True):
            det = xx * yy - xy * xy
            total += share * np.exp(-(yy * x * x - 2 * xy * x * y + xx * y * y) / (2 * det)) / (2 * math.pi * math.sqrt(det))
        return total

    @property
    def power(self) -> float:
        """Sum of the squared pixels of a star of unit flux."""
        total = 0.0
        for share_a, a in zip(self.shares, self.covariances, strict=True):
            for share_b, b in zip(self.shares, self.covariances, strict=True):
                xx, xy, yy = (one + other for one, other in zip(a, b, strict=True))
                total += share_a * share_b / (2 * math.pi * math.sqrt(xx * yy - xy * xy))
        return total * PIXEL_SCALE_ARCSEC**2


@dataclass(frozen=True)
class BandConditions:
    """One band: PSF, its FWHM (circularised), point-source depth, noise of an empty pixel, gain."""

    psf: GaussianSumPsf
    fwhm_arcsec: float
    depth_mag: float
    sky_sigma_nmgy: float
    electrons_per_nmgy: float


def gaussian_sum_psf(
    fwhm_arcsec: float, shares: tuple[float, ...], sigma_ratios: tuple[float, ...], ellipticity: float, angle_rad: float
) -> GaussianSumPsf:
    """The PSF of a width: its circularised profile falls to half at FWHM/2. ``ellipticity`` is (1-q)/(1+q)."""
    q = (1 - ellipticity) / (1 + ellipticity)
    c, s = math.cos(angle_rad), math.sin(angle_rad)
    core = fwhm_arcsec / _fwhm_of_unit_core(shares, sigma_ratios)
    covariances = []
    for ratio in sigma_ratios:
        major, minor = (core * ratio) ** 2 / q, (core * ratio) ** 2 * q
        covariances.append((major * c * c + minor * s * s, (major - minor) * c * s, major * s * s + minor * c * c))
    return GaussianSumPsf(shares, tuple(covariances))


def conditions_of(settings: Settings, cell: int, name: str) -> dict[str, BandConditions]:
    """Conditions of one object by band: those of its cell with a little of its own."""
    sky = settings.conditions
    shape = generator(settings.seed, name, "psf")
    angle, ellipticity = shape.uniform(0, math.pi), sky.psf_ellipticity_mode * shape.rayleigh()
    found = {}
    for number, band in enumerate(BANDS):
        of_cell = generator(settings.seed, "cell", cell, band).standard_normal(2)
        own = generator(settings.seed, name, "conditions", band)
        width, depth = own.standard_normal(2)
        spread = float(sky.fwhm_scatter[0] * of_cell[0] + sky.fwhm_scatter[1] * width)
        fwhm = float(np.clip(sky.fwhm_arcsec[number] * math.exp(spread), *sky.fwhm_range_arcsec))
        deeper = sky.depth_scatter_mag[0] * float(np.clip(of_cell[1], -2.5, 2.5)) + sky.depth_scatter_mag[1] * float(depth)
        own_shape = ellipticity * math.exp(0.3 * own.standard_normal()), angle + 0.3 * own.standard_normal()
        psf = gaussian_sum_psf(fwhm, _shares(sky, own), sky.psf_sigma_ratios, *own_shape)
        found[band] = band_conditions(psf, fwhm, sky.depth_mag[number] + deeper, sky.sky_mag_per_arcsec2[number])
    return found


def band_conditions(psf: GaussianSumPsf, fwhm_arcsec: float, depth_mag: float, sky_mag: float) -> BandConditions:
    """Noise of this depth (5 sigma of the matched flux in white noise, Naylor 1998), and the gain that makes this noise."""
    sigma = 10 ** (-0.4 * (depth_mag - ZEROPOINT_MAG)) / 5 * math.sqrt(psf.power)
    sky = PIXEL_SCALE_ARCSEC**2 * 10 ** (-0.4 * (sky_mag - ZEROPOINT_MAG))
    return BandConditions(psf, fwhm_arcsec, depth_mag, sigma, sky / sigma**2)


def _shares(sky: SkyConditions, rng: np.random.Generator) -> tuple[float, float, float]:
    second, third = (share * math.exp(sky.psf_share_scatter * rng.standard_normal()) for share in sky.psf_shares)
    second, third = min(second, 0.4), min(third, 0.12)
    return 1 - second - third, second, third


def _fwhm_of_unit_core(shares: tuple[float, ...], ratios: tuple[float, ...]) -> float:
    def profile(radius: float) -> float:
        return sum(s / r**2 * math.exp(-(radius**2) / (2 * r**2)) for s, r in zip(shares, ratios, strict=True))

    half = profile(0.0) / 2
    return 2 * float(brentq(lambda radius: profile(radius) - half, 0.1, 10.0))
