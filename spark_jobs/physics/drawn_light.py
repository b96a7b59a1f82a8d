"""Light drawn on a fine grid: an image of unit flux that the renderer takes as a template.

Legend: offsets in arcsec from the image's middle, x to the west, y to the north; widths are full widths at half maximum;
images (side, side) hold flux per pixel and sum to one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

FINEST_ARCSEC, WIDEST_ARCSEC = 0.05, 0.131
PIXELS_PER_WIDTH = 3.0
MAX_SIDE_PIX = 512
_FOUR_LN_2 = 4.0 * math.log(2.0)


@dataclass(frozen=True)
class DrawnLight:
    """Image (side, side) of unit flux, its centre the array's middle, and the side of its pixels."""

    image: FloatArray
    pixel_scale_arcsec: float


def check_shape(**lengths: float) -> None:
    """Raise ValueError for a length that is not a finite number above 0, by its name."""
    for name, value in lengths.items():
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}; wanted a finite number above 0")


def fine_grid(reach_arcsec: float, width_arcsec: float) -> tuple[FloatArray, FloatArray, float]:
    """Offsets x (1, side) and y (side, 1) of the pixels within ``reach_arcsec``, and the pixel, which resolves a width.

    Raises ValueError where that takes more than MAX_SIDE_PIX pixels.
    """
    pixel = min(max(width_arcsec / PIXELS_PER_WIDTH, FINEST_ARCSEC), WIDEST_ARCSEC)
    side = 2 * math.ceil(reach_arcsec / pixel)
    if side > MAX_SIDE_PIX:
        raise ValueError(f"light of {2 * reach_arcsec:.3g} arcsec takes {side} pixels of {pixel:.3g}; wanted {MAX_SIDE_PIX}")
    offset = np.linspace(-0.5 * (side - 1) * pixel, 0.5 * (side - 1) * pixel, side)
    return offset[None, :], offset[:, None], pixel


def turned(x: FloatArray, y: FloatArray, angle: float) -> tuple[FloatArray, FloatArray]:
    """The offsets along and across an axis at ``angle`` from +x."""
    return x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)


def gaussian(distance: FloatArray, width: float) -> FloatArray:
    """A Gaussian of peak one and full width at half maximum ``width``."""
    return np.asarray(np.exp(-_FOUR_LN_2 * np.square(distance / width)))


def unit_flux(brightness: FloatArray, pixel_scale_arcsec: float) -> DrawnLight:
    """The image scaled to a flux of one; raises ValueError where it has no light."""
    total = float(brightness.sum())
    if not (math.isfinite(total) and total > 0):
        raise ValueError(f"drawn light sums to {total}; wanted a finite flux above 0")
    return DrawnLight(brightness / total, pixel_scale_arcsec)
