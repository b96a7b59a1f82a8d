"""What a hard negative asks to be drawn: its light, where on the stamp, and how bright in each band, ready for the renderer.

A shuffled arc is not made here: its light must first be lensed.
Legend: a task is a row of the tasks table, a cutout one of the cutouts table; angles in arcsec and rad as named there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.refusal_reasons import Reason
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.drawn_light import DrawnLight
from spark_jobs.physics.render_arc import Scene
from spark_jobs.physics.ring_light import ring_light
from spark_jobs.physics.source_light import Source, scaled, sersic_source, template_source
from spark_jobs.physics.spiral_light import spiral_light
from spark_jobs.physics.streak_light import MARGIN_ARCSEC, Streak, cross_light, trail_light
from spark_jobs.recipe_negatives import KINDS, Companion, Ring, Spiral
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.simulation.task_scene import RefusalError, SceneMaker

Row = dict[str, Any]
Place = tuple[float, float]

DARK_MAG = math.inf
"""Magnitude of no light: what a trail has in the bands of other exposures."""
_MARGIN_PIX = int(MARGIN_ARCSEC / PIXEL_SCALE_ARCSEC)
"""Streaks run over the edges, and so may a galaxy beside the host."""


@dataclass(frozen=True)
class NegativeLight:
    """Light of unit flux, its place from the galaxy's centre in arcsec, and what share of it is on the stamp by design."""

    source: Source
    beta: tuple[float, float]
    share_on_stamp: float = 1.0


def negative_scene(task: Row, cutout: Row, scenes: SceneMaker) -> tuple[Scene, dict[str, float]]:
    """The scene of a hard negative, and its magnitude in each band, for ``render_arc``.

    The magnitudes are those of the light that is drawn: what a streak has on the stamp is ``added_mag``, what it has beyond
    comes on top. Raises RefusalError for light that cannot be, ValueError for a task that is no hard negative or is shuffled.
    """
    centre, size = (cutout["x_centre_pix"], cutout["y_centre_pix"]), cutout["size_pix"]
    if not all(place is not None and math.isfinite(place) for place in centre):
        raise RefusalError(Reason.BAD_PARAMETERS)
    x, y = (PIXEL_SCALE_ARCSEC * (place - 0.5 * (size - 1)) for place in centre)
    light = negative_light(task, scenes, (x, y))
    scene = Scene(None, light.source, light.beta, centre, size, PIXEL_SCALE_ARCSEC, _MARGIN_PIX)
    beyond = 2.5 * math.log10(light.share_on_stamp)
    return scene, {band: magnitude + beyond for band, magnitude in added_magnitudes(task).items()}


def added_magnitudes(task: Row) -> dict[str, float]:
    """Magnitude of a hard negative's light in each band; DARK_MAG in the bands that a trail leaves out.

    Raises RefusalError where a band that should have light has none.
    """
    magnitudes = {band: task[f"added_mag_{band}"] for band in BANDS}
    dark = [band for band, magnitude in magnitudes.items() if magnitude is None or not math.isfinite(magnitude)]
    if len(dark) > (len(BANDS) - 1 if task["kind"] == "trail" else 0):
        raise RefusalError(Reason.BAD_PARAMETERS)
    return {band: DARK_MAG if band in dark else float(magnitude) for band, magnitude in magnitudes.items()}


def negative_light(task: Row, scenes: SceneMaker, galaxy: Place = (0.0, 0.0)) -> NegativeLight:
    """The light of a hard negative of any kind but shuffled.

    ``galaxy`` is the galaxy's place from the stamp's middle in arcsec: streaks are cut by the stamp's edges.

    Raises RefusalError for shapes that cannot be drawn, ValueError for a kind that is none of ours.
    """
    kind = task["kind"]
    if kind not in _LIGHTS:
        raise ValueError(f"task {task['task_id']} is of kind {kind!r}; wanted one of {', '.join(_LIGHTS)}")
    shape = getattr(scenes.recipe.negatives, kind, None)
    if shape is None:
        raise RefusalError(Reason.BAD_PARAMETERS)
    try:
        if not all(math.isfinite(task[f"added_{axis}_arcsec"]) for axis in "xy"):
            raise RefusalError(Reason.BAD_PARAMETERS)
        return _LIGHTS[kind](shape, task, scenes, galaxy)
    except (TypeError, ValueError) as error:
        raise RefusalError(Reason.BAD_PARAMETERS) from error


def _unlensed(_: Any, task: Row, scenes: SceneMaker, __: Place) -> NegativeLight:
    """The draw's own source, made wider all over so that its half-light radius is the added one."""
    factor = task["added_radius_arcsec"] / task["source_half_light_arcsec"]
    return _placed(task, scaled(scenes.source(task), factor))


def _ring(ring: Ring, task: Row, _: SceneMaker, __: Place) -> NegativeLight:
    bar_share = ring.bar_share if task["non_lens_property"] == "disc_connected" else 0.0
    return _drawn(task, ring_light(**_shape(task, "radius", "width"), bar_share=bar_share))


def _spiral(spiral: Spiral, task: Row, _: SceneMaker, __: Place) -> NegativeLight:
    """Arms whose pitch and winding are chance of the task's own: no column holds them."""
    rng = generator(task["run_seed"], task["task_id"], "spiral arms")
    pitch, mirrored = math.radians(rng.uniform(*spiral.pitch_range)), bool(rng.uniform() < 0.5)
    return _drawn(task, spiral_light(**_shape(task, "radius", "width"), pitch=pitch, mirrored=mirrored))


def _companion(companion: Companion, task: Row, _: SceneMaker, __: Place) -> NegativeLight:
    axis_ratio, angle = task["added_axis_ratio"], task["added_angle_rad"]
    return _placed(task, sersic_source(task["added_radius_arcsec"], companion.sersic_index, axis_ratio, angle))


def _trail(_: Any, task: Row, scenes: SceneMaker, galaxy: Place) -> NegativeLight:
    return _streak(trail_light, task, scenes, galaxy)


def _spike(_: Any, task: Row, scenes: SceneMaker, galaxy: Place) -> NegativeLight:
    return _streak(cross_light, task, scenes, galaxy)


_LIGHTS: Mapping[str, Callable[[Any, Row, SceneMaker, Place], NegativeLight]] = {
    "unlensed": _unlensed,
    "ring": _ring,
    "spiral": _spiral,
    "companion": _companion,
    "trail": _trail,
    "spike": _spike,
}
if set(_LIGHTS) != set(KINDS) - {"shuffled"}:
    raise RuntimeError(f"lights are drawn for {sorted(_LIGHTS)}; the recipe knows {KINDS}")


def _shape(task: Row, *lengths: str) -> dict[str, float]:
    shape = {name: task[f"added_{name}_arcsec"] for name in lengths}
    return shape | {"axis_ratio": task["added_axis_ratio"], "angle": task["added_angle_rad"]}


def _placed(task: Row, source: Source) -> NegativeLight:
    return NegativeLight(source, (task["added_x_arcsec"], task["added_y_arcsec"]))


def _drawn(task: Row, light: DrawnLight) -> NegativeLight:
    return _placed(task, template_source(light.image, light.pixel_scale_arcsec))


def _streak(streak_light: Callable[..., Streak], task: Row, scenes: SceneMaker, galaxy: Place) -> NegativeLight:
    """A streak's image has its place in it: it stands at the stamp's middle."""
    x, y, angle, width = (task[f"added_{name}"] for name in ("x_arcsec", "y_arcsec", "angle_rad", "width_arcsec"))
    streak = streak_light(x + galaxy[0], y + galaxy[1], angle, width, scenes.recipe.size_pix * PIXEL_SCALE_ARCSEC)
    source = template_source(streak.light.image, streak.light.pixel_scale_arcsec)
    return NegativeLight(source, (-galaxy[0], -galaxy[1]), streak.share_on_stamp)
