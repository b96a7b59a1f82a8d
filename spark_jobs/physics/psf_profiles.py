"""The survey's point spread function: a circular Moffat or Gaussian of integral one, or the image of a star.

Legend: r in arcsec from the star; profiles per arcsec^2; k in rad per arcsec; transfer functions without unit, one at k = 0.
The survey's FWHM contains the pixel: nothing here averages over one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import gamma, kv

FloatArray = npt.NDArray[np.float64]

MOFFAT_BETA = 3.5
MIN_FWHM_ARCSEC, MAX_FWHM_ARCSEC = 0.4, 10.0
TABLE_STEP, TABLE_END = 0.004, 40.0
KERNEL_SUM_TOLERANCE = 0.02
"""Coadd PSF images are cut off where their wings are faint."""
_FWHM_IN_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


@dataclass(frozen=True)
class CircularPsf:
    """A circular PSF of full width at half maximum ``fwhm_arcsec``: ``profile`` is moffat (with ``beta``) or gaussian.

    Raises ValueError for a width that half-pixel cells cannot carry, a beta whose light has no finite sum, or another profile.
    """

    fwhm_arcsec: float
    profile: str = "moffat"
    beta: float = MOFFAT_BETA

    def __post_init__(self) -> None:
        if not MIN_FWHM_ARCSEC <= self.fwhm_arcsec <= MAX_FWHM_ARCSEC:
            raise ValueError(f"PSF FWHM is {self.fwhm_arcsec} arcsec; wanted {MIN_FWHM_ARCSEC} to {MAX_FWHM_ARCSEC} arcsec")
        if self.profile not in ("moffat", "gaussian"):
            raise ValueError(f"PSF profile is {self.profile!r}; wanted moffat or gaussian")
        if not self.beta > 1:
            raise ValueError(f"Moffat beta is {self.beta}; wanted a number above 1")

    @property
    def scale_arcsec(self) -> float:
        """Moffat's a = FWHM / (2 sqrt(2^(1/beta) - 1)) (Moffat 1969, A&A 3, 455), or the Gaussian's sigma."""
        if self.profile == "gaussian":
            return self.fwhm_arcsec / _FWHM_IN_SIGMA
        return self.fwhm_arcsec / (2.0 * math.sqrt(2.0 ** (1.0 / self.beta) - 1.0))

    def brightness(self, r: npt.ArrayLike) -> FloatArray:
        """Profile at radius r, per arcsec^2."""
        s2 = np.square(np.asarray(r, float)) / self.scale_arcsec**2
        if self.profile == "gaussian":
            return np.asarray(np.exp(-0.5 * s2) / (2.0 * math.pi * self.scale_arcsec**2))
        return np.asarray((self.beta - 1.0) / (math.pi * self.scale_arcsec**2) * (1.0 + s2) ** -self.beta)

    def reach_arcsec(self, share: float) -> float:
        """Radius beyond which the profile is below a share of its peak."""
        if self.profile == "gaussian":
            return self.scale_arcsec * math.sqrt(-2.0 * math.log(share))
        return self.scale_arcsec * math.sqrt(share ** (-1.0 / self.beta) - 1.0)

    def transfer_table(self) -> FloatArray:
        """Transfer function at t = k * scale_arcsec = 0, TABLE_STEP, ... up to TABLE_END."""
        return _transfer_table(self.profile, self.beta)


@dataclass(frozen=True, eq=False)
class PixelPsf:
    """A PSF as an image of a star on the survey's pixels: ``kernel`` (k, k), k odd, the star in the middle, of sum one.

    Between its samples it is band-limited. ``fwhm_arcsec`` is the width that the catalogue gives it. Raises ValueError for an
    image without a middle pixel, not finite, or of another sum.
    """

    kernel: FloatArray
    fwhm_arcsec: float

    def __post_init__(self) -> None:
        image = self.kernel
        odd_square = image.ndim == 2 and image.shape[0] == image.shape[1] and image.shape[0] % 2 == 1
        if not odd_square or not np.all(np.isfinite(image)):
            raise ValueError(f"PSF kernel of shape {image.shape}; wanted a finite square image with an odd side")
        if abs(float(image.sum()) - 1.0) > KERNEL_SUM_TOLERANCE:
            raise ValueError(f"PSF kernel sums to {float(image.sum()):.6g}; wanted 1")
        if not self.fwhm_arcsec > 0:
            raise ValueError(f"PSF FWHM is {self.fwhm_arcsec} arcsec; wanted a number above 0")

    def reach_pix(self) -> int:
        """How far in pixels the kernel carries light."""
        return int(self.kernel.shape[0] // 2)


@lru_cache(maxsize=16)
def _transfer_table(profile: str, beta: float) -> FloatArray:
    """Moffat: 2 (t/2)^(beta-1) K_(beta-1)(t) / Gamma(beta-1) (Trujillo et al. 2001, MNRAS 328, 977); Gaussian: exp(-t^2/2)."""
    t = np.arange(0.0, TABLE_END + TABLE_STEP, TABLE_STEP)
    if profile == "gaussian":
        return np.asarray(np.exp(-0.5 * t**2))
    values = np.ones_like(t)
    values[1:] = 2.0 * (t[1:] / 2.0) ** (beta - 1.0) * kv(beta - 1.0, t[1:]) / gamma(beta - 1.0)
    return values
