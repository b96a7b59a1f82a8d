"""Hard negatives that cannot be drawn: refused with a reason, or told as a mistake of the program."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from schemas.refusal_reasons import Reason
from schemas.survey import BANDS
from spark_jobs.transforms.simulation.negative_scenes import (
    DARK_MAG,
    negative_scene,
)
from spark_jobs.transforms.simulation.task_scene import RefusalError, SceneMaker
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_scenes import Row, each_drawn_kind, light_of, realistic, scenes, task_of
from tests.spark_jobs.small_tasks import cutout_row, lens_task, negative_task


def refused(task: Row, maker: SceneMaker | None = None, cutout: Row | None = None) -> Reason:
    with pytest.raises(RefusalError) as refusal:
        negative_scene(task, cutout or cutout_row(), maker or scenes())
    return refusal.value.reason


@each_drawn_kind
@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_light_without_a_magnitude_is_refused_but_for_the_dark_bands_of_a_trail(kind: str, nothing: float | None) -> None:
    one = task_of(kind, added_mag_g=nothing)
    if kind == "trail":
        assert negative_scene(one, cutout_row(), scenes())[1]["g"] == DARK_MAG
        assert refused(task_of(kind, **{f"added_mag_{band}": nothing for band in BANDS})) is Reason.BAD_PARAMETERS
    else:
        assert refused(one) is Reason.BAD_PARAMETERS


@each_drawn_kind
@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_light_without_a_place_is_refused(kind: str, axis: str, nothing: float | None) -> None:
    with pytest.raises(RefusalError) as refusal:
        light_of(kind, **{f"added_{axis}_arcsec": nothing})
    assert refusal.value.reason is Reason.BAD_PARAMETERS


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("ring", {"added_width_arcsec": 0.0}),
        ("ring", {"added_width_arcsec": None}),
        ("ring", {"added_radius_arcsec": math.nan}),
        ("ring", {"added_radius_arcsec": 99.0}),
        ("ring", {"added_axis_ratio": 1.2}),
        ("ring", {"added_angle_rad": math.inf}),
        ("spiral", {"added_width_arcsec": 0.0}),
        ("spiral", {"added_radius_arcsec": -1.0}),
        ("spiral", {"added_axis_ratio": None}),
        ("companion", {"added_radius_arcsec": 0.0}),
        ("companion", {"added_axis_ratio": 1.2}),
        ("companion", {"added_angle_rad": None}),
        ("trail", {"added_width_arcsec": 0.0}),
        ("trail", {"added_x_arcsec": 60.0, "added_angle_rad": 0.5 * math.pi}),
        ("trail", {"added_angle_rad": math.nan}),
        ("spike", {"added_width_arcsec": 0.0}),
        ("spike", {"added_width_arcsec": None}),
        ("spike", {"added_angle_rad": 0.785, "added_x_arcsec": 90.0}),
        ("unlensed", {"added_radius_arcsec": None}),
        ("unlensed", {"added_radius_arcsec": 0.0}),
        ("unlensed", {"added_radius_arcsec": math.nan}),
        ("unlensed", {"source_half_light_arcsec": None}),
        ("unlensed", {"source_sersic_n": 20.0}),
        ("unlensed", {"source_kind": "flat_square"}),
    ],
)
def test_a_shape_that_cannot_be_is_refused(kind: str, changes: Row) -> None:
    negative_scene(task_of(kind), cutout_row(), scenes())
    assert refused(task_of(kind, **changes)) is Reason.BAD_PARAMETERS


def test_an_unlensed_source_whose_template_is_not_in_the_bank_is_refused_as_a_lens_is(tmp_path: Path) -> None:
    task = negative_task("unlensed", source_kind="template", template_id="gaussian-9", source_size_factor=1.0)
    assert refused(task) is Reason.TEMPLATE_UNUSABLE
    assert refused(task, replace(scenes(), bank=write_small_bank(tmp_path / "bank.h5", 2))) is Reason.TEMPLATE_UNUSABLE


def test_a_host_without_a_centre_refuses_the_light_beside_it() -> None:
    for name in ("x_centre_pix", "y_centre_pix"):
        for nothing in (None, math.nan):
            assert refused(negative_task("ring"), cutout=cutout_row() | {name: nothing}) is Reason.BAD_PARAMETERS


@each_drawn_kind
def test_a_kind_that_the_recipe_leaves_out_is_refused(kind: str) -> None:
    content = yaml.safe_load(realistic().as_yaml())["negatives"]
    del content[kind]
    for negatives in (content, None):
        maker = SceneMaker(recipe_with("realistic", negatives=negatives), None)
        assert refused(task_of(kind), maker) is Reason.BAD_PARAMETERS


@pytest.mark.parametrize("kind", ["lens", "control", "shuffled", ""])
def test_a_task_that_is_no_drawn_negative_is_a_mistake_of_the_program(kind: str) -> None:
    wanted = "wanted one of unlensed, ring, spiral, companion, trail, spike"
    with pytest.raises(ValueError, match=f"task {'a' * 32} is of kind '{kind}'; {wanted}"):
        negative_scene(lens_task(kind=kind), cutout_row(), scenes())
