"""Compiled kernel of the ray tracing: spokes from the lens centre, cells along a spoke, rays in a cell.

Cells of spokes lie along the directions in which an arc is stretched and is not: few rays across the stretch do what a grid of
pixels needs the square for. How many, ``ray_choice`` says. A cell's rays are summed to nine moments, which stand for them on
the nodes at its corners, sides and middle.
Legend: ``lens``, ``m`` and spokes as in lens_spokes; ``frame`` as ``place`` in polar_deposit, and the source's place (u, v);
source coordinates u, v; ``profile``, ``table`` and ``blocks`` those of a Layer (source_light).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.lens_spokes import (
    BU,
    BV,
    DU,
    DV,
    PU,
    PV,
    QU,
    QV,
    TU,
    TV,
    WU,
    WV,
    Numbers,
)
from spark_jobs.physics.ray_choice import MOST_NODES, choose_rays
from spark_jobs.physics.source_light import PROFILE, brightness_at

FloatArray = npt.NDArray[np.float64]
FloatTable = npt.NDArray[np.float32]

_INSIDE = 1e-9
_ONE = np.uintp(1)


def _panel_nodes() -> FloatArray:
    """Places of n rays of equal weight from -1 to 1, in row n: the same in a mirror, and exact for cubics.

    Two-point Gauss-Legendre panels side by side, as wide as their rays are many; where n is odd, three or five points of
    Chebyshev's equally weighted rule (Abramowitz & Stegun 1964, 25.4.28) in the middle.
    """
    rules = {2: [math.sqrt(1 / 3)], 3: [0.0, math.sqrt(1 / 2)], 5: [0.0, 0.374541409553581, 0.832497487000982]}
    nodes = np.zeros((MOST_NODES + 1, MOST_NODES))
    for n in range(2, MOST_NODES + 1):
        middle = [] if n % 2 == 0 else [5] if n % 4 == 1 else [3]
        beside = [2] * ((n - sum(middle)) // 2 // (1 + len(middle)))
        start, row = -1.0, []
        for rays in [*beside, *middle, *(beside if middle else [])]:
            half = rays / n
            row += [start + half + half * sign * place for place in rules[rays] for sign in ((-1, 1) if place else (1,))]
            start += 2 * half
        nodes[n, :n] = sorted(row)
    return nodes


PANEL_NODES = _panel_nodes()


@inlined
def _share_out(nodes: FloatArray, k: int, cell: int, area: float, moments: FloatArray) -> None:
    """Put a cell's rays on its nine nodes, as quadratic interpolation between the nodes would see them.

    ``moments`` (3, 3): sums of flux times eta^i xi^j, eta and xi running from -1 to 1 across and along the cell.
    """
    a0, a1, a2 = 2 * k, 2 * k + 1, (2 * k + 2) % nodes.shape[0]
    b = 2 * cell
    for j in range(3):
        at_0 = 0.5 * area * (moments[2, j] - moments[1, j])
        at_1 = area * (moments[0, j] - moments[2, j])
        at_2 = 0.5 * area * (moments[2, j] + moments[1, j])
        # The share of the moment xi^j at the three radii: (xi^2 - xi)/2, 1 - xi^2, (xi^2 + xi)/2.
        if j == 0:
            nodes[a0, b + 1] += at_0
            nodes[a1, b + 1] += at_1
            nodes[a2, b + 1] += at_2
        elif j == 1:
            nodes[a0, b] -= 0.5 * at_0
            nodes[a1, b] -= 0.5 * at_1
            nodes[a2, b] -= 0.5 * at_2
            nodes[a0, b + 2] += 0.5 * at_0
            nodes[a1, b + 2] += 0.5 * at_1
            nodes[a2, b + 2] += 0.5 * at_2
        else:
            nodes[a0, b] += 0.5 * at_0
            nodes[a1, b] += 0.5 * at_1
            nodes[a2, b] += 0.5 * at_2
            nodes[a0, b + 1] -= at_0
            nodes[a1, b + 1] -= at_1
            nodes[a2, b + 1] -= at_2
            nodes[a0, b + 2] += 0.5 * at_0
            nodes[a1, b + 2] += 0.5 * at_1
            nodes[a2, b + 2] += 0.5 * at_2


@inlined
def _crossing(nu: float, nv: float, ou: float, ov: float, reach: float, r: float, step: float, outward: int) -> tuple[int, int]:
    """First of a cell's rays along a straight line, and the one after the last, that meet a layer of some reach."""
    square = nu * nu + nv * nv
    middle = (nu * ou + nv * ov) / square
    miss = ou * ou + ov * ov - middle * middle * square
    half = math.sqrt(max(reach * reach - miss, 0.0) / square)
    first = max(int(((middle - half - r) / (0.5 * step) + 1.0) * 0.5 * outward), 0)
    last = min(int(((middle + half - r) / (0.5 * step) + 1.0) * 0.5 * outward) + 1, outward)
    return first, last if miss <= reach * reach else 0


@inlined
def _off_spoke(spoke: FloatArray, delta: float) -> tuple[float, float, float, float]:
    """What a radius is multiplied by, and the deflection at theta_e, in a direction ``delta`` off a spoke, in the source."""
    sin, cos = delta * (1.0 - delta * delta / 6.0), 1.0 - delta * delta * (0.5 - delta * delta / 24.0)
    return (
        spoke[PU] * cos + spoke[QU] * sin,
        spoke[PV] * cos + spoke[QV] * sin,
        spoke[BU] + delta * (spoke[WU] + delta * (spoke[DU] + delta * spoke[TU])),
        spoke[BV] + delta * (spoke[WV] + delta * (spoke[DV] + delta * spoke[TV])),
    )


@inlined
def _sum_rays(
    moments: FloatArray,
    spoke: FloatArray,
    r: float,
    turn: float,
    step: float,
    across: int,
    outward: int,
    lens: Numbers,
    su: float,
    sv: float,
    kind: int,
    profile: Numbers,
    table: FloatTable,
    panels: FloatArray,
) -> None:
    """Shoot a cell's rays and add their flux to its moments (as in ``_share_out``)."""
    power = 2.0 - lens[6]
    for i in range(across):
        eta = panels[across, i] if kind != PROFILE else (2 * i + 1.0) / across - 1.0
        nu, nv, ou, ov = _off_spoke(spoke, 0.5 * turn * eta)
        first, last = 0, outward
        if power == 0.0 and profile[6] == 0.0:
            first, last = _crossing(nu, nv, ou + su, ov + sv, profile[1], r, step, outward)
        s0, s1, s2 = 0.0, 0.0, 0.0
        for j in range(first, last):
            xi = (2 * j + 1.0) / outward - 1.0 if kind == PROFILE else panels[outward, j]
            radius = r + 0.5 * step * xi
            f = 1.0 if power == 0.0 else (radius / lens[0]) ** power
            light = brightness_at(kind, radius * nu - f * ou - su, radius * nv - f * ov - sv, profile, table)
            flux = light * radius
            s0 += flux
            s1 += flux * xi
            s2 += flux * xi * xi
        if kind == PROFILE and r < step:
            # Light times radius starts at zero with a slope, which even rays miss by that slope times spacing^2 / 24.
            at_centre = brightness_at(kind, -ou - su, -ov - sv, profile, table) if power == 0.0 else 0.0
            missed = -at_centre * step / outward / 24.0
            s0, s1, s2 = s0 + missed, s1 - missed, s2 + missed
        for n in range(3):
            moments[n, 0] += s0
            moments[n, 1] += s1
            moments[n, 2] += s2
            s0, s1, s2 = s0 * eta, s1 * eta, s2 * eta


@inlined
def _sum_template_rays(
    moments: FloatArray,
    spoke: FloatArray,
    r: float,
    turn: float,
    step: float,
    across: int,
    outward: int,
    su: float,
    sv: float,
    bright: float,
    table: FloatTable,
    panels: FloatArray,
) -> None:
    """``_sum_rays`` for a template behind an isothermal lens, where most rays go: straight lines, no case to tell apart.

    A ray beside the template is moved to its edge, which is dark. Unsigned places save the look for negative ones.
    """
    ny, nx = table.shape
    middle_u, middle_v = 0.5 * (nx - 1) - su, 0.5 * (ny - 1) - sv
    last_col, last_row = nx - 1.0 - _INSIDE, ny - 1.0 - _INSIDE
    for i in range(across):
        eta = panels[across, i]
        nu, nv, ou, ov = _off_spoke(spoke, 0.5 * turn * eta)
        at_u, at_v = r * nu - ou + middle_u, r * nv - ov + middle_v
        half_u, half_v = 0.5 * step * nu, 0.5 * step * nv
        s0, s1, s2 = 0.0, 0.0, 0.0
        for j in range(outward):
            xi = panels[outward, j]
            col, row = min(max(at_u + half_u * xi, 0.0), last_col), min(max(at_v + half_v * xi, 0.0), last_row)
            j_col, i_row = np.int64(col), np.int64(row)
            fx, fy = np.float32(col - j_col), np.float32(row - i_row)
            a, b = np.uintp(j_col), np.uintp(i_row)
            next_a, next_b = a + _ONE, b + _ONE
            low = table[b, a] + fx * (table[b, next_a] - table[b, a])
            high = table[next_b, a] + fx * (table[next_b, next_a] - table[next_b, a])
            flux = np.float64(low + fy * (high - low)) * (r + 0.5 * step * xi)
            s0 += flux
            s1 += flux * xi
            s2 += flux * xi * xi
        s0, s1, s2 = bright * s0, bright * s1, bright * s2
        for n in range(3):
            moments[n, 0] += s0
            moments[n, 1] += s1
            moments[n, 2] += s2
            s0, s1, s2 = s0 * eta, s1 * eta, s2 * eta


@compiled(
    "void(float64[:, ::1], float64[:, ::1], UniTuple(float64, 7), UniTuple(float64, 7), int64, UniTuple(float64, 7),"
    " float32[:, ::1], float64[:, :, ::1], float64[:, ::1], float64)"
)
def trace(
    nodes: FloatArray,
    spokes: FloatArray,
    lens: Numbers,
    frame: Numbers,
    kind: int,
    profile: Numbers,
    table: FloatTable,
    blocks: FloatArray,
    panels: FloatArray,
    step: float,
) -> None:
    """Add the lensed light of one layer of a source to the nodes (2 sectors, 2 cells + 2) of cells of ``step`` arcsec."""
    sectors, cells = spokes.shape[0], nodes.shape[1] // 2 - 1
    turn = 2.0 * math.pi / sectors
    su, sv = frame[5], frame[6]
    sides = np.zeros((sectors, cells, 3), np.int16)
    choose_rays(sides, spokes, lens, frame, kind, profile, table, blocks, step)
    moments = np.empty((3, 3))
    for k in range(sectors):
        for cell in range(cells):
            across, outward = int(sides[k, cell, 0]), int(sides[k, cell, 1])
            if across == 0:
                continue
            r = (cell + 0.5) * step
            if outward == 1:
                f = 1.0 if lens[6] == 2.0 else (r / lens[0]) ** (2.0 - lens[6])
                u, v = r * spokes[k, PU] - f * spokes[k, BU] - su, r * spokes[k, PV] - f * spokes[k, BV] - sv
                nodes[2 * k + 1, 2 * cell + 1] += brightness_at(kind, u, v, profile, table) * r * turn * step
                continue
            moments[:] = 0.0
            if kind != PROFILE and lens[6] == 2.0:
                _sum_template_rays(moments, spokes[k], r, turn, step, across, outward, su, sv, profile[0], table, panels)
            else:
                _sum_rays(moments, spokes[k], r, turn, step, across, outward, lens, su, sv, kind, profile, table, panels)
            area = turn * step / (across * outward)
            if sides[k, cell, 2] == 1:
                nodes[2 * k + 1, 2 * cell + 1] += area * moments[0, 0]
            else:
                _share_out(nodes, k, cell, area, moments)
