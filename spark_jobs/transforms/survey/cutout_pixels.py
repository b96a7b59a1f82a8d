"""What is measured on the pixels of one stamp: noise, its correlation, masked and uncovered pixels, and why it is refused.

Legend: images (size, size) in nMgy per pixel, inverse variances in nMgy^-2, maskbits integers; x to the west, y to the north,
pixel centres at integers from 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.refusal_reasons import Reason
from spark_jobs.survey_settings import CutoutLimits

Image = npt.NDArray[np.float32]
_BLANK_SIGMA = 3.0
_FEWEST_PAIRS = 200
"""Pairs of blank neighbours, in each direction, below which a correlation is not worth its error (0.07)."""
_CENTRE_PIX = 1


@dataclass(frozen=True)
class StampPixels:
    """The pixels of one stamp and where its galaxy lies on it."""

    images: Mapping[str, Image]
    invvars: Mapping[str, Image]
    maskbits: npt.NDArray[np.int32]
    x_pix: float
    y_pix: float


@dataclass(frozen=True)
class PixelQuality:
    """Shares of bad pixels (worst band) and the reasons that follow from them."""

    masked_fraction: float
    uncovered_fraction: float
    reasons: Reason


def judge(stamp: StampPixels, excluded_bits: int, limits: CutoutLimits) -> PixelQuality:
    """Fractions and reasons of a stamp. One bad pixel within a pixel of the galaxy's centre refuses the stamp as well."""
    masked = (stamp.maskbits & excluded_bits) != 0
    uncovered = [~(invvar > 0) for invvar in stamp.invvars.values()]  # NaN counts as uncovered too
    worst = max(float(plane.mean()) for plane in uncovered)
    share = float(masked.mean())
    centre = _centre(stamp)
    reasons = Reason(0)
    if share > limits.max_masked_fraction or masked[centre].any():
        reasons |= Reason.MASKED_PIXELS
    if worst > limits.max_uncovered_fraction or any(plane[centre].any() for plane in uncovered):
        reasons |= Reason.UNCOVERED_PIXELS
    if not all(np.isfinite(plane).all() for planes in (stamp.images, stamp.invvars) for plane in planes.values()):
        reasons |= Reason.NONFINITE_PIXELS
    return PixelQuality(share, worst, reasons)


def sky_sigma(invvar: Image) -> float | None:
    """Noise of one pixel in nMgy, from the median inverse variance of covered pixels; None where none is covered."""
    covered = invvar[np.isfinite(invvar) & (invvar > 0)]
    return float(1 / np.sqrt(np.median(covered.astype(np.float64)))) if covered.size else None


def noise_correlation(image: Image, invvar: Image, x_pix: float, y_pix: float) -> float | None:
    """Correlation of neighbouring blank pixels, the mean of the horizontal and the vertical one; 0 for white noise.

    Blank is what lies farther than a quarter of the stamp from the galaxy and within 3 sigma of the blank median, sigma
    from the pixel's own inverse variance. None where fewer than 200 pairs are blank in either direction.
    """
    y, x = np.indices(image.shape)
    usable = np.isfinite(image) & np.isfinite(invvar) & (invvar > 0)
    usable &= np.hypot(x - x_pix, y - y_pix) > image.shape[0] / 4
    if not usable.any():
        return None
    noise = np.where(usable, image, 0.0).astype(np.float64) * np.sqrt(np.where(usable, invvar, 0.0))
    noise -= np.median(noise[usable])
    blank = usable & (np.abs(noise) < _BLANK_SIGMA)
    across, up = blank[:, 1:] & blank[:, :-1], blank[1:] & blank[:-1]
    if min(across.sum(), up.sum()) < _FEWEST_PAIRS:
        return None
    noise -= noise[blank].mean()
    variance = np.mean(noise[blank] ** 2)
    if not variance > 0:
        return None
    horizontal = np.mean((noise[:, 1:] * noise[:, :-1])[across])
    vertical = np.mean((noise[1:] * noise[:-1])[up])
    return float((horizontal + vertical) / (2 * variance))


def _centre(stamp: StampPixels) -> tuple[slice, slice]:
    """The 3 by 3 pixels around the galaxy's centre."""
    y, x = round(stamp.y_pix), round(stamp.x_pix)
    return (
        slice(max(y - _CENTRE_PIX, 0), y + _CENTRE_PIX + 1),
        slice(max(x - _CENTRE_PIX, 0), x + _CENTRE_PIX + 1),
    )
