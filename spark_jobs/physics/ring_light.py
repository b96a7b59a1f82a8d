"""Rings without lensing: Gaussian across, alone or joined to the centre by a bar.

Legend: as in drawn_light; an ellipse of ratio q has the radius sqrt(q x^2 + y^2 / q), as an Einstein ring has.
"""

from __future__ import annotations

import math

import numpy as np

from spark_jobs.physics.drawn_light import DrawnLight, check_shape, fine_grid, gaussian, turned, unit_flux

_REACH_IN_WIDTHS = 2.0  # a Gaussian is 1.5e-5 of its peak there


def ring_light(radius: float, width: float, axis_ratio: float = 1.0, angle: float = 0.0, bar_share: float = 0.0) -> DrawnLight:
    """A ring of ``radius`` and ``width`` (arcsec), its major axis at ``angle`` (rad); a share of the light in a bar across it.

    exp(-4 ln 2 (r - radius)^2 / width^2): the ring that was added to negatives of the failed experiment has a radius of 3.93
    and a width of 1.95 arcsec. The bar lies along the major axis from side to side and is as wide as the ring: a ringed and
    barred disc (Buta & Combes 1996, Fundamentals of Cosmic Physics 17, 95). Raises ValueError for lengths that are not above
    0, an axis ratio outside (0, 1] or a share outside [0, 1].
    """
    check_shape(radius=radius, width=width, axis_ratio=axis_ratio)
    if axis_ratio > 1 or not 0 <= bar_share <= 1 or not math.isfinite(angle):
        raise ValueError(f"axis ratio {axis_ratio}, bar share {bar_share}, angle {angle}; wanted (0, 1], [0, 1], a number")
    x, y, pixel = fine_grid((radius + _REACH_IN_WIDTHS * width) / math.sqrt(axis_ratio), width)
    along, across = turned(x, y, angle)
    ring = gaussian(np.sqrt(axis_ratio * along**2 + across**2 / axis_ratio) - radius, width)
    beyond = np.clip(np.abs(along) - radius / math.sqrt(axis_ratio), 0.0, None)
    bar = gaussian(np.hypot(across, beyond), width)
    return unit_flux((1.0 - bar_share) * ring / ring.sum() + bar_share * bar / bar.sum(), pixel)
