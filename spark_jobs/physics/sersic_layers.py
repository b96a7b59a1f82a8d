"""A Sersic profile as a sum of layers, each smooth on a scale of its own, so that its cusp costs few rays.

The first layer is the profile with everything inside a core replaced by the even polynomial that has the profile's value and
slope at the core's edge and the same flux and second moment inside; each further layer is what a smaller core adds. A layer
after the first has neither flux nor second moment, so that what the last core leaves out is felt by the fourth moment only.
Legend: radii in half-light radii; brightness over that of the profile's centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gamma, gammainc, gammainccinv

FloatArray = npt.NDArray[np.float64]

FIRST_CORE, CORE_RATIO, LAST_CORE_FLUX = 0.6, 3.0, 1e-3
"""Radius of the first core, that of each core over the next, and the share of the flux that the last may hold."""
SPACING_IN_CORES = 0.27
GAUSSIAN_SPACING = 0.27
"""Of rays, in half-light radii: a profile without a cusp (n = 1/2) is even smoother than a core."""
_MOST_LAYERS = 8
_ENTRIES, _CORE_ENTRIES = 1024, 257
_LIGHT_BEYOND = 1e-6
_POLYNOMIAL = np.linalg.inv(np.array([[1.0, k, 1.0 / (k + 2), 1.0 / (k + 4)] for k in (0.0, 2.0, 4.0, 6.0)]).T)
"""From value, slope, flux / 2 pi and second moment / 2 pi on the unit disc to the coefficients of 1, r^2, r^4, r^6."""


@dataclass(frozen=True)
class RadialLayer:
    """``values`` at places h r^2 / (f r^2 + g) = 0, 1, 2 ... (``place``: h, f, g); zero beyond ``reach``."""

    reach: float
    place: tuple[float, float, float]
    spacing: float
    corrects: bool
    values: FloatArray


def sersic_layers(b: float, n: float) -> list[RadialLayer]:
    """Layers of exp(-b r^(1/n)), the first the whole profile but for its core."""
    end = (float(gammainccinv(2 * n, _LIGHT_BEYOND)) / b) ** n
    half_way = max(1.0, n) ** 2  # half of the places stand for radii below n: the longer the wings, the farther they reach
    last = end**2 / (end**2 + half_way)
    share = np.linspace(0.0, last, _ENTRIES)
    r = np.sqrt(half_way * share / (1.0 - share))
    values = np.exp(-b * r ** (1.0 / n))
    place = ((_ENTRIES - 1) / last, 1.0, half_way)
    if n == 0.5:
        return [RadialLayer(end, place, GAUSSIAN_SPACING, False, values)]
    core = min(FIRST_CORE, 0.5 * end)
    rounded = _rounded_core(b, n, core)
    inside = r < core
    values[inside] = _even(rounded, r[inside] / core)
    layers = [RadialLayer(end, place, SPACING_IN_CORES * core, False, values)]
    r = np.sqrt(np.linspace(0.0, 1.0, _CORE_ENTRIES))
    while float(gammainc(2 * n, b * core ** (1 / n))) > LAST_CORE_FLUX and len(layers) < _MOST_LAYERS:
        finer = _rounded_core(b, n, core / CORE_RATIO)
        sharp = np.exp(-b * (core * r) ** (1.0 / n))
        added = np.where(r < 1 / CORE_RATIO, _even(finer, r * CORE_RATIO), sharp) - _even(rounded, r)
        place = (_CORE_ENTRIES - 1.0, 0.0, core**2)
        layers.append(RadialLayer(core, place, SPACING_IN_CORES * core / CORE_RATIO, True, added))
        core, rounded = core / CORE_RATIO, finer
    return layers


def _rounded_core(b: float, n: float, core: float) -> FloatArray:
    """Coefficients of 1, s^2, s^4, s^6 (s = r / core) of the polynomial that stands for the profile inside a core."""
    x = b * core ** (1.0 / n)
    value = math.exp(-x)
    flux = n * b ** (-2 * n) * float(gamma(2 * n) * gammainc(2 * n, x)) / core**2
    second = n * b ** (-4 * n) * float(gamma(4 * n) * gammainc(4 * n, x)) / core**4
    return np.asarray(_POLYNOMIAL @ np.array([value, -value * x / n, flux, second]))


def _even(coefficients: FloatArray, s: FloatArray) -> FloatArray:
    s2 = s * s
    return np.asarray(coefficients[0] + s2 * (coefficients[1] + s2 * (coefficients[2] + s2 * coefficients[3])))
