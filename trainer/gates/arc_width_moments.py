"""How narrow light is about a point: second moments under a small Gaussian, the same for an arc across itself and for a star.

Legend: planes (image, y, x) in nMgy per pixel with the galaxy's light already off; x, y (image,) in pixels from 0; widths
(image,) are FWHM in pixels of the Gaussian that has these moments. For a Moffat PSF (beta 2.5 to 5) of 1.0 to 1.9 arcsec that
is 0.98 to 1.07 of its FWHM: a wider weight would see its wings, a narrower one the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WEIGHT_SIGMA_PIX = 1.2
EDGE_PIX = 7
"""No point this close to the stamp's border is looked at: its light would be cut off."""
FWHM_IN_SIGMA = 2 * math.sqrt(2 * math.log(2))
_WINDOW_PIX = 6
_STEPS, _FARTHEST_PIX = 4, 1.5

Planes = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """The brightest place of each image (image,): pixel, and the mean of the 3 x 3 pixels there."""

    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    peak: Numbers


def brightest_point(planes: Planes, allowed: npt.NDArray[np.bool_]) -> Point:
    """Where the mean of 3 x 3 pixels is largest among the allowed pixels (image, y, x) away from the border."""
    size = planes.shape[-1]
    inner = np.s_[:, EDGE_PIX : size - EDGE_PIX, EDGE_PIX : size - EDGE_PIX]
    means = np.where(allowed, _means_of_nine(planes), -np.inf)[inner]
    flat = means.reshape(len(planes), -1)
    place = flat.argmax(axis=1)
    y, x = np.unravel_index(place, means.shape[1:])
    return Point(x + EDGE_PIX, y + EDGE_PIX, flat[np.arange(len(flat)), place])


def peaks_at(planes: Planes, point: Point) -> Numbers:
    """(image,) mean of the 3 x 3 pixels of other planes at the same places."""
    return np.asarray(_means_of_nine(planes)[np.arange(len(planes)), point.y, point.x])


def light_widths(planes: Planes, point: Point) -> tuple[Numbers, Numbers]:
    """FWHM across and along the light at a point; NaN where the light has no peak there.

    Moments M under a Gaussian weight W about the light's own centroid belong to a Gaussian of 1/C = 1/M - 1/W; a blurred image
    is never narrower than its PSF, so an arc is at least as wide across as a star.
    """
    window = _windows(planes, point)
    axis = np.arange(-_WINDOW_PIX, _WINDOW_PIX + 1, dtype=np.float64)
    x, y = np.zeros(len(planes)), np.zeros(len(planes))
    with np.errstate(invalid="ignore", divide="ignore"):
        for _ in range(_STEPS):
            first = _moments(window, axis, x, y)
            x = np.clip(x + 2 * first[0], -_FARTHEST_PIX, _FARTHEST_PIX)
            y = np.clip(y + 2 * first[1], -_FARTHEST_PIX, _FARTHEST_PIX)
        _, _, xx, yy, xy = _moments(window, axis, x, y)
        half, rest = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
        across, along = (1 / (1 / (half + sign * rest) - 1 / WEIGHT_SIGMA_PIX**2) for sign in (-1, 1))
        return tuple(FWHM_IN_SIGMA * np.sqrt(np.where(one > 0, one, np.nan)) for one in (across, along))  # type: ignore[return-value]


def _windows(planes: Planes, point: Point) -> Planes:
    reach = np.arange(-_WINDOW_PIX, _WINDOW_PIX + 1)
    rows, columns = point.y[:, None, None] + reach[None, :, None], point.x[:, None, None] + reach[None, None, :]
    windows: Planes = planes[np.arange(len(planes))[:, None, None], rows, columns]
    return windows


def _moments(window: Planes, axis: Numbers, x: Numbers, y: Numbers) -> tuple[Numbers, ...]:
    """Weighted first moments from (x, y) and central second ones (xx, yy, xy)."""
    dx, dy = axis - x[:, None], axis - y[:, None]
    in_x, in_y = (np.exp(-(d**2) / (2 * WEIGHT_SIGMA_PIX**2)) for d in (dx, dy))
    total = np.einsum("nyx,ny,nx->n", window, in_y, in_x)

    def mean(of_y: Numbers, of_x: Numbers) -> Numbers:
        return np.asarray(np.einsum("nyx,ny,nx->n", window, in_y * of_y, in_x * of_x) / total)

    one = np.ones_like(dx)
    mx, my = mean(one, dx), mean(dy, one)
    return mx, my, mean(one, dx**2) - mx**2, mean(dy**2, one) - my**2, mean(dy, dx) - mx * my


def _means_of_nine(planes: Planes) -> Planes:
    """The mean of each pixel and its eight neighbours; the outermost pixels are left zero."""
    size = planes.shape[-1]
    found = np.zeros_like(planes)
    steps = range(3)
    parts = [planes[:, dy : size - 2 + dy, dx : size - 2 + dx] for dy in steps for dx in steps]
    found[:, 1:-1, 1:-1] = sum(parts) / len(parts)
    return found
