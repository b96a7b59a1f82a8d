"""Which galaxies are luminous and red: magnitudes from fluxes, nested cuts from magnitudes.

Legend: arrays of shape (n,); fluxes in nMgy as observed, magnitudes AB; NaN where undefined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from schemas.survey import ZEROPOINT_MAG
from spark_jobs.survey_settings import LrgCut

Floats = npt.NDArray[np.float64]
CUT_BANDS = ("r", "z", "w1")


def magnitude(flux_nmgy: Floats) -> Floats:
    """AB magnitude of a flux; NaN where the flux is not positive or not finite."""
    usable = np.isfinite(flux_nmgy) & (flux_nmgy > 0)
    magnitudes: Floats = ZEROPOINT_MAG - 2.5 * np.log10(np.where(usable, flux_nmgy, np.nan))
    return magnitudes


def dereddened_magnitude(flux_nmgy: Floats, transmission: Floats) -> Floats:
    """AB magnitude corrected for Galactic dust; NaN where flux or transmission is not positive."""
    usable = np.isfinite(transmission) & (transmission > 0)
    return magnitude(flux_nmgy / np.where(usable, transmission, np.nan))


def depth_magnitude(inverse_variance: Floats) -> Floats:
    """5-sigma depth, AB, of an inverse variance in nMgy^-2 (PSFDEPTH of sweeps): 22.5 - 2.5 log10(5 / sqrt(ivar))."""
    usable = np.isfinite(inverse_variance) & (inverse_variance > 0)
    return magnitude(5 / np.sqrt(np.where(usable, inverse_variance, np.nan)))


def lrg_bits(magnitudes: Mapping[str, Floats], cuts: Sequence[LrgCut]) -> npt.NDArray[np.int32]:
    """Bit k set where cut k is passed; ``magnitudes`` of r, z and w1, dereddened. NaN passes nothing."""
    bits = np.zeros(len(magnitudes["z"]), dtype=np.int32)
    for number, cut in enumerate(cuts):
        passed = magnitudes["z"] < cut.z_below
        passed &= magnitudes["r"] - magnitudes["z"] > cut.r_minus_z_above
        passed &= magnitudes["z"] - magnitudes["w1"] > cut.z_minus_w1_above
        bits |= passed.astype(np.int32) << number
    return bits
