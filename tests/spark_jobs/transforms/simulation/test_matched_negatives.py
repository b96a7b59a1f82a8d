"""What hard negatives are matched to, how often each kind comes, and which are left without light."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.survey import BANDS
from spark_jobs.physics.keyed_uniforms import text_keys
from spark_jobs.recipe_negatives import KINDS
from spark_jobs.transforms.simulation.draw_negatives import (
    matched_to,
    negative_keys,
    negative_kinds,
    without_light,
)
from tests.spark_jobs.small_negatives import NEGATIVES, SEED, Array, Z, drawn, each_kind, hosts, lens_draws, matched


@given(
    theta_e=st.floats(0.3, 3),
    half_light=st.floats(0.01, 1),
    magnification=st.floats(0.1, 1e6),
    source_mag=st.floats(18, 28),
)
def test_the_flux_is_the_magnified_source_up_to_what_a_disc_behind_a_sphere_gives(
    theta_e: float, half_light: float, magnification: float, source_mag: float
) -> None:
    bound = math.sqrt(1 + 4 * theta_e**2 / half_light**2)
    told = {"theta_e_arcsec": theta_e, "source_half_light_arcsec": half_light, "predicted_magnification": magnification}
    to = matched(1, **told, **{f"source_mag_{band}": source_mag + number for number, band in enumerate(BANDS)})
    flux, source = (10 ** (-0.4 * np.asarray(mags)) for mags in (to.arc_mag[0], [source_mag, source_mag + 1, source_mag + 2]))
    assert flux == pytest.approx(min(magnification, bound) * source)
    assert to.magnification[0] == pytest.approx(min(magnification, bound))


def test_where_no_draw_was_accepted_or_nothing_is_imaged_there_is_no_flux_to_match() -> None:
    none = matched(1, theta_e_arcsec=math.nan, predicted_magnification=math.nan, source_half_light_arcsec=math.nan)
    dark = matched(1, predicted_magnification=0.0)
    assert np.isnan(none.arc_mag).all()
    assert np.isnan(dark.arc_mag).all()


def test_what_is_matched_keeps_the_draws_numbers() -> None:
    columns = lens_draws(4)
    host_mag = np.arange(12.0).reshape(4, 3)
    to = matched_to(columns, host_mag, 5.0)
    assert (len(to), to.half_side_arcsec) == (4, 5.0)
    assert np.array_equal(to.host_mag, host_mag)
    assert np.array_equal(to.lens_offset[:, 0], columns["lens_dx_arcsec"])
    assert np.array_equal(to.lens_offset[:, 1], columns["lens_dy_arcsec"])
    assert np.array_equal(to.theta_e, columns["theta_e_arcsec"])
    assert np.array_equal(to.sigma_v_kms, columns["sigma_v_kms"])


def test_the_draw_of_a_hard_negative_is_no_draw_of_its_hosts_own_lens() -> None:
    own, theirs = text_keys(hosts(50)), negative_keys(hosts(50))
    assert len(set(own.tolist()) | set(theirs.tolist())) == 100


def test_kinds_come_at_their_weights_and_as_many_as_the_share_says() -> None:
    n = 20000
    kinds = negative_kinds(NEGATIVES, SEED, negative_keys(hosts(n)), 0, 0)
    beside = NEGATIVES.share / (1 - NEGATIVES.share)
    assert np.count_nonzero(kinds != "") == pytest.approx(n * beside, abs=4 * math.sqrt(n * beside * (1 - beside)))
    for kind, weight in zip(KINDS, NEGATIVES.weights, strict=True):
        expected = n * beside * weight / sum(NEGATIVES.weights)
        assert np.count_nonzero(kinds == kind) == pytest.approx(expected, abs=4 * math.sqrt(expected))


@given(weights=st.lists(st.sampled_from([0.0, 0.0, 1e-3, 1.0, 7.0]), min_size=7, max_size=7), share=st.floats(0, 0.5))
def test_a_kind_without_a_weight_never_comes_and_a_larger_share_only_adds(weights: list[float], share: float) -> None:
    weights[3] += 1.0
    entries = {kind: getattr(NEGATIVES, kind).model_copy(update={"weight": w}) for kind, w in zip(KINDS, weights, strict=True)}
    some = NEGATIVES.model_copy(update=entries | {"share": share})
    kinds, most = (
        negative_kinds(one, SEED, negative_keys(hosts(60)), 0, 0) for one in (some, some.model_copy(update={"share": 0.5}))
    )
    assert set(most.tolist()) <= {kind for kind, weight in zip(KINDS, weights, strict=True) if weight > 0}
    assert set(np.flatnonzero(kinds != most)) == set(np.flatnonzero(kinds == ""))


def test_with_a_share_of_none_nothing_comes_and_with_a_half_one_beside_every_lens() -> None:
    none, half = (NEGATIVES.model_copy(update={"share": share}) for share in (0.0, 0.5))
    assert set(negative_kinds(none, SEED, negative_keys(hosts(500)), 0, 0).tolist()) == {""}
    assert "" not in negative_kinds(half, SEED, negative_keys(hosts(500)), 0, 0)


def test_the_kind_is_chance_of_host_replicate_configuration_and_seed() -> None:
    keys = negative_keys(hosts(200))
    kinds = negative_kinds(NEGATIVES, SEED, keys, 0, 0)
    assert np.array_equal(negative_kinds(NEGATIVES, SEED, keys[::-1], 0, 0)[::-1], kinds)
    assert np.array_equal(negative_kinds(NEGATIVES, SEED, keys[40:41], 0, 0), kinds[40:41])
    for others in ((SEED, keys, 1, 0), (SEED, keys, 0, 1), (SEED + 1, keys, 0, 0)):
        assert np.count_nonzero(negative_kinds(NEGATIVES, *others) != kinds) > 60


def lightless(kind: str, **changes: Any) -> bool:
    """Whether a hard negative whose columns are whole but for ``changes`` is without light."""
    columns: dict[str, Array] = {f"added_mag_{band}": np.array([20.0]) for band in BANDS}
    columns |= {f"added_{axis}_arcsec": np.array([1.0]) for axis in "xy"}
    (lacks,) = without_light(np.array([kind]), columns | {name: np.array([value]) for name, value in changes.items()})
    return bool(lacks)


@each_kind
@pytest.mark.parametrize("nothing", [math.nan, math.inf])
def test_a_hard_negative_without_a_band_or_a_place_is_without_light_but_a_trail_needs_one_band(
    kind: str, nothing: float
) -> None:
    assert not lightless(kind)
    for band in BANDS:
        assert lightless(kind, **{f"added_mag_{band}": nothing}) == (kind != "trail")
    assert lightless(kind, added_mag_g=nothing, added_mag_z=nothing) == (kind != "trail")
    assert lightless(kind, **{f"added_mag_{band}": nothing for band in BANDS})
    assert lightless(kind, added_x_arcsec=nothing)
    assert lightless(kind, added_y_arcsec=nothing)


@each_kind
def test_what_is_drawn_about_an_accepted_draw_has_light_and_about_none_has_not(kind: str) -> None:
    whole, none = matched(20), matched(20, predicted_magnification=0.0)
    kinds = np.full(20, kind)
    assert not without_light(kinds, drawn(kind, whole)).any()
    assert without_light(kinds, drawn(kind, none)).all()


def test_a_host_whose_colour_is_not_known_leaves_without_light_what_needs_it() -> None:
    to = matched(40)
    to.host_mag[:, Z] = np.nan
    for kind in KINDS:
        columns = drawn(kind, to)
        red = np.isin(columns["non_lens_property"], ["host_coloured", "disc_connected"])
        assert np.array_equal(without_light(np.full(40, kind), columns), red)
