"""How a mock brick is drawn: the light of every object through the local PSF, noise to a depth, and the planes beside it.

A pixel is the PSF-convolved light sampled at the pixel's centre times the pixel's area: the survey's PSF width contains the
pixel, so GalSim draws with ``method="no_pixel"``. Legend: planes of shape (size, size), y north, x west, pixels from 0;
image in nMgy, inverse variance in nMgy^-2, PSF width in arcsec.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import galsim
import numpy as np
import numpy.typing as npt
from scipy.ndimage import correlate1d

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.mock.mock_conditions import (
    MOFFAT_BETA,
    BandConditions,
    BrickConditions,
    conditions_of,
    fwhm_at,
    moffat_alpha_arcsec,
    sky_invvar_at,
    transmission,
)
from spark_jobs.transforms.mock.mock_population import Objects
from spark_jobs.transforms.mock.mock_settings import MockSky

Plane = npt.NDArray[np.float32]

TRUNCATION = 8.0
"""Light ends at this many half-light radii: the total flux is then on the image, as in Tractor's own profiles."""
_GSPARAMS = galsim.GSParams(maximum_fft_size=8192, folding_threshold=2e-3, maxk_threshold=1e-3)
_WING_SIGMAS = 0.01
_LARGEST_HALF_STAMP_PIX = 400
_LEAST_HALF_STAMP_PIX = 12


@dataclass(frozen=True)
class BandPlanes:
    """What one band of a brick holds; ``saturated`` marks pixels whose light was cut at the detector's limit."""

    image: Plane
    invvar: Plane
    psfsize: Plane
    saturated: npt.NDArray[np.bool_]


def draw_band(mock: MockSky, brickname: str, band: str, objects: Objects) -> BandPlanes:
    """Draw one band: objects, shot noise and sky noise, saturation."""
    conditions = conditions_of(mock, brickname)
    settings = conditions.bands[band]
    light = draw_light(objects, band, conditions)
    y, x = np.mgrid[: mock.brick_size_pix, : mock.brick_size_pix].astype(np.float64)
    sky_variance = 1 / sky_invvar_at(settings, x, y, mock.brick_size_pix)
    variance = sky_variance + light / settings.electrons_per_nmgy
    noise = unit_noise(mock, brickname, band) * np.sqrt(variance)
    limit = mock.sky.conditions.saturation_nmgy_per_pixel
    saturated = light > limit
    image = np.where(saturated, limit, light + noise)
    return BandPlanes(
        image=image.astype(np.float32),
        invvar=np.where(saturated, 0.0, 1 / variance).astype(np.float32),
        # To a thousandth of an arcsec: the plane is then made of few values, as the survey's is, and packs well.
        psfsize=fwhm_at(settings, x, y, mock.brick_size_pix).round(3).astype(np.float32),
        saturated=saturated,
    )


def draw_light(objects: Objects, band: str, conditions: BrickConditions) -> npt.NDArray[np.float64]:
    """The noiseless light of all objects behind the brick's dust, nMgy per pixel, shape (size, size)."""
    settings, size = conditions.bands[band], conditions.size_pix
    # Single-precision sums would lose faint wings under bright stars.
    image = galsim.ImageD(size, size, xmin=0, ymin=0, scale=PIXEL_SCALE_ARCSEC)
    dust = transmission(band, conditions.ebv_mag)
    widths = fwhm_at(settings, objects["x"], objects["y"], size)
    for row, fwhm in zip(objects, widths, strict=True):
        _add_object(image, row, float(row[f"flux_{band}"]) * dust, float(fwhm), settings)
    light: npt.NDArray[np.float64] = np.maximum(image.array, 0.0)  # the Fourier transform rings below zero at 1e-5 of the peak
    return light


def unit_noise(mock: MockSky, brickname: str, band: str) -> npt.NDArray[np.float64]:
    """Noise of unit variance whose neighbouring pixels correlate as asked, shape (size, size)."""
    rng = generator(mock.seed, brickname, "noise", band)
    white = rng.standard_normal((mock.brick_size_pix, mock.brick_size_pix))
    if mock.noise_correlation == 0:
        return white
    # The kernel (a, 1, a) gives neighbours the correlation 2a / (1 + 2a^2); solved for a, and scaled to keep the variance.
    rho = mock.noise_correlation
    a = (1 - math.sqrt(1 - 2 * rho * rho)) / (2 * rho)
    kernel = np.array([a, 1.0, a]) / math.sqrt(1 + 2 * a * a)
    # With wrapped edges every pixel keeps unit variance; mirrored ones would raise it at the border.
    return np.asarray(correlate1d(correlate1d(white, kernel, axis=0, mode="wrap"), kernel, axis=1, mode="wrap"))


def _add_object(image: galsim.Image, row: np.void, flux_nmgy: float, fwhm_arcsec: float, settings: BandConditions) -> None:
    """Add one object on a sub-stamp that reaches to where its light is lost in the noise."""
    psf = galsim.Moffat(beta=MOFFAT_BETA, fwhm=fwhm_arcsec, gsparams=_GSPARAMS)
    x, y = float(row["x"]), float(row["y"])
    half = _half_stamp(flux_nmgy, fwhm_arcsec, float(row["shape_r"]), settings.sigma_nmgy)
    column, line = math.floor(x + 0.5), math.floor(y + 0.5)
    bounds = galsim.BoundsI(column - half, column + half, line - half, line + half) & image.bounds
    if not bounds.isDefined():
        return
    profile = psf.withFlux(flux_nmgy)
    if row["population"] != "star":
        profile = galsim.Convolve(_galaxy(row).withFlux(flux_nmgy), psf, gsparams=_GSPARAMS)
    # Drawn on the whole square even over the edge, where it is cut: a clipped Fourier square would wrap around.
    stamp = galsim.ImageD(2 * half + 1, 2 * half + 1, scale=PIXEL_SCALE_ARCSEC)
    profile.drawImage(image=stamp, method="no_pixel", offset=(x - column, y - line))
    stamp.setCenter(column, line)
    image[bounds] += stamp[bounds]


def _galaxy(row: np.void) -> galsim.GSObject:
    """The galaxy of a row, unit flux; GalSim's radius is the circularised one, the catalogue's lies along the major axis."""
    e1, e2 = float(row["e1"]), float(row["e2"])
    e = math.hypot(e1, e2)
    circular = float(row["shape_r"]) * math.sqrt((1 - e) / (1 + e))
    profile = galsim.Sersic(n=float(row["sersic"]), half_light_radius=circular, trunc=TRUNCATION * circular, gsparams=_GSPARAMS)
    return profile.shear(galsim.Shear(g1=-e1, g2=-e2)) if e > 0 else profile


def _half_stamp(flux_nmgy: float, fwhm_arcsec: float, shape_r: float, sigma_nmgy: float) -> int:
    """Half side of the square that holds an object: the truncated galaxy, and the PSF's wing down to a share of the noise."""
    alpha = moffat_alpha_arcsec(fwhm_arcsec)
    beta = MOFFAT_BETA
    peak = flux_nmgy * PIXEL_SCALE_ARCSEC**2 * (beta - 1) / (math.pi * alpha**2)
    wing = alpha * max(peak / (_WING_SIGMAS * sigma_nmgy), 1.0) ** (1 / (2 * beta))
    radius = wing + TRUNCATION * shape_r if flux_nmgy > 1 else wing + 4 * shape_r
    return int(min(max(radius / PIXEL_SCALE_ARCSEC, _LEAST_HALF_STAMP_PIX), _LARGEST_HALF_STAMP_PIX))
