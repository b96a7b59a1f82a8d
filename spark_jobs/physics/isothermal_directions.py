"""An isothermal ellipsoid direction by direction: its deflection and its width are the same at every radius.

In direction e = (cos a, sin a) from the centre of a lens of theta_e = 1 whose major axis lies along x, the deflection is
alpha(a), and the Hessian of the potential at radius r is (w(a) / r) t t^T with t the direction across, so d alpha / da = w t.
One quadrant gives the other three by their signs.
Legend: alpha_x, alpha_y, width (DIRECTIONS,) in units of theta_e, at the directions (COSINE, SINE); q as in sie_deflection.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.sie_deflection import sie_deflection_at

FloatArray = npt.NDArray[np.float64]

DIRECTIONS = 128
_QUARTER = DIRECTIONS // 4
_ANGLES = 2.0 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
COSINE, SINE = np.cos(_ANGLES), np.sin(_ANGLES)


@inlined
def at_direction(c: float, s: float, q: float) -> tuple[float, float, float]:
    """Deflection (x, y) and width in the direction (c, s)."""
    ax, ay = sie_deflection_at(c, s, 1.0, q)
    return ax, ay, math.sqrt(q / (q * q * c * c + s * s))


@inlined
def fill_directions(q: float, alpha_x: FloatArray, alpha_y: FloatArray, width: FloatArray) -> None:
    """The deflection and the width in every direction."""
    for k in range(_QUARTER + 1):
        ax, ay, w = at_direction(COSINE[k], SINE[k], q)
        alpha_x[k], alpha_y[k], width[k] = ax, ay, w
        mirrored, opposite = 2 * _QUARTER - k, 2 * _QUARTER + k
        alpha_x[mirrored], alpha_y[mirrored], width[mirrored] = -ax, ay, w
        alpha_x[opposite], alpha_y[opposite], width[opposite] = -ax, -ay, w
        if k > 0:
            alpha_x[DIRECTIONS - k], alpha_y[DIRECTIONS - k], width[DIRECTIONS - k] = ax, -ay, w


@compiled("UniTuple(float64, 2)(float64, float64, float64)")
def in_lens_frame(x: float, y: float, angle: float) -> tuple[float, float]:
    """A vector turned back by an angle; shear (a tensor) turns by twice the angle of the axes."""
    c, s = math.cos(angle), math.sin(angle)
    return c * x + s * y, c * y - s * x
