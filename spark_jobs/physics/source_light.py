"""Surface brightness of a source of unit flux: a Sersic profile or a galaxy of the bank, behind one interface.

A source maps an offset on the sky to its own dimensionless coordinates by a 2x2 matrix and looks its brightness up there:
a Sersic source in units of its half-light radius, a template in units of its pixels.
Legend: offsets in arcsec from the source's centre, x to the west, y to the north; brightness in flux per arcsec^2 at flux 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gamma, gammaincinv

from spark_jobs.physics.compiled import compiled

FloatArray = npt.NDArray[np.float64]

SERSIC, TEMPLATE = 0, 1
BLOCK = 4
"""Side of a template's blocks in its pixels: how bright and how rough each is says how many rays are worth sending there."""
_NO_TEMPLATE = np.zeros((1, 1))
_NO_BLOCKS = np.zeros((2, 1, 1))


@dataclass(frozen=True)
class Source:
    """A source of unit flux.

    ``matrix`` (2, 2) maps arcsec to the source's coordinates; ``profile`` (3,) holds the central brightness, b and 1/n of a
    Sersic source, or the brightness of a template value of one; ``template`` (ny, nx) is dimensionless, summing to one;
    ``blocks`` (2, rows, cols) holds, for each BLOCK x BLOCK block of it, the largest absolute value and second difference.
    """

    kind: int
    matrix: FloatArray
    profile: FloatArray
    template: FloatArray
    blocks: FloatArray

    def brightness(self, dx: npt.ArrayLike, dy: npt.ArrayLike) -> FloatArray:
        """Brightness at offsets from the source's centre, of the shape of dx."""
        x, y = np.broadcast_arrays(np.asarray(dx, float), np.asarray(dy, float))
        u = self.matrix[0, 0] * x + self.matrix[0, 1] * y
        v = self.matrix[1, 0] * x + self.matrix[1, 1] * y
        flat = [brightness_at(self.kind, a, b, self.profile, self.template) for a, b in zip(u.flat, v.flat, strict=True)]
        return np.asarray(flat).reshape(x.shape)


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
    c, s = math.cos(angle), math.sin(angle)
    matrix = np.array([[c, s], [-s / axis_ratio, c / axis_ratio]]) / half_light_arcsec
    return Source(SERSIC, matrix, np.array([centre, b, 1.0 / n]), _NO_TEMPLATE, _NO_BLOCKS)


def template_source(template: npt.ArrayLike, pixel_scale_arcsec: float, angle: float = 0.0) -> Source:
    """A galaxy of the bank: ``template`` (ny, nx) is flux per pixel summing to one, its centre the array's middle.

    Rotated by ``angle`` counter-clockwise; scale the galaxy by scaling ``pixel_scale_arcsec``. Between pixel centres the
    brightness is bilinear, outside the array zero. An interpolated source is flux per arcsec^2: the division by the pixel's
    area is what keeps an arc from being 1/0.03^2 = 1111 times too faint.
    Raises ValueError where the template is not finite, its sum is not one, or the scale is not positive.
    """
    image = np.ascontiguousarray(template, dtype=np.float64)
    if image.ndim != 2 or not np.all(np.isfinite(image)) or abs(image.sum() - 1.0) > 1e-3:
        raise ValueError(f"template of shape {image.shape} sums to {image.sum():.6g}; wanted a finite image that sums to 1")
    if not pixel_scale_arcsec > 0 or not math.isfinite(angle):
        raise ValueError(f"template pixel scale is {pixel_scale_arcsec} arcsec, angle {angle} rad; wanted a scale above 0")
    c, s = math.cos(angle), math.sin(angle)
    matrix = np.array([[c, s], [-s, c]]) / pixel_scale_arcsec
    return Source(TEMPLATE, matrix, np.array([pixel_scale_arcsec**-2, 0.0, 0.0]), image, _blocks(image))


@compiled("float64(int64, float64, float64, float64[::1], float64[:, ::1])")
def brightness_at(kind: int, u: float, v: float, profile: FloatArray, template: FloatArray) -> float:
    """Brightness at one point given in the source's own coordinates."""
    if kind == SERSIC:
        r = math.sqrt(u * u + v * v)
        return float(profile[0] * math.exp(-profile[1] * r ** profile[2]))
    ny, nx = template.shape
    col, row = u + 0.5 * (nx - 1), v + 0.5 * (ny - 1)
    if not (-1.0 < col < nx and -1.0 < row < ny):
        return math.nan if math.isnan(col + row) else 0.0
    j, i = math.floor(col), math.floor(row)
    fx, fy = col - j, row - i
    total = 0.0
    if i >= 0:
        if j >= 0:
            total += (1.0 - fy) * (1.0 - fx) * template[i, j]
        if j + 1 < nx:
            total += (1.0 - fy) * fx * template[i, j + 1]
    if i + 1 < ny:
        if j >= 0:
            total += fy * (1.0 - fx) * template[i + 1, j]
        if j + 1 < nx:
            total += fy * fx * template[i + 1, j + 1]
    return float(profile[0] * total)


def _blocks(image: FloatArray) -> FloatArray:
    """Largest absolute value and second difference (along rows or columns) of each block; outside the image is zero."""
    rows, cols = (-(-side // BLOCK) for side in image.shape)
    ringed = np.zeros((rows * BLOCK + 2, cols * BLOCK + 2))
    ringed[1 : image.shape[0] + 1, 1 : image.shape[1] + 1] = image
    middle = ringed[1:-1, 1:-1]
    along_y = np.abs(ringed[2:, 1:-1] - 2.0 * middle + ringed[:-2, 1:-1])
    along_x = np.abs(ringed[1:-1, 2:] - 2.0 * middle + ringed[1:-1, :-2])
    values = np.stack([np.abs(middle), np.maximum(along_y, along_x)])
    return np.ascontiguousarray(values.reshape(2, rows, BLOCK, cols, BLOCK).max(axis=(2, 4)))
