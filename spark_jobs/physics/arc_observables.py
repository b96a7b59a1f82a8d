"""What can be said of a rendered arc before the noise: signal to noise, extent, magnitudes.

Legend: arc (n, n) nMgy per pixel, noiseless; invvar (n, n) nMgy^-2, zero where there is no data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

ZEROPOINT_MAG = 22.5


@dataclass(frozen=True)
class ArcVisibility:
    """White matched-filter and peak signal to noise, and the number of pixels above 1 and 5 sigma."""

    snr: float
    peak_snr: float
    pixels_1sigma: int
    pixels_5sigma: int


def arc_visibility(arc: FloatArray, invvar: npt.NDArray[np.floating]) -> ArcVisibility:
    """Visibility of an arc against the noise of its pixels: sqrt(sum(a^2 invvar)) and a sqrt(invvar) pixel by pixel.

    The noise is taken as white: where neighbouring pixels are correlated the real signal to noise is lower.
    """
    per_pixel = arc * np.sqrt(invvar)
    return ArcVisibility(
        snr=float(np.sqrt(np.sum(np.square(per_pixel)))),
        peak_snr=float(per_pixel.max()),
        pixels_1sigma=int(np.count_nonzero(per_pixel > 1.0)),
        pixels_5sigma=int(np.count_nonzero(per_pixel > 5.0)),
    )


def magnitude_of(flux_nmgy: float) -> float | None:
    """AB magnitude, None where the flux is not positive."""
    return ZEROPOINT_MAG - 2.5 * math.log10(flux_nmgy) if flux_nmgy > 0 and math.isfinite(flux_nmgy) else None


def flux_of(magnitude: npt.ArrayLike) -> FloatArray:
    """Flux in nMgy of AB magnitudes."""
    return np.asarray(10.0 ** (0.4 * (ZEROPOINT_MAG - np.asarray(magnitude, float))))
