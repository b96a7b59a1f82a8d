"""A disc with knots of star formation: a Sersic profile, a share of whose light stands in small Gaussians.

Legend: lengths in arcsec; the major axis along x; images hold flux per pixel and sum to one; knots lie where the disc is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincinv, ndtr

FloatArray = npt.NDArray[np.float64]

MAX_SIDE_PIX = 256
MAX_SERSIC_N = 4.0
_MIN_SIDE_PIX = 48
_LIGHT_HELD = 0.99
_KNOTS_WITHIN = 0.95
_PIXELS_PER_KNOT, _PIXELS_PER_RADIUS = 3.0, 4.0
_CORE_PIX, _CORE_STEPS = 6, 9
_RINGS_PER_PIX = 4
_FWHM_OVER_SIGMA = 2.3548


@dataclass(frozen=True)
class KnottedSersic:
    """Half-light radius on the major axis, Sersic index, axis ratio; number, share of the flux and width of the knots."""

    half_light_arcsec: float
    sersic_n: float
    axis_ratio: float
    knots: int
    knot_share: float
    knot_fwhm_arcsec: float

    def __post_init__(self) -> None:
        lengths = (self.half_light_arcsec, self.knot_fwhm_arcsec)
        if not all(length > 0 and math.isfinite(length) for length in lengths):
            raise ValueError(f"half-light radius and knot width are {lengths} arcsec; wanted finite numbers above 0")
        if not 0.3 <= self.sersic_n <= MAX_SERSIC_N or not 0 < self.axis_ratio <= 1:
            raise ValueError(
                f"Sersic index is {self.sersic_n} and axis ratio {self.axis_ratio}; wanted 0.3 to 4 and above 0 to 1"
            )
        if self.knots < 0 or not 0 <= self.knot_share <= 1:
            raise ValueError(f"{self.knots} knots hold {self.knot_share} of the flux; wanted none or more, and 0 to 1")


@dataclass(frozen=True)
class KnottedTemplate:
    """Image (side, side) of unit flux, its centre the array's middle, and the side of its pixels."""

    image: FloatArray
    pixel_scale_arcsec: float


def knotted_sersic(source: KnottedSersic, rng: np.random.Generator) -> KnottedTemplate:
    """The galaxy on a grid that holds 99 per cent of its disc and resolves its knots; the same for the same ``rng``.

    Knots are drawn from the disc's growth curve in equal steps of its light, with random shares of the knots' flux: clumps of
    a star-forming disc (Guo et al. 2015, ApJ 800, 39). The pixel is then scaled, the knots with it, so that the ellipse of
    the half-light radius holds half of the light whatever the knots are.
    """
    share = source.knot_share if source.knots else 0.0
    growth = _radius_of_light(source.sersic_n, np.array([_LIGHT_HELD]))
    reach = float(growth[0]) * source.half_light_arcsec
    finest = min(source.knot_fwhm_arcsec / _PIXELS_PER_KNOT, source.half_light_arcsec * source.axis_ratio / _PIXELS_PER_RADIUS)
    side = 2 * math.ceil(min(max(reach / finest, _MIN_SIDE_PIX / 2), MAX_SIDE_PIX / 2))
    scale = 2 * reach / side
    image = (1.0 - share) * _disc(source, side, scale)
    if share:
        image += share * _knots(source, side, scale, rng)
        scale *= source.half_light_arcsec / half_light_arcsec(image, scale, source.axis_ratio)
    return KnottedTemplate(image, scale)


def half_light_arcsec(image: FloatArray, pixel_scale_arcsec: float, axis_ratio: float) -> float:
    """Semi-major axis of the centred ellipse (major axis along x) that holds half of the image's light."""
    offset = np.arange(image.shape[0]) - 0.5 * (image.shape[0] - 1)
    radius = np.sqrt(np.square(offset)[None, :] + np.square(offset / axis_ratio)[:, None])
    light = np.cumsum(np.bincount((_RINGS_PER_PIX * radius).astype(int).ravel(), weights=image.ravel()))
    rings = float(np.interp(0.5 * light[-1], np.concatenate([[0.0], light]), np.arange(len(light) + 1)))
    return rings / _RINGS_PER_PIX * pixel_scale_arcsec


def _radius_of_light(n: float, share: FloatArray) -> FloatArray:
    """Radius in units of the half-light radius inside which a Sersic profile has a share of its light."""
    return np.asarray((gammaincinv(2 * n, share) / gammaincinv(2 * n, 0.5)) ** n)


def _disc(source: KnottedSersic, side: int, scale: float) -> FloatArray:
    """The smooth profile, its cusp averaged over pixels, summing to one; one quadrant is computed and mirrored."""
    step = scale / source.half_light_arcsec
    quadrant = _profile(source, _centres(side // 2, step))
    fine = _centres(_CORE_PIX * _CORE_STEPS, step / _CORE_STEPS)
    blocks = _profile(source, fine).reshape(_CORE_PIX, _CORE_STEPS, _CORE_PIX, _CORE_STEPS)
    quadrant[:_CORE_PIX, :_CORE_PIX] = blocks.mean(axis=(1, 3))
    half = np.concatenate([quadrant[::-1], quadrant], axis=0)
    image = np.concatenate([half[:, ::-1], half], axis=1)
    return np.asarray(image / image.sum())


def _centres(count: int, step: float) -> FloatArray:
    """Centres of the pixels from the middle on, shape (count,)."""
    return np.linspace(0.5 * step, (count - 0.5) * step, count)


def _profile(source: KnottedSersic, offset: FloatArray) -> FloatArray:
    """Brightness at the square grid of offsets, which are in half-light radii."""
    squares = np.square(offset)[None, :] + np.square(offset / source.axis_ratio)[:, None]
    return np.asarray(np.exp(-gammaincinv(2 * source.sersic_n, 0.5) * squares ** (0.5 / source.sersic_n)))


def _knots(source: KnottedSersic, side: int, scale: float, rng: np.random.Generator) -> FloatArray:
    """The knots alone, summing to one."""
    count = source.knots
    growth = _KNOTS_WITHIN * (np.arange(count) + rng.uniform(size=count)) / count
    radius = source.half_light_arcsec * _radius_of_light(source.sersic_n, growth)
    angle = rng.uniform(0.0, 2.0 * math.pi, count)
    flux = rng.dirichlet(np.ones(count))
    sigma = source.knot_fwhm_arcsec / _FWHM_OVER_SIGMA
    along = _pixel_shares(radius * np.cos(angle), sigma, side, scale)
    across = _pixel_shares(radius * np.sin(angle) * source.axis_ratio, sigma, side, scale)
    return np.asarray(np.einsum("k,ky,kx->yx", flux, across, along, optimize=True))


def _pixel_shares(centres: FloatArray, sigma: float, side: int, scale: float) -> FloatArray:
    """Share of each Gaussian's light in each pixel along one axis, shape (knots, side), summing to one."""
    edges = (np.arange(side + 1) - 0.5 * side) * scale
    shares = np.diff(ndtr((edges - centres[:, None]) / sigma), axis=1)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))
