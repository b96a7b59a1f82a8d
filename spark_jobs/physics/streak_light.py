"""Straight streaks that run over a stamp's edges: a satellite's trail, the diffraction cross of a star beside the stamp.

Legend: as in drawn_light, offsets from the stamp's middle. A streak's flux counts what lies on the stamp.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spark_jobs.physics.drawn_light import DrawnLight, FloatArray, check_shape, fine_grid, gaussian, turned, unit_flux

MARGIN_ARCSEC = 2.5
"""How far beyond the stamp streaks are drawn, so that a PSF carries in what it carries out."""
_LEAST_ON_STAMP = 0.01


@dataclass(frozen=True)
class Streak:
    """The light of unit flux, margin included, and the share of it on the stamp."""

    light: DrawnLight
    share_on_stamp: float


def trail_light(x: float, y: float, angle: float, width: float, stamp_arcsec: float) -> Streak:
    """An even line through (x, y) at ``angle``, Gaussian across: a satellite crosses a stamp in far less than an exposure.

    Raises ValueError for a width or stamp that is not above 0, places that are no numbers, or a line that misses the stamp.
    """
    check_shape(width=width, stamp_arcsec=stamp_arcsec)
    east, north, pixel = fine_grid(0.5 * stamp_arcsec + MARGIN_ARCSEC, width)
    _, across = turned(east - x, north - y, angle)
    return _on_stamp(gaussian(across, width), east, north, pixel, stamp_arcsec)


def cross_light(x: float, y: float, angle: float, width: float, stamp_arcsec: float) -> Streak:
    """Four arms from a star at (x, y), one at ``angle`` and the others at right angles to it, falling off as 1/r^2.

    The spider's vanes diffract as slits do: along an arm the brightness is a sinc^2, whose envelope falls as r^-2 (Born & Wolf,
    Principles of Optics, 8.5). The star itself is not drawn. Raises ValueError as ``trail_light``.
    """
    check_shape(width=width, stamp_arcsec=stamp_arcsec)
    east, north, pixel = fine_grid(0.5 * stamp_arcsec + MARGIN_ARCSEC, width)
    along, across = turned(east - x, north - y, angle)
    fall = 1.0 / (along**2 + across**2 + width**2)
    return _on_stamp((gaussian(across, width) + gaussian(along, width)) * fall, east, north, pixel, stamp_arcsec)


def _on_stamp(brightness: FloatArray, east: FloatArray, north: FloatArray, pixel: float, stamp_arcsec: float) -> Streak:
    light = unit_flux(brightness, pixel)
    half = 0.5 * stamp_arcsec
    inside = (np.abs(east) < half) & (np.abs(north) < half)
    share = float(light.image[inside].sum())
    if not (math.isfinite(share) and share >= _LEAST_ON_STAMP):
        raise ValueError(f"{share:.3g} of a streak is on the stamp of {stamp_arcsec:.4g} arcsec; wanted {_LEAST_ON_STAMP}")
    return Streak(light, share)
