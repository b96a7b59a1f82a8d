"""Drawing until one is accepted: a pure function of who the task is, every refusal counted under the first test it fails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from spark_jobs.physics.caustics import caustics
from spark_jobs.physics.einstein_radius import einstein_radius
from spark_jobs.physics.point_images import point_images
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_lenses import REFUSALS, DrawnLenses, draw_lenses
from spark_jobs.transforms.simulation.lens_hosts import LensHosts
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_lenses import lens_sample, recipe_with

N = 300
SEED = 5
LIMITS: dict[str, Any] = {
    "max_draws": 400,
    "minimum_redshift_gap": 0.2,
    "theta_e_range": ["0.6 arcsec", "2.5 arcsec"],
    "minimum_images": 2,
    "minimum_magnification": 4.0,
    "minimum_predicted_arc_snr": 15.0,
    "minimum_theta_e_over_fwhm": 0.6,
    "minimum_rendered_arc_snr": 0.0,
}


def judged(**limits: Any) -> Recipe:
    return recipe_with("realistic", accept=LIMITS | limits)


def assert_same(a: DrawnLenses, b: DrawnLenses, rows: Any = slice(None)) -> None:
    """Draws ``a`` at ``rows`` are draws ``b``, to the last bit."""
    for name, column in a.columns.items():
        assert np.array_equal(column[rows], b.columns[name], equal_nan=column.dtype.kind == "f"), name
    assert np.array_equal(a.n_drawn[rows], b.n_drawn)
    assert np.array_equal(a.n_refused[rows], b.n_refused)
    assert np.array_equal(a.accepted[rows], b.accepted)


def predicted_images(drawn: DrawnLenses) -> tuple[Any, Any]:
    """Images and magnification of a point where each accepted draw's source is."""
    names = ("source_x_arcsec", "source_y_arcsec", "theta_e_arcsec", "lens_axis_ratio", "lens_angle_rad", "shear_1", "shear_2")
    x, y, theta_e, q, phi, gamma1, gamma2 = (np.asarray(drawn.columns[name], float)[drawn.accepted] for name in names)
    slope = np.asarray(drawn.columns["mass_slope"], float)[drawn.accepted]
    return point_images(x, y, theta_e=theta_e, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2, slope=slope)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    return write_small_bank(tmp_path_factory.mktemp("bank") / "bank.h5")


@pytest.fixture(scope="module")
def hosts() -> LensHosts:
    """Hosts of many magnitudes, shapes and redshifts, so that some are accepted at once and some never."""
    rng = np.random.default_rng(2)
    changes: dict[str, Any] = {
        "mag_r": rng.uniform(16.5, 20.5, N),
        "e1": rng.uniform(-0.3, 0.3, N),
        "e2": rng.uniform(0, 0.2, N),
    }
    changes |= {"z_phot": np.where(rng.uniform(size=N) < 0.5, np.nan, rng.uniform(0.1, 0.8, N))}
    return lens_sample(N, **changes, fwhm_r=rng.uniform(1.0, 1.6, N), depth_r=rng.uniform(23.0, 24.5, N))


@pytest.fixture(scope="module")
def drawn(hosts: LensHosts, bank: SourceBank) -> DrawnLenses:
    return draw_lenses(judged(), SEED, hosts, bank)


def test_every_accepted_draw_obeys_the_recipe_s_cuts(drawn: DrawnLenses, hosts: LensHosts) -> None:
    got, yes = drawn.columns, drawn.accepted
    assert 0.5 < yes.mean() < 1
    theta_e = np.asarray(got["theta_e_arcsec"][yes], float)
    assert (got["z_source"][yes] >= got["z_lens"][yes] + 0.2).all()
    assert ((theta_e >= 0.6) & (theta_e <= 2.5) & (theta_e >= 0.6 * hosts.fwhm_r[yes])).all()
    assert (got["sigma_v_kms"][yes] >= 160).all()
    assert theta_e == pytest.approx(einstein_radius(*(got[name][yes] for name in ("sigma_v_kms", "z_lens", "z_source"))))
    images, magnification = predicted_images(drawn)
    assert images.min() >= 2
    assert magnification.min() >= 4
    assert np.array_equal(magnification, got["predicted_magnification"][yes])
    assert got["predicted_arc_snr"][yes].min() >= 15
    assert (np.hypot(got["source_x_arcsec"], got["source_y_arcsec"])[yes] <= 1.3 * theta_e).all()


def test_lenses_of_other_slopes_are_judged_by_the_images_that_their_own_slope_makes(hosts: LensHosts, bank: SourceBank) -> None:
    slopes = {"law": "normal", "mean": 2.08, "scatter": 0.16, "minimum": 1.6, "maximum": 2.5}
    few = hosts.rows(np.arange(60))
    drawn = draw_lenses(recipe_with("realistic", {"mass_slope": slopes}, accept=LIMITS), SEED, few, bank)
    images, magnification = predicted_images(drawn)
    assert len(images) > 30
    assert images.min() >= 2
    assert np.array_equal(magnification, drawn.columns["predicted_magnification"][drawn.accepted])
    drawn.columns["mass_slope"][:] = 2.0
    assert np.median(np.abs(predicted_images(drawn)[1] / magnification - 1)) > 0.05


def test_draws_made_are_the_refused_ones_and_the_accepted_one(drawn: DrawnLenses) -> None:
    refused = drawn.n_refused.sum(axis=1)
    assert np.array_equal(drawn.n_drawn, refused + drawn.accepted)
    assert set(drawn.n_drawn[~drawn.accepted]) == {400}
    assert (drawn.n_refused.sum(axis=0) > 0).all()  # every reason occurs
    assert all(np.isnan(column[~drawn.accepted]).all() for column in drawn.columns.values() if column.dtype.kind == "f")
    assert set(drawn.columns["template_id"][~drawn.accepted]) == {""}


def test_a_task_draws_the_same_alone_in_part_and_in_any_order(drawn: DrawnLenses, hosts: LensHosts, bank: SourceBank) -> None:
    for rows in (np.arange(N)[::-1], np.array([7]), np.arange(40, 61), np.array([3, 3, 250])):
        assert_same(drawn, draw_lenses(judged(), SEED, hosts.rows(rows), bank), rows)


def test_another_seed_replicate_or_host_draws_something_else(drawn: DrawnLenses, hosts: LensHosts, bank: SourceBank) -> None:
    others = {
        "seed": draw_lenses(judged(), SEED + 1, hosts, bank),
        "replicate": draw_lenses(judged(), SEED, lens_sample(N, replicate=1), bank),
        "host": draw_lenses(judged(), SEED, hosts.rows(np.roll(np.arange(N), 1)), bank),
    }
    for other in others.values():
        both = drawn.accepted & other.accepted
        for name in ("shear_1", "source_x_arcsec", "source_mag_r", "source_angle_rad"):
            assert not np.any(drawn.columns[name][both] == other.columns[name][both])


def test_the_first_draw_that_passes_is_the_one_that_a_recipe_without_judgement_would_have_taken(
    drawn: DrawnLenses, hosts: LensHosts, bank: SourceBank
) -> None:
    unjudged = draw_lenses(recipe_with("realistic", accept=None), SEED, hosts, bank)
    assert unjudged.accepted.all()
    assert set(unjudged.n_drawn) == {1}
    assert not unjudged.n_refused.any()
    first = np.flatnonzero(drawn.n_drawn * drawn.accepted == 1)
    assert len(first) > 3
    for name, column in drawn.columns.items():
        assert np.array_equal(column[first], unjudged.columns[name][first], equal_nan=column.dtype.kind == "f")


def test_stricter_cuts_pass_over_draws_and_change_none(drawn: DrawnLenses, hosts: LensHosts, bank: SourceBank) -> None:
    strict = draw_lenses(judged(minimum_predicted_arc_snr=40.0), SEED, hosts, bank)
    still = strict.accepted & (drawn.columns["predicted_arc_snr"] >= 40)
    assert 10 < still.sum() < drawn.accepted.sum()
    assert np.array_equal(strict.n_drawn[still], drawn.n_drawn[still])
    assert np.array_equal(strict.columns["source_x_arcsec"][still], drawn.columns["source_x_arcsec"][still])
    assert (strict.n_drawn >= drawn.n_drawn).all()


def test_another_shear_leaves_radius_and_source_of_the_same_attempt_as_they_were(hosts: LensHosts, bank: SourceBank) -> None:
    recipes = [recipe_with("realistic", {"shear": {"law": "rayleigh", "mode": mode}}, accept=None) for mode in (0.02, 0.08)]
    weak, strong = (draw_lenses(recipe, SEED, hosts, bank).columns for recipe in recipes)
    assert strong["shear_1"] == pytest.approx(4 * weak["shear_1"])
    changed = {name for name in weak if not np.array_equal(weak[name], strong[name], equal_nan=weak[name].dtype.kind == "f")}
    place = {"source_x_arcsec", "source_y_arcsec"}  # the disc that holds every multiply imaged place grows with the shear
    assert changed == {"shear_1", "shear_2", "n_images", "predicted_magnification", "predicted_arc_snr"} | place
    angles = [np.arctan2(drawn["source_y_arcsec"], drawn["source_x_arcsec"]) for drawn in (weak, strong)]
    np.testing.assert_allclose(*angles, atol=1e-12)


ANY_RADIUS: dict[str, Any] = {"theta_e_range": ["0 arcsec", "9 arcsec"], "minimum_theta_e_over_fwhm": 0.0}
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("redshift", {"minimum_redshift_gap": 9.0}, {}),
    ("theta_e", {"theta_e_range": ["8 arcsec", "9 arcsec"], "minimum_redshift_gap": 0.0}, {}),
    ("theta_e", {"minimum_theta_e_over_fwhm": 50.0, "minimum_redshift_gap": 0.0}, {}),
    ("theta_e", ANY_RADIUS, {"mag_r": 24.0}),  # no dispersion that the recipe would keep
    ("magnification", {"minimum_magnification": 1e6, "minimum_predicted_arc_snr": 1e9}, {}),
    ("snr", {"minimum_predicted_arc_snr": 1e9}, {"mag_r": 17.0}),
]


@pytest.mark.parametrize(("reason", "limits", "host"), CASES)
def test_an_impossible_cut_refuses_every_draw_and_is_the_reason_counted_last(
    bank: SourceBank, reason: str, limits: dict[str, Any], host: dict[str, Any]
) -> None:
    drawn = draw_lenses(judged(max_draws=60, **limits), SEED, lens_sample(20, z_phot=0.2, **host), bank)
    assert not drawn.accepted.any()
    assert set(drawn.n_drawn) == {60}
    counted = drawn.n_refused.sum(axis=0)
    number = REFUSALS.index(reason)
    assert counted[number] > 0
    assert not counted[number + 1 :].any()
    assert counted.sum() == 20 * 60


def test_an_unknown_depth_or_psf_refuses_nothing(bank: SourceBank) -> None:
    drawn = draw_lenses(judged(minimum_predicted_arc_snr=1e9), SEED, lens_sample(20, mag_r=17.5, depth_r=np.nan), bank)
    assert drawn.accepted.all()
    drawn = draw_lenses(judged(minimum_theta_e_over_fwhm=99.0), SEED, lens_sample(20, mag_r=17.5, fwhm_r=np.nan), bank)
    assert drawn.accepted.all()
    assert np.isnan(drawn.columns["predicted_arc_snr"]).all()


def test_a_point_s_predicted_signal_to_noise_is_that_of_the_published_depth() -> None:
    """Depth is the magnitude of a point source at 5 sigma; two magnitudes brighter is 6.31 times that."""
    point = {"law": "sersic", "half_light_range": ["1e-6 arcsec", "1e-6 arcsec"]}
    point |= {"sersic_index_range": [1.0, 1.0], "axis_ratio_range": [1.0, 1.0]}
    priors = {"source_light": point, "source_magnitude": {"law": "uniform", "range": ["22 mag", "22 mag"]}}
    hosts = lens_sample(20, extinction_mag=0.0, mag_r=17.5)
    drawn = draw_lenses(recipe_with("realistic", priors, accept=None), SEED, hosts, None).columns
    wanted = 5 * 10 ** (0.4 * (24.0 - 22.0)) * drawn["predicted_magnification"]
    assert drawn["predicted_arc_snr"] == pytest.approx(wanted, rel=1e-4, nan_ok=True)


def test_a_grid_s_radius_is_taken_exactly_and_the_source_lies_evenly_in_its_disc() -> None:
    n = 8000
    hosts = lens_sample(n, grid_theta_e=1.25, grid_offset=1.0)
    drawn = draw_lenses(read_recipe("gen5"), SEED, hosts, None).columns
    assert set(drawn["theta_e_arcsec"]) == {1.25}
    x, y = (np.asarray(drawn[name], float) for name in ("source_x_arcsec", "source_y_arcsec"))
    radius = 0.5 * 1.25
    assert np.hypot(x, y).max() <= radius
    inside = (np.hypot(x, y) < radius / 2).mean()
    assert inside == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / n))
    assert [x.mean(), y.mean()] == pytest.approx([0, 0], abs=4 * radius / 2 / math.sqrt(n))
    assert [x.std(), y.std()] == pytest.approx([radius / 2] * 2, rel=0.03)


def test_a_realistic_source_stands_anywhere_in_the_disc_that_holds_its_lenss_curves(hosts: LensHosts, bank: SourceBank) -> None:
    drawn = draw_lenses(recipe_with("realistic", accept=None), SEED, hosts, bank).columns
    lens = drawn["theta_e_arcsec"] > 0
    shape = ("theta_e_arcsec", "lens_axis_ratio", "lens_angle_rad", "shear_1", "shear_2")
    reach = caustics(*(drawn[name][lens] for name in shape)).reach
    share = np.hypot(drawn["source_x_arcsec"][lens], drawn["source_y_arcsec"][lens]) / reach
    assert np.count_nonzero(lens) > 100
    assert 0.9 < share.max() < 1
    assert np.mean(share**2) == pytest.approx(0.5, abs=4 / math.sqrt(12 * len(share)))
