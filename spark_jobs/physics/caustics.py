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

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.isothermal_directions import COSINE, DIRECTIONS, SINE, at_direction, fill_directions, in_lens_frame

FloatArray = npt.NDArray[np.float64]

_MARGIN = 1.01
"""A cusp between two directions reaches up to 0.9 per cent farther than the curve does at either (axis ratio 0.2)."""


@dataclass(frozen=True)
class Caustics:
    """Of each lens, arrays (n,): radius of the disc about its centre that holds every multiply imaged place (arcsec), and the
    areas inside the cut and inside the tangential caustic (arcsec^2)."""

    reach: FloatArray
    cut_area: FloatArray
    caustic_area: FloatArray


@inlined
def _points(
    c: float, s: float, ax: float, ay: float, w: float, gamma1: float, gamma2: float
) -> tuple[float, float, float, float]:
    """Points (x, y) of the cut and of the tangential caustic that belong to the direction (c, s), theta_e being one."""
    # (1 - Gamma)^-1 = (1 + Gamma) / (1 - gamma^2), Gamma being traceless; t = (-s, c).
    across = (1.0 + gamma1) * s * s - 2.0 * gamma2 * c * s + (1.0 - gamma1) * c * c
    r = w * across / (1.0 - gamma1 * gamma1 - gamma2 * gamma2)
    return -ax, -ay, r * ((1.0 - gamma1) * c - gamma2 * s) - ax, r * ((1.0 + gamma1) * s - gamma2 * c) - ay


@compiled("UniTuple(float64, 4)(float64, float64, float64, float64, float64)")
def curves_at(angle: float, theta_e: float, q: float, gamma1: float, gamma2: float) -> tuple[float, float, float, float]:
    """Points (x, y) of the cut and of the tangential caustic that belong to one direction, in the lens frame."""
    c, s = math.cos(angle), math.sin(angle)
    ax, ay, w = at_direction(c, s, q)
    cut_x, cut_y, x, y = _points(c, s, ax, ay, w, gamma1, gamma2)
    return theta_e * cut_x, theta_e * cut_y, theta_e * x, theta_e * y


@compiled(
    "UniTuple(float64[::1], 3)(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])",
)
def _many(
    theta_e: FloatArray, q: FloatArray, phi: FloatArray, gamma1: FloatArray, gamma2: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Half of the directions tell the rest: a curve's point opposite is the point turned by half a circle."""
    reach, cut, caustic = np.zeros_like(theta_e), np.zeros_like(theta_e), np.zeros_like(theta_e)
    alpha_x, alpha_y, width = np.empty(DIRECTIONS), np.empty(DIRECTIONS), np.empty(DIRECTIONS)
    for i in range(theta_e.size):
        fill_directions(q[i], alpha_x, alpha_y, width)
        g1, g2 = in_lens_frame(gamma1[i], gamma2[i], 2.0 * phi[i])
        x0, y0, x1, y1 = _points(1.0, 0.0, alpha_x[0], alpha_y[0], width[0], g1, g2)
        farthest = 0.0
        for k in range(1, DIRECTIONS // 2 + 1):
            u0, v0, u1, v1 = _points(COSINE[k], SINE[k], alpha_x[k], alpha_y[k], width[k], g1, g2)
            cut[i] += x0 * v0 - y0 * u0
            caustic[i] += x1 * v1 - y1 * u1
            farthest = max(farthest, u0 * u0 + v0 * v0, u1 * u1 + v1 * v1)
            x0, y0, x1, y1 = u0, v0, u1, v1
        reach[i] = _MARGIN * theta_e[i] * math.sqrt(farthest)
        cut[i], caustic[i] = theta_e[i] ** 2 * abs(cut[i]), theta_e[i] ** 2 * abs(caustic[i])
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
