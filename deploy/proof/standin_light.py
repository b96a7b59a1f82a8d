"""Light on a frame: Sersic components (lenstronomy) and drawn patterns on fine cells, blurred, sampled at pixel centres.

Legend: x, y in arcsec from the galaxy's centre (x west, y north); canvas (3, n, n): nMgy per cell in g, r, z; images (3, size,
size): nMgy per pixel. A cell's value is its mean over the cell, and the cell's own blur is divided out again in Fourier space.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from lenstronomy.LightModel.Profiles.sersic import SersicElliptic
from scipy import fft
from standin_conditions import BandConditions
from standin_settings import Settings

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC

Array = npt.NDArray[np.float64]
Reals = npt.NDArray[np.floating[Any]]
Fluxes = tuple[float, float, float]

_SERSIC = SersicElliptic()
_CUSP = 2.0
"""Sersic index from which on the centre is too sharp for a few points in a cell."""
_REACH = 40.0
"""Reach in half-light radii of steep profiles; flat ones end sooner."""


@dataclass(frozen=True)
class Sersic:
    """One component: ``half_light_arcsec`` is circularised (lenstronomy's radius), ``angle_rad`` from +x counter-clockwise."""

    flux: Fluxes
    half_light_arcsec: float
    index: float
    axis_ratio: float = 1.0
    angle_rad: float = 0.0
    x: float = 0.0
    y: float = 0.0

    def brightness(self, x: Reals, y: Reals) -> Array:
        """Surface brightness per arcsec squared of unit flux."""
        e = (1 - self.axis_ratio) / (1 + self.axis_ratio)
        e1, e2 = e * math.cos(2 * self.angle_rad), e * math.sin(2 * self.angle_rad)
        values = _SERSIC.function(x, y, 1.0, self.half_light_arcsec, self.index, e1, e2, self.x, self.y)
        return np.asarray(values / _SERSIC.total_flux(1.0, self.half_light_arcsec, self.index))

    @property
    def reach_arcsec(self) -> float:
        """Along either axis, how far the light is drawn."""
        radii = _REACH if self.index > _CUSP else 3.0 + 3.0 * self.index
        return radii * self.half_light_arcsec / math.sqrt(self.axis_ratio)


@dataclass(frozen=True)
class Pattern:
    """Light of a drawn form, scaled so that all of it on the frame is ``flux``."""

    flux: Fluxes
    form: Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Star:
    """A point of light."""

    flux: Fluxes
    x: float
    y: float


Light = Sersic | Pattern | Star


@dataclass(frozen=True)
class Frame:
    """The cells about one stamp whose galaxy is centred at (x_centre, y_centre), in pixels from 0."""

    settings: Settings
    x_centre: float
    y_centre: float

    @property
    def cell_arcsec(self) -> float:
        """Side of a cell."""
        return PIXEL_SCALE_ARCSEC / self.settings.cells_per_pix

    @property
    def pixels(self) -> int:
        """Side of the frame in pixels."""
        return self.settings.size_pix + 2 * self.settings.border_pix

    @cached_property
    def x(self) -> Array:
        """(n,) x of the cells' centres."""
        return self._cells(self.x_centre)

    @cached_property
    def y(self) -> Array:
        """(n,) y of the cells' centres."""
        return self._cells(self.y_centre)

    def empty(self) -> Array:
        """A dark canvas."""
        return np.zeros((len(BANDS), len(self.y), len(self.x)))

    def add(self, canvas: Array, light: Sersic | Pattern) -> None:
        """Add the light of a component to a canvas."""
        if isinstance(light, Pattern):
            form = light.form(self.x[None, :], self.y[:, None])
            canvas += np.array(light.flux)[:, None, None] * (form / form.sum())
            return
        columns, lines = self._within(self.x, light.x, light.reach_arcsec), self._within(self.y, light.y, light.reach_arcsec)
        if columns.start < columns.stop and lines.start < lines.stop:
            share = self._means(light, columns, lines) * self.cell_arcsec**2
            canvas[:, lines, columns] += np.array(light.flux)[:, None, None] * share

    def square(self, half_arcsec: float) -> tuple[slice, slice]:
        """(columns, lines) of the cells about the galaxy's centre."""
        return self._within(self.x, 0.0, half_arcsec), self._within(self.y, 0.0, half_arcsec)

    def points(self, columns: slice, lines: slice, per_cell: int) -> tuple[Array, Array]:
        """(x, y) of evenly spaced points in some cells, per_cell along each axis, each (lines*per_cell, columns*per_cell)."""
        inside = (np.arange(per_cell) - (per_cell - 1) / 2) / per_cell * self.cell_arcsec
        x = (self.x[columns][:, None] + inside).ravel()
        y = (self.y[lines][:, None] + inside).ravel()
        grid_x, grid_y = np.meshgrid(x, y)
        return grid_x, grid_y

    def seen(self, canvas: Array, conditions: Mapping[str, BandConditions]) -> Array:
        """The noiseless images: the canvas through each band's PSF, sampled at pixel centres times the pixel's area."""
        number, pixels = canvas.shape[-1], self.pixels
        kept = np.arange(-(pixels // 2) + 1, pixels // 2)  # frequencies that pixels can carry; the PSF leaves none beyond
        lines, columns = fft.fftfreq(number)[kept][:, None], fft.rfftfreq(number)[: pixels // 2][None, :]
        shift = np.exp(2j * math.pi * (lines + columns) * (self.settings.cells_per_pix // 2))
        shift /= np.sinc(lines) * np.sinc(columns)
        images = []
        for plane, band in zip(canvas, BANDS, strict=True):
            transfer = conditions[band].psf.transfer(columns / self.cell_arcsec, lines / self.cell_arcsec)
            spectrum = np.zeros((pixels, pixels // 2 + 1), complex)
            spectrum[kept, : pixels // 2] = fft.rfft2(plane)[kept, : pixels // 2] * shift * transfer
            images.append(fft.irfft2(spectrum, (pixels, pixels)))
        edge = self.settings.border_pix
        return np.array(images)[:, edge : pixels - edge, edge : pixels - edge]

    def star(self, star: Star, conditions: Mapping[str, BandConditions]) -> Array:
        """The noiseless images of a star, exactly."""
        grid = np.arange(self.settings.size_pix, dtype=np.float64)
        x = (grid[None, :] - self.x_centre) * PIXEL_SCALE_ARCSEC - star.x
        y = (grid[:, None] - self.y_centre) * PIXEL_SCALE_ARCSEC - star.y
        area = PIXEL_SCALE_ARCSEC**2
        return np.array([f * area * conditions[b].psf.light(x, y) for f, b in zip(star.flux, BANDS, strict=True)])

    def _cells(self, centre: float) -> Array:
        per_pix = self.settings.cells_per_pix
        pixel = (np.arange(self.pixels * per_pix) - per_pix // 2) / per_pix - self.settings.border_pix
        return np.asarray((pixel - centre) * PIXEL_SCALE_ARCSEC)

    @staticmethod
    def _within(cells: Array, centre: float, reach: float) -> slice:
        return slice(int(np.searchsorted(cells, centre - reach)), int(np.searchsorted(cells, centre + reach)))

    def _means(self, light: Sersic, columns: slice, lines: slice) -> Array:
        """Mean brightness of each cell: at its centre, and from many points where the profile is steep."""
        # Single precision is twice as fast, and ten times finer than what the cells' size leaves.
        centres = np.meshgrid(self.x[columns].astype(np.float32), self.y[lines].astype(np.float32))
        means = light.brightness(*centres)
        core = self.cell_arcsec * 2 + min(3 * light.half_light_arcsec, 6 * self.cell_arcsec)
        levels = ((core, 9), (1.1 * self.cell_arcsec, 45)) if light.index > _CUSP else ((core, 5),)
        for reach, per_cell in levels:
            inner_columns = _overlap(self._within(self.x, light.x, reach), columns)
            inner_lines = _overlap(self._within(self.y, light.y, reach), lines)
            x, y = self.points(inner_columns, inner_lines, per_cell)
            if x.size:
                means[
                    inner_lines.start - lines.start : inner_lines.stop - lines.start,
                    inner_columns.start - columns.start : inner_columns.stop - columns.start,
                ] = cell_means(light.brightness(x, y), per_cell)
        return np.asarray(means)


def _overlap(one: slice, other: slice) -> slice:
    start = max(one.start, other.start)
    return slice(start, max(start, min(one.stop, other.stop)))


def cell_means(values: Array, per_cell: int) -> Array:
    """Means over blocks of per_cell by per_cell."""
    lines, columns = values.shape
    return np.asarray(values.reshape(lines // per_cell, per_cell, columns // per_cell, per_cell).mean((1, 3)))
