"""Velocity dispersion of an early-type galaxy from its magnitude: the Faber-Jackson relation.

Legend: magnitudes AB, corrected for dust; redshift without unit; sigma_v in km/s.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.einstein_radius import distance_modulus

FloatArray = npt.NDArray[np.float64]


def absolute_magnitude(mag_r: npt.ArrayLike, z: npt.ArrayLike, k_per_z: float, evolution_per_z: float) -> FloatArray:
    """Rest-frame r magnitude today: m - DM(z) - k z + e z, k the K correction and e the passive fading, mag per redshift."""
    z = np.asarray(z, float)
    return np.asarray(np.asarray(mag_r, float) - distance_modulus(z) - k_per_z * z + evolution_per_z * z)


def faber_jackson(
    absolute_mag_r: npt.ArrayLike, *, log_sigma: float, slope_per_mag: float, pivot_mag: float, scatter_draw: npt.ArrayLike
) -> FloatArray:
    """sigma_v = 10^(log_sigma + slope (M_r - pivot) + scatter), with ``scatter_draw`` in dex drawn by the caller.

    Bernardi et al. 2003 (AJ 125, 1849): log sigma = 2.203 - 0.102 (M_r + 21.15), scatter 0.07 dex.
    """
    offset = np.asarray(absolute_mag_r, float) - pivot_mag
    return np.asarray(10.0 ** (log_sigma + slope_per_mag * offset + np.asarray(scatter_draw, float)))
