"""Colours of a galaxy's spectrum at a redshift, in AB, seen through the neutral hydrogen on the way.

Legend: wavelengths in Angstrom; spectra are flux per wavelength in any unit; colours in mag.
This is how a recipe's table of colours by redshift is made from a template spectrum; drawing from the table needs none of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WINDOWS_ANGSTROM = {"g": (4000.0, 5500.0), "r": (5650.0, 7150.0), "z": (8450.0, 9980.0)}
"""Even windows of about DECam's half-maximum widths (Flaugher et al. 2015, AJ 150, 150)."""
LYMAN_LIMIT_ANGSTROM = 912.0
_LYMAN_LINES = ((1216.0, 0.0036), (1026.0, 0.0017), (973.0, 0.0012), (950.0, 0.00093))
_STEP_ANGSTROM = 5.0


def hydrogen_transmission(observed_angstrom: npt.ArrayLike, z: float) -> FloatArray:
    """Mean transmission of the intergalactic hydrogen towards a source at z (Madau 1995, ApJ 441, 18, eqs. 12, 15, footnote 3).

    Four Lyman lines, sum of A_j (lambda / lambda_j)^3.46 below each line, and the continuum below 912 (1 + z) Angstrom.
    """
    observed = np.asarray(observed_angstrom, float)
    depth = np.zeros(observed.shape)
    for line, strength in _LYMAN_LINES:
        depth += np.where(observed < line * (1.0 + z), strength * (observed / line) ** 3.46, 0.0)
    c, m = observed / LYMAN_LIMIT_ANGSTROM, 1.0 + z
    continuum = 0.25 * c**3 * (m**0.46 - c**0.46) + 9.4 * c**1.5 * (m**0.18 - c**0.18)
    continuum -= 0.7 * c**3 * (c**-1.32 - m**-1.32) + 0.023 * (m**1.68 - c**1.68)
    depth += np.where(c < m, np.maximum(continuum, 0.0), 0.0)
    return np.asarray(np.exp(-depth))


def observed_colours(wavelength_angstrom: npt.ArrayLike, flux: npt.ArrayLike, z: float) -> tuple[float, float]:
    """g - r and r - z at redshift z of a spectrum at rest; wavelengths rise and reach from the g window to the z window.

    Photon-weighted AB magnitudes: the mean of f_lambda lambda over that of a source of even f_nu.
    Raises ValueError where the spectrum does not reach, or z is negative.
    """
    rest, spectrum = np.asarray(wavelength_angstrom, float), np.asarray(flux, float)
    bluest, reddest = (edge / (1.0 + z) for edge in (WINDOWS_ANGSTROM["g"][0], WINDOWS_ANGSTROM["z"][1]))
    if not z >= 0 or not (rest[0] <= bluest and rest[-1] >= reddest):
        raise ValueError(
            f"spectrum from {rest[0]} to {rest[-1]} Angstrom at z {z}; wanted z of 0 or more, {bluest:.0f} to {reddest:.0f}"
        )
    g, r, red = (_magnitude(rest, spectrum, z, window) for window in WINDOWS_ANGSTROM.values())
    return g - r, r - red


def _magnitude(rest: FloatArray, flux: FloatArray, z: float, window: tuple[float, float]) -> float:
    """AB magnitude in a window, up to a constant that all windows share."""
    observed = np.arange(*window, _STEP_ANGSTROM)
    seen = np.interp(observed / (1.0 + z), rest, flux) * hydrogen_transmission(observed, z)
    return float(-2.5 * np.log10(np.sum(seen * observed) / np.sum(1.0 / observed)))
