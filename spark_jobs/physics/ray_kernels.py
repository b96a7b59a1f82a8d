"""Compiled kernel of the ray tracing: spokes from the lens centre, cells along a spoke, rays in a cell.

Cells of spokes lie along the directions in which an arc is stretched and is not: few rays across the stretch do what a grid of
pixels needs the square for. A profile's rays are even, along the spokes everywhere alike and around a ring of cells everywhere
alike, so that what the sum misses of the integral is the structure at the rays' own spacing and nothing else (the trapezium
rule of periodic functions; Trefethen & Weideman 2014, SIAM Review 56, 385). A template has kinks at its own pixels: there each
cell has Gauss-Legendre panels as narrow as the kinks are sharp. A cell's rays are summed to nine moments, which stand for them
on the nodes at its corners, sides and middle.
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
    EX,
    EY,
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
from spark_jobs.physics.source_light import BLOCK, PROFILE, brightness_at

FloatArray = npt.NDArray[np.float64]
FloatTable = npt.NDArray[np.float32]

DARK_FLUX, FAINT_FLUX, DIM_FLUX = 1e-7, 1e-4, 4e-4
"""Of the source's flux, in a cell: where it may be less, none, one ray, or all rays with their light put at the middle."""
KINK_TOLERANCE = 5e-4
"""A panel's width, in a template's half pixels, to the fourth power times the second difference and the stretch."""
NARROWEST_PANEL, WIDEST_PANEL, MOST_PANELS = 0.1, 6.0, 64
EDGE, EDGE_PANEL = 0.2, 1.6
"""A second difference above this share of the light is an edge, and panels there are no wider than this."""
_INSIDE = 1e-9
_ONE = np.uintp(1)
MOST_RAYS = 2000
"""A side of a cell in front of a profile: a core of 1e-4 arcsec is resolved, and a count stays a small integer."""


def _panel_nodes() -> FloatArray:
    """Two-point Gauss-Legendre nodes of n panels side by side from -1 to 1, in row n."""
    nodes = np.zeros((MOST_PANELS + 1, 2 * MOST_PANELS))
    for n in range(1, MOST_PANELS + 1):
        middle = (2.0 * np.arange(n) + 1.0) / n - 1.0
        nodes[n, : 2 * n] = (middle[:, None] + np.array([-1.0, 1.0]) / (n * math.sqrt(3.0))).ravel()
    return nodes


PANEL_NODES = _panel_nodes()


@inlined
def _brightest(
    kind: int, u: float, v: float, reach: float, profile: Numbers, table: FloatTable, blocks: FloatArray
) -> tuple[float, float]:
    """Largest brightness within ``reach`` of a place in the source, and how sharp a template's kinks are there."""
    light, kink = 0.0, 0.0
    if kind == PROFILE:
        nearest = max(math.sqrt(u * u + v * v) - reach, 0.0)
        if nearest < profile[1]:
            light = brightness_at(kind, nearest, 0.0, profile, table) if profile[6] > 0.0 else profile[0]
    else:
        ny, nx = table.shape
        col, row, far = u + 0.5 * (nx - 1), v + 0.5 * (ny - 1), reach + 1.0  # bilinear: a value reaches one pixel
        if -far < col < nx - 1 + far and -far < row < ny - 1 + far:
            for i in range(int(max(row - far, 0.0)) // BLOCK, int(min(row + far, ny - 1.0)) // BLOCK + 1):
                for j in range(int(max(col - far, 0.0)) // BLOCK, int(min(col + far, nx - 1.0)) // BLOCK + 1):
                    light = max(light, blocks[0, i, j])
                    kink = max(kink, blocks[1, i, j])
            light *= profile[0]
    return light, kink


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
def _within_reach(
    spoke: FloatArray, su: float, sv: float, reach: float, turn: float, step: float, cells: int
) -> tuple[int, int]:
    """First cell of a spoke, and the one after the last, that come near a source; isothermal lenses only.

    The spoke is a straight line in the source plane; a sector's width and half a cell are allowed for.
    """
    pu, pv, ou, ov = spoke[PU], spoke[PV], spoke[BU] + su, spoke[BV] + sv
    square = pu * pu + pv * pv
    along = math.sqrt(square)
    middle = (pu * ou + pv * ov) / square
    miss = ou * ou + ov * ov - middle * middle * square
    width = math.hypot(spoke[WU], spoke[WV]) + math.hypot(spoke[QU], spoke[QV]) * (max(middle, 0.0) + reach / along)
    radius = reach + 0.5 * (turn * width + along * step)
    half = math.sqrt(max(radius * radius - miss, 0.0)) / along
    if miss > radius * radius or middle + half < 0.0:
        return 0, 0
    return int(max(middle - half, 0.0) / step), min(int((middle + half) / step) + 1, cells)


@inlined
def _panels(length: float, width: float, kink: float, light: float) -> tuple[int, int]:
    """Rays across and along a cell in front of a template: two a panel, the narrower the sharper and the more stretched."""
    panel = EDGE_PANEL if kink > EDGE * light else WIDEST_PANEL
    if kink > 0.0:
        stretch = min(length / max(width, 0.1 * length), 10.0)
        panel = min(max((KINK_TOLERANCE / (kink * stretch)) ** 0.25, NARROWEST_PANEL), panel)
    across = 2 * math.ceil(min(max(width / panel, 1e-9), 1.0 * MOST_PANELS))  # two at least, to be as wide as the cell
    return across, 2 * math.ceil(min(length / panel, 1.0 * MOST_PANELS))


@compiled(
    "void(int16[:, :, ::1], float64[:, ::1], UniTuple(float64, 7), UniTuple(float64, 7), int64, UniTuple(float64, 7),"
    " float32[:, ::1], float64[:, :, ::1], float64)"
)
def _choose_rays(
    sides: npt.NDArray[np.int16],
    spokes: FloatArray,
    lens: Numbers,
    frame: Numbers,
    kind: int,
    profile: Numbers,
    table: FloatTable,
    blocks: FloatArray,
    step: float,
) -> None:
    """Rays across and along each cell, none where it is dark, one where it is faint; and whether their light may stand at its
    middle: (sectors, cells, 3)."""
    x0, y0, to_grid, low, high, su, sv = frame
    power, cells, sectors = 2.0 - lens[6], sides.shape[1], sides.shape[0]
    turn = 2.0 * math.pi / sectors
    ring = np.zeros(cells)
    longest = 0.0
    for k in range(sectors):
        first, last = 0, cells
        if power == 0.0:
            first, last = _within_reach(spokes[k], su, sv, profile[1], turn, step, cells)
        ex, ey, pu, pv, bu, bv = spokes[k, EX], spokes[k, EY], spokes[k, PU], spokes[k, PV], spokes[k, BU], spokes[k, BV]
        for cell in range(first, last):
            r = (cell + 0.5) * step
            over = 0.5 * (step + r * turn) * to_grid
            gx, gy = x0 + r * ex * to_grid, y0 + r * ey * to_grid
            if not (low - over <= gx <= high + over and low - over <= gy <= high + over):
                continue
            f = 1.0 if power == 0.0 else (r / lens[0]) ** power
            tilt = power * f / r
            long_u, long_v = pu - tilt * bu, pv - tilt * bv
            wide_u, wide_v = r * spokes[k, QU] - f * spokes[k, WU], r * spokes[k, QV] - f * spokes[k, WV]
            length = step * math.sqrt(long_u * long_u + long_v * long_v)
            width = turn * math.sqrt(wide_u * wide_u + wide_v * wide_v)
            u, v = r * pu - f * bu - su, r * pv - f * bv - sv
            light, kink = _brightest(kind, u, v, 0.5 * (length + width), profile, table, blocks)
            flux = light * step * step  # of a cell like the others: close to the centre cells are small and may be bright
            if not flux >= DARK_FLUX:
                continue
            if flux < FAINT_FLUX and profile[6] > 0.0:
                sides[k, cell, 0], sides[k, cell, 1] = 1, 1
            elif kind == PROFILE:
                sides[k, cell, 0], sides[k, cell, 1] = 2, 2
                ring[cell], longest = max(ring[cell], width), max(longest, length)
            else:
                sides[k, cell, 0], sides[k, cell, 1] = _panels(length, width, kink, light / profile[0])
            sides[k, cell, 2] = 1 if flux < DIM_FLUX and profile[6] > 0.0 else 0
    if kind == PROFILE:  # evenly along every spoke, and around every ring
        for k in range(sectors):
            for cell in range(cells):
                if sides[k, cell, 0] == 2:
                    sides[k, cell, 0] = min(max(math.ceil(ring[cell] / profile[5]), 2), MOST_RAYS)
                    sides[k, cell, 1] = min(max(math.ceil(longest / profile[5]), 2), MOST_RAYS)


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
        eta = panels[across >> 1, i] if kind != PROFILE else (2 * i + 1.0) / across - 1.0
        delta = 0.5 * turn * eta
        sin, cos = delta * (1.0 - delta * delta / 6.0), 1.0 - delta * delta * (0.5 - delta * delta / 24.0)
        nu, nv = spoke[PU] * cos + spoke[QU] * sin, spoke[PV] * cos + spoke[QV] * sin
        ou = spoke[BU] + delta * (spoke[WU] + delta * (spoke[DU] + delta * spoke[TU]))
        ov = spoke[BV] + delta * (spoke[WV] + delta * (spoke[DV] + delta * spoke[TV]))
        first, last = 0, outward
        if power == 0.0 and profile[6] == 0.0:
            first, last = _crossing(nu, nv, ou + su, ov + sv, profile[1], r, step, outward)
        s0, s1, s2 = 0.0, 0.0, 0.0
        for j in range(first, last):
            xi = (2 * j + 1.0) / outward - 1.0 if kind == PROFILE else panels[outward >> 1, j]
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
        eta = panels[across >> 1, i]
        delta = 0.5 * turn * eta
        sin, cos = delta * (1.0 - delta * delta / 6.0), 1.0 - delta * delta * (0.5 - delta * delta / 24.0)
        nu, nv = spoke[PU] * cos + spoke[QU] * sin, spoke[PV] * cos + spoke[QV] * sin
        ou = spoke[BU] + delta * (spoke[WU] + delta * (spoke[DU] + delta * spoke[TU]))
        ov = spoke[BV] + delta * (spoke[WV] + delta * (spoke[DV] + delta * spoke[TV]))
        at_u, at_v = r * nu - ou + middle_u, r * nv - ov + middle_v
        half_u, half_v = 0.5 * step * nu, 0.5 * step * nv
        s0, s1, s2 = 0.0, 0.0, 0.0
        for j in range(outward):
            xi = panels[outward >> 1, j]
            col, row = min(max(at_u + half_u * xi, 0.0), last_col), min(max(at_v + half_v * xi, 0.0), last_row)
            a, b = np.uintp(col), np.uintp(row)
            fx, fy = np.float32(col - np.float64(a)), np.float32(row - np.float64(b))
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
    _choose_rays(sides, spokes, lens, frame, kind, profile, table, blocks, step)
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
