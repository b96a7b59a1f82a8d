"""The light that a task adds: an arc as it is lensed, the same arc torn, or what a hard negative shows; else a reason."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml

from schemas.refusal_reasons import Reason
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.render_arc import RenderedArc, render_arc
from spark_jobs.recipe_negatives import KINDS
from spark_jobs.transforms.simulation.injected_light import LightMaker
from spark_jobs.transforms.simulation.negative_scenes import negative_scene
from spark_jobs.transforms.simulation.task_scene import RefusalError, SceneMaker, lens_centre
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import FWHM, control_task, cutout_row, lens_task, negative_task

Row = dict[str, Any]
WIDE = {"theta_e_arcsec": 2.2, "source_x_arcsec": 0.7}
"""Two images at 2.9 and 1.5 arcsec, well inside the stamp and well apart."""
SPIKE = {"added_x_arcsec": 11.0, "added_angle_rad": 3.0}


@cache
def maker(**shuffled: Any) -> LightMaker:
    """Light under the realistic recipe, with changes to its shuffled arcs."""
    content = yaml.safe_load(recipe_with("realistic").as_yaml())["negatives"]
    content["shuffled"] |= shuffled
    return LightMaker(recipe_with("realistic", negatives=content), None)


def light_of(task: Row, with_maker: LightMaker | None = None) -> RenderedArc:
    lights, cutout = with_maker or maker(), cutout_row()
    return lights.light(task, cutout, lights.psf(task, cutout))


def refused(task: Row, with_maker: LightMaker | None = None) -> Reason:
    with pytest.raises(RefusalError) as refusal:
        light_of(task, with_maker)
    return refusal.value.reason


def images(light: RenderedArc) -> npt.NDArray[np.float64]:
    return np.stack([light.images[band] for band in BANDS])


def correlation(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize("psf", [{}, {"psf_fwhm_used_g_arcsec": 0.9, "psf_fwhm_used_r_arcsec": 0.9}])
def test_a_lens_is_what_the_renderer_makes_of_its_scene_and_is_not_torn(psf: Row) -> None:
    task, cutout = lens_task(**WIDE, **psf), cutout_row()
    scenes = SceneMaker(maker().recipe, None)
    magnitudes = {band: task[f"source_mag_{band}"] for band in BANDS}
    wanted = render_arc(scenes.scene(task, cutout), magnitudes, scenes.psf(task, cutout))
    light = light_of(task)
    assert np.array_equal(images(light), images(wanted))
    assert light.magnification == wanted.magnification > 2


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "shuffled"])
def test_a_hard_negative_is_what_the_renderer_makes_of_its_own_scene(kind: str) -> None:
    task, cutout = negative_task(kind, **(SPIKE if kind == "spike" else {})), cutout_row()
    scenes = SceneMaker(maker().recipe, None)
    wanted = render_arc(*negative_scene(task, cutout, scenes), scenes.psf(task, cutout))
    assert np.array_equal(images(light_of(task)), images(wanted))
    assert images(wanted).sum() > 1


@pytest.mark.parametrize("name", list("abcd"))
def test_a_shuffled_arc_has_the_flux_of_the_arc_in_every_band_and_is_not_like_it(name: str) -> None:
    torn, whole = light_of(negative_task("shuffled", **WIDE, task_id=name * 32)), light_of(lens_task(**WIDE))
    assert torn.magnification == pytest.approx(whole.magnification, rel=1e-9)
    assert images(torn).sum(axis=(1, 2)) == pytest.approx(images(whole).sum(axis=(1, 2)), rel=5e-3)
    assert FWHM["z"] == min(FWHM.values())
    assert correlation(torn.images["z"], whole.images["z"]) < 0.52


def test_a_shuffled_arc_has_the_arcs_light_at_the_arcs_radii_about_the_centre_of_its_lens() -> None:
    aside = {"lens_dx_arcsec": 1.1, "lens_dy_arcsec": -0.6}
    torn, whole = (images(light_of(task)) for task in (negative_task("shuffled", **WIDE, **aside), lens_task(**WIDE, **aside)))
    x, y = lens_centre(lens_task(**aside), cutout_row())
    row, column = np.indices(torn.shape[1:])
    radius = np.hypot(column - x, row - y) * PIXEL_SCALE_ARCSEC
    for reach in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0):
        shares = [light[:, radius < reach].sum(axis=1) / light.sum(axis=(1, 2)) for light in (torn, whole)]
        assert shares[0] == pytest.approx(shares[1], abs=0.025)


def test_a_shuffled_arc_is_as_bright_as_its_source_makes_it_whatever_its_row_predicts() -> None:
    known = images(light_of(negative_task("shuffled", **WIDE)))
    predicted = {f"added_mag_{band}": 15.0 for band in BANDS} | {"added_x_arcsec": 5.0, "added_radius_arcsec": 9.0}
    assert np.array_equal(images(light_of(negative_task("shuffled", **WIDE, **predicted))), known)
    brighter = images(light_of(negative_task("shuffled", **WIDE, source_mag_r=20.0)))
    assert brighter[1] == pytest.approx(10 * known[1])


def test_the_same_task_is_torn_in_the_same_way_and_another_in_another() -> None:
    first = images(light_of(negative_task("shuffled", **WIDE)))
    assert np.array_equal(images(light_of(negative_task("shuffled", **WIDE), LightMaker(maker().recipe, None))), first)
    assert correlation(images(light_of(negative_task("shuffled", **WIDE, task_id="d" * 32))), first) < 0.9
    assert correlation(images(light_of(negative_task("shuffled", **WIDE, run_seed=4))), first) < 0.9


def test_a_lens_is_the_same_light_whoever_it_is_and_needs_no_negatives_in_its_recipe() -> None:
    known = images(light_of(lens_task(**WIDE)))
    assert np.array_equal(images(light_of(lens_task(**WIDE, task_id="d" * 32))), known)
    assert np.array_equal(
        images(light_of(lens_task(**WIDE), LightMaker(recipe_with("realistic", negatives=None), None))), known
    )


def test_an_even_ring_cannot_be_torn_and_is_refused_as_still_an_arc() -> None:
    behind = WIDE | {"source_x_arcsec": 0.0}
    light_of(lens_task(**behind))
    assert refused(negative_task("shuffled", **behind)) is Reason.STILL_AN_ARC


def test_how_alike_a_torn_arc_may_stay_and_its_sectors_are_the_recipes() -> None:
    task = negative_task("shuffled", **WIDE | {"source_x_arcsec": 0.15})
    known = images(light_of(task))
    assert refused(task, maker(maximum_correlation=0.1)) is Reason.STILL_AN_ARC
    assert correlation(images(light_of(task, maker(sectors=30))), known) < 0.95


def test_a_shuffled_arc_under_a_recipe_without_any_is_refused() -> None:
    content = yaml.safe_load(maker().recipe.as_yaml())["negatives"]
    del content["shuffled"]
    for negatives in (content, None):
        without = LightMaker(recipe_with("realistic", negatives=negatives), None)
        assert refused(negative_task("shuffled", **WIDE), without) is Reason.BAD_PARAMETERS


@pytest.mark.parametrize("kind", ["lens", "shuffled"])
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"theta_e_arcsec": -1.0}, Reason.BAD_PARAMETERS),
        ({"theta_e_arcsec": None}, Reason.BAD_PARAMETERS),
        ({"lens_axis_ratio": 1.5}, Reason.BAD_PARAMETERS),
        ({"source_x_arcsec": math.nan}, Reason.BAD_PARAMETERS),
        ({"source_mag_g": None}, Reason.BAD_PARAMETERS),
        ({"source_mag_z": math.nan}, Reason.BAD_PARAMETERS),
        ({"z_lens": 0.6, "z_source": 0.5}, Reason.BAD_PARAMETERS),
        ({"source_kind": "template", "template_id": "none"}, Reason.TEMPLATE_UNUSABLE),
    ],
)
def test_an_arc_that_cannot_be_is_refused_whole_or_torn(kind: str, changes: Row, reason: Reason) -> None:
    base = lens_task(**WIDE) if kind == "lens" else negative_task("shuffled", **WIDE)
    assert refused(base | changes) is reason


@pytest.mark.parametrize("kind", ["unlensed", "ring", "spiral", "companion"])
def test_light_that_stands_off_the_stamp_is_refused_as_such(kind: str) -> None:
    assert refused(negative_task(kind, added_x_arcsec=60.0)) is Reason.SOURCE_OFF_STAMP


def test_an_arc_off_the_stamp_is_refused_as_such() -> None:
    assert refused(lens_task(source_x_arcsec=60.0)) is Reason.SOURCE_OFF_STAMP


def test_a_control_adds_no_light_and_asking_for_it_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="is of kind 'control'; wanted one of unlensed, ring"):
        light_of(control_task())


def test_the_psf_is_the_one_that_the_plan_prescribes_else_the_cutouts_own() -> None:
    prescribed = maker().psf(negative_task("ring", psf_fwhm_used_r_arcsec=1.7), cutout_row())
    assert {band: psf.fwhm_arcsec for band, psf in prescribed.items()} == FWHM | {"r": 1.7}
    with pytest.raises(RefusalError) as refusal:
        maker().psf(negative_task("ring"), cutout_row(psf_fwhm_z_arcsec=None))
    assert refusal.value.reason is Reason.PSF_UNKNOWN


@pytest.mark.parametrize("band", BANDS)
def test_a_source_without_a_magnitude_in_a_band_is_refused(band: str) -> None:
    assert refused(lens_task(**WIDE, **{f"source_mag_{band}": None})) is Reason.BAD_PARAMETERS


def test_a_fault_of_the_program_is_no_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise TypeError("No matching definition for argument types")

    monkeypatch.setattr("spark_jobs.transforms.simulation.injected_light.render_arc", wrong)
    with pytest.raises(TypeError, match="No matching definition"):
        light_of(lens_task(**WIDE))
