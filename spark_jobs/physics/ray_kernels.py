"""Compiled kernels of the ray tracing: the lens mapping with its Jacobian, the rays of a patch, the loop over pixels.

Callees stand before callers, since every kernel is compiled for one signature when this file is imported.
Legend: ``lens`` (theta_e, q, cos phi, sin phi, gamma1, gamma2); ``frame`` (lens centre x, y in pix, pixel scale in arcsec,
source x, y in arcsec); ``m`` the source's matrix; u, v source coordinates; grid (4n, 4n) flux at half-pixel points.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.sie_deflection import sie_deflection_at
from spark_jobs.physics.source_light import BLOCK, SERSIC, brightness_at

FloatArray = npt.NDArray[np.float64]

LIT_FRACTION = 2e-6
"""A pixel is refined where the source may put more than this share of its flux into the pixel's area."""
PANEL_IN_SCALE_LENGTHS = 0.8
KINK_TOLERANCE = 6e-3
"""A panel of a template is so wide, in its pixels, that second difference times width squared stays below this."""
NARROWEST_PANEL, WIDEST_PANEL = 0.25, 6.0
CUSP_PANEL = 0.12
"""In half-light radii: as wide as a panel may be where a Sersic source's centre may lie, with its cusp."""
MOST_PANELS = 4.0
"""More panels a side than this and a patch is halved; up to this many each side has its own number."""
EXPANDED_WITHIN = 0.3
"""A patch narrower than this share of its distance from the lens centre has its rays mapped to second order from its middle."""
SINGLE_RAY_PANEL = 0.1
"""A patch this narrow, in panels, is sampled by one ray at its middle."""
MAX_DEPTH = 8
"""A pixel is halved at most this often, at the cusp of a Sersic source."""
_NODE = 0.5 / math.sqrt(3.0)  # two-point Gauss-Legendre nodes of an interval of length one


@compiled("void(float64[:, ::1], float64, float64, float64)")
def _deposit(grid: FloatArray, x: float, y: float, flux: float) -> None:
    """Spread flux at (x, y), in grid steps, over nine points with the quadratic B-spline; what leaves the grid wraps."""
    n = grid.shape[0]
    j, i = math.floor(x + 0.5), math.floor(y + 0.5)
    dx, dy = x - j, y - i
    wx = (0.5 * (0.5 - dx) ** 2, 0.75 - dx * dx, 0.5 * (0.5 + dx) ** 2)
    wy = (0.5 * (0.5 - dy) ** 2, 0.75 - dy * dy, 0.5 * (0.5 + dy) ** 2)
    if 0 < i < n - 1 and 0 < j < n - 1:
        for a in range(3):
            weight = flux * wy[a]
            for b in range(3):
                grid[i + a - 1, j + b - 1] += weight * wx[b]
        return
    for a in range(3):
        row = (i + a - 1) % n
        for b in range(3):
            grid[row, (j + b - 1) % n] += flux * wy[a] * wx[b]


@compiled("UniTuple(float64, 5)(float64, float64, float64[::1])")
def _map(x: float, y: float, lens: FloatArray) -> tuple[float, float, float, float, float]:
    """Source-plane position and the Jacobian's three numbers (a11, a12, a22) at one point; no lens where theta_e is 0."""
    theta_e, q, c, s, gamma1, gamma2 = lens
    if theta_e == 0.0:
        return x, y, 1.0, 0.0, 1.0
    u, v = c * x + s * y, c * y - s * x
    du, dv = sie_deflection_at(u, v, theta_e, q)
    bx = x - (c * du - s * dv) - gamma1 * x - gamma2 * y
    by = y - (s * du + c * dv) - gamma2 * x + gamma1 * y
    r2 = x * x + y * y
    width = math.sqrt(q * u * u + v * v / q)
    if r2 == 0.0 or width == 0.0:
        return bx, by, 1e3, 0.0, 1e3  # the centre maps to a curve: as fine as is allowed
    k = theta_e / width / r2
    return bx, by, 1.0 - gamma1 - k * y * y, -gamma2 + k * x * y, 1.0 + gamma1 - k * x * x


@compiled("UniTuple(float64, 4)(float64, float64, float64[::1])")
def _bend(x: float, y: float, lens: FloatArray) -> tuple[float, float, float, float]:
    """Second order of the mapping at one point: (cos, sin) of its direction, W / (2 r^2) and W' / (2 r^2).

    The Hessian of an isothermal potential is W(direction) / r times t t^T, t the tangential unit vector; one more derivative
    along a step of a (radial) and b (tangential) adds t (W' b^2 - 2 W a b) - r W b^2, over r^2, to the deflection, twice.
    """
    theta_e, q, c, s, _, _ = lens
    r2 = x * x + y * y
    r = math.sqrt(r2)
    cos, sin = x / r, y / r
    u, v = c * cos + s * sin, c * sin - s * cos
    stretch = q * u * u + v * v / q
    width = theta_e / math.sqrt(stretch)
    return cos, sin, 0.5 * width / r2, -0.5 * width / stretch * u * v * (1.0 / q - q) / r2


@compiled("UniTuple(float64, 2)(int64, float64, float64, float64[::1], float64[:, ::1], float64[:, :, ::1], float64)")
def _light_and_panel(
    kind: int, u: float, v: float, profile: FloatArray, template: FloatArray, blocks: FloatArray, reach: float
) -> tuple[float, float]:
    """Largest brightness within ``reach`` (source coordinates), and the widest panel that resolves the source there."""
    if kind == SERSIC:
        r = max(math.sqrt(u * u + v * v) - reach, 0.0)
        light = profile[0] * math.exp(-profile[1] * r ** profile[2])
        steepest = max(r, 1e-4) if profile[2] <= 1.0 else max(r + 2.0 * reach, 0.6)  # below n = 1 the slope grows outwards
        panel = PANEL_IN_SCALE_LENGTHS / (profile[1] * profile[2] * steepest ** (profile[2] - 1.0))
        return light, min(panel, CUSP_PANEL) if r == 0.0 else panel
    ny, nx = template.shape
    col, row, far = u + 0.5 * (nx - 1), v + 0.5 * (ny - 1), reach + 1.0  # bilinear: a value reaches one pixel
    if not (-far < col < nx - 1 + far and -far < row < ny - 1 + far):
        return 0.0, WIDEST_PANEL
    left, right = int(max(col - far, 0.0)) // BLOCK, int(min(col + far, nx - 1.0)) // BLOCK
    low, high = int(max(row - far, 0.0)) // BLOCK, int(min(row + far, ny - 1.0)) // BLOCK
    light, rough = 0.0, 0.0
    for i in range(low, high + 1):
        for j in range(left, right + 1):
            light = max(light, blocks[0, i, j])
            rough = max(rough, blocks[1, i, j])
    panel = WIDEST_PANEL if rough == 0.0 else math.sqrt(KINK_TOLERANCE / rough)
    return profile[0] * light, min(max(panel, NARROWEST_PANEL), WIDEST_PANEL)


@compiled(
    "void(float64[:, ::1], float64, float64, float64, int64, int64, float64[::1], float64[::1], int64, float64[:, ::1],"
    " float64[::1], float64[:, ::1])"
)
def _send_rays(
    grid: FloatArray,
    cx: float,
    cy: float,
    h: float,
    nx: int,
    ny: int,
    lens: FloatArray,
    frame: FloatArray,
    kind: int,
    m: FloatArray,
    profile: FloatArray,
    template: FloatArray,
) -> None:
    """Light of a patch of side h around (cx, cy), in nx times ny panels of 2 x 2 Gauss-Legendre rays."""
    xc, yc, p, beta_x, beta_y = frame
    bx, by, a11, a12, a22 = _map(cx, cy, lens)
    near = lens[0] > 0.0 and cx * cx + cy * cy < (h / EXPANDED_WITHIN) ** 2  # the second order will not do there
    cos, sin, w, dw = (1.0, 0.0, 0.0, 0.0) if near or lens[0] == 0.0 else _bend(cx, cy, lens)
    area = h * h / (4 * nx * ny)
    for i in range(2 * ny):
        dy = ((i // 2 + 0.5 + (_NODE if i % 2 else -_NODE)) / ny - 0.5) * h
        for j in range(2 * nx):
            dx = ((j // 2 + 0.5 + (_NODE if j % 2 else -_NODE)) / nx - 0.5) * h
            if near:
                sx, sy, _, _, _ = _map(cx + dx, cy + dy, lens)
            else:
                a, b = cos * dx + sin * dy, cos * dy - sin * dx
                along_r, along_t = w * b * b, dw * b * b - 2.0 * w * a * b
                sx = bx + a11 * dx + a12 * dy + cos * along_r + sin * along_t
                sy = by + a12 * dx + a22 * dy + sin * along_r - cos * along_t
            u = m[0, 0] * (sx - beta_x) + m[0, 1] * (sy - beta_y)
            v = m[1, 0] * (sx - beta_x) + m[1, 1] * (sy - beta_y)
            flux = brightness_at(kind, u, v, profile, template) * area
            if flux != 0.0:
                _deposit(grid, 2.0 * (xc + (cx + dx) / p), 2.0 * (yc + (cy + dy) / p), flux)


@compiled(
    "void(float64[:, ::1], float64[:, ::1], float64, float64, float64[::1], float64[::1], int64, float64[:, ::1],"
    " float64[::1], float64[:, ::1], float64[:, :, ::1])"
)
def _refine(
    grid: FloatArray,
    stack: FloatArray,
    x: float,
    y: float,
    lens: FloatArray,
    frame: FloatArray,
    kind: int,
    m: FloatArray,
    profile: FloatArray,
    template: FloatArray,
    blocks: FloatArray,
) -> None:
    """Light of one pixel: halved until few panels a side resolve the source, Gauss-Legendre rays in each panel."""
    xc, yc, p, beta_x, beta_y = frame
    to_grid = 2.0 / p
    stack[0, 0], stack[0, 1], stack[0, 2] = x, y, p
    smallest = p / 2.0**MAX_DEPTH * 1.5
    lit = LIT_FRACTION / (p * p)
    top = 1
    while top > 0:
        top -= 1
        cx, cy, h = stack[top, 0], stack[top, 1], stack[top, 2]
        bx, by, a11, a12, a22 = _map(cx, cy, lens)
        u = m[0, 0] * (bx - beta_x) + m[0, 1] * (by - beta_y)
        v = m[1, 0] * (bx - beta_x) + m[1, 1] * (by - beta_y)
        along_x = h * math.hypot(m[0, 0] * a11 + m[0, 1] * a12, m[1, 0] * a11 + m[1, 1] * a12)
        along_y = h * math.hypot(m[0, 0] * a12 + m[0, 1] * a22, m[1, 0] * a12 + m[1, 1] * a22)
        light, panel = _light_and_panel(kind, u, v, profile, template, blocks, 0.5 * (along_x + along_y))
        if light == 0.0:
            continue
        widest = max(along_x, along_y)
        around_centre = lens[0] > 0.0 and abs(cx) < h and abs(cy) < h  # the mapping jumps there, whatever the Jacobian says
        if light < lit and (lens[0] == 0.0 or max(abs(cx), abs(cy)) > 4.0 * h):
            widest = 0.0  # dark, and far enough from the centre to trust the Jacobian: one ray, as for a dark pixel
        if (widest > MOST_PANELS * panel or around_centre) and h > smallest:
            for child in range(4):
                stack[top, 0] = cx + (0.25 if child % 2 else -0.25) * h
                stack[top, 1] = cy + (0.25 if child > 1 else -0.25) * h
                stack[top, 2] = 0.5 * h
                top += 1
            continue
        if widest < SINGLE_RAY_PANEL * panel:
            _deposit(
                grid, 2.0 * xc + cx * to_grid, 2.0 * yc + cy * to_grid, brightness_at(kind, u, v, profile, template) * h * h
            )
            continue
        nx = math.ceil(min(max(along_x / panel, 1.0), MOST_PANELS))
        ny = math.ceil(min(max(along_y / panel, 1.0), MOST_PANELS))
        _send_rays(grid, cx, cy, h, nx, ny, lens, frame, kind, m, profile, template)


@compiled(
    "void(float64[:, ::1], float64[::1], float64[::1], int64, float64[:, ::1], float64[::1], float64[:, ::1],"
    " float64[:, :, ::1])"
)
def trace(
    grid: FloatArray,
    lens: FloatArray,
    frame: FloatArray,
    kind: int,
    m: FloatArray,
    profile: FloatArray,
    template: FloatArray,
    blocks: FloatArray,
) -> None:
    """Add the lensed light on the stamp to the grid, ray by ray."""
    xc, yc, p, beta_x, beta_y = frame
    size = grid.shape[0] // 4
    lit = LIT_FRACTION / (p * p)
    stack = np.empty((3 * MAX_DEPTH + 4, 3))
    for i in range(size):
        y = (i - yc) * p
        for j in range(size):
            x = (j - xc) * p
            bx, by, a11, a12, a22 = _map(x, y, lens)
            u = m[0, 0] * (bx - beta_x) + m[0, 1] * (by - beta_y)
            v = m[1, 0] * (bx - beta_x) + m[1, 1] * (by - beta_y)
            along_x = math.hypot(m[0, 0] * a11 + m[0, 1] * a12, m[1, 0] * a11 + m[1, 1] * a12)
            along_y = math.hypot(m[0, 0] * a12 + m[0, 1] * a22, m[1, 0] * a12 + m[1, 1] * a22)
            reach = 0.5 * p * (along_x + along_y)
            if x * x + y * y < 4.0 * p * p:  # the lens centre maps to a curve as wide as theta_e
                reach = max(reach, 4.0 * lens[0] * (abs(m[0, 0]) + abs(m[1, 1]) + abs(m[0, 1]) + abs(m[1, 0])))
            light, _ = _light_and_panel(kind, u, v, profile, template, blocks, reach)
            if light > lit:
                _refine(grid, stack, x, y, lens, frame, kind, m, profile, template, blocks)
            elif light > 0.0:
                _deposit(grid, 2.0 * j, 2.0 * i, brightness_at(kind, u, v, profile, template) * p * p)
