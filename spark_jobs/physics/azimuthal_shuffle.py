"""An arc torn into sectors of azimuth and put together in another order: the same light at the same radii, and no lens.

Legend: images (n, n) hold flux per pixel; places (x, y) in pixels, pixel centres at integers from 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

FloatArray = npt.NDArray[np.float64]

LEAST_SECTORS = 8
LARGEST_CORRELATION = 0.5
TRIES = 8
"""Orders of the sectors that are tried; twice as many find one arc in forty more."""
_LIT = 1e-6  # of the brightest pixel is what is worth moving


class LikeItselfError(ValueError):
    """No order of the sectors makes the arc unlike itself."""


@dataclass(frozen=True)
class Tearing:
    """Into how many sectors an arc is torn, how alike it may stay, and the chance that orders them.

    Raises ValueError for fewer than LEAST_SECTORS sectors or a correlation above LARGEST_CORRELATION.
    """

    sectors: int
    maximum_correlation: float
    rng: np.random.Generator

    def __post_init__(self) -> None:
        if self.sectors < LEAST_SECTORS or not 0 < self.maximum_correlation <= LARGEST_CORRELATION:
            raise ValueError(
                f"{self.sectors} sectors, correlation up to {self.maximum_correlation}; wanted {LEAST_SECTORS} sectors or more "
                f"and at most {LARGEST_CORRELATION}"
            )


@dataclass(frozen=True)
class Shuffled:
    """The torn arc, of the flux of the whole one, and its correlation with it."""

    image: FloatArray
    correlation: float


def azimuthal_shuffle(
    image: FloatArray, centre: tuple[float, float], tearing: Tearing, *, seen_through_pix: float = 0.0
) -> Shuffled:
    """Sectors of azimuth about ``centre``, each turned into the place of another, none kept and no two kept side by side.

    Each pixel's flux is moved whole and shared by the four pixels about its new place. Pixels whose circle leaves the image
    stay. The correlation (Pearson's) is taken after blurring both by a Gaussian of sigma ``seen_through_pix``: what a PSF
    makes alike counts as alike. Raises ValueError for an image that is not square, finite and positive, LikeItselfError for
    one that none of TRIES orders makes unlike itself: an even ring cannot be torn.
    """
    values = np.asarray(image, float)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not np.all(np.isfinite(values)) or not values.sum() > 0:
        raise ValueError(f"image of shape {values.shape} and flux {values.sum():.4g}; wanted a square one with finite light")
    before, least, pixels = _seen(values, seen_through_pix), math.inf, _movable(values, centre)
    stays = values.copy()
    stays[pixels.row, pixels.column] = 0.0
    for _ in range(TRIES):
        order, first = _order(tearing.sectors, tearing.rng), tearing.rng.uniform(0.0, 2.0 * math.pi)
        torn = stays + _torn(pixels, centre, order, first, len(values))
        correlation = float(np.corrcoef(before.ravel(), _seen(torn, seen_through_pix).ravel())[0, 1])
        if correlation <= tearing.maximum_correlation:
            return Shuffled(torn, correlation)
        least = min(least, correlation)
    raise LikeItselfError(
        f"correlation with the whole arc is {least:.3f} at best in {TRIES} orders; wanted {tearing.maximum_correlation}"
    )


def _order(sectors: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A permutation that moves every sector and keeps no sector's next one next: a turned arc would be a lens again."""
    start = np.arange(sectors)
    while True:
        order = rng.permutation(sectors)
        if not np.any(order == start) and not np.any((np.roll(order, -1) - order) % sectors == 1):
            return np.asarray(order, np.int64)


@dataclass(frozen=True)
class _Pixels:
    """Lit pixels whose circle stays on the image: flux, place, offset from the centre and azimuth, one entry each."""

    flux: FloatArray
    row: npt.NDArray[np.int64]
    column: npt.NDArray[np.int64]
    dx: FloatArray
    dy: FloatArray
    azimuth: FloatArray


def _movable(image: FloatArray, centre: tuple[float, float]) -> _Pixels:
    n = image.shape[0]
    row, column = np.nonzero(np.abs(image) > _LIT * image.max())
    dx, dy = column - centre[0], row - centre[1]
    edge = min(centre[0], centre[1], n - 1 - centre[0], n - 1 - centre[1])
    inside = np.hypot(dx, dy) < edge
    row, column, dx, dy = row[inside], column[inside], dx[inside], dy[inside]
    return _Pixels(image[row, column], row, column, dx, dy, np.arctan2(dy, dx))


def _torn(pixels: _Pixels, centre: tuple[float, float], order: npt.NDArray[np.int64], first: float, side: int) -> FloatArray:
    sectors = len(order)
    azimuth = (pixels.azimuth - first) % (2.0 * math.pi)
    here = np.minimum((azimuth * sectors / (2.0 * math.pi)).astype(int), sectors - 1)
    turn = (order[here] - here) * (2.0 * math.pi / sectors)
    cos, sin = np.cos(turn), np.sin(turn)
    x = centre[0] + pixels.dx * cos - pixels.dy * sin
    y = centre[1] + pixels.dx * sin + pixels.dy * cos
    return _spread(pixels.flux, x, y, side)


def _spread(flux: FloatArray, x: FloatArray, y: FloatArray, side: int) -> FloatArray:
    """Flux put down at places (x, y), shared by the four pixels about each."""
    column, row = np.clip(np.floor(x).astype(int), 0, side - 2), np.clip(np.floor(y).astype(int), 0, side - 2)
    fx, fy = x - column, y - row
    image = np.zeros(side * side)
    for down, weight_y in ((0, 1.0 - fy), (1, fy)):
        for right, weight_x in ((0, 1.0 - fx), (1, fx)):
            image += np.bincount((row + down) * side + column + right, flux * weight_y * weight_x, side * side)
    return image.reshape(side, side)


def _seen(image: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(gaussian_filter(image, sigma, mode="constant")) if sigma > 0 else image
