"""Hard negatives as scenes: tasks of every kind, their light, and what of it is seen on a small stamp."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.physics.drawn_light import DrawnLight
from spark_jobs.physics.render_arc import RenderedArc, render_arc
from spark_jobs.physics.source_light import Source, template_source
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.recipe_negatives import KINDS
from spark_jobs.transforms.simulation.negative_scenes import (
    NegativeLight,
    negative_light,
    negative_scene,
)
from spark_jobs.transforms.simulation.task_scene import SceneMaker
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import SIZE, cutout_row, negative_task

Row = dict[str, Any]
STAMP = {"stamp": {"size": f"{SIZE} pix"}}
STAMP_ARCSEC = SIZE * PIXEL_SCALE_ARCSEC
MIDDLE = 0.5 * (SIZE - 1)
SPIKE = {"added_x_arcsec": 11.0, "added_angle_rad": 3.0}
each_drawn_kind = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "shuffled"])


@cache
def realistic() -> Recipe:
    return recipe_with("realistic", **STAMP)


@cache
def scenes() -> SceneMaker:
    return SceneMaker(realistic(), None)


@cache
def square() -> SceneMaker:
    """Scenes of a recipe whose sources are even squares."""
    hard = yaml.safe_load(read_recipe("realistic").as_yaml())["negatives"]
    return SceneMaker(recipe_with("gen5", negatives=hard), None)


def task_of(kind: str, **changes: Any) -> Row:
    return negative_task(kind, **((SPIKE if kind == "spike" else {}) | changes))


def light_of(kind: str, **changes: Any) -> NegativeLight:
    return negative_light(task_of(kind, **changes), scenes())


def rendered(task: Row) -> RenderedArc:
    """The light of a task on the stamp of a galaxy that stands in its middle."""
    cutout = cutout_row(x_centre_pix=MIDDLE, y_centre_pix=MIDDLE)
    scene, magnitudes = negative_scene(task, cutout, scenes())
    return render_arc(scene, magnitudes, scenes().psf(task, cutout))


def along(angle: float, radius: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    return np.asarray(radius) * math.cos(angle), np.asarray(radius) * math.sin(angle)


def drawn(light: DrawnLight) -> Source:
    return template_source(light.image, light.pixel_scale_arcsec)


def same_light(one: Source, other: Source) -> bool:
    x, y = np.meshgrid(np.linspace(-3, 3, 25), np.linspace(-3, 3, 25))
    seen = one.brightness(x, y)
    return bool(seen.any()) and np.array_equal(seen, other.brightness(x, y))
