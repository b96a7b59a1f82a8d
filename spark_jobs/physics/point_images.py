"""Images of a point source behind an elliptical power law with shear: how many, and how magnified.

The deflection of an isothermal lens depends on the direction only, so the two-dimensional lens equation falls to one root
in the angle: an image at r(cos a, sin a) needs (1 - Gamma) e(a) parallel to beta + alpha(a), with r > 0 their ratio. Other
slopes are the matter of ``power_law_images``.
Legend: as in sie_deflection; beta the source position in arcsec from the lens centre.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.epl_deflection import FLATTEST_SLOPE, STEEPEST_SLOPE
from spark_jobs.physics.isothermal_directions import COSINE, DIRECTIONS, SINE, at_direction, fill_directions, in_lens_frame
from spark_jobs.physics.power_law_images import power_law_images_at

FloatArray = npt.NDArray[np.float64]

MAX_MAGNIFICATION = 1e3
"""A point on a caustic is infinitely magnified, a source of finite size is not."""
_STEPS = 60
_CLOSE_ENOUGH = 1e-12  # rad
_STEP = 2.0 * math.pi / DIRECTIONS
"""Two images closer than this, 2.8 degrees, merge into none, at magnifications above 50."""


@inlined
def _image_between(
    low: float, high: float, rising: bool, bx: float, by: float, q: float, g1: float, g2: float
) -> tuple[float, float]:
    """Radius of the image between two directions, in units of theta_e (none where not positive), and its magnification.

    Newton's method on the cross product, whose derivative is known, kept between the directions by halving.
    """
    a = 0.5 * (low + high)
    radius, magnification = 0.0, 0.0
    for _ in range(_STEPS):
        c, s = math.cos(a), math.sin(a)
        ax, ay, w = at_direction(c, s, q)
        tx, ty = bx + ax, by + ay
        ex, ey = (1.0 - g1) * c - g2 * s, (1.0 + g1) * s - g2 * c
        across_x, across_y = -(1.0 - g1) * s - g2 * c, (1.0 + g1) * c + g2 * s  # (1 - Gamma) t, of t = (-s, c)
        f = ex * ty - ey * tx
        slope = across_x * ty - across_y * tx + w * (ex * c + ey * s)
        if (f < 0.0) == rising:
            low = a
        else:
            high = a
        following = a - f / slope
        if not (low < following < high):
            following = 0.5 * (low + high)
        moved = abs(following - a)
        a = following
        if moved < _CLOSE_ENOUGH:
            radius = (tx * ex + ty * ey) / (ex * ex + ey * ey)
            if radius > 0.0:  # Hessian of the potential: (w / r) t t^T
                k = w / radius
                determinant = (1.0 - g1 - k * s * s) * (1.0 + g1 - k * c * c) - (k * s * c - g2) ** 2
                magnification = 1.0 / max(abs(determinant), 1.0 / MAX_MAGNIFICATION)
            break
    return radius, magnification


@compiled(
    "UniTuple(float64[::1], 2)(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[::1],"
    " float64[::1], float64[::1])"
)
def _many(
    beta_x: FloatArray,
    beta_y: FloatArray,
    theta_e: FloatArray,
    q: FloatArray,
    phi: FloatArray,
    gamma1: FloatArray,
    gamma2: FloatArray,
    slope: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    count, total = np.zeros_like(beta_x), np.zeros_like(beta_x)
    alpha_x, alpha_y, width = np.empty(DIRECTIONS), np.empty(DIRECTIONS), np.empty(DIRECTIONS)
    for i in range(beta_x.size):
        bx, by = in_lens_frame(beta_x[i] / theta_e[i], beta_y[i] / theta_e[i], phi[i])
        g1, g2 = in_lens_frame(gamma1[i], gamma2[i], 2.0 * phi[i])
        if slope[i] != 2.0:
            count[i], total[i] = power_law_images_at(bx, by, q[i], slope[i], g1, g2, MAX_MAGNIFICATION)
            total[i] = min(total[i], MAX_MAGNIFICATION)
            continue
        fill_directions(q[i], alpha_x, alpha_y, width)
        last = (1.0 - g1) * (by + alpha_y[0]) + g2 * (bx + alpha_x[0])
        for k in range(1, DIRECTIONS + 1):
            j = k % DIRECTIONS  # the circle closes exactly: rounding at 2 pi would lose an image that lies in direction 0
            c, s = COSINE[j], SINE[j]
            tx, ty = bx + alpha_x[j], by + alpha_y[j]
            f = ((1.0 - g1) * c - g2 * s) * ty - ((1.0 + g1) * s - g2 * c) * tx
            if (last < 0.0) != (f < 0.0):
                radius, magnification = _image_between((k - 1) * _STEP, k * _STEP, last < 0.0, bx, by, q[i], g1, g2)
                if radius > 0.0:
                    count[i] += 1.0
                    total[i] += magnification
            last = f
        total[i] = min(total[i], MAX_MAGNIFICATION)
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
    slope: npt.ArrayLike = 2.0,
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """Number of images and total magnification (absolute, without unit) of point sources, arrays of shape (n,).

    The demagnified central image of a real core is no image here, nor is one within a hundredth of theta_e of another slope's
    centre. For the SIS inside its Einstein radius the magnification is 2 theta_e / beta (Schneider, Ehlers & Falco 1992).
    ``slope`` as in epl_deflection. Lenses must exist: theta_e > 0, 0 < q <= 1 and a slope that a galaxy may have.
    """
    arrays = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, float)) for v in (beta_x, beta_y, theta_e, q, phi, gamma1, gamma2, slope))
    )
    if not np.all((arrays[2] > 0) & (arrays[3] > 0) & (arrays[3] <= 1)):
        raise ValueError("theta_e or q of a lens is out of range; wanted theta_e > 0 arcsec and 0 < q <= 1")
    if not np.all((arrays[7] > FLATTEST_SLOPE) & (arrays[7] < STEEPEST_SLOPE)):
        raise ValueError(f"mass slope of a lens is out of range; wanted {FLATTEST_SLOPE} < slope < {STEEPEST_SLOPE}")
    count, total = _many(*(np.ascontiguousarray(a) for a in arrays))
    return count.astype(np.int64), total
