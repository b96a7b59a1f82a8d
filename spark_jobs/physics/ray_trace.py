"""Lensed surface brightness as flux on half-pixel points: rays are spent where the light is.

Every pixel gets one ray. Where the light there, or within the pixel's footprint in the source plane, matters, the pixel is
halved until the structure of the source is resolved, and Gauss-Legendre rays carry its light. The footprint follows from the
lens mapping's Jacobian, which for an isothermal lens is 1 - Gamma - 2 kappa t t^T with t the tangential direction. Each ray's
flux is spread with a quadratic B-spline, so that its place is kept far below the grid's step; ``psf_convolution`` divides the
spline out again.
Legend: arcsec; x to the west, y to the north; grid[2 i, 2 j] lies at the centre of pixel (i, j).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.ray_kernels import trace
from spark_jobs.physics.sie_deflection import check_lens
from spark_jobs.physics.source_light import Source

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Lens:
    """SIE plus external shear (conventions of sie_deflection)."""

    theta_e: float
    q: float = 1.0
    phi: float = 0.0
    gamma1: float = 0.0
    gamma2: float = 0.0

    def __post_init__(self) -> None:
        check_lens(self.theta_e, self.q)
        if not (math.isfinite(self.phi) and math.isfinite(self.gamma1) and math.isfinite(self.gamma2)):
            raise ValueError(f"lens angle {self.phi} rad, shear ({self.gamma1}, {self.gamma2}); wanted finite numbers")

    def as_array(self) -> FloatArray:
        """(theta_e, q, cos phi, sin phi, gamma1, gamma2), as the kernels take it."""
        return np.array([self.theta_e, self.q, math.cos(self.phi), math.sin(self.phi), self.gamma1, self.gamma2])


def lensed_light(
    lens: Lens | None,
    source: Source,
    beta: tuple[float, float],
    *,
    size: int,
    centre_pix: tuple[float, float],
    pixel_scale: float,
) -> FloatArray:
    """Flux on half-pixel points, shape (4 size, 4 size), of a source of flux 1 at ``beta`` (arcsec from the lens centre).

    The stamp fills the first quarter; the rest is the padding that the convolution needs. ``centre_pix`` is the lens centre
    (x, y) on the stamp, pixel centres at integers from 0. ``lens`` None means unlensed. The sum is the magnification, counting
    the images that lie on the stamp. Raises ValueError for numbers that are not finite.
    """
    frame = np.array([centre_pix[0], centre_pix[1], pixel_scale, beta[0], beta[1]])
    if not (np.all(np.isfinite(frame)) and pixel_scale > 0):
        raise ValueError(
            f"lens centre {centre_pix} pix, pixel scale {pixel_scale}, source at {beta} arcsec; wanted finite numbers"
        )
    grid = np.zeros((4 * size, 4 * size))
    parameters = np.zeros(6) if lens is None else lens.as_array()
    trace(grid, parameters, frame, source.kind, source.matrix, source.profile, source.template, source.blocks)
    return grid
