"""Images of a point source behind an isothermal ellipsoid with shear: how many, and how magnified.

The deflection of an isothermal lens depends on the direction only, so the two-dimensional lens equation falls to one root
in the angle: an image at r(cos a, sin a) needs (1 - Gamma) e(a) parallel to beta + alpha(a), with r > 0 their ratio.
Legend: as in sie_deflection; beta the source position in arcsec from the lens centre.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.sie_deflection import sie_deflection_at

FloatArray = npt.NDArray[np.float64]

SCAN_STEPS = 128
"""Directions scanned for a change of sign; two images closer than 2.8 degrees merge into none, at magnifications above 50."""
_BISECTIONS = 40
MAX_MAGNIFICATION = 1e3
"""A point on a caustic is infinitely magnified, a source of finite size is not."""

_SIGNATURE = "UniTuple(float64, 3)(float64, float64, float64, float64, float64, float64, float64, float64)"


@compiled(_SIGNATURE)
def _mismatch(
    a: float, beta_x: float, beta_y: float, theta_e: float, q: float, phi: float, gamma1: float, gamma2: float
) -> tuple[float, float, float]:
    """Cross product to be zero, radius of the image, and twice the convergence times the radius, in direction a."""
    ca, sa, c, s = math.cos(a), math.sin(a), math.cos(phi), math.sin(phi)
    u, v = c * ca + s * sa, c * sa - s * ca
    du, dv = sie_deflection_at(u, v, theta_e, q)
    tx, ty = beta_x + c * du - s * dv, beta_y + s * du + c * dv
    ex, ey = (1.0 - gamma1) * ca - gamma2 * sa, (1.0 + gamma1) * sa - gamma2 * ca
    radius = (tx * ex + ty * ey) / (ex * ex + ey * ey)
    return ex * ty - ey * tx, radius, theta_e / math.sqrt(q * u * u + v * v / q)


@compiled("UniTuple(float64, 2)(float64, float64, float64, float64, float64, float64, float64)")
def _count_and_magnify(
    beta_x: float, beta_y: float, theta_e: float, q: float, phi: float, gamma1: float, gamma2: float
) -> tuple[float, float]:
    count, total = 0.0, 0.0
    step = 2.0 * math.pi / SCAN_STEPS
    low = 0.0
    f_first, _, _ = _mismatch(low, beta_x, beta_y, theta_e, q, phi, gamma1, gamma2)
    f_low = f_first
    for i in range(SCAN_STEPS):
        high = (i + 1) * step
        f_high = f_first  # the circle closes exactly: rounding at 2 pi would lose an image that lies in direction 0
        if i + 1 < SCAN_STEPS:
            f_high, _, _ = _mismatch(high, beta_x, beta_y, theta_e, q, phi, gamma1, gamma2)
        if (f_low < 0.0) != (f_high < 0.0):
            left, right, f_left = low, high, f_low
            for _ in range(_BISECTIONS):
                middle = 0.5 * (left + right)
                f_middle, _, _ = _mismatch(middle, beta_x, beta_y, theta_e, q, phi, gamma1, gamma2)
                if (f_middle < 0.0) == (f_left < 0.0):
                    left, f_left = middle, f_middle
                else:
                    right = middle
            a = 0.5 * (left + right)
            _, radius, width = _mismatch(a, beta_x, beta_y, theta_e, q, phi, gamma1, gamma2)
            if radius > 0.0:
                # Hessian of an isothermal potential: (width/radius) t t^T with t the tangential unit vector.
                k = width / radius
                tx, ty = -math.sin(a), math.cos(a)
                a11, a22 = 1.0 - gamma1 - k * tx * tx, 1.0 + gamma1 - k * ty * ty
                a12 = -gamma2 - k * tx * ty
                determinant = abs(a11 * a22 - a12 * a12)
                count += 1.0
                total += 1.0 / max(determinant, 1.0 / MAX_MAGNIFICATION)
        low, f_low = high, f_high
    return count, min(total, MAX_MAGNIFICATION)


@compiled(
    "UniTuple(float64[::1], 2)(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    " float64[::1])"
)
def _many(
    beta_x: FloatArray,
    beta_y: FloatArray,
    theta_e: FloatArray,
    q: FloatArray,
    phi: FloatArray,
    gamma1: FloatArray,
    gamma2: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    count, total = np.empty_like(beta_x), np.empty_like(beta_x)
    for i in range(beta_x.size):
        count[i], total[i] = _count_and_magnify(beta_x[i], beta_y[i], theta_e[i], q[i], phi[i], gamma1[i], gamma2[i])
    return count, total


def point_images(
    beta_x: npt.ArrayLike,
    beta_y: npt.ArrayLike,
    *,
    theta_e: npt.ArrayLike,
    q: npt.ArrayLike = 1.0,
    phi: npt.ArrayLike = 0.0,
    gamma1: npt.ArrayLike = 0.0,
    gamma2: npt.ArrayLike = 0.0,
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Number of images and total magnification (absolute, without unit) of point sources, arrays of shape (n,).

    The demagnified central image of a real core is no image here. For the SIS inside its Einstein radius the magnification
    is 2 theta_e / beta (Schneider, Ehlers & Falco 1992). Lenses must exist: theta_e > 0 and 0 < q <= 1.
    """
    arrays = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, float)) for v in (beta_x, beta_y, theta_e, q, phi, gamma1, gamma2))
    )
    if not np.all((arrays[2] > 0) & (arrays[3] > 0) & (arrays[3] <= 1)):
        raise ValueError("theta_e or q of a lens is out of range; wanted theta_e > 0 arcsec and 0 < q <= 1")
    count, total = _many(*(np.ascontiguousarray(a) for a in arrays))
    return count.astype(np.int64), total
