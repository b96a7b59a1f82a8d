"""How many rays each cell of a spoke is worth: none where it is dark, few where light is faint or smooth.

A profile's rays are even, along the spokes everywhere alike and around a ring of cells everywhere alike, so that what the sum
misses of the integral is the structure at the rays' own spacing and nothing else (the trapezium rule of periodic functions;
Trefethen & Weideman 2014, SIAM Review 56, 385). A template has kinks at its own pixels: there each cell has Gauss-Legendre
panels as narrow as the kinks are sharp.
Legend: as in ray_kernels.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.lens_spokes import BU, BV, EX, EY, PU, PV, QU, QV, WU, WV, Numbers
from spark_jobs.physics.source_light import BLOCK, PROFILE, brightness_at

FloatArray = npt.NDArray[np.float64]
FloatTable = npt.NDArray[np.float32]

DARK_FLUX, FAINT_FLUX, DIM_FLUX = 1e-7, 1e-4, 4e-4
"""Of the source's flux, in a cell: where it may be less, none, one ray, or all rays with their light put at the middle."""
KINK_TOLERANCE = 5e-4
"""A panel's width, in a template's half pixels, to the fourth power times the second difference and the stretch."""
NARROWEST_PANEL, WIDEST_PANEL, MOST_NODES = 0.1, 6.0, 128
EDGE, EDGE_PANEL = 0.2, 1.6
"""A second difference above this share of the light is an edge, and panels there are no wider than this."""
MOST_RAYS = 2000
"""A side of a cell in front of a profile: a core of 1e-4 arcsec is resolved, and a count stays a small integer."""


@inlined
def _brightest(u: float, v: float, reach: float, profile: Numbers, table: FloatTable) -> float:
    """Largest brightness of a profile within ``reach`` of a place in the source."""
    nearest = max(math.sqrt(u * u + v * v) - reach, 0.0)
    if not nearest < profile[1]:
        return 0.0
    return brightness_at(PROFILE, nearest, 0.0, profile, table) if profile[6] > 0.0 else profile[0]


@inlined
def _brightest_and_sharpest(
    u: float, v: float, half_u: float, half_v: float, table: FloatTable, blocks: FloatArray
) -> tuple[float, float]:
    """Largest absolute value and second difference of a template in a box around a place in the source."""
    ny, nx = table.shape
    col, row = u + 0.5 * (nx - 1), v + 0.5 * (ny - 1)
    far_col, far_row = half_u + 1.0, half_v + 1.0  # bilinear: a value reaches one pixel
    light, kink = 0.0, 0.0
    if -far_col < col < nx - 1 + far_col and -far_row < row < ny - 1 + far_row:
        first, last = int(max(col - far_col, 0.0)) // BLOCK, int(min(col + far_col, nx - 1.0)) // BLOCK
        for i in range(int(max(row - far_row, 0.0)) // BLOCK, int(min(row + far_row, ny - 1.0)) // BLOCK + 1):
            for j in range(first, last + 1):
                light = max(light, blocks[0, i, j])
                kink = max(kink, blocks[1, i, j])
    return light, kink


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
    across = max(math.ceil(min(2.0 * width / panel, 1.0 * MOST_NODES)), 2)  # to be as wide as the cell
    return across, max(math.ceil(min(2.0 * length / panel, 1.0 * MOST_NODES)), 2)


@inlined
def _spread_evenly(sides: npt.NDArray[np.int16], ring: FloatArray, longest: float, spacing: float) -> None:
    """Rays of a profile, evenly along every spoke and around every ring, whose widest cells are ``longest`` and ``ring``."""
    for k in range(sides.shape[0]):
        for cell in range(sides.shape[1]):
            if sides[k, cell, 0] == 2:
                sides[k, cell, 0] = min(max(math.ceil(ring[cell] / spacing), 2), MOST_RAYS)
                sides[k, cell, 1] = min(max(math.ceil(longest / spacing), 2), MOST_RAYS)


@compiled(
    "void(int16[:, :, ::1], float64[:, ::1], UniTuple(float64, 7), UniTuple(float64, 7), int64, UniTuple(float64, 7),"
    " float32[:, ::1], float64[:, :, ::1], float64)"
)
def choose_rays(
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
        qu, qv, wu, wv = spokes[k, QU], spokes[k, QV], spokes[k, WU], spokes[k, WV]
        long_u, long_v, f = pu, pv, 1.0
        length = step * math.sqrt(long_u * long_u + long_v * long_v)
        for cell in range(first, last):
            r = (cell + 0.5) * step
            over = 0.5 * (step + r * turn) * to_grid
            gx, gy = x0 + r * ex * to_grid, y0 + r * ey * to_grid
            if not (low - over <= gx <= high + over and low - over <= gy <= high + over):
                continue
            if power != 0.0:
                f = (r / lens[0]) ** power
                tilt = power * f / r
                long_u, long_v = pu - tilt * bu, pv - tilt * bv
                length = step * math.sqrt(long_u * long_u + long_v * long_v)
            wide_u, wide_v = r * qu - f * wu, r * qv - f * wv
            width = turn * math.sqrt(wide_u * wide_u + wide_v * wide_v)
            u, v = r * pu - f * bu - su, r * pv - f * bv - sv
            kink = 0.0
            if kind == PROFILE:
                light = _brightest(u, v, 0.5 * (length + width), profile, table)
            else:
                side_u, side_v = step * abs(long_u) + turn * abs(wide_u), step * abs(long_v) + turn * abs(wide_v)
                light, kink = _brightest_and_sharpest(u, v, 0.5 * side_u, 0.5 * side_v, table, blocks)
                light *= profile[0]
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
    if kind == PROFILE:
        _spread_evenly(sides, ring, longest, profile[5])
