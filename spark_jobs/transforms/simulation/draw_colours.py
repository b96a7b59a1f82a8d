"""Colours of sources drawn by the recipe's law, and where each comes from.

Legend: arrays of shape (n,), one entry a draw; chance of shape (n, 2); colours AB mag, dust of our Galaxy left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.recipe_colours import ColourTrack, FixedColours, NormalColours, RedshiftColours

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class KnownColours:
    """What is known of each source: redshift, and its own colours there (NaN where not known)."""

    redshift: FloatArray
    g_minus_r: FloatArray
    r_minus_z: FloatArray


@dataclass(frozen=True)
class Colours:
    """g - r, r - z, and the origin: template, redshift, normal or fixed."""

    g_minus_r: FloatArray
    r_minus_z: FloatArray
    origin: npt.NDArray[np.str_]


def draw_colours(
    law: NormalColours | FixedColours | RedshiftColours, known: KnownColours, normal: FloatArray, type_chance: FloatArray
) -> Colours:
    """Colours of each source; ``type_chance`` (n,) uniform says which are quiescent where the law has such."""
    n = len(normal)
    if isinstance(law, FixedColours):
        return Colours(np.full(n, law.g_offset), np.full(n, -law.z_offset), np.full(n, "fixed"))
    if isinstance(law, NormalColours):
        g_minus_r = law.g_minus_r + law.g_minus_r_scatter * normal[:, 0]
        return Colours(g_minus_r, law.r_minus_z + law.r_minus_z_scatter * normal[:, 1], np.full(n, "normal"))
    has_own = np.isfinite(known.g_minus_r) & np.isfinite(known.r_minus_z)
    colours = np.stack([known.g_minus_r, known.r_minus_z], axis=1)
    star_forming, quiescent = ~has_own, ~has_own & (type_chance < law.quiescent_share)
    for track, which in ((law.star_forming, star_forming), (law.quiescent, quiescent)):
        if track is not None:
            colours[which] = _on_track(track, law.redshifts, known.redshift[which], normal[which])
    return Colours(colours[:, 0], colours[:, 1], np.where(has_own, "template", "redshift"))


def _on_track(track: ColourTrack, nodes: tuple[float, ...], z: FloatArray, normal: FloatArray) -> FloatArray:
    """g - r and r - z, shape (n, 2)."""
    means = np.stack([np.interp(z, nodes, track.g_minus_r), np.interp(z, nodes, track.r_minus_z)], axis=1)
    return np.asarray(means + normal * [track.g_minus_r_scatter, track.r_minus_z_scatter])
