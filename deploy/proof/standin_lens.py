"""A lens: an elliptical power law with external shear (lenstronomy), a source of two Sersic components and clumps, its image.

Legend: angles in arcsec, x west, y north, from the galaxy's centre (lens plane) or the lens's (source plane); fluxes in nMgy.
The mean convergence is one inside sqrt(q x^2 + y^2/q) = theta_e (lenstronomy's convention); q = minor over major axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from lenstronomy.LensModel.Profiles.epl import EPL
from lenstronomy.LensModel.Profiles.shear import Shear
from scipy.ndimage import gaussian_filter
from standin_conditions import BandConditions
from standin_light import Frame, Sersic

from schemas.survey import PIXEL_SCALE_ARCSEC

Array = npt.NDArray[np.float64]

_EPL, _SHEAR = EPL(), Shear()
_FAINTEST_IMAGE = 0.05
"""Magnification below which an image is none: that in the lens's centre, and the triangle about the singular centre itself."""

_BRIGHT, _SMALL_ARCSEC = 0.01, 0.15


@dataclass(frozen=True)
class PowerLawLens:
    """``slope`` is that of the density, 2 for isothermal; ``angle_rad`` from +x counter-clockwise."""

    theta_e: float
    slope: float
    axis_ratio: float
    angle_rad: float
    shear_1: float
    shear_2: float
    x: float
    y: float

    def source_plane(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Where rays at (x, y) come from, from the lens's centre; any shape."""
        e = (1 - self.axis_ratio) / (1 + self.axis_ratio)
        e1, e2 = e * math.cos(2 * self.angle_rad), e * math.sin(2 * self.angle_rad)
        u, v = (x - self.x).ravel(), (y - self.y).ravel()
        centre = np.hypot(u, v) < 1e-9
        u = np.where(centre, 1e-9, u)  # the formula divides by the radius
        mass = _EPL.derivatives(u, v, self.theta_e, self.slope, e1, e2)
        tide = _SHEAR.derivatives(u, v, self.shear_1, self.shear_2)
        return (u - mass[0] - tide[0]).reshape(x.shape), (v - mass[1] - tide[1]).reshape(x.shape)


@dataclass(frozen=True)
class Source:
    """A galaxy behind the lens; its components are placed in the source plane, from the lens's centre."""

    x: float
    y: float
    half_light_arcsec: float
    components: tuple[Sersic, ...]

    @property
    def fluxes(self) -> Array:
        """(3,) unlensed nMgy in g, r, z."""
        return np.asarray(np.sum([component.flux for component in self.components], axis=0))


@dataclass(frozen=True)
class PointImages:
    """How often a point source is seen, and its total magnification."""

    number: int
    magnification: float


def point_images(lens: PowerLawLens, x: float, y: float, step_arcsec: float = 0.1) -> PointImages:
    """Images of the source's centre: triangles of the lens plane that hold it once mapped (Schneider, Ehlers & Falco 1992).

    Magnification is the ratio of the triangles' areas, good to some per cent away from caustics.
    """
    half = 2.2 * lens.theta_e + 0.3
    axis = np.arange(-half, half, step_arcsec) + 0.37 * step_arcsec
    grid_x, grid_y = np.meshgrid(lens.x + axis, lens.y + axis)
    u, v = lens.source_plane(grid_x, grid_y)
    u, v = u - x, v - y
    number, magnification = 0, 0.0
    for corners in (((0, 0), (0, 1), (1, 0)), ((1, 1), (1, 0), (0, 1))):
        (ax, ay), (bx, by), (cx, cy) = (_corner(u, v, *corner) for corner in corners)
        sides = ax * by - ay * bx, bx * cy - by * cx, cx * ay - cy * ax
        area = np.abs(sum(sides))[_same_sign(sides)]
        brighter = step_arcsec**2 / np.maximum(area, 1e-9)
        seen = brighter > _FAINTEST_IMAGE
        number += int(seen.sum())
        magnification += float(brighter[seen].sum())
    return PointImages(number, magnification)


def predicted_snr(lens: PowerLawLens, source: Source, seen: BandConditions) -> float:
    """Signal to noise of the arc in r before anything is rendered: source as its disc alone, round Gaussian PSF, sky noise."""
    reach, step = 2.1 * lens.theta_e + 3 * source.half_light_arcsec, 0.2
    axis = np.arange(-reach, reach, step)
    u, v = lens.source_plane(*np.meshgrid(lens.x + axis, lens.y + axis))
    bright = source.components[0].brightness(u, v) * source.fluxes[1] * PIXEL_SCALE_ARCSEC**2
    blurred = gaussian_filter(bright, seen.fwhm_arcsec / 2.355 / step)
    return float(np.sqrt(np.sum(blurred**2)) * step / PIXEL_SCALE_ARCSEC / seen.sky_sigma_nmgy)


def lensed_cells(frame: Frame, lens: PowerLawLens, source: Source, rays_per_cell: int) -> Array:
    """(3, n, n) the lensed source on the frame's cells, nMgy per cell.

    A cell that holds a hundredth of the brightest one's light, or comes from near a small component, is the mean of
    rays_per_cell squared rays; the others are smooth, and have one.
    """
    canvas = frame.empty()
    columns, lines = frame.square(2.1 * lens.theta_e + 3 * source.half_light_arcsec + math.hypot(lens.x, lens.y))
    x, y = frame.points(columns, lines, 1)
    u, v = lens.source_plane(x, y)
    one_ray = [component.brightness(u, v) for component in source.components]
    total = np.sum([c.flux[1] * bright for c, bright in zip(source.components, one_ray, strict=True)], axis=0)
    many = (total > _BRIGHT * total.max()) | _near_small(source, u, v)
    inside = (np.arange(rays_per_cell) - (rays_per_cell - 1) / 2) / rays_per_cell * frame.cell_arcsec
    along, across = (offset.ravel() for offset in np.meshgrid(inside, inside))
    u, v = lens.source_plane(x[many][:, None] + along, y[many][:, None] + across)
    for component, bright in zip(source.components, one_ray, strict=True):
        bright[many] = component.brightness(u, v).mean(1)
        canvas[:, lines, columns] += np.array(component.flux)[:, None, None] * bright * frame.cell_arcsec**2
    return canvas


def _near_small(source: Source, u: Array, v: Array) -> npt.NDArray[np.bool_]:
    small = [c for c in source.components if c.half_light_arcsec < _SMALL_ARCSEC]
    near = [np.hypot(u - c.x, v - c.y) < 2 * _SMALL_ARCSEC for c in small]
    return np.asarray(np.any(near or [np.zeros(u.shape, bool)], axis=0))


def _corner(u: Array, v: Array, line: int, column: int) -> tuple[Array, Array]:
    shape = (slice(line, u.shape[0] - 1 + line), slice(column, u.shape[1] - 1 + column))
    return u[shape], v[shape]


def _same_sign(sides: Iterable[Array]) -> npt.NDArray[np.bool_]:
    first, second, third = (side > 0 for side in sides)
    return np.asarray((first == second) & (second == third))
