"""Templates made up where no catalogue is given: Sersic discs with knots of star formation, seeded, drawn by GalSim.

Sizes, magnitudes and redshifts follow what lensed sources are: F814W 22 to 25.2, redshift 0.8 to 3, half-light radii of 0.1
to 0.6 arcsec. A template is blurred as the Hubble Space Telescope would see it in F814W. Angles in arcsec.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import galsim
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.special import gammaincinv, ndtr

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_from_parametric import draw_template
from spark_jobs.transforms.bank.bank_template import Template, measured_radius_arcsec
from spark_jobs.transforms.bank.template_light import Image
from spark_jobs.transforms.bank.template_square import fit_square
from spark_jobs.transforms.keyed_chance import generator

MAGNITUDES = (22.0, 25.2)
REDSHIFTS = (0.8, 3.0)
RADII_ARCSEC = (0.1, 0.6)
_COUNTS_SLOPE = 0.25
_RADIUS_AT_24_ARCSEC, _RADIUS_SLOPE, _RADIUS_SCATTER = 0.27, -0.12, 0.35
_COLOUR_GR, _COLOUR_RZ = (0.3, 0.2), (0.2, 0.3)
_SERSIC_STEPS = np.arange(0.6, 2.6, 0.1)  # GalSim tabulates each index once
_AXIS_RATIOS = (0.3, 1.0)
_TRUNCATION = 6.0
_KNOT_NUMBER, _KNOT_SHARE = (4, 25), (0.1, 0.4)
_KNOT_SIGMA_ARCSEC = (0.02, 0.05)
_FWHM_IN_SIGMA = 2 * math.sqrt(2 * math.log(2))
_BLUR_FWHM_ARCSEC = 0.09  # ACS in F814W, drizzled: what templates of real galaxies are blurred by


def procedural_makers(count: int, seed: int, size: int) -> Iterator[Callable[[], Template]]:
    """``count`` made-up galaxies; the n-th is the same whatever the count."""
    if count < 1:
        raise InputError(f"--procedural {count}; wanted 1 or more galaxies")
    return (partial(_make, number, seed, size) for number in range(count))


def _make(number: int, seed: int, size: int) -> Template:
    rng = generator(seed, "procedural galaxy", number)
    low, high = (10 ** (_COUNTS_SLOPE * (limit - MAGNITUDES[0])) for limit in MAGNITUDES)
    magnitude = MAGNITUDES[0] + math.log10(rng.uniform(low, high)) / _COUNTS_SLOPE
    median = _RADIUS_AT_24_ARCSEC * 10 ** (_RADIUS_SLOPE * (magnitude - 24))
    radius = float(np.clip(median * math.exp(_RADIUS_SCATTER * rng.standard_normal()), *RADII_ARCSEC))
    light, scale = _galaxy(rng, radius, size)
    square, binning = fit_square(light, size)
    return Template(
        template_id=f"procedural-{number}",
        image=square,
        pixel_scale_arcsec=scale * binning,
        mag_f814w=magnitude,
        redshift=float(np.clip(rng.lognormal(math.log(1.5), 0.4), *REDSHIFTS)),
        half_light_radius_arcsec=measured_radius_arcsec(square, scale * binning),
        half_light_catalogue_arcsec=math.hypot(radius, 0.5 * _BLUR_FWHM_ARCSEC),  # a Gaussian holds half its light there
        snr=math.inf,
        psf_fwhm_arcsec=_BLUR_FWHM_ARCSEC,
        provenance=f"procedural seed {seed} number {number}: Sersic disc with knots drawn by GalSim {galsim.__version__}",
        colour_gr=float(rng.normal(*_COLOUR_GR)),
        colour_rz=float(rng.normal(*_COLOUR_RZ)),
    )


def _galaxy(rng: np.random.Generator, radius_arcsec: float, size: int) -> tuple[Image, float]:
    """A disc of a circularised half-light radius with round knots spread as its light is; image and pixel scale."""
    index = float(rng.choice(_SERSIC_STEPS))
    shear = galsim.Shear(q=rng.uniform(*_AXIS_RATIOS), beta=rng.uniform(0, math.pi) * galsim.radians)
    disc = galsim.Sersic(n=index, half_light_radius=radius_arcsec, trunc=_TRUNCATION * radius_arcsec).shear(shear)
    drawn, scale = draw_template(disc, radius_arcsec, size)
    share, knots = rng.uniform(*_KNOT_SHARE), int(rng.integers(*_KNOT_NUMBER))
    positions = shear.getMatrix() @ _positions_in_disc(rng, index, radius_arcsec, knots)
    weights = rng.dirichlet(np.ones(knots)) * share
    widths = rng.uniform(*_KNOT_SIGMA_ARCSEC, knots)
    light = (1 - share) * drawn / drawn.sum()
    for x, y, weight, width in zip(*positions, weights, widths, strict=True):
        light += weight * np.outer(_pixel_shares(y, width, size, scale), _pixel_shares(x, width, size, scale))
    return gaussian_filter(light, _BLUR_FWHM_ARCSEC / _FWHM_IN_SIGMA / scale, mode="constant"), scale


def _positions_in_disc(rng: np.random.Generator, index: float, radius_arcsec: float, count: int) -> Image:
    """Positions (2, count) spread as the light of a round Sersic disc, by the inverse of its growth curve."""
    growth = gammaincinv(2 * index, rng.uniform(0, 0.98, count))
    radii = radius_arcsec * (growth / gammaincinv(2 * index, 0.5)) ** index
    angles = rng.uniform(0, 2 * math.pi, count)
    return np.array([radii * np.cos(angles), radii * np.sin(angles)])


def _pixel_shares(centre_arcsec: float, sigma_arcsec: float, size: int, scale: float) -> npt.NDArray[np.float64]:
    """Share of a Gaussian's light in each pixel along one axis, the origin in the middle."""
    edges = (np.arange(size + 1) - size / 2) * scale
    shares: npt.NDArray[np.float64] = np.diff(ndtr((edges - centre_arcsec) / sigma_arcsec))
    return shares
