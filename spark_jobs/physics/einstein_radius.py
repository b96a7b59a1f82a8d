"""Einstein radius from velocity dispersion and redshifts, in a flat universe with H0 = 70 km/s/Mpc and Omega_m = 0.3.

Legend: redshifts z without unit; sigma_v in km/s; radii in arcsec; distances in Mpc.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
from astropy.constants import c
from astropy.cosmology import FlatLambdaCDM

FloatArray = npt.NDArray[np.float64]

COSMOLOGY = FlatLambdaCDM(H0=70.0, Om0=0.3)
MAX_REDSHIFT = 12.0
_ARCSEC_PER_RADIAN = 180.0 * 3600.0 / np.pi
_LIGHT_KMS = float(c.to_value("km/s"))


def distance_ratio(z_lens: npt.ArrayLike, z_source: npt.ArrayLike) -> FloatArray:
    """D_ls / D_s, of the broadcast shape; zero where the source is not behind the lens."""
    near, far = comoving_distance(z_lens), comoving_distance(z_source)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(far > near, (far - near) / far, np.where(np.isnan(far - near), np.nan, 0.0)))


def einstein_radius(sigma_v_kms: npt.ArrayLike, z_lens: npt.ArrayLike, z_source: npt.ArrayLike) -> FloatArray:
    """theta_E = 4 pi (sigma/c)^2 D_ls/D_s of the isothermal sphere, arcsec."""
    return largest_einstein_radius(sigma_v_kms) * distance_ratio(z_lens, z_source)


def largest_einstein_radius(sigma_v_kms: npt.ArrayLike) -> FloatArray:
    """4 pi (sigma/c)^2, arcsec: theta_E of a source infinitely far behind an isothermal sphere, D_ls/D_s = 1."""
    return np.asarray(4.0 * np.pi * np.square(np.asarray(sigma_v_kms, float) / _LIGHT_KMS) * _ARCSEC_PER_RADIAN)


def comoving_distance(z: npt.ArrayLike) -> FloatArray:
    """Line-of-sight comoving distance in Mpc by interpolation, good to 1e-6 from z = 0.06 on; NaN outside 0 to MAX_REDSHIFT."""
    grid, distance = _table()
    return np.asarray(np.interp(np.asarray(z, float), grid, distance, left=np.nan, right=np.nan))


def distance_modulus(z: npt.ArrayLike) -> FloatArray:
    """5 log10(luminosity distance / 10 pc), mag."""
    z = np.asarray(z, float)
    return np.asarray(5.0 * np.log10((1.0 + z) * comoving_distance(z)) + 25.0)


def angular_diameter_distance(z: npt.ArrayLike) -> FloatArray:
    """Size over angle in Mpc: the comoving distance over 1 + z in a flat universe."""
    z = np.asarray(z, float)
    return np.asarray(comoving_distance(z) / (1.0 + z))


@cache
def _table() -> tuple[FloatArray, FloatArray]:
    grid = np.linspace(0.0, MAX_REDSHIFT, 12001)
    return grid, np.asarray(COSMOLOGY.comoving_distance(grid).to_value("Mpc"))
