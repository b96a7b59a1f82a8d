"""The accuracy reference at the price of a fraction of a second: lenstronomy's rays on 11 x 11 cells a pixel, blurred there.

A cell's flux is the mean of the rays through it: one where the light is smooth, 3 x 3 where it bends, 9 x 9 or more where it
still does (a Sersic cusp, an edge, the lens centre). The cells are convolved with the Moffat sampled at their step, and the
middle cell of each pixel is taken times 121: the survey's FWHM contains the pixel. Where a template has no light no rays are
sent, where the source is faint one a pixel. Brightness is this file's own, not the package's. The rays are those of
lenstronomy's compiled EPL, which a test holds against its EPL.
Legend: arcsec from the lens centre, x to the west, y to the north; images (size, size) of a source of flux one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from lenstronomy.LensModel.lens_model import LensModel
from scipy.fft import irfft2, next_fast_len, rfft2
from scipy.ndimage import map_coordinates
from scipy.signal import convolve2d
from scipy.special import gamma, gammaincinv

FloatArray = npt.NDArray[np.float64]
Sight = Callable[[FloatArray, FloatArray], FloatArray]

CELLS = 11


@dataclass(frozen=True)
class Care:
    """How finely rays are shot: cells whose flux bends by more than ``bend`` of the arc's are split, at most ``depth`` times.

    Pixels further from the source than where it is ``faint`` times as bright as at its brightest get one ray.
    """

    bend: float = 1e-6
    depth: int = 4
    faint: float = 3e-5


USUAL_CARE = Care()
"""With twenty times finer limits no pixel moves by 1e-4 of the peak."""


@dataclass(frozen=True)
class SersicLight:
    """A Sersic profile as the papers write it, its half-light radius on the major axis."""

    half_light: float
    n: float
    axis_ratio: float
    angle: float

    def reach(self, faint: float) -> float:
        """Radius beyond which the brightness is below ``faint`` of the highest."""
        if faint == 0:
            return math.inf
        return float(self.half_light * (-math.log(faint) / gammaincinv(2 * self.n, 0.5)) ** self.n)

    def brightness(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Brightness per arcsec^2."""
        n, c, s = self.n, math.cos(self.angle), math.sin(self.angle)
        b = gammaincinv(2 * n, 0.5)
        r = np.hypot(c * x + s * y, (c * y - s * x) / self.axis_ratio) / self.half_light
        flux = 2 * np.pi * n * gamma(2 * n) * b ** (-2 * n) * self.half_light**2 * self.axis_ratio
        return np.asarray(np.exp(-b * r ** (1 / n)) / flux)


@dataclass(frozen=True)
class TemplateLight:
    """A galaxy on a grid: its corners cut once, bilinear between half pixels and zero beyond the outermost."""

    image: FloatArray
    pixel: float
    angle: float

    def reach(self, faint: float) -> float:
        """Radius beyond which the brightness is below ``faint`` of the highest; of all light where ``faint`` is zero."""
        rows, columns = np.nonzero(self.image > faint * self.image.max())
        middle = 0.5 * (np.array(self.image.shape) - 1)
        return float(self.pixel * (1.5 * math.sqrt(2) + np.hypot(rows - middle[0], columns - middle[1]).max()))

    def brightness(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Brightness per arcsec^2."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        rows, columns = self.image.shape
        place = [(c * y - s * x) / self.pixel + 0.5 * (rows - 1), (c * x + s * y) / self.pixel + 0.5 * (columns - 1)]
        fine = [2 * axis + 1.5 for axis in place]
        return np.asarray(map_coordinates(self._halves, fine, order=1, mode="grid-constant") / (0.5 * self.pixel) ** 2)

    @cached_property
    def _halves(self) -> FloatArray:
        return half_pixels(self.image)


def half_pixels(image: FloatArray) -> FloatArray:
    """An image (ny, nx) on half pixels with its corners cut once, (2 ny + 2, 2 nx + 2): pixel i lies at 2 i + 1.5."""
    stuffed = np.zeros((2 * image.shape[0] - 1, 2 * image.shape[1] - 1))
    stuffed[::2, ::2] = image
    return np.asarray(convolve2d(stuffed, np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64))


@dataclass(frozen=True)
class LensedScene:
    """Lens, source and frame of a reference rendering; ``centre`` (x, y) is the lens centre in pixels."""

    theta_e: float
    q: float
    phi: float
    slope: float
    shear: tuple[float, float]
    light: SersicLight | TemplateLight
    beta: tuple[float, float]
    centre: tuple[float, float]
    size: int
    pixel: float

    def source_place(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where rays meet the source plane, from the source's centre."""
        e = (1 - self.q) / (1 + self.q)
        ellipse = {"e1": e * math.cos(2 * self.phi), "e2": e * math.sin(2 * self.phi), "center_x": 0, "center_y": 0}
        shear = {"gamma1": self.shear[0], "gamma2": self.shear[1], "ra_0": 0, "dec_0": 0}
        parameters = [{"theta_E": self.theta_e, "gamma": self.slope, **ellipse}, shear]
        source_x, source_y = LensModel(["EPL_NUMBA", "SHEAR"]).ray_shooting(x, y, parameters)
        return source_x - self.beta[0], source_y - self.beta[1]

    def seen(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Brightness of the lensed source."""
        return self.light.brightness(*self.source_place(x, y))


def cells_of(scene: LensedScene, care: Care = USUAL_CARE) -> FloatArray:
    """Flux in the cells of the stamp, (11 size, 11 size)."""
    n, step = scene.size, scene.pixel / CELLS
    bright, faint = _pixels(scene, care)
    fluxes = np.zeros((n, CELLS, n, CELLS))
    rows, columns = np.nonzero(faint)
    value = scene.seen((columns - scene.centre[0]) * scene.pixel, (rows - scene.centre[1]) * scene.pixel)
    fluxes[rows, :, columns, :] = value[:, None, None]
    wide = np.broadcast_to(bright[:, None, :, None], fluxes.shape)
    rows, columns = np.nonzero(wide.reshape(n * CELLS, n * CELLS))
    x = (columns - 0.5 * (CELLS - 1)) * step - scene.centre[0] * scene.pixel
    y = (rows - 0.5 * (CELLS - 1)) * step - scene.centre[1] * scene.pixel
    grid = fluxes.reshape(n * CELLS, n * CELLS)
    grid[rows, columns] = value = scene.seen(x, y)
    limit = care.bend * grid.sum()
    along_x, along_y, *diagonals = _bends(grid)
    bend = np.max(np.abs([along_x, along_y, *diagonals]), axis=0)[rows, columns]
    even = value + (along_x + along_y)[rows, columns] / 24  # the mean over a cell, to third order
    rough = bend > limit
    even[rough] = _mean(scene.seen, x[rough], y[rough], value[rough], step, limit, care.depth)
    grid[rows, columns] = even
    return grid * step**2


def blurred(cells: FloatArray, fwhm: float, beta: float, pixel: float) -> FloatArray:
    """The cells' light behind a Moffat sampled at the cells' step, at the middle cell of each pixel, times the pixel's area.

    One sub-grid of the cells after the other: the light of each reaches the pixels' middles through its own samples of the
    Moffat, so that 121 small transforms do what one of the whole grid would.
    """
    n = len(cells) // CELLS
    side = next_fast_len(2 * n - 1, real=True)
    light = cells.reshape(n, CELLS, n, CELLS).transpose(1, 3, 0, 2).astype(np.float32)
    offset = (np.fft.fftfreq(side, 1 / side) * CELLS + 0.5 * (CELLS - 1) - np.arange(CELLS)[:, None]) * pixel / CELLS
    scale = 0.5 * fwhm / math.sqrt(2 ** (1 / beta) - 1)
    s2 = (offset.astype(np.float32) / np.float32(scale)) ** 2
    star = (1 + s2[:, None, :, None] + s2[None, :, None, :]) ** np.float32(-beta)
    spectrum = (rfft2(light, (side, side), workers=1) * rfft2(star, workers=1)).sum(axis=(0, 1))
    image = irfft2(spectrum, (side, side), workers=1)[:n, :n]
    return np.asarray(image * (beta - 1) / (math.pi * scale**2) * pixel**2, float)


def _pixels(scene: LensedScene, care: Care) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Pixels that get all their cells, and those that get one ray: by how near the source their image in its plane comes.

    Those around the lens centre, where the mapping jumps, get all wherever they land.
    """
    n = scene.size
    place = (np.arange(2 * n + 1) - 1) * 0.5
    x, y = np.meshgrid((place - scene.centre[0]) * scene.pixel, (place - scene.centre[1]) * scene.pixel)
    u, v = (axis.reshape(x.shape) for axis in scene.source_place(x.ravel(), y.ravel()))
    corners_and_sides = [(slice(a, a + 2 * n - 1, 2), slice(b, b + 2 * n - 1, 2)) for a in range(3) for b in range(3)]
    middle = corners_and_sides[4]
    width = np.max([np.hypot(u[part] - u[middle], v[part] - v[middle]) for part in corners_and_sides], axis=0)
    away = np.hypot(u[middle], v[middle]) - 1.5 * width
    near_lens = (np.abs(x[middle]) < 1.6 * scene.pixel) & (np.abs(y[middle]) < 1.6 * scene.pixel)
    reached = away < scene.light.reach(0.0)
    bright = near_lens | (away < scene.light.reach(care.faint))
    return bright, reached & ~bright


def _bends(grid: FloatArray) -> list[FloatArray]:
    """Second differences of each cell with its neighbours, along rows, columns and both diagonals."""
    ringed = np.pad(grid, 1, mode="edge")
    n, m = grid.shape

    def beside(i: int, j: int) -> FloatArray:
        return ringed[1 + i : 1 + i + n, 1 + j : 1 + j + m]

    return [beside(i, j) + beside(-i, -j) - 2 * grid for i, j in ((0, 1), (1, 0), (1, 1), (1, -1))]


def _mean(seen: Sight, x: FloatArray, y: FloatArray, middle: FloatArray, step: float, limit: float, depth: int) -> FloatArray:
    """Mean brightness of square cells of side ``step`` from 3 x 3 rays each, those parts split again where they bend."""
    if not len(x):
        return middle
    third = step / 3
    px = x + third * np.array([-1, 0, 1, -1, 0, 1, -1, 0, 1])[:, None]
    py = y + third * np.array([-1, -1, -1, 0, 0, 0, 1, 1, 1])[:, None]
    values = np.empty_like(px)
    values[4] = middle
    outer = [0, 1, 2, 3, 5, 6, 7, 8]
    values[outer] = seen(px[outer].ravel(), py[outer].ravel()).reshape(8, -1)
    if depth > 1:
        lines = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))
        bend = np.max([np.abs(values[a] + values[c] - 2 * values[b]) for a, b, c in lines], axis=0)
        rough = bend > 9 * limit
        parts = (px[:, rough].ravel(), py[:, rough].ravel(), values[:, rough].ravel())
        values[:, rough] = _mean(seen, *parts, third, 9 * limit, depth - 1).reshape(9, -1)
    return np.asarray(values.mean(axis=0))
