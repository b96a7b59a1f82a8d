"""Which accepted draws a recipe's weighting keeps, and the weighting that would make radii come equally often.

Legend: arrays of shape (n,), one entry a draw; Einstein radii in arcsec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.caustics import caustics
from spark_jobs.recipe_weighting import CrossSectionWeighting, RadiusWeighting

FloatArray = npt.NDArray[np.float64]


def chance_to_keep(
    weighting: RadiusWeighting | CrossSectionWeighting | None, drawn: Mapping[str, npt.NDArray[Any]]
) -> FloatArray:
    """The chance of each draw by its columns; NaN where nothing was drawn."""
    theta_e = np.asarray(drawn["theta_e_arcsec"], float)
    if weighting is None:
        return np.where(np.isfinite(theta_e), 1.0, np.nan)
    if isinstance(weighting, RadiusWeighting):
        return np.asarray(np.interp(theta_e, weighting.theta_e, weighting.keep), float)
    shape = (np.asarray(drawn[name], float) for name in ("lens_axis_ratio", "lens_angle_rad", "shear_1", "shear_2"))
    area = np.full(len(theta_e), np.nan)
    known = np.isfinite(theta_e)
    area[known] = caustics(theta_e[known], *(values[known] for values in shape)).cut_area
    return np.minimum(area / (np.pi * weighting.whole_at**2), 1.0)


def even_radii(theta_e: FloatArray, edges: tuple[float, float], radii: int = 9) -> tuple[FloatArray, FloatArray]:
    """Radii (radii,) from edge to edge and the chances (radii,) that make such draws come equally often between them.

    The density at a radius is that of the draws about it, each shared by its two neighbours; the rarest is kept whole. Raises
    ValueError where there are fewer than a hundred draws for each radius to judge by.
    """
    inside = theta_e[(theta_e >= edges[0]) & (theta_e <= edges[1])]
    if len(inside) < 100 * radii:
        raise ValueError(f"{len(inside)} draws between {edges[0]} and {edges[1]} arcsec; wanted {100 * radii} or more")
    places = np.linspace(*edges, radii)
    at = (inside - edges[0]) / (places[1] - places[0])
    low = np.minimum(at.astype(int), radii - 2)
    density = np.bincount(low, 1.0 - (at - low), radii) + np.bincount(low + 1, at - low, radii)
    edge = np.isin(np.arange(radii), (0, radii - 1))
    density = np.maximum(np.where(edge, 2.0, 1.0) * density, 1.0)  # the edges have neighbours on one side only
    return places, density.min() / density
