"""Rendered arcs against the accuracy reference: lenstronomy's rays on a fine grid, blurred there by the Moffat.

The reference shoots EPL (slope 2) and SHEAR on 11 x 11 cells a pixel, convolves with the Moffat sampled at that step, and
takes the middle cell of each pixel times 121. Where the light is, a cell is the mean of 5 x 5 rays: with one ray the
reference itself is off by 4e-3 of the peak at the cusp of a Sersic n = 2 source. The source's brightness is this file's own,
with the exact b_n: lenstronomy's b_n is a fit that does not hold below n = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from lenstronomy.LensModel.lens_model import LensModel
from scipy.ndimage import map_coordinates
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.special import gamma, gammainc

from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import Scene, render_arc
from spark_jobs.physics.source_light import Source, sersic_source, template_source
from tests.spark_jobs.physics.converged_rendering import half_pixels

FloatArray = npt.NDArray[np.float64]
Light = Callable[[FloatArray, FloatArray], FloatArray]

PIXEL, SIZE, CELLS, RAYS = 0.262, 40, 11, 5
MOFFAT_BETA = 3.5


@dataclass(frozen=True)
class SersicLight:
    """A Sersic source as the papers write it."""

    half_light: float
    n: float
    axis_ratio: float
    angle: float

    def source(self) -> Source:
        """The source under test."""
        return sersic_source(self.half_light, self.n, self.axis_ratio, self.angle)

    def brightness(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Brightness per arcsec^2 at unit flux."""
        n, c, s = self.n, math.cos(self.angle), math.sin(self.angle)
        b = brentq(lambda b: gammainc(2 * n, b) - 0.5, 1e-3, 40)
        r = np.hypot(c * x + s * y, (c * y - s * x) / self.axis_ratio) / self.half_light
        flux = 2 * np.pi * n * gamma(2 * n) * b ** (-2 * n) * self.half_light**2 * self.axis_ratio
        return np.exp(-b * r ** (1 / n)) / flux


@dataclass(frozen=True)
class ClumpyLight:
    """A smooth lopsided galaxy of a few clumps, and knots of one pixel, on the bank's grid; interpolated by scipy."""

    seed: int
    pixel: float
    angle: float
    knots: int = 0

    def template(self) -> FloatArray:
        """The galaxy, flux per template pixel."""
        rng = np.random.default_rng(self.seed)
        y, x = np.mgrid[:65, :65] - 32
        image = 0.3 * np.exp(-np.hypot(x, y) / 6)
        for cx, cy, width in zip(*rng.normal(0, 7, (2, 5)), rng.uniform(2.5, 6, 5), strict=True):
            image = image + rng.uniform(0.3, 1) * np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / width**2)
        image *= np.exp(-((np.hypot(x, y) / 24) ** 4))
        image /= image.sum()
        for i, j in np.rint(rng.normal(32, 4, (self.knots, 2))).astype(int):
            image[i, j] += 0.04  # of the smooth light, in one pixel
        return image / image.sum()

    def source(self) -> Source:
        """The source under test."""
        return template_source(self.template(), self.pixel, self.angle)

    def brightness(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Brightness per arcsec^2 at unit flux."""
        c, s = math.cos(self.angle), math.sin(self.angle)
        row, col = (c * y - s * x) / self.pixel + 32, (c * x + s * y) / self.pixel + 32
        fine = half_pixels(self.template())
        place = [2 * row + 1.5, 2 * col + 1.5]
        return map_coordinates(fine, place, order=1, mode="grid-constant") / (0.5 * self.pixel) ** 2


@pytest.mark.parametrize(
    ("lens", "light", "beta", "fwhm"),
    [
        (Lens(1.2), SersicLight(0.2, 1.0, 0.7, 0.4), (0.3, 0.1), 1.25),
        (Lens(2.0, 1.0, 0.0, 0.06, -0.03), SersicLight(0.15, 2.0, 0.9, 1.0), (-0.1, 0.2), 1.2),
        (Lens(1.0), ClumpyLight(1, 0.03, 0.3), (0.02, -0.03), 1.1),
        (Lens(1.5, 0.3, 0.8, 0.1, 0.0), SersicLight(0.2, 1.0, 0.5, 2.0), (0.2, -0.15), 1.25),
        (Lens(1.0, 0.3, 2.5, -0.05, 0.08), SersicLight(0.1, 0.5, 1.0, 0.0), (-0.1, 0.05), 1.5),
        (Lens(1.7, 0.35, 0.1, 0.0, 0.12), ClumpyLight(2, 0.04, 1.0), (0.5, 0.4), 0.9),
        (Lens(0.6, 0.75, 1.2, 0.02, 0.02), SersicLight(0.3, 2.0, 0.6, 0.7), (0.1, 0.3), 0.8),
        (Lens(1.4, 0.6, 2.0, -0.03, 0.04), SersicLight(0.1, 1.5, 0.3, 2.8), (0.3, 0.1), 1.6),
        (Lens(2.3, 0.85, 0.5, 0.01, 0.0), ClumpyLight(3, 0.025, 2.2), (-0.5, 0.9), 1.3),
        (Lens(0.9, 0.5, 2.8, 0.1, 0.1), SersicLight(0.45, 0.7, 0.8, 1.4), (-0.2, -0.1), 1.0),
        (Lens(1.8, 0.95, 1.0, 0.0, -0.02), SersicLight(0.08, 1.0, 0.5, 0.2), (1.0, 1.2), 1.35),
        (Lens(1.1, 0.7, 0.3, -0.04, 0.0), ClumpyLight(4, 0.05, 0.0), (0.1, 0.0), 1.2),
    ],
)
def test_an_arc_is_the_references_to_half_a_thousandth_in_flux_and_of_the_peak(
    lens: Lens, light: SersicLight | ClumpyLight, beta: tuple[float, float], fwhm: float
) -> None:
    _compare(lens, light, beta, fwhm, tolerance=5e-4)


@pytest.mark.parametrize(
    ("lens", "light", "beta", "fwhm"),
    [
        (Lens(1.25, 0.8, 0.4, 0.03, 0.01), ClumpyLight(5, 0.09, 0.5, knots=6), (0.3, 0.2), 1.2),
        (Lens(1.6, 0.6, 1.4, 0.0, 0.05), ClumpyLight(6, 0.06, 1.1, knots=3), (0.1, -0.1), 1.0),
        (Lens(0.9), ClumpyLight(7, 0.03, 0.0, knots=10), (0.05, 0.02), 1.3),
    ],
)
def test_knots_of_one_template_pixel_are_not_stepped_over(
    lens: Lens, light: ClumpyLight, beta: tuple[float, float], fwhm: float
) -> None:
    _compare(lens, light, beta, fwhm, tolerance=1e-3)


def _compare(lens: Lens, light: SersicLight | ClumpyLight, beta: tuple[float, float], fwhm: float, *, tolerance: float) -> None:
    """Flux before and after the PSF within the tolerance, pixels within it of the peak."""
    centre = (0.5 * (SIZE - 1) + 0.31, 0.5 * (SIZE - 1) - 0.17)
    scene = Scene(lens, light.source(), beta, centre, SIZE, PIXEL)
    arc = render_arc(scene, {"r": 22.5}, {"r": CircularPsf(fwhm)})
    cells = _cells(lens, light.brightness, beta, centre)
    reference = fftconvolve(cells, _moffat(fwhm), mode="same")[CELLS // 2 :: CELLS, CELLS // 2 :: CELLS] * PIXEL**2
    assert arc.magnification == pytest.approx(cells.sum(), rel=tolerance)
    assert arc.images["r"].sum() == pytest.approx(reference.sum(), rel=tolerance)
    np.testing.assert_allclose(arc.images["r"], reference, rtol=0, atol=tolerance * reference.max())


def _cells(lens: Lens, light: Light, beta: tuple[float, float], centre: tuple[float, float]) -> FloatArray:
    """Flux in the cells of the stamp, the source plane seen through lenstronomy's lens."""
    e = (1 - lens.q) / (1 + lens.q)
    ellipse = {"e1": e * math.cos(2 * lens.phi), "e2": e * math.sin(2 * lens.phi), "center_x": 0, "center_y": 0}
    shear = {"gamma1": lens.gamma1, "gamma2": lens.gamma2, "ra_0": 0, "dec_0": 0}
    model, parameters = LensModel(["EPL", "SHEAR"]), [{"theta_E": lens.theta_e, "gamma": 2.0, **ellipse}, shear]

    def seen(x: FloatArray, y: FloatArray) -> FloatArray:
        source_x, source_y = model.ray_shooting(x, y, parameters)
        return light(source_x - beta[0], source_y - beta[1])

    step = PIXEL / CELLS
    place = (np.arange(SIZE * CELLS) - 0.5 * (CELLS - 1)) * step
    x, y = (axis.ravel() for axis in np.meshgrid(place - centre[0] * PIXEL, place - centre[1] * PIXEL))
    cells = seen(x, y)
    lit = cells > 1e-4 * cells.max()
    offsets = ((np.arange(RAYS) + 0.5) / RAYS - 0.5) * step
    cells[lit] = np.mean([seen(x[lit] + dx, y[lit] + dy) for dx in offsets for dy in offsets], axis=0)
    return cells.reshape(SIZE * CELLS, SIZE * CELLS) * step**2


def _moffat(fwhm: float) -> FloatArray:
    """The circular Moffat per arcsec^2, sampled at the cells as far as the stamp reaches."""
    scale = 0.5 * fwhm / math.sqrt(2 ** (1 / MOFFAT_BETA) - 1)
    place = np.arange(-SIZE * CELLS + 1, SIZE * CELLS) * PIXEL / CELLS
    r2 = place**2 + place[:, None] ** 2
    return (MOFFAT_BETA - 1) / (np.pi * scale**2) * (1 + r2 / scale**2) ** -MOFFAT_BETA
