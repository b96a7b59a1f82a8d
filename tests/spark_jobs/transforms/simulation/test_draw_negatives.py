"""What hard negatives look like is drawn about a lens draw: its flux, colour and radius, in a shape that no lens has."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tasks import NEGATIVE
from spark_jobs.recipe_negatives import KINDS, RING_PROPERTIES
from spark_jobs.transforms.simulation.draw_negatives import (
    Matched,
    draw_negatives,
)
from tests.spark_jobs.small_negatives import (
    HALF_SIDE,
    NEGATIVES,
    SEED,
    R,
    distance,
    drawn,
    draws,
    each_kind,
    even_in,
    lens_draws,
    magnitudes,
    matched,
    passing,
)


def test_every_column_of_a_hard_negative_is_drawn_and_no_other() -> None:
    assert set(drawn("ring", matched(3))) == {column.name for column in NEGATIVE}


@each_kind
def test_the_flux_in_r_is_that_of_the_arc(kind: str) -> None:
    to = matched(300)
    seen = magnitudes(drawn(kind, to))[:, R]
    lit = np.isfinite(seen)
    assert seen[lit] == pytest.approx(to.arc_mag[lit, R], abs=1e-12)
    assert lit.all() or kind == "trail"


@pytest.mark.parametrize("kind", ["unlensed", "shuffled", "spike"])
def test_what_is_not_of_the_host_has_the_arcs_colours(kind: str) -> None:
    to = matched(50)
    assert np.array_equal(magnitudes(drawn(kind, to)), to.arc_mag)


def test_a_companion_has_the_hosts_colours() -> None:
    to = matched(50)
    mags = magnitudes(drawn("companion", to))
    assert np.diff(mags) == pytest.approx(np.diff(to.host_mag), abs=1e-12)


def test_a_ring_is_as_red_as_its_host_where_that_is_why_it_is_no_lens_and_as_blue_as_the_arc_elsewhere() -> None:
    to = matched(400)
    columns = drawn("ring", to)
    mags, has = magnitudes(columns), columns["non_lens_property"]
    of_host = np.isin(has, ["host_coloured", "disc_connected"])
    assert 0.3 < of_host.mean() < 0.9
    assert np.diff(mags)[of_host] == pytest.approx(np.diff(to.host_mag)[of_host], abs=1e-12)
    assert np.array_equal(mags[~of_host], to.arc_mag[~of_host])


def test_spiral_arms_are_bluer_than_the_host_by_what_the_recipe_says_and_half_of_it_in_r_minus_z() -> None:
    to = matched(1000)
    bluer_gr, bluer_rz = (np.diff(magnitudes(drawn("spiral", to))) - np.diff(to.host_mag)).T
    assert even_in(bluer_gr, 0.0, 0.6)
    assert bluer_rz == pytest.approx(0.5 * bluer_gr, abs=1e-12)


@pytest.mark.parametrize("kind", ["spiral", "shuffled"])
def test_arms_and_torn_arcs_have_the_einstein_radius(kind: str) -> None:
    to = matched(50)
    assert np.array_equal(drawn(kind, to)["added_radius_arcsec"], to.theta_e)


def test_a_ring_has_the_einstein_radius_about_the_galaxys_centre_unless_that_is_why_it_is_no_lens() -> None:
    to = matched(1500)
    columns = drawn("ring", to)
    has, offset = columns["non_lens_property"], distance(columns) / to.theta_e
    too_large, aside = has == "impossible_radius", has == "off_centre"
    assert np.array_equal(columns["added_radius_arcsec"][~too_large], to.theta_e[~too_large])
    assert even_in(offset[aside], 0.5, 1.0)
    assert not offset[~aside].any()


def test_an_impossible_ring_is_2_to_2_and_a_half_times_what_the_hosts_dispersion_allows_and_fits_on_the_stamp() -> None:
    to = matched(4000)
    columns = drawn("ring", to)
    too_large = columns["non_lens_property"] == "impossible_radius"
    largest = 4 * math.pi * (to.sigma_v_kms / 299792.458) ** 2 * (180 / math.pi) * 3600
    factor = (columns["added_radius_arcsec"] / largest)[too_large]
    assert factor.min() == pytest.approx(2, abs=0.02)
    assert factor.max() == pytest.approx(2.5, abs=0.02)
    outer = columns["added_radius_arcsec"] / np.sqrt(columns["added_axis_ratio"]) + columns["added_width_arcsec"]
    assert 0.85 * HALF_SIDE < outer[too_large].max() < 0.9 * HALF_SIDE


@pytest.mark.parametrize(("sigma", "share"), [(160.0, 1 / 6), (500.0, 0.0), (math.nan, 0.0)])
def test_properties_of_rings_come_at_their_weights_and_the_impossible_only_where_it_can_be(sigma: float, share: float) -> None:
    n = 3000
    has = drawn("ring", matched(n, sigma_v_kms=sigma))["non_lens_property"]
    assert NEGATIVES.ring is not None
    weights = {name: getattr(NEGATIVES.ring.properties, name) for name in RING_PROPERTIES}
    for name in RING_PROPERTIES[:-1]:
        expected = n * (1 - share) * weights[name] / 5
        assert np.count_nonzero(has == name) == pytest.approx(expected, abs=4 * math.sqrt(expected))
    assert np.count_nonzero(has == "impossible_radius") == pytest.approx(n * share, abs=4 * math.sqrt(n * share))


@each_kind
def test_every_kind_has_a_property_that_no_lens_has(kind: str) -> None:
    has = set(drawn(kind, matched(200))["non_lens_property"].tolist())
    wanted = {"unlensed": {"unlensed"}, "ring": set(RING_PROPERTIES), "spiral": {"disc_connected"}, "trail": {"one_band"}}
    wanted |= {"companion": {"host_coloured"}, "shuffled": {"shuffled"}, "spike": {"diffraction"}}
    assert has == wanted[kind]


def test_an_unlensed_source_stands_at_the_einstein_radius_with_the_surface_brightness_that_it_has() -> None:
    to = matched(50)
    columns = drawn("unlensed", to)
    assert distance(columns) == pytest.approx(to.theta_e)
    brighter = 10 ** (0.4 * (lens_draws(50)["source_mag_r"] - columns["added_mag_r"]))
    wider = columns["added_radius_arcsec"] / lens_draws(50)["source_half_light_arcsec"]
    assert brighter == pytest.approx(wider**2)


def test_a_companion_stands_beside_the_host() -> None:
    to = matched(1000)
    assert even_in(distance(drawn("companion", to)) / to.theta_e, 1.0, 2.0)


def test_an_arc_is_torn_about_the_centre_of_its_lens() -> None:
    to = matched(50)
    columns = drawn("shuffled", to)
    assert np.array_equal(np.stack([columns["added_x_arcsec"], columns["added_y_arcsec"]], axis=1), to.lens_offset)


def test_a_trail_touches_the_circle_of_the_einstein_radius_in_exactly_one_band() -> None:
    to = matched(1500)
    columns = drawn("trail", to)
    assert passing(columns) == pytest.approx(to.theta_e)
    lit = np.isfinite(magnitudes(columns))
    assert np.array_equal(lit.sum(axis=1), np.ones(1500))
    assert lit.mean(axis=0) == pytest.approx(1 / 3, abs=4 * math.sqrt(2 / 9 / 1500))
    assert np.array_equal(magnitudes(columns)[lit], to.arc_mag[lit])


def test_an_arm_of_a_spike_runs_past_the_host_at_the_einstein_radius_on_either_side() -> None:
    to = matched(1500)
    columns = drawn("spike", to)
    assert passing(columns) == pytest.approx(to.theta_e)
    assert np.all(passing(columns, quarter_turns=1) > 2 * to.theta_e)
    x, y, angle = (columns[name] for name in ("added_x_arcsec", "added_y_arcsec", "added_angle_rad"))
    assert np.all(x * np.cos(angle) + y * np.sin(angle) < 0)
    assert np.mean(x * np.sin(angle) - y * np.cos(angle) > 0) == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(1500))


def test_the_star_of_a_spike_is_never_on_the_stamp() -> None:
    to = matched(1500)
    columns = drawn("spike", to)
    assert even_in(distance(columns) / HALF_SIDE, 1.45, 1.9)
    assert np.all(np.maximum(np.abs(columns["added_x_arcsec"]), np.abs(columns["added_y_arcsec"])) > HALF_SIDE)


def test_a_star_that_is_nearer_than_the_einstein_radius_still_has_a_spike() -> None:
    to = matched(20, theta_e_arcsec=99.0)
    columns = drawn("spike", to)
    assert passing(columns) == pytest.approx(distance(columns))


@pytest.mark.parametrize(
    ("kind", "name", "low", "high"),
    [
        ("ring", "added_width_arcsec", 0.3, 2.0),
        ("ring", "added_axis_ratio", 0.6, 1.0),
        ("spiral", "added_width_arcsec", 0.3, 0.8),
        ("spiral", "added_axis_ratio", 0.5, 1.0),
        ("companion", "added_radius_arcsec", 0.3, 1.0),
        ("companion", "added_axis_ratio", 0.5, 1.0),
        ("trail", "added_width_arcsec", 0.3, 1.5),
        ("spike", "added_width_arcsec", 0.4, 1.0),
        ("ring", "added_angle_rad", 0.0, 2 * math.pi),
        ("spiral", "added_angle_rad", 0.0, 2 * math.pi),
        ("companion", "added_angle_rad", 0.0, 2 * math.pi),
        ("trail", "added_angle_rad", 0.5 * math.pi, 2.5 * math.pi),
    ],
)
def test_a_shape_fills_the_range_that_the_recipe_gives_it(kind: str, name: str, low: float, high: float) -> None:
    assert even_in(drawn(kind, matched(1000))[name], low, high)


@pytest.mark.parametrize("kind", ["unlensed", "companion", "trail", "spike"])
def test_light_beside_the_host_stands_in_any_direction(kind: str) -> None:
    columns = drawn(kind, matched(1000))
    assert even_in(np.arctan2(columns["added_y_arcsec"], columns["added_x_arcsec"]), -math.pi, math.pi)


@pytest.mark.parametrize("kind", ["ring", "companion"])
def test_a_shape_does_not_tell_where_it_stands(kind: str) -> None:
    columns = drawn(kind, matched(3000))
    away = distance(columns) > 0
    towards = np.arctan2(columns["added_y_arcsec"], columns["added_x_arcsec"])[away]
    for name in ("added_angle_rad", "added_axis_ratio"):
        assert abs(np.corrcoef(towards, columns[name][away])[0, 1]) < 4 / math.sqrt(np.count_nonzero(away))


@given(few=st.sets(st.integers(0, 39), min_size=1).map(sorted), seed=st.sampled_from([SEED, SEED + 1]))
def test_drawn_alone_or_in_company_a_hard_negative_is_the_same(few: list[int], seed: int) -> None:
    n = 40
    rows = np.array(few[::-1])
    kinds = np.array([KINDS[number % len(KINDS)] for number in range(n)])
    to = matched(n)
    some = Matched(
        **{name: value[rows] for name, value in vars(to).items() if name != "half_side_arcsec"}, half_side_arcsec=HALF_SIDE
    )
    whole = draw_negatives(NEGATIVES, draws(n, seed), kinds, to)
    alone = draw_negatives(NEGATIVES, draws(n, seed).rows(rows), kinds[rows], some)
    for name, values in whole.items():
        np.testing.assert_array_equal(alone[name], values[rows], err_msg=name)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "shuffled"])
def test_another_seed_draws_other_light_about_the_same_arc(kind: str) -> None:
    to = matched(20)
    first, other = (draw_negatives(NEGATIVES, draws(20, seed), np.full(20, kind), to) for seed in (SEED, SEED + 1))
    name = "added_angle_rad" if kind in ("ring", "spiral") else "added_x_arcsec"
    assert not np.any(first[name] == other[name])
