"""Deflection and convergence of a singular isothermal ellipsoid with external shear.

Legend: x, y in arcsec from the lens centre, x to the west, y to the north; theta_e in arcsec; q = minor/major axis of the
convergence, 0 < q <= 1; phi the angle of the major axis from +x counter-clockwise, rad; gamma1, gamma2 without unit.
Convention: kappa = theta_e / (2 sqrt(q x^2 + y^2/q)) in the lens frame, so that the mean convergence inside the ellipse
sqrt(q x^2 + y^2/q) = theta_e is one (lenstronomy's convention; Kormann et al. 1994, A&A 284, 285 lack the factor sqrt(q)).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled

FloatArray = npt.NDArray[np.float64]

_SERIES_BELOW = 1e-3
"""Below this argument atan(u)/u is summed as a series: the quotient loses digits and is 0/0 at q = 1."""


@compiled("float64(float64)")
def _atan_over(u: float) -> float:
    """atan(u)/u, one at u = 0."""
    if abs(u) < _SERIES_BELOW:
        s = u * u
        return 1.0 - s * (1.0 / 3.0 - s * (1.0 / 5.0 - s / 7.0))
    return math.atan(u) / u


@compiled("float64(float64)")
def _atanh_over(u: float) -> float:
    """atanh(u)/u, one at u = 0."""
    if abs(u) < _SERIES_BELOW:
        s = u * u
        return 1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s / 7.0))
    return math.atanh(u) / u


@compiled("UniTuple(float64, 2)(float64, float64, float64, float64)")
def sie_deflection_at(x: float, y: float, theta_e: float, q: float) -> tuple[float, float]:
    """Deflection at one point in the lens frame (major axis along x), arcsec; zero at the centre, where it has no limit."""
    psi = math.sqrt(q * q * x * x + y * y)
    if psi == 0.0:
        return 0.0, 0.0
    f = math.sqrt(1.0 - q * q)
    b = theta_e * math.sqrt(q) / psi
    return b * x * _atan_over(f * x / psi), b * y * _atanh_over(f * y / psi)


@compiled("UniTuple(float64[::1], 2)(float64[::1], float64[::1], float64, float64, float64, float64, float64)")
def _deflect(
    x: FloatArray, y: FloatArray, theta_e: float, q: float, phi: float, gamma1: float, gamma2: float
) -> tuple[FloatArray, FloatArray]:
    alpha_x, alpha_y = np.empty_like(x), np.empty_like(y)
    c, s = math.cos(phi), math.sin(phi)
    for i in range(x.size):
        u, v = sie_deflection_at(c * x[i] + s * y[i], c * y[i] - s * x[i], theta_e, q)
        alpha_x[i] = c * u - s * v + gamma1 * x[i] + gamma2 * y[i]
        alpha_y[i] = s * u + c * v + gamma2 * x[i] - gamma1 * y[i]
    return alpha_x, alpha_y


def deflection(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    theta_e: float,
    q: float = 1.0,
    phi: float = 0.0,
    gamma1: float = 0.0,
    gamma2: float = 0.0,
) -> tuple[FloatArray, FloatArray]:
    """Deflection (alpha_x, alpha_y) of SIE plus shear, arcsec, of the shape of x; the source lies at (x, y) - alpha.

    NaN in, NaN out. Raises ValueError where theta_e is not positive or q is outside (0, 1].
    """
    check_lens(theta_e, q)
    px, py = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    flat_x, flat_y = np.ascontiguousarray(px).ravel(), np.ascontiguousarray(py).ravel()
    alpha_x, alpha_y = _deflect(flat_x, flat_y, theta_e, q, phi, gamma1, gamma2)
    return alpha_x.reshape(px.shape), alpha_y.reshape(px.shape)


def convergence(x: npt.ArrayLike, y: npt.ArrayLike, *, theta_e: float, q: float = 1.0, phi: float = 0.0) -> FloatArray:
    """Convergence kappa of the SIE, of the shape of x; infinite at the centre."""
    check_lens(theta_e, q)
    px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    u, v = math.cos(phi) * px + math.sin(phi) * py, math.cos(phi) * py - math.sin(phi) * px
    with np.errstate(divide="ignore"):
        return np.asarray(theta_e / (2.0 * np.sqrt(q * u**2 + v**2 / q)))


def check_lens(theta_e: float, q: float) -> None:
    """Raise ValueError for a lens that does not exist."""
    if not theta_e > 0.0 or not math.isfinite(theta_e):
        raise ValueError(f"theta_e is {theta_e} arcsec; wanted a finite number above 0")
    if not 0.0 < q <= 1.0:
        raise ValueError(f"axis ratio q is {q}; wanted 0 < q <= 1 (minor over major axis)")
