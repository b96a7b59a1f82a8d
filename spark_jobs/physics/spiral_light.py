"""Two spiral arms that wind out of a galaxy's centre.

Legend: as in drawn_light.
"""

from __future__ import annotations

import math

import numpy as np

from spark_jobs.physics.drawn_light import DrawnLight, check_shape, fine_grid, gaussian, turned, unit_flux

_NORMAL_QUARTILE = 0.6745
_REACH_IN_SCALES = 3.0


def spiral_light(
    radius: float, width: float, pitch: float, axis_ratio: float = 1.0, angle: float = 0.0, *, mirrored: bool = False
) -> DrawnLight:
    """Two logarithmic arms r = r0 exp(phi tan pitch), opposite one another, ``width`` across, half of the light in ``radius``.

    Their light falls off along the radius as a Gaussian. ``pitch`` in rad (10 to 30 degrees in real galaxies: Kennicutt 1981,
    AJ 86, 1847); an arm is at ``angle`` where it crosses ``radius``; ``axis_ratio`` is the disc's inclination; ``mirrored``
    winds them the other way. Raises ValueError for lengths that are not above 0, an axis ratio outside (0, 1] or a pitch that
    is not between 0 and pi/2.
    """
    check_shape(radius=radius, width=width, axis_ratio=axis_ratio)
    if axis_ratio > 1 or not 0 < pitch < 0.5 * math.pi or not math.isfinite(angle):
        raise ValueError(f"axis ratio {axis_ratio}, pitch {pitch}, angle {angle}; wanted (0, 1], (0, pi/2), a number")
    scale = radius / _NORMAL_QUARTILE
    x, y, pixel = fine_grid(_REACH_IN_SCALES * scale + width, width * axis_ratio)
    along, across = turned(x, y, angle)
    across = (-across if mirrored else across) / axis_ratio
    r = np.hypot(along, across)
    phase = np.arctan2(across, along) - np.log(np.maximum(r, 1e-9) / radius) / math.tan(pitch)
    to_nearest = (phase + 0.5 * math.pi) % math.pi - 0.5 * math.pi
    distance = np.abs(to_nearest) * r * math.sin(pitch)
    return unit_flux(gaussian(distance, width) * np.exp(-0.5 * np.square(r / scale)), pixel)
