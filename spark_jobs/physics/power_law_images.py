"""Images of a point source behind an elliptical power law of any slope with shear: how many, and how magnified.

The deflection is that of the direction times (r / theta_e)^(2 - slope): a polar grid of the image plane is mapped to the source
plane by arithmetic alone, and a triangle of it that covers the source holds an image, which Newton's method finds.
Legend: lengths in units of theta_e, the lens's major axis along x; beta the source's place from the lens centre.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.epl_deflection import epl_deflection_at, epl_jacobian_at
from spark_jobs.physics.isothermal_directions import COSINE, DIRECTIONS, SINE

FloatArray = npt.NDArray[np.float64]

NEAREST = 0.01
"""Closer to the centre nothing is seen: images there are demagnified a thousandfold, and a steep lens always has one."""
_RADII = 96
_STEPS = 20
_CLOSE_ENOUGH = 1e-10


@inlined
def _covers(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> bool:
    """Whether the triangle of three places holds the origin."""
    one, two, three = ax * by - ay * bx >= 0.0, bx * cy - by * cx >= 0.0, cx * ay - cy * ax >= 0.0
    return one == two and two == three


@inlined
def _magnification(
    x: float, y: float, bx: float, by: float, q: float, slope: float, g1: float, g2: float, largest: float
) -> float:
    """Absolute magnification of the image that Newton's method finds from (x, y), or of that place where it finds none."""
    found = 0.0
    for step in range(_STEPS):
        ax, ay, axx, axy, ayy = epl_jacobian_at(x, y, 1.0, q, slope)
        xx, xy, yy = 1.0 - g1 - axx, -g2 - axy, 1.0 + g1 - ayy
        determinant = xx * yy - xy * xy
        magnification = 1.0 / max(abs(determinant), 1.0 / largest)
        if step == 0:
            found = magnification
        miss_x, miss_y = (1.0 - g1) * x - g2 * y - ax - bx, (1.0 + g1) * y - g2 * x - ay - by
        move_x, move_y = (yy * miss_x - xy * miss_y) / determinant, (xx * miss_y - xy * miss_x) / determinant
        size, limit = math.hypot(move_x, move_y), 0.2 * math.hypot(x, y)
        if size < _CLOSE_ENOUGH:
            found = magnification
            break
        damping = min(limit / size, 1.0)
        x, y = x - damping * move_x, y - damping * move_y
    return found


@compiled("UniTuple(float64, 2)(float64, float64, float64, float64, float64, float64, float64)")
def power_law_images_at(
    bx: float, by: float, q: float, slope: float, g1: float, g2: float, largest: float
) -> tuple[float, float]:
    """Number of images beyond NEAREST, and their total magnification, each at most ``largest``."""
    power = 2.0 - slope
    alpha_x, alpha_y = np.empty(DIRECTIONS), np.empty(DIRECTIONS)
    strongest = 0.0
    for k in range(DIRECTIONS):
        alpha_x[k], alpha_y[k] = epl_deflection_at(COSINE[k], SINE[k], 1.0, q, slope)
        strongest = max(strongest, math.hypot(alpha_x[k], alpha_y[k]))
    least, farthest = max(1.0 - math.hypot(g1, g2), 0.1), 2.0
    while least * farthest < math.hypot(bx, by) + strongest * farthest**power and farthest < 1e3:
        farthest *= 1.2
    ratio = (farthest / NEAREST) ** (1.0 / _RADII)
    inner_x, inner_y = np.empty(DIRECTIONS), np.empty(DIRECTIONS)
    outer_x, outer_y = np.empty(DIRECTIONS), np.empty(DIRECTIONS)
    count, total = 0.0, 0.0
    radius = NEAREST
    for ring in range(_RADII + 1):
        f = radius**power
        for k in range(DIRECTIONS):
            c, s = COSINE[k], SINE[k]
            outer_x[k] = radius * ((1.0 - g1) * c - g2 * s) - f * alpha_x[k] - bx
            outer_y[k] = radius * ((1.0 + g1) * s - g2 * c) - f * alpha_y[k] - by
        for k in range(DIRECTIONS if ring > 0 else 0):
            n = (k + 1) % DIRECTIONS
            for half in range(2):
                third_x, third_y = (inner_x[n], inner_y[n]) if half == 0 else (outer_x[k], outer_y[k])
                if _covers(inner_x[k], inner_y[k], outer_x[n], outer_y[n], third_x, third_y):
                    angle, r = (k + 0.5) * 2.0 * math.pi / DIRECTIONS, radius / math.sqrt(ratio)
                    count += 1.0
                    x, y = r * math.cos(angle), r * math.sin(angle)
                    total += _magnification(x, y, bx, by, q, slope, g1, g2, largest)
        inner_x, outer_x = outer_x, inner_x
        inner_y, outer_y = outer_y, inner_y
        radius *= ratio
    return count, total
