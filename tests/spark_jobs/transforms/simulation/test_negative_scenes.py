"""Hard negatives as the renderer gets them: the light that their rows tell of, as bright on the stamp, where they stand."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.render_arc import render_arc
from spark_jobs.physics.ring_light import ring_light
from spark_jobs.physics.source_light import Source, sersic_source
from spark_jobs.physics.spiral_light import spiral_light
from spark_jobs.physics.streak_light import cross_light, trail_light
from spark_jobs.transforms.simulation.negative_scenes import (
    DARK_MAG,
    added_magnitudes,
    negative_light,
    negative_scene,
)
from spark_jobs.transforms.simulation.task_scene import SceneMaker
from tests.spark_jobs.small_bank import SIGMA_ARCSEC, write_small_bank
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_scenes import (
    MIDDLE,
    STAMP_ARCSEC,
    Row,
    along,
    drawn,
    light_of,
    realistic,
    rendered,
    same_light,
    scenes,
    square,
    task_of,
)
from tests.spark_jobs.small_tasks import CENTRE, SIZE, cutout_row, negative_task


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("unlensed", {}),
        ("unlensed", {"source_kind": "sersic_knots", "source_knots": 5, "source_knot_share": 0.3}),
        ("ring", {}),
        ("ring", {"non_lens_property": "disc_connected"}),
        ("ring", {"added_x_arcsec": -0.6, "added_y_arcsec": 1.1, "added_radius_arcsec": 2.0, "added_width_arcsec": 1.8}),
        ("spiral", {}),
        ("spiral", {"added_radius_arcsec": 1.2, "added_axis_ratio": 0.5}),
        ("companion", {}),
    ],
)
def test_light_well_inside_the_stamp_is_as_bright_on_it_as_its_row_says(kind: str, changes: Row) -> None:
    task = negative_task(kind, **changes)
    light = rendered(task)
    assert light.magnification == pytest.approx(1, abs=0.01)
    for band in BANDS:
        assert 22.5 - 2.5 * math.log10(light.images[band].sum()) == pytest.approx(task[f"added_mag_{band}"], abs=0.02)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("trail", {"added_angle_rad": 0.5 * math.pi}),
        ("trail", {"added_x_arcsec": -3.0, "added_y_arcsec": 2.0, "added_angle_rad": 1.0, "added_width_arcsec": 1.4}),
        ("trail", {"added_x_arcsec": 6.0, "added_y_arcsec": 6.0, "added_angle_rad": 0.75 * math.pi}),
        ("spike", {}),
        ("spike", {"added_x_arcsec": -7.0, "added_y_arcsec": 9.5, "added_angle_rad": -1.0}),
    ],
)
def test_of_a_streak_only_what_is_on_the_stamp_counts(kind: str, changes: Row) -> None:
    """Before the PSF, which carries some of it over the edges."""
    task = task_of(kind, **changes)
    share = negative_light(task, scenes()).share_on_stamp
    _, magnitudes = negative_scene(task, cutout_row(x_centre_pix=MIDDLE, y_centre_pix=MIDDLE), scenes())
    assert 0.01 < share < 0.9
    for band in BANDS:
        on_stamp = rendered(task).magnification * 10 ** (-0.4 * magnitudes[band])
        assert -2.5 * math.log10(on_stamp) == pytest.approx(task[f"added_mag_{band}"], abs=0.02)


def test_a_trail_is_as_bright_at_the_stamps_edge_as_in_its_middle() -> None:
    image = rendered(negative_task("trail", added_x_arcsec=0.0, added_angle_rad=0.5 * math.pi)).images["r"]
    assert image.sum(axis=1) == pytest.approx(np.full(SIZE, image[SIZE // 2].sum()), rel=0.02)


@pytest.mark.parametrize("kind", ["ring", "spiral", "trail", "spike"])
def test_light_has_unit_flux_and_only_a_streak_counts_a_share_of_it(kind: str) -> None:
    light = light_of(kind)
    assert (light.share_on_stamp == 1) == (kind in ("ring", "spiral"))
    side = np.arange(-11, 11, 0.07) + 0.035
    assert light.source.brightness(side[None, :], side[:, None]).sum() * 0.07**2 == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["unlensed", "ring", "spiral", "companion"])
def test_light_stands_where_its_row_says_from_the_galaxys_centre(kind: str) -> None:
    """x grows to the west with the columns, y to the north with the rows."""
    task = negative_task(kind, added_x_arcsec=1.4, added_y_arcsec=-0.9)
    cutout = cutout_row()
    scene, magnitudes = negative_scene(task, cutout, scenes())
    image = render_arc(scene, magnitudes, scenes().psf(task, cutout)).images["r"]
    y, x = (np.sum(place * image) / image.sum() for place in np.indices(image.shape))
    assert (x - CENTRE[0]) * PIXEL_SCALE_ARCSEC == pytest.approx(1.4, abs=0.03)
    assert (y - CENTRE[1]) * PIXEL_SCALE_ARCSEC == pytest.approx(-0.9, abs=0.03)
    assert (scene.lens, scene.size, scene.pixel_scale) == (None, SIZE, PIXEL_SCALE_ARCSEC)


@pytest.mark.parametrize("kind", ["trail", "spike"])
@pytest.mark.parametrize("off", [(0.5, -0.4), (3.0, 5.0)])
def test_a_streak_is_cut_by_the_stamps_edges_wherever_the_galaxy_stands_on_it(kind: str, off: tuple[float, float]) -> None:
    """What is on the stamp is the added flux; and the streak is that of the galaxy's place."""
    task = task_of(kind)
    cutout = cutout_row(x_centre_pix=MIDDLE + off[0], y_centre_pix=MIDDLE + off[1])
    scene, magnitudes = negative_scene(task, cutout, scenes())
    light = render_arc(scene, magnitudes, scenes().psf(task, cutout))
    on_stamp = light.magnification * 10 ** (-0.4 * magnitudes["r"])
    assert -2.5 * math.log10(on_stamp) == pytest.approx(task["added_mag_r"], abs=0.02)
    place = tuple(PIXEL_SCALE_ARCSEC * o for o in off)
    wanted = (trail_light if kind == "trail" else cross_light)(
        task["added_x_arcsec"] + place[0],
        task["added_y_arcsec"] + place[1],
        task["added_angle_rad"],
        task["added_width_arcsec"],
        STAMP_ARCSEC,
    )
    assert same_light(scene.source, drawn(wanted.light))
    assert scene.beta == pytest.approx((-place[0], -place[1]))


def test_a_trail_lies_through_its_place_at_its_angle() -> None:
    foot = (1.2 * math.cos(0.7), 1.2 * math.sin(0.7))
    source = light_of("trail", added_x_arcsec=foot[0], added_y_arcsec=foot[1], added_angle_rad=0.7 + 0.5 * math.pi).source
    steps = np.linspace(-5, 5, 21)
    for aside, expected in ((0.0, 1.0), (0.3, 0.5), (-0.3, 0.5), (1.2, 0.0)):  # half of the width of 0.6 arcsec
        x, y = along(0.7, aside)
        dx, dy = along(0.7 + 0.5 * math.pi, steps)
        seen = source.brightness(foot[0] + x + dx, foot[1] + y + dy) / source.brightness(*foot)
        assert seen == pytest.approx(np.full(21, expected), abs=0.04)


def test_an_arm_of_a_spike_passes_the_host_and_falls_off_as_the_square_of_the_distance_from_its_star() -> None:
    source = light_of("spike", added_x_arcsec=11.0, added_y_arcsec=0.0, added_angle_rad=math.pi - 0.1).source
    near, far = (np.add((11.0, 0.0), along(math.pi - 0.1, r)) for r in (8.0, 14.0))
    assert source.brightness(*near) / source.brightness(*far) == pytest.approx((14.0**2 + 0.6**2) / (8.0**2 + 0.6**2), rel=0.02)
    assert source.brightness(0.0, 0.0) < 0.02 * source.brightness(*near)
    assert same_light(source, drawn(cross_light(11.0, 0.0, math.pi - 0.1, 0.6, STAMP_ARCSEC).light))


def test_a_ring_is_brightest_at_its_radius_and_dark_in_its_middle_unless_a_bar_joins_it() -> None:
    shape = {"added_radius_arcsec": 1.5, "added_width_arcsec": 0.5, "added_axis_ratio": 0.7, "added_angle_rad": 0.8}
    steps = np.linspace(0, 3, 301)
    for angle, radius in ((0.8, 1.5 / math.sqrt(0.7)), (0.8 + 0.5 * math.pi, 1.5 * math.sqrt(0.7))):
        seen = light_of("ring", **shape, non_lens_property="host_coloured").source.brightness(*along(angle, steps))
        assert steps[np.argmax(seen)] == pytest.approx(radius, abs=0.06)
        assert seen[0] < 1e-4 * seen.max()
    for name in ("host_coloured", "off_centre", "impossible_radius"):
        bare = light_of("ring", **shape, non_lens_property=name).source
        assert same_light(bare, drawn(ring_light(1.5, 0.5, 0.7, 0.8)))
    joined = light_of("ring", **shape, non_lens_property="disc_connected").source
    assert same_light(joined, drawn(ring_light(1.5, 0.5, 0.7, 0.8, bar_share=0.35)))
    assert joined.brightness(0.0, 0.0) > 0.5 * joined.brightness(*along(0.8 + 0.5 * math.pi, 1.5 * math.sqrt(0.7)))


def test_a_companion_is_a_galaxy_of_the_recipes_profile() -> None:
    source = light_of("companion", added_axis_ratio=0.6, added_angle_rad=1.1).source
    assert same_light(source, sersic_source(0.4, 4.0, 0.6, 1.1))
    disc = yaml.safe_load(realistic().as_yaml())["negatives"]
    disc["companion"]["sersic_index"] = 1.0
    maker = SceneMaker(recipe_with("realistic", negatives=disc), None)
    assert same_light(negative_light(negative_task("companion"), maker).source, sersic_source(0.4, 1.0, 0.8, 0.3))


def scaled_by(maker: SceneMaker, task: Row, factor: float) -> tuple[Source, Source]:
    """The source of a task as it is, and as an unlensed one of so many times its size."""
    wide = task | {"added_radius_arcsec": factor * task["source_half_light_arcsec"]}
    return maker.source(task), negative_light(wide, maker).source


@pytest.mark.parametrize("kind", ["sersic", "sersic_knots", "template", "flat_square"])
def test_an_unlensed_source_is_the_draws_own_made_wider_all_over(kind: str, tmp_path: Path) -> None:
    task = negative_task("unlensed", source_kind=kind, source_half_light_arcsec=0.2, source_angle_rad=0.6)
    maker = square() if kind == "flat_square" else scenes()
    if kind.startswith("sersic"):
        task |= {"source_axis_ratio": 0.5, "source_knots": 5, "source_knot_share": 0.3}
    elif kind == "template":
        maker = replace(maker, bank=write_small_bank(tmp_path / "bank.h5", 2))
        task |= {
            "template_id": "gaussian-1",
            "source_size_factor": 1.3,
            "source_half_light_arcsec": 1.3 * 1.1774 * SIGMA_ARCSEC,
        }
    x, y = np.meshgrid(np.linspace(-0.4, 0.4, 9), np.linspace(-0.4, 0.4, 9))
    for factor in (1.0, 1.7, 3.0):
        before, after = scaled_by(maker, task, factor)
        assert before.brightness(0.0, 0.0) > 0
        assert after.brightness(factor * x, factor * y) * factor**2 == pytest.approx(before.brightness(x, y), rel=1e-4)


def test_half_of_a_templates_light_is_inside_the_radius_that_the_unlensed_source_is_given(tmp_path: Path) -> None:
    """To the quarter of its pixel that a template's image is blurred by when it is made ready."""
    maker = replace(scenes(), bank=write_small_bank(tmp_path / "bank.h5", 2))
    own = {"template_id": "gaussian-0", "source_size_factor": 1.0, "source_half_light_arcsec": 1.1774 * SIGMA_ARCSEC}
    source = negative_light(negative_task("unlensed", source_kind="template", **own, added_radius_arcsec=0.5), maker).source
    side = np.linspace(-2, 2, 201)
    seen = source.brightness(side[None, :], side[:, None])
    assert seen[np.hypot(side[None, :], side[:, None]) < 0.5].sum() / seen.sum() == pytest.approx(0.5, abs=0.015)


def test_two_tasks_have_two_pairs_of_arms_and_the_same_task_the_same() -> None:
    first, again, other = (light_of("spiral", task_id=name * 32, added_radius_arcsec=1.2).source for name in "aab")
    assert same_light(first, again)
    assert not same_light(first, other)
    assert not same_light(first, light_of("spiral", task_id="a" * 32, run_seed=4, added_radius_arcsec=1.2).source)


@pytest.mark.parametrize("kind", ["unlensed", "ring", "companion", "trail", "spike"])
def test_every_other_shape_is_told_by_its_columns_whoever_has_them(kind: str) -> None:
    assert same_light(light_of(kind, task_id="a" * 32).source, light_of(kind, task_id="b" * 32).source)


def test_arms_are_wound_at_the_recipes_pitch_in_degrees_and_either_way() -> None:
    fixed = yaml.safe_load(realistic().as_yaml())["negatives"]
    fixed["spiral"]["pitch_range"] = ["20 deg", "20 deg"]
    maker = SceneMaker(recipe_with("realistic", negatives=fixed), None)
    wanted = [drawn(spiral_light(1.2, 0.6, math.radians(20), 0.8, 0.3, mirrored=mirrored)) for mirrored in (False, True)]
    wound = []
    for number in range(24):
        task = negative_task("spiral", task_id=f"{number:032x}", added_radius_arcsec=1.2)
        (way,) = [k for k, one in enumerate(wanted) if same_light(negative_light(task, maker).source, one)]
        wound.append(way)
    assert 4 < sum(wound) < 20


@pytest.mark.parametrize("band", BANDS)
def test_a_trail_is_dark_but_in_its_band(band: str) -> None:
    task = negative_task("trail", **{f"added_mag_{other}": None for other in BANDS if other != band})
    magnitudes = added_magnitudes(task)
    assert {other for other in BANDS if magnitudes[other] == DARK_MAG} == set(BANDS) - {band}
    light = rendered(task)
    assert {other for other in BANDS if light.images[other].any()} == {band}
