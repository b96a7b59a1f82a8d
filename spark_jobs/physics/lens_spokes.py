"""The lens mapping along spokes from the lens centre, ready for rays to be shot by arithmetic alone.

The deflection of an isothermal lens depends on the direction only, so a spoke is mapped to a straight line in the source plane;
that of another power law is the same in every direction but for a factor (r / theta_e)^(2 - slope). With e the direction of a
spoke and t the one across it, at radius r and an angle d off the spoke, in source coordinates,
u = r (P cos d + Q sin d) - (r / theta_e)^(2 - slope) (B + d W + d^2 D + d^3 T) - S, P and Q being e and t after the shear, B
the deflection at theta_e, W, 2 D and 6 T its derivatives by the angle and S the source's place.
Legend: ``lens`` (theta_e, q, cos phi, sin phi, gamma1, gamma2, slope), theta_e zero where there is no lens; ``m`` the source's
matrix row by row; a spoke's row holds ex, ey and the u and v of P, Q, B, W, D, T.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.epl_deflection import epl_jacobian_at
from spark_jobs.physics.sie_deflection import sie_deflection_at

FloatArray = npt.NDArray[np.float64]
Numbers = tuple[float, ...]

EX, EY, PU, PV, QU, QV, BU, BV, WU, WV, DU, DV, TU, TV = range(14)
SPOKE_COLUMNS = 14
_ANGLE_STEP = 1e-3
"""Of the difference quotients that give a power law's second and third derivative by the angle."""


@compiled("UniTuple(float64, 8)(float64, float64, UniTuple(float64, 7))")
def _isothermal_turn(u: float, v: float, lens: Numbers) -> Numbers:
    """Deflection at theta_e in direction (u, v) of the lens frame, and its first three derivatives by the angle.

    The Hessian of an isothermal potential is w / r times t t^T with w = theta_e / sqrt(q u^2 + v^2/q), so dalpha/dangle = w t.
    """
    theta_e, q = lens[0], lens[1]
    ax, ay = sie_deflection_at(u, v, theta_e, q)
    square = q * u * u + v * v / q
    w = theta_e / math.sqrt(square)
    once, twice = 2.0 * u * v * (1.0 / q - q), 2.0 * (u * u - v * v) * (1.0 / q - q)  # derivatives of the square
    w1 = -0.5 * w / square * once
    w2 = w / square * (0.75 * once * once / square - 0.5 * twice)
    along_t, along_e = w2 - w, -2.0 * w1
    return (
        ax,
        ay,
        -w * v,
        w * u,
        -w1 * v - w * u,
        w1 * u - w * v,
        along_e * u - along_t * v,
        along_e * v + along_t * u,
    )


@compiled("UniTuple(float64, 2)(float64, float64, UniTuple(float64, 7))")
def _power_law_slope(u: float, v: float, lens: Numbers) -> tuple[float, float]:
    """Derivative of a power law's deflection by the angle, at theta_e in direction (u, v)."""
    theta_e, q = lens[0], lens[1]
    _, _, axx, axy, ayy = epl_jacobian_at(theta_e * u, theta_e * v, theta_e, q, lens[6])
    return theta_e * (axy * u - axx * v), theta_e * (ayy * u - axy * v)


@compiled("UniTuple(float64, 8)(float64, float64, UniTuple(float64, 7))")
def _power_law_turn(u: float, v: float, lens: Numbers) -> Numbers:
    """As ``_isothermal_turn``, for any slope."""
    theta_e, q = lens[0], lens[1]
    ax, ay, axx, axy, ayy = epl_jacobian_at(theta_e * u, theta_e * v, theta_e, q, lens[6])
    c, s = math.cos(_ANGLE_STEP), math.sin(_ANGLE_STEP)
    forward_x, forward_y = _power_law_slope(c * u - s * v, c * v + s * u, lens)
    back_x, back_y = _power_law_slope(c * u + s * v, c * v - s * u, lens)
    half, square = 0.5 / _ANGLE_STEP, _ANGLE_STEP**-2
    wx, wy = theta_e * (axy * u - axx * v), theta_e * (ayy * u - axy * v)
    return (
        ax,
        ay,
        wx,
        wy,
        half * (forward_x - back_x),
        half * (forward_y - back_y),
        square * (forward_x - 2.0 * wx + back_x),
        square * (forward_y - 2.0 * wy + back_y),
    )


@compiled("void(float64[:, ::1], UniTuple(float64, 7), UniTuple(float64, 4))")
def fill_spokes(spokes: FloatArray, lens: Numbers, m: Numbers) -> None:
    """Fill the rows (n, SPOKE_COLUMNS) of n evenly spaced spokes, the first half a step from +x."""
    theta_e, _, c, s, gamma1, gamma2, slope = lens
    n = spokes.shape[0]
    for k in range(n):
        angle = (k + 0.5) * 2.0 * math.pi / n
        ex, ey = math.cos(angle), math.sin(angle)
        px, py, qx, qy = ex, ey, -ey, ex
        bx, by, wx, wy, dx, dy, tx, ty = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        if theta_e > 0.0:
            px, py = ex - gamma1 * ex - gamma2 * ey, ey - gamma2 * ex + gamma1 * ey
            qx, qy = -ey + gamma1 * ey - gamma2 * ex, ex + gamma2 * ey + gamma1 * ex
            u, v = c * ex + s * ey, c * ey - s * ex
            turn = _isothermal_turn(u, v, lens) if slope == 2.0 else _power_law_turn(u, v, lens)
            bx, by = c * turn[0] - s * turn[1], s * turn[0] + c * turn[1]
            wx, wy = c * turn[2] - s * turn[3], s * turn[2] + c * turn[3]
            dx, dy = 0.5 * (c * turn[4] - s * turn[5]), 0.5 * (s * turn[4] + c * turn[5])
            tx, ty = (c * turn[6] - s * turn[7]) / 6.0, (s * turn[6] + c * turn[7]) / 6.0
        spokes[k, EX], spokes[k, EY] = ex, ey
        spokes[k, PU], spokes[k, PV] = m[0] * px + m[1] * py, m[2] * px + m[3] * py
        spokes[k, QU], spokes[k, QV] = m[0] * qx + m[1] * qy, m[2] * qx + m[3] * qy
        spokes[k, BU], spokes[k, BV] = m[0] * bx + m[1] * by, m[2] * bx + m[3] * by
        spokes[k, WU], spokes[k, WV] = m[0] * wx + m[1] * wy, m[2] * wx + m[3] * wy
        spokes[k, DU], spokes[k, DV] = m[0] * dx + m[1] * dy, m[2] * dx + m[3] * dy
        spokes[k, TU], spokes[k, TV] = m[0] * tx + m[1] * ty, m[2] * tx + m[3] * ty
