"""Where in the source plane an isothermal ellipsoid with shear makes more than one image: inside its cut or its caustic.

In direction e from the lens centre, with t the direction across, the deflection is alpha, the same at every radius, and the
Hessian of the potential (w / r) t t^T. The cut, inside which a second image appears, is -alpha (Kormann et al. 1994, A&A 284,
285); the tangential critical curve lies where det(1 - Gamma - (w / r) t t^T) = 0, at r = w t^T (1 - Gamma)^-1 t; the caustic
is what it is mapped to.
Legend: as in sie_deflection; curves in arcsec from the lens centre. A mass slope other than 2 has other curves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.sie_deflection import sie_deflection_at

FloatArray = npt.NDArray[np.float64]

DIRECTIONS = 128
_MARGIN = 1.0 + 0.5 * (math.pi / DIRECTIONS) ** 2 * 4.0
"""Between two directions a curve may reach a little farther than at either; four times what a circle would."""


@dataclass(frozen=True)
class Caustics:
    """Of each lens, arrays (n,): radius of the disc about its centre that holds every multiply imaged place (arcsec), and the
    areas inside the cut and inside the tangential caustic (arcsec^2)."""

    reach: FloatArray
    cut_area: FloatArray
    caustic_area: FloatArray


@compiled("UniTuple(float64, 4)(float64, float64, float64, float64, float64, float64)")
def curves_at(
    angle: float, theta_e: float, q: float, phi: float, gamma1: float, gamma2: float
) -> tuple[float, float, float, float]:
    """Points (x, y) of the cut and of the tangential caustic that belong to one direction."""
    ex, ey = math.cos(angle), math.sin(angle)
    c, s = math.cos(phi), math.sin(phi)
    u, v = c * ex + s * ey, c * ey - s * ex
    au, av = sie_deflection_at(u, v, theta_e, q)
    ax, ay = c * au - s * av, s * au + c * av
    w = theta_e / math.sqrt(q * u * u + v * v / q)
    # (1 - Gamma)^-1 = (1 + Gamma) / (1 - gamma^2), Gamma being traceless; t = (-ey, ex).
    across = (1.0 + gamma1) * ey * ey - 2.0 * gamma2 * ex * ey + (1.0 - gamma1) * ex * ex
    r = w * across / (1.0 - gamma1 * gamma1 - gamma2 * gamma2)
    bx = r * ((1.0 - gamma1) * ex - gamma2 * ey) - ax
    by = r * ((1.0 + gamma1) * ey - gamma2 * ex) - ay
    return -ax, -ay, bx, by


@compiled(
    "UniTuple(float64[::1], 3)(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])",
)
def _many(
    theta_e: FloatArray, q: FloatArray, phi: FloatArray, gamma1: FloatArray, gamma2: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    reach, cut, caustic = np.zeros_like(theta_e), np.zeros_like(theta_e), np.zeros_like(theta_e)
    for i in range(theta_e.size):
        x0, y0, x1, y1 = curves_at(0.0, theta_e[i], q[i], phi[i], gamma1[i], gamma2[i])
        for k in range(DIRECTIONS):
            angle = (k + 1) * 2.0 * math.pi / DIRECTIONS
            u0, v0, u1, v1 = curves_at(angle, theta_e[i], q[i], phi[i], gamma1[i], gamma2[i])
            cut[i] += 0.5 * (x0 * v0 - y0 * u0)
            caustic[i] += 0.5 * (x1 * v1 - y1 * u1)
            reach[i] = max(reach[i], math.hypot(u0, v0), math.hypot(u1, v1))
            x0, y0, x1, y1 = u0, v0, u1, v1
        reach[i] *= _MARGIN
        cut[i], caustic[i] = abs(cut[i]), abs(caustic[i])
    return reach, cut, caustic


def caustics(
    theta_e: npt.ArrayLike,
    q: npt.ArrayLike = 1.0,
    phi: npt.ArrayLike = 0.0,
    gamma1: npt.ArrayLike = 0.0,
    gamma2: npt.ArrayLike = 0.0,
) -> Caustics:
    """Reach and areas of the curves of lenses, arrays of shape (n,). NaN where theta_e is; shear below one.

    The area inside a curve that crosses itself, as the caustic of strong shear does, counts its lobes with their own signs.
    """
    arrays = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in (theta_e, q, phi, gamma1, gamma2)))
    reach, cut, caustic = _many(*(np.ascontiguousarray(a) for a in arrays))
    unknown = ~np.isfinite(arrays[0])
    for values in (reach, cut, caustic):
        values[unknown] = np.nan
    return Caustics(reach, cut, caustic)
