"""Surface brightness of a source of unit flux: a Sersic profile or a galaxy of the bank, behind one interface.

A source maps an offset on the sky to its own dimensionless coordinates by a 2x2 matrix and looks its brightness up there:
a Sersic source in units of its half-light radius (``sersic_layers``), a template in units of its half pixels.
Legend: offsets in arcsec from the source's centre, x to the west, y to the north; brightness in flux per arcsec^2 at flux 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import gamma, gammaincinv

from spark_jobs.physics.compiled import compiled, inlined
from spark_jobs.physics.sersic_layers import RadialLayer, sersic_layers

FloatArray = npt.NDArray[np.float64]
FloatTable = npt.NDArray[np.float32]

PROFILE, TEMPLATE = 0, 1
BLOCK = 8
"""Side of a template's blocks in its half pixels: how bright and rough each is says how many rays are worth sending there."""
_NO_BLOCKS = np.zeros((2, 1, 1))


@dataclass(frozen=True)
class Layer:
    """Part of a source's light that has a smallest structure of its own.

    ``profile``: brightness of a table value of one; radius beyond which there is nothing; h, f, g that give a radius its place
    in the table, h r^2 / (f r^2 + g); widest spacing of rays, in source coordinates; one where the light falls off from its
    centre, zero where the layer corrects another in either sign. ``table``: brightness by place (1, n), or a template in a ring
    of zeros (ny + 2, nx + 2). ``blocks`` (2, rows, cols): the largest absolute value and second difference in each block.
    """

    kind: int
    profile: tuple[float, float, float, float, float, float, float]
    table: FloatTable
    blocks: FloatArray


@dataclass(frozen=True)
class Source:
    """A source of unit flux: the sum of its layers. ``matrix``, row by row, maps arcsec to the source's coordinates."""

    matrix: tuple[float, float, float, float]
    layers: tuple[Layer, ...]

    def brightness(self, dx: npt.ArrayLike, dy: npt.ArrayLike) -> FloatArray:
        """Brightness at offsets from the source's centre, of the shape of dx."""
        x, y = np.broadcast_arrays(np.asarray(dx, float), np.asarray(dy, float))
        u, v = self.matrix[0] * x + self.matrix[1] * y, self.matrix[2] * x + self.matrix[3] * y
        flat = [
            sum(brightness_at(one.kind, a, b, one.profile, one.table) for one in self.layers)
            for a, b in zip(u.flat, v.flat, strict=True)
        ]
        return np.asarray(flat, float).reshape(x.shape)


def sersic_source(half_light_arcsec: float, n: float, axis_ratio: float = 1.0, angle: float = 0.0) -> Source:
    """A Sersic source (Sersic 1968; exact b from the incomplete gamma function) with its half-light radius on the major axis.

    lenstronomy and GalSim quote the radius of the circle of the same area: half_light_arcsec * sqrt(axis_ratio).
    Raises ValueError for a radius that is not positive, an n outside 0.3 to 8, or an axis ratio outside (0, 1].
    """
    if not half_light_arcsec > 0 or not math.isfinite(half_light_arcsec):
        raise ValueError(f"half-light radius is {half_light_arcsec} arcsec; wanted a finite number above 0")
    if not 0.3 <= n <= 8:
        raise ValueError(f"Sersic index is {n}; wanted 0.3 to 8")
    if not 0 < axis_ratio <= 1 or not math.isfinite(angle):
        raise ValueError(f"axis ratio is {axis_ratio} and angle {angle} rad; wanted 0 < axis ratio <= 1 and a finite angle")
    b = float(gammaincinv(2 * n, 0.5))
    area = half_light_arcsec**2 * axis_ratio
    centre = b ** (2 * n) / (2 * math.pi * n * area * float(gamma(2 * n)))
    c, s = math.cos(angle) / half_light_arcsec, math.sin(angle) / half_light_arcsec
    layers = tuple(_radial(layer, centre) for layer in sersic_layers(b, n))
    return Source((c, s, -s / axis_ratio, c / axis_ratio), layers)


@dataclass(frozen=True)
class Template:
    """A galaxy image made ready for any number of sources, on half pixels: ``table`` and ``blocks`` as in Layer.

    ``reach``: half pixels from its middle beyond which it is dark.
    """

    table: FloatTable
    blocks: FloatArray
    reach: float


def ready_template(image: npt.ArrayLike) -> Template:
    """An image (ny, nx) of flux per pixel, made ready: its corners are cut once, so that it bends where it had kinks.

    That blurs it by a Gaussian's worth of a quarter of its pixel and changes neither flux nor centroid. Raises ValueError
    where it is not finite or does not sum to one.
    """
    values = np.asarray(image, dtype=np.float64)
    if values.ndim != 2 or not np.all(np.isfinite(values)) or abs(values.sum() - 1.0) > 1e-3:
        raise ValueError(f"template of shape {values.shape} sums to {values.sum():.6g}; wanted a finite image that sums to 1")
    table = np.empty((2 * values.shape[0] + 4, 2 * values.shape[1] + 4), dtype=np.float32)
    _cut_corners(table, np.ascontiguousarray(values))
    blocks = np.zeros((2, -(-table.shape[0] // BLOCK), -(-table.shape[1] // BLOCK)))
    _fill_blocks(blocks, table)
    return Template(table, blocks, _reach(blocks[0], table.shape))


def _reach(light: FloatArray, shape: tuple[int, ...]) -> float:
    """Half pixels from the middle of a table to where light of the farthest bright block may reach."""
    middle = 0.5 * (np.array(shape) - 1)
    first = BLOCK * np.argwhere(light > 0)
    sides = np.maximum(np.abs(first - middle), np.abs(first + BLOCK - 1 - middle)) + 1  # bilinear: a value reaches one pixel
    return float(np.hypot(*sides.T).max(initial=0.0))


def template_source(template: npt.ArrayLike | Template, pixel_scale_arcsec: float, angle: float = 0.0) -> Source:
    """A galaxy of the bank: ``template`` (ny, nx) is flux per pixel summing to one, its centre the array's middle.

    Rotated by ``angle`` counter-clockwise; scale the galaxy by scaling ``pixel_scale_arcsec``. The brightness is bilinear
    between half pixels (``ready_template``) and falls to zero within a pixel of the array's edge. An interpolated source is
    flux per arcsec^2: the division by the pixel's area is what keeps an arc from being 1/0.03^2 = 1111 times too faint.
    Raises ValueError where the template is not finite, its sum is not one, or the scale is not positive.
    """
    ready = template if isinstance(template, Template) else ready_template(template)
    if not pixel_scale_arcsec > 0 or not math.isfinite(pixel_scale_arcsec) or not math.isfinite(angle):
        raise ValueError(f"template pixel scale is {pixel_scale_arcsec} arcsec, angle {angle} rad; wanted a scale above 0")
    half_pixel = 0.5 * pixel_scale_arcsec
    c, s = math.cos(angle) / half_pixel, math.sin(angle) / half_pixel
    profile = (half_pixel**-2, ready.reach, 0.0, 0.0, 1.0, 1.0, 1.0)
    return Source((c, s, -s, c), (Layer(TEMPLATE, profile, ready.table, ready.blocks),))


def scaled(source: Source, factor: float) -> Source:
    """The same galaxy ``factor`` times as wide, of unit flux still. Raises ValueError for a factor that is not above 0."""
    if not factor > 0 or not math.isfinite(factor):
        raise ValueError(f"size factor is {factor}; wanted a finite number above 0")
    fainter = factor**-2.0
    layers = (replace(layer, profile=(layer.profile[0] * fainter, *layer.profile[1:])) for layer in source.layers)
    a, b, c, d = source.matrix
    return Source((a / factor, b / factor, c / factor, d / factor), tuple(layers))


@inlined
def brightness_at(kind: int, u: float, v: float, profile: tuple[float, ...], table: FloatTable) -> float:
    """Brightness of a layer at one point given in the source's own coordinates; NaN in, NaN out."""
    ny, nx = table.shape
    if kind == PROFILE:
        r2 = u * u + v * v
        if not r2 < profile[1] * profile[1]:
            return math.nan if math.isnan(r2) else 0.0
        place = profile[2] * r2 / (profile[3] * r2 + profile[4])
        k = min(int(place), nx - 2)
        return profile[0] * float(table[0, k] + (place - k) * (table[0, k + 1] - table[0, k]))
    col, row = u + 0.5 * (nx - 1), v + 0.5 * (ny - 1)
    if not (0.0 <= col < nx - 1 and 0.0 <= row < ny - 1):
        return math.nan if math.isnan(col + row) else 0.0
    j, i = int(col), int(row)
    fx, fy = col - j, row - i
    low = table[i, j] + fx * (table[i, j + 1] - table[i, j])
    high = table[i + 1, j] + fx * (table[i + 1, j + 1] - table[i + 1, j])
    return profile[0] * float(low + fy * (high - low))


def _radial(layer: RadialLayer, centre: float) -> Layer:
    falling = 0.0 if layer.corrects else 1.0
    profile = (centre, layer.reach, *layer.place, layer.spacing, falling)
    return Layer(PROFILE, profile, layer.values.astype(np.float32)[None, :], _NO_BLOCKS)


@compiled("void(float32[:, ::1], float64[:, ::1])")
def _cut_corners(table: FloatTable, image: FloatArray) -> None:
    """Fill a table (2 ny + 4, 2 nx + 4) with an image's half pixels, flux per half pixel, in a ring of zeros.

    One step of Chaikin's corner cutting (1974, CGIP 3, 346) along either axis: 3/4 of the nearer pixel and 1/4 of the next.
    """
    ny, nx = image.shape
    table[:] = 0.0
    row = np.zeros(nx + 2)  # a row between image rows, in a ring of zeros
    for i in range(2 * ny + 2):
        near, far = (i - 1) // 2, (i - 1) // 2 + (1 if i % 2 == 0 else -1)
        for j in range(nx):
            value = 0.0
            if 0 <= near < ny:
                value += 0.1875 * image[near, j]
            if 0 <= far < ny:
                value += 0.0625 * image[far, j]
            row[j + 1] = 0.25 * value
        for j in range(nx + 1):
            table[i + 1, 2 * j + 1] = 3.0 * row[j] + row[j + 1]
            table[i + 1, 2 * j + 2] = row[j] + 3.0 * row[j + 1]


@compiled("void(float64[:, :, ::1], float32[:, ::1])")
def _fill_blocks(blocks: FloatArray, table: FloatTable) -> None:
    """Largest absolute value and second difference (along rows or columns) of each block of a ringed table."""
    ny, nx = table.shape
    dark = np.zeros(nx, np.float32)
    light, kink = np.zeros(nx, np.float32), np.zeros(nx, np.float32)  # of a column, in the rows of one block
    two = np.float32(2.0)
    for i in range(ny):
        here, above, below = table[i], table[i - 1] if i > 0 else dark, table[i + 1] if i + 1 < ny else dark
        for j in range(nx):
            value = abs(here[j])
            bend = abs(above[j] - two * here[j] + below[j])
            light[j] = value if value > light[j] else light[j]
            kink[j] = bend if bend > kink[j] else kink[j]
        for j in range(1, nx - 1):
            bend = abs(here[j - 1] - two * here[j] + here[j + 1])
            kink[j] = bend if bend > kink[j] else kink[j]
        for edge, beside in ((0, 1), (nx - 1, nx - 2)):
            kink[edge] = max(kink[edge], abs(here[beside] - two * here[edge]))
        if i % BLOCK == BLOCK - 1 or i == ny - 1:
            for j in range(nx):
                row, col = i // BLOCK, j // BLOCK
                blocks[0, row, col] = max(blocks[0, row, col], light[j])
                blocks[1, row, col] = max(blocks[1, row, col], kink[j])
            light[:], kink[:] = 0.0, 0.0
