"""From light on polar nodes to light on the grid that is Fourier transformed, places kept far below the grid's step.

A node's flux is spread over 25 points with the quartic B-spline, whose transform, sinc^5 of the frequency, ``psf_convolution``
divides out. What is left is aliasing: at a frequency of f cycles a step, (f / (1 - f))^5 of what the PSF lets through.
Legend: nodes (angles, radii) flux, angle a at a * 2 pi / angles from +x, radius b at b * spacing from the lens centre;
``place`` (x, y of the lens centre on the grid, grid steps per arcsec, first and last place of the stamp's edges).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.compiled import compiled

FloatArray = npt.NDArray[np.float64]

REACH = 3
"""Margin of the grid around the stamp, in steps: what the spline of light on the stamp's very edge reaches."""


@compiled("UniTuple(float64, 5)(float64)")
def spline_weights(d: float) -> tuple[float, float, float, float, float]:
    """Quartic B-spline at the five points around a place d steps (-1/2 to 1/2) behind the middle one; the sum is one."""
    d2 = d * d
    even, odd = 19.0 / 96.0 + d2 * (0.25 - d2 / 6.0), d * (11.0 / 24.0 - d2 / 6.0)
    before, behind = (0.5 - d) * (0.5 - d), (0.5 + d) * (0.5 + d)
    return before * before / 24.0, even - odd, 115.0 / 192.0 - d2 * (0.625 - 0.25 * d2), even + odd, behind * behind / 24.0


@compiled("void(float64[:, ::1], float64[:, ::1], float64, UniTuple(float64, 5))")
def deposit_nodes(grid: FloatArray, nodes: FloatArray, spacing: float, place: tuple[float, ...]) -> None:
    """Spread every node's flux over the grid; light off the stamp is left out, and of a node on its edge what lies inside."""
    x0, y0, to_grid, low, high = place
    half = 0.5 * spacing * to_grid
    for a in range(nodes.shape[0]):
        angle = a * 2.0 * math.pi / nodes.shape[0]
        x_step, y_step = math.cos(angle) * spacing * to_grid, math.sin(angle) * spacing * to_grid
        for b in range(nodes.shape[1]):
            flux = nodes[a, b]
            x, y = x0 + b * x_step, y0 + b * y_step
            if flux == 0.0 or not (low - half < x < high + half and low - half < y < high + half):
                continue
            if not (low + half <= x <= high - half and low + half <= y <= high - half):
                flux *= min((min(x - low, high - x) + half) / (2.0 * half), 1.0)
                flux *= min((min(y - low, high - y) + half) / (2.0 * half), 1.0)
            j, i = int(x + 0.5), int(y + 0.5)
            w0, w1, w2, w3, w4 = spline_weights(x - j)
            along_y = spline_weights(y - i)
            for k in range(5):
                weight = flux * along_y[k]
                grid[i + k - 2, j - 2] += weight * w0
                grid[i + k - 2, j - 1] += weight * w1
                grid[i + k - 2, j] += weight * w2
                grid[i + k - 2, j + 1] += weight * w3
                grid[i + k - 2, j + 2] += weight * w4
