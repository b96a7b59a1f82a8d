"""How a galaxy's light becomes a square template: centred, trimmed or padded, coarser where it does not fit, unit flux."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.transforms.bank.template_light import Image, Rejection, RejectionError, centroid

_KEPT_SHARE = 0.99
_COARSEST = 4


def fit_square(light: Image, size: int) -> tuple[npt.NDArray[np.float32], int]:
    """A template (size, size) that sums to one, its centroid within half a pixel of the middle, and the pixels binned in one.

    The finest whole binning that keeps 99 % of the light is taken. Raises RejectionError where none up to 4 does, or where
    the light does not sum to a positive number.
    """
    total = float(light.sum())
    if not (np.isfinite(total) and total > 0):
        raise RejectionError(Rejection.NO_FLUX)
    y0, x0 = centroid(light)
    for binning in range(1, _COARSEST + 1):
        square = _window(light, size * binning, y0, x0)
        if square.sum() >= _KEPT_SHARE * total:
            binned = square.reshape(size, binning, size, binning).sum(axis=(1, 3))
            return (binned / binned.sum()).astype(np.float32), binning
    raise RejectionError(Rejection.TOO_LARGE)


def _window(light: Image, side: int, y0: float, x0: float) -> Image:
    """The square of a side whose middle lies nearest to a position, zero where the light's image ends."""
    window = np.zeros((side, side))
    start_y, start_x = round(y0 - (side - 1) / 2), round(x0 - (side - 1) / 2)
    top, left = max(start_y, 0), max(start_x, 0)
    bottom, right = min(start_y + side, light.shape[0]), min(start_x + side, light.shape[1])
    if bottom > top and right > left:
        window[top - start_y : bottom - start_y, left - start_x : right - start_x] = light[top:bottom, left:right]
    return window
