"""Draws what hard negatives look like: the kind of each, and the shape of its light about the lens draw that it is matched to.

Legend: arrays of shape (n,), one entry a task; magnitudes AB as observed, (n, bands); angles in arcsec or rad as named; NaN
and "" stand for null. Every chance is keyed by (run seed, host, replicate, name); the draw that a negative is matched to has
the key of ``negative_keys``, so that it is no draw of the host's own lens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.survey import BANDS
from spark_jobs.physics.einstein_radius import largest_einstein_radius
from spark_jobs.physics.keyed_uniforms import KeyArray, text_keys, uniforms
from spark_jobs.recipe_negatives import KINDS, RING_PROPERTIES, Companion, Negatives, Ring, Spike, Spiral
from spark_jobs.transforms.simulation.draw_priors import Draws

FloatArray = npt.NDArray[np.float64]
Words = npt.NDArray[np.str_]
Columns = dict[str, npt.NDArray[Any]]

_SHAPE = ("x_arcsec", "y_arcsec", "radius_arcsec", "width_arcsec", "angle_rad", "axis_ratio")
_PROPERTY = {
    "unlensed": "unlensed",
    "spiral": "disc_connected",
    "companion": "host_coloured",
    "shuffled": "shuffled",
    "trail": "one_band",
    "spike": "diffraction",
}
_ON_STAMP = 0.9
"""Of the half side is how far a ring of impossible radius may reach."""


@dataclass(frozen=True)
class Matched:
    """What a hard negative is matched to: its own lens draw, its host's magnitudes, and half the side of its stamp."""

    theta_e: FloatArray
    sigma_v_kms: FloatArray
    arc_mag: FloatArray
    magnification: FloatArray
    half_light_arcsec: FloatArray
    lens_offset: FloatArray
    host_mag: FloatArray
    half_side_arcsec: float

    def __len__(self) -> int:
        return len(self.theta_e)


def matched_to(drawn: Columns, host_mag: FloatArray, half_side_arcsec: float) -> Matched:
    """The columns of accepted lens draws as what negatives are matched to; NaN where no draw was accepted.

    The magnification is the point's, which has no bound near a caustic, up to that of a disc of the source's half-light radius
    straight behind an isothermal sphere: sqrt(1 + 4 theta_e^2 / r^2) (Witt & Mao 1994, ApJ 430, 505).
    """
    theta_e, half_light = (np.asarray(drawn[f"{name}_arcsec"], float) for name in ("theta_e", "source_half_light"))
    with np.errstate(divide="ignore", invalid="ignore"):
        largest = np.sqrt(1.0 + np.square(2.0 * theta_e / half_light))
    magnification = np.minimum(np.asarray(drawn["predicted_magnification"], float), largest)
    source = np.stack([np.asarray(drawn[f"source_mag_{band}"], float) for band in BANDS], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        brighter = 2.5 * np.log10(magnification)
    brighter[~np.isfinite(brighter)] = np.nan
    return Matched(
        theta_e=theta_e,
        sigma_v_kms=np.asarray(drawn["sigma_v_kms"], float),
        arc_mag=source - brighter[:, None],
        magnification=magnification,
        half_light_arcsec=half_light,
        lens_offset=np.stack([np.asarray(drawn[f"lens_d{axis}_arcsec"], float) for axis in "xy"], axis=1),
        host_mag=host_mag,
        half_side_arcsec=half_side_arcsec,
    )


def negative_keys(host_ids: list[str]) -> KeyArray:
    """Keys of the hosts' hard negatives, for every draw that is theirs."""
    return text_keys([f"{host_id}|negative" for host_id in host_ids])


def negative_kinds(
    negatives: Negatives, run_seed: int, keys: KeyArray, replicate: npt.ArrayLike, configuration: npt.ArrayLike
) -> Words:
    """Kind of the hard negative beside each lens task, "" where it has none."""
    u = uniforms(run_seed, "negative_kind", keys, replicate, configuration)
    kinds = np.array(KINDS)[_weighted(np.broadcast_to(negatives.weights, (len(u), len(KINDS))), u[:, 1])]
    return np.where(u[:, 0] < negatives.per_lens, kinds, "")


def draw_negatives(negatives: Negatives, draws: Draws, kinds: Words, to: Matched) -> Columns:
    """The NEGATIVE columns of tasks of the given kinds."""
    n = len(kinds)
    columns: Columns = {f"added_{name}": np.full(n, np.nan) for name in _SHAPE}
    columns |= {f"added_mag_{band}": to.arc_mag[:, number].copy() for number, band in enumerate(BANDS)}
    columns["non_lens_property"] = np.array([_PROPERTY.get(kind, "") for kind in kinds], dtype="U20")
    for kind in KINDS:
        rows = np.flatnonzero(kinds == kind)
        shape = getattr(negatives, kind)
        if len(rows) and shape is not None:
            drawn = _DRAW[kind](shape, _Chance(draws.rows(rows)), _rows(to, rows))
            for name, values in drawn.items():
                columns[name][rows] = values
    return columns


def without_light(kinds: Words, columns: Columns) -> npt.NDArray[np.bool_]:
    """Which tasks lack a magnitude that their kind has, or a place: draws without magnification, hosts without colour."""
    dark = ~np.isfinite([columns[f"added_mag_{band}"] for band in BANDS])
    allowed = np.where(kinds == "trail", len(BANDS) - 1, 0)
    return np.asarray((dark.sum(axis=0) > allowed) | ~np.isfinite(columns["added_x_arcsec"] + columns["added_y_arcsec"]))


@dataclass(frozen=True)
class _Chance:
    """The chance of negatives of one kind by what it decides."""

    draws: Draws

    def __call__(self, name: str, number: int = 0) -> FloatArray:
        return self.draws.uniform(f"negative_{name}")[:, number]

    @property
    def angle(self) -> FloatArray:
        return 2.0 * np.pi * self("geometry", 0)

    @property
    def turn(self) -> FloatArray:
        return 2.0 * np.pi * self("geometry", 1)


def _unlensed(_: Any, chance: _Chance, to: Matched) -> Columns:
    """As wide as keeps the surface brightness at the flux of the arc."""
    return _at(to.theta_e, chance.angle) | {"added_radius_arcsec": to.half_light_arcsec * np.sqrt(to.magnification)}


def _ring(ring: Ring, chance: _Chance, to: Matched) -> Columns:
    axis_ratio = _between(ring.axis_ratio_range, chance("width", 1))
    width = _between(ring.width_range, chance("width"))
    impossible = _between(ring.radius_over_largest_range, chance("place")) * largest_einstein_radius(to.sigma_v_kms)
    fits = impossible / np.sqrt(axis_ratio) + width < _ON_STAMP * to.half_side_arcsec  # never where sigma is not known
    weights = np.tile([getattr(ring.properties, name) for name in RING_PROPERTIES], (len(to), 1))
    weights[~fits, RING_PROPERTIES.index("impossible_radius")] = 0.0
    has = np.array(RING_PROPERTIES)[_weighted(weights, chance("property"))]
    offset = np.where(has == "off_centre", _between(ring.offset_range_in_theta_e, chance("place")) * to.theta_e, 0.0)
    drawn = _at(offset, chance.angle) | {
        "non_lens_property": has,
        "added_radius_arcsec": np.where(has == "impossible_radius", impossible, to.theta_e),
        "added_width_arcsec": width,
        "added_angle_rad": chance.turn,
        "added_axis_ratio": axis_ratio,
    }
    red = _host_coloured(to, np.zeros(len(to)))
    like_host = (has == "host_coloured") | (has == "disc_connected")
    arc = {f"added_mag_{band}": to.arc_mag[:, number] for number, band in enumerate(BANDS)}
    return drawn | {name: np.where(like_host, red[name], arc[name]) for name in red}


def _spiral(spiral: Spiral, chance: _Chance, to: Matched) -> Columns:
    return {
        **_at(np.zeros(len(to)), chance.angle),
        **_host_coloured(to, _between(spiral.bluer_range, chance("property", 1))),
        "added_radius_arcsec": to.theta_e,
        "added_width_arcsec": _between(spiral.width_range, chance("width")),
        "added_angle_rad": chance.turn,
        "added_axis_ratio": _between(spiral.axis_ratio_range, chance("width", 1)),
    }


def _companion(companion: Companion, chance: _Chance, to: Matched) -> Columns:
    return {
        **_at(_between(companion.distance_range_in_theta_e, chance("place")) * to.theta_e, chance.angle),
        **_host_coloured(to, np.zeros(len(to))),
        "added_radius_arcsec": _between(companion.half_light_range, chance("width")),
        "added_angle_rad": chance.turn,
        "added_axis_ratio": _between(companion.axis_ratio_range, chance("width", 1)),
    }


def _shuffled(_: Any, chance: _Chance, to: Matched) -> Columns:
    return {
        "added_x_arcsec": to.lens_offset[:, 0],
        "added_y_arcsec": to.lens_offset[:, 1],
        "added_radius_arcsec": to.theta_e,
    }


def _trail(trail: Any, chance: _Chance, to: Matched) -> Columns:
    """The line touches the circle of radius theta_e; all bands but one are null."""
    band = np.minimum((chance("property", 1) * len(BANDS)).astype(int), len(BANDS) - 1)
    in_one = {f"added_mag_{name}": np.where(band == number, to.arc_mag[:, number], np.nan) for number, name in enumerate(BANDS)}
    return {
        **_at(to.theta_e, chance.angle),
        **in_one,
        "added_width_arcsec": _between(trail.width_range, chance("width")),
        "added_angle_rad": chance.angle + 0.5 * np.pi,
    }


def _spike(spike: Spike, chance: _Chance, to: Matched) -> Columns:
    """One arm of the cross touches the circle of radius theta_e on its way past the host."""
    distance = _between(spike.star_distance_range_in_half_sides, chance("place")) * to.half_side_arcsec
    side = np.where(chance("place", 1) < 0.5, -1.0, 1.0)
    return {
        **_at(distance, chance.angle),
        "added_width_arcsec": _between(spike.width_range, chance("width")),
        "added_angle_rad": chance.angle + np.pi + side * np.arcsin(np.minimum(to.theta_e / distance, 1.0)),
    }


_DRAW: dict[str, Callable[[Any, _Chance, Matched], Columns]] = {
    "unlensed": _unlensed,
    "ring": _ring,
    "spiral": _spiral,
    "companion": _companion,
    "shuffled": _shuffled,
    "trail": _trail,
    "spike": _spike,
}


def _at(distance: FloatArray, angle: FloatArray) -> Columns:
    return {"added_x_arcsec": distance * np.cos(angle), "added_y_arcsec": distance * np.sin(angle)}


def _host_coloured(to: Matched, bluer: FloatArray) -> Columns:
    """The arc's flux in r with the host's colours, g - r bluer by so much and r - z by half of it."""
    r = BANDS.index("r")
    colour = to.host_mag - to.host_mag[:, r : r + 1] - np.outer(bluer, [1.0, 0.0, -0.5])
    return {f"added_mag_{band}": to.arc_mag[:, r] + colour[:, number] for number, band in enumerate(BANDS)}


def _weighted(weights: FloatArray, u: FloatArray) -> npt.NDArray[np.int64]:
    """A column of ``weights`` (n, k) for each row, as often as its weight is of the row's sum."""
    edges = np.cumsum(weights, axis=1)
    return np.asarray((edges < u[:, None] * edges[:, -1:]).sum(axis=1), np.int64)


def _rows(to: Matched, rows: npt.NDArray[np.int64]) -> Matched:
    arrays = {name: value[rows] for name, value in vars(to).items() if isinstance(value, np.ndarray)}
    return Matched(**arrays, half_side_arcsec=to.half_side_arcsec)


def _between(edges: tuple[float, float], u: FloatArray) -> FloatArray:
    return np.asarray(edges[0] + u * (edges[1] - edges[0]))
