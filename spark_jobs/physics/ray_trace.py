"""Lensed surface brightness as flux on a grid of pixels or half pixels: rays are spent where the light is.

Rays are shot along spokes from the lens centre (``ray_kernels``), their flux is spread over the grid with a quartic B-spline
(``polar_deposit``), and ``psf_convolution`` divides the spline out again.
Legend: arcsec; x to the west, y to the north.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len

from spark_jobs.physics.epl_deflection import check_slope
from spark_jobs.physics.lens_spokes import SPOKE_COLUMNS, fill_spokes
from spark_jobs.physics.polar_deposit import REACH, deposit_nodes
from spark_jobs.physics.ray_kernels import PANEL_NODES, trace
from spark_jobs.physics.sie_deflection import check_lens
from spark_jobs.physics.source_light import Source

FloatArray = npt.NDArray[np.float64]

FINEST_FWHM = 0.8
CELLS_IN_FWHM = 5.5
"""Cells of a spoke in the narrowest PSF's width; of a ring around the lens at a little more than theta_e as well."""
OUTSIDE_ARCSEC, SMALLEST_RING_ARCSEC = 0.3, 1.5
_NO_LENS = (0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 2.0)


@dataclass(frozen=True)
class Lens:
    """Elliptical power law of density slope ``slope`` (2: SIE) plus external shear (conventions of sie_deflection)."""

    theta_e: float
    q: float = 1.0
    phi: float = 0.0
    gamma1: float = 0.0
    gamma2: float = 0.0
    slope: float = 2.0

    def __post_init__(self) -> None:
        check_lens(self.theta_e, self.q)
        check_slope(self.slope)
        if not (math.isfinite(self.phi) and math.isfinite(self.gamma1) and math.isfinite(self.gamma2)):
            raise ValueError(f"lens angle {self.phi} rad, shear ({self.gamma1}, {self.gamma2}); wanted finite numbers")

    def numbers(self) -> tuple[float, ...]:
        """(theta_e, q, cos phi, sin phi, gamma1, gamma2, slope), as the kernels take it."""
        return (self.theta_e, self.q, math.cos(self.phi), math.sin(self.phi), self.gamma1, self.gamma2, self.slope)


@dataclass(frozen=True)
class GridLight:
    """Flux on a grid of ``fine`` points a pixel: ``grid[REACH + fine i, REACH + fine j]`` lies at the centre of pixel (i, j).

    ``grid`` (N, N) is padded for the convolution; the light fills its first rows and columns, REACH more than the stamp's.
    """

    grid: FloatArray
    size: int
    fine: int


def lensed_light(
    lens: Lens | None,
    source: Source,
    beta: tuple[float, float],
    *,
    size: int,
    centre_pix: tuple[float, float],
    pixel_scale: float,
    fine: int = 1,
    padding_pix: int | None = None,
    finest_fwhm: float = FINEST_FWHM,
) -> GridLight:
    """Flux on a grid of a source of flux 1 at ``beta`` (arcsec from the lens centre).

    ``centre_pix`` is the lens centre (x, y) on the stamp, pixel centres at integers from 0. ``lens`` None means unlensed. The
    sum is the magnification, counting the images that lie on the stamp. ``padding_pix`` (default: the stamp's size) is how far
    a PSF may carry light without its coming in again at the other side; ``finest_fwhm``, in arcsec, is the width of the
    narrowest PSF that the light will be seen through: rays are summed in cells that are small against it. Raises ValueError
    for numbers that are not finite.
    """
    check_frame(beta, centre_pix, pixel_scale)
    side = next_fast_len(fine * (size + (size if padding_pix is None else padding_pix)) + 2 * REACH + 1, real=True)
    grid = np.zeros((side, side))
    m = source.matrix
    if lens is None:  # spokes from the source itself
        centre_pix, beta = (centre_pix[0] + beta[0] / pixel_scale, centre_pix[1] + beta[1] / pixel_scale), (0.0, 0.0)
    frame = (
        REACH + centre_pix[0] * fine,
        REACH + centre_pix[1] * fine,
        fine / pixel_scale,
        REACH - 0.5 * fine,
        REACH + (size - 0.5) * fine,
        m[0] * beta[0] + m[1] * beta[1],
        m[2] * beta[0] + m[3] * beta[1],
    )
    numbers = _NO_LENS if lens is None else lens.numbers()
    step = finest_fwhm / CELLS_IN_FWHM
    ring = 2.0 * math.pi * max(numbers[0] + OUTSIDE_ARCSEC, SMALLEST_RING_ARCSEC)
    sectors = 4 * math.ceil(0.25 * ring / step)  # in fours: a scene turned by a right angle gives the turned image
    spokes = np.empty((sectors, SPOKE_COLUMNS))
    fill_spokes(spokes, numbers, m)
    farthest = math.hypot(*(max(abs(frame[3] - at), abs(frame[4] - at)) for at in frame[:2])) / frame[2]
    nodes = np.zeros((2 * sectors, 2 * (int(farthest / step) + 1) + 2))
    for layer in source.layers:
        trace(nodes, spokes, numbers, frame, layer.kind, layer.profile, layer.table, layer.blocks, PANEL_NODES, step)
    deposit_nodes(grid, nodes, 0.5 * step, frame[:5])
    return GridLight(grid, size, fine)


def check_frame(beta: tuple[float, float], centre_pix: tuple[float, float], pixel_scale: float) -> None:
    """Raise ValueError for places or a pixel scale that are no numbers to compute with."""
    if not (all(math.isfinite(number) for number in (*centre_pix, pixel_scale, *beta)) and pixel_scale > 0):
        raise ValueError(
            f"lens centre {centre_pix} pix, pixel scale {pixel_scale}, source at {beta} arcsec; wanted finite numbers"
        )
