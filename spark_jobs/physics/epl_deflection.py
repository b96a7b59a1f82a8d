"""Deflection of an elliptical power law with external shear: the isothermal ellipsoid's generalisation to any slope.

Legend: as in sie_deflection; slope is that of the density in three dimensions, rho ~ r^-slope, 2 for the isothermal ellipsoid.
Convention: kappa = (3 - slope)/2 (theta_e / sqrt(q x^2 + y^2/q))^(slope - 1) in the lens frame, so that the mean convergence
inside the ellipse sqrt(q x^2 + y^2/q) = theta_e is one. Tessore & Metcalf 2015, A&A 580, A79, whose t is slope - 1 and whose
b is theta_e sqrt(q).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.sie_deflection import check_lens

FloatArray = npt.NDArray[np.float64]

FLATTEST_SLOPE, STEEPEST_SLOPE = 1.2, 2.8
"""Towards 1 the lens is a sheet and towards 3 a point: no galaxy has such a slope."""
_TOLERANCE = 1e-13
_MOST_TERMS = 2000
"""The terms fall as ((1 - q)/(1 + q))^n: 27 of them at q = 0.5, 60 at 0.3, all of these at 0.01."""


@compiled("UniTuple(float64, 2)(float64, float64, float64, float64, float64)")
def epl_deflection_at(x: float, y: float, theta_e: float, q: float, slope: float) -> tuple[float, float]:
    """Deflection at one point in the lens frame (major axis along x), arcsec.

    Eqs. 22 and 28 of the paper. Zero at the centre, where it has a limit only for slopes below 2.
    """
    u = q * x
    radius = math.sqrt(u * u + y * y)
    if radius == 0.0:
        return 0.0, 0.0
    t = slope - 1.0
    f = (1.0 - q) / (1.0 + q)
    c, s = u / radius, y / radius
    wx, wy = -f * (c * c - s * s), -f * 2.0 * c * s
    term_x, term_y = 1.0, 0.0
    sum_x, sum_y = 1.0, 0.0
    left = f / (1.0 - f)  # the rest of the series is not larger
    n = 0
    while left > _TOLERANCE and n < _MOST_TERMS:
        n += 1
        ratio = (2.0 * n - 2.0 + t) / (2.0 * n + 2.0 - t)
        term_x, term_y = ratio * (wx * term_x - wy * term_y), ratio * (wx * term_y + wy * term_x)
        sum_x += term_x
        sum_y += term_y
        left *= f * ratio
    strength = 2.0 / (1.0 + q) * radius * (theta_e * math.sqrt(q) / radius) ** t
    return strength * (c * sum_x - s * sum_y), strength * (c * sum_y + s * sum_x)


@compiled("UniTuple(float64, 5)(float64, float64, float64, float64, float64)")
def epl_jacobian_at(x: float, y: float, theta_e: float, q: float, slope: float) -> tuple[float, float, float, float, float]:
    """Deflection and its derivatives (ax, ay, axx, axy, ayy) at one point in the lens frame; infinite at the centre.

    The deflection is homogeneous of degree 2 - slope, so its derivative along the radius is (2 - slope) alpha / r (Euler); its
    divergence is twice the convergence and its curl zero. In radial and tangential components no direction is degenerate.
    """
    ax, ay = epl_deflection_at(x, y, theta_e, q, slope)
    r = math.sqrt(x * x + y * y)
    width = math.sqrt(q * x * x + y * y / q)
    if width == 0.0:
        return 0.0, 0.0, math.inf, 0.0, math.inf
    c, s = x / r, y / r
    twice_kappa = (3.0 - slope) * (theta_e / width) ** (slope - 1.0)
    radial = (2.0 - slope) * (c * ax + s * ay) / r
    mixed = (2.0 - slope) * (c * ay - s * ax) / r
    tangential = twice_kappa - radial
    return (
        ax,
        ay,
        c * c * radial - 2.0 * c * s * mixed + s * s * tangential,
        c * s * (radial - tangential) + (c * c - s * s) * mixed,
        s * s * radial + 2.0 * c * s * mixed + c * c * tangential,
    )


@compiled("UniTuple(float64[::1], 2)(float64[::1], float64[::1], float64, float64, float64, float64, float64, float64)")
def _deflect(
    x: FloatArray, y: FloatArray, theta_e: float, q: float, phi: float, slope: float, gamma1: float, gamma2: float
) -> tuple[FloatArray, FloatArray]:
    alpha_x, alpha_y = np.empty_like(x), np.empty_like(y)
    c, s = math.cos(phi), math.sin(phi)
    for i in range(x.size):
        u, v = epl_deflection_at(c * x[i] + s * y[i], c * y[i] - s * x[i], theta_e, q, slope)
        alpha_x[i] = c * u - s * v + gamma1 * x[i] + gamma2 * y[i]
        alpha_y[i] = s * u + c * v + gamma2 * x[i] - gamma1 * y[i]
    return alpha_x, alpha_y


def epl_deflection(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    theta_e: float,
    q: float = 1.0,
    phi: float = 0.0,
    slope: float = 2.0,
    gamma1: float = 0.0,
    gamma2: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Deflection (alpha_x, alpha_y) of power law plus shear, arcsec, of the shape of x; the source lies at (x, y) - alpha.

    NaN in, NaN out. Raises ValueError where theta_e is not positive, q is outside (0, 1] or slope outside (1.2, 2.8).
    """
    check_lens(theta_e, q)
    check_slope(slope)
    px, py = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    flat_x, flat_y = np.ascontiguousarray(px).ravel(), np.ascontiguousarray(py).ravel()
    alpha_x, alpha_y = _deflect(flat_x, flat_y, theta_e, q, phi, slope, gamma1, gamma2)
    return alpha_x.reshape(px.shape), alpha_y.reshape(px.shape)


def check_slope(slope: float) -> None:
    """Raise ValueError for a slope that no lens galaxy has."""
    if not FLATTEST_SLOPE < slope < STEEPEST_SLOPE:
        raise ValueError(f"mass slope is {slope}; wanted {FLATTEST_SLOPE} < slope < {STEEPEST_SLOPE} (2 is isothermal)")
