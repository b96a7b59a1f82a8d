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
    before, least = _seen(values, seen_through_pix), math.inf
    for _ in range(TRIES):
        order, first = _order(tearing.sectors, tearing.rng), tearing.rng.uniform(0.0, 2.0 * math.pi)
        torn = _torn(values, centre, order, first)
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


def _torn(image: FloatArray, centre: tuple[float, float], order: npt.NDArray[np.int64], first: float) -> FloatArray:
    n, sectors = image.shape[0], len(order)
    row, column = np.indices(image.shape)
    dx, dy = column - centre[0], row - centre[1]
    azimuth = (np.arctan2(dy, dx) - first) % (2.0 * math.pi)
    here = np.minimum((azimuth * sectors / (2.0 * math.pi)).astype(int), sectors - 1)
    turn = (order[here] - here) * (2.0 * math.pi / sectors)
    edge = min(centre[0], centre[1], n - 1 - centre[0], n - 1 - centre[1])
    turn = np.where(np.hypot(dx, dy) < edge, turn, 0.0)
    x = centre[0] + dx * np.cos(turn) - dy * np.sin(turn)
    y = centre[1] + dx * np.sin(turn) + dy * np.cos(turn)
    return _spread(image, np.where(turn == 0.0, column, x), np.where(turn == 0.0, row, y))


def _spread(flux: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Flux put down at places (x, y), shared by the four pixels about each."""
    n = flux.shape[0]
    column, row = np.clip(np.floor(x).astype(int), 0, n - 2), np.clip(np.floor(y).astype(int), 0, n - 2)
    fx, fy = x - column, y - row
    image = np.zeros(n * n)
    for down, weight_y in ((0, 1.0 - fy), (1, fy)):
        for right, weight_x in ((0, 1.0 - fx), (1, fx)):
            place = ((row + down) * n + column + right).ravel()
            image += np.bincount(place, (flux * weight_y * weight_x).ravel(), n * n)
    return image.reshape(n, n)


def _seen(image: FloatArray, sigma: float) -> FloatArray:
    return np.asarray(gaussian_filter(image, sigma, mode="constant")) if sigma > 0 else image
