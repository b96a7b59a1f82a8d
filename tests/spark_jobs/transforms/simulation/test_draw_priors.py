"""Each prior's draws have the mean and the scatter that the recipe says, and share no chance with another's."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.cosmology import FlatLambdaCDM
from scipy.stats import halfnorm, kstest, norm, rayleigh, truncnorm, uniform

from schemas.job_entry import InputError
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.recipe_priors import DispersionRadius
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_priors import Draws, draw_lens_frame, draw_source, host_dispersion
from spark_jobs.transforms.simulation.lens_hosts import LensHosts
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_lenses import angle_between, lens_sample, recipe_with

N = 20_000
Columns = dict[str, npt.NDArray[Any]]
SERSIC: dict[str, Any] = {
    "source_light": {
        "law": "sersic",
        "half_light_range": ["0.1 arcsec", "0.6 arcsec"],
        "sersic_index_range": [0.5, 4.0],
        "axis_ratio_range": [0.2, 1.0],
    },
    "source_magnitude": {"law": "uniform", "range": ["20 mag", "25 mag"]},
}
NORMAL_COLOURS: dict[str, Any] = {"law": "normal", "g_minus_r": "0.3 mag", "g_minus_r_scatter": "0.2 mag"}
NORMAL_COLOURS |= {"r_minus_z": "0.2 mag", "r_minus_z_scatter": "0.3 mag"}


def chance(hosts: LensHosts, seed: int = 1) -> Draws:
    return Draws(seed, hosts.key, hosts.replicate, np.zeros(len(hosts), dtype=np.int64))


def drawn(recipe: Recipe, hosts: LensHosts, bank: SourceBank | None = None) -> Columns:
    """Every drawn column, and the quantities that priors are written in."""
    draws = chance(hosts)
    columns: Columns = {**draw_lens_frame(recipe.priors, draws, hosts), **draw_source(recipe, draws, hosts, bank)}
    q = columns["lens_axis_ratio"]
    columns |= {"shear": np.hypot(columns["shear_1"], columns["shear_2"]), "ellipticity": (1 - q) / (1 + q)}
    columns |= {"shear_angle": np.arctan2(columns["shear_2"], columns["shear_1"])}
    light = 0.5 * np.arctan2(hosts.e2, hosts.e1)
    columns |= {"misalignment": angle_between(columns["lens_angle_rad"], light)}
    g, r, z = (columns[f"source_mag_{band}"] - hosts.extinction_mag[:, n] for n, band in enumerate("grz"))
    return columns | {"g_minus_r": g - r, "r_minus_z": r - z, "r": r}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    return write_small_bank(tmp_path_factory.mktemp("bank") / "bank.h5")


@pytest.fixture(scope="module")
def sets(bank: SourceBank) -> dict[str, Columns]:
    """Draws of the recipes by name; hosts are alike, elongated to 0.2 at 30 degrees, or round."""
    elongated = {"e1": 0.2 * math.cos(math.pi / 3), "e2": 0.2 * math.sin(math.pi / 3)}
    return {
        "realistic": drawn(read_recipe("realistic"), lens_sample(N, **elongated), bank),
        "normal": drawn(recipe_with("realistic", {"source_colour": NORMAL_COLOURS}), lens_sample(N, **elongated), bank),
        "round": drawn(read_recipe("realistic"), lens_sample(N, e1=0.05), bank),
        "gen5": drawn(read_recipe("gen5"), lens_sample(N, grid_offset=1.5)),
        "sersic": drawn(recipe_with("realistic", SERSIC | {"source_colour": NORMAL_COLOURS}, accept=None), lens_sample(N)),
    }


REDSHIFT = truncnorm((0.3 - 1.5) / 0.6, (4.0 - 1.5) / 0.6, 1.5, 0.6)
LAWS: list[tuple[str, str, Any]] = [
    ("realistic", "z_lens", norm(-0.10 + 0.58 * 0.9, 0.04)),
    ("realistic", "shear", rayleigh(scale=0.04)),
    ("realistic", "shear_angle", uniform(-math.pi, 2 * math.pi)),
    ("realistic", "shear_1", norm(0, 0.04)),
    ("realistic", "ellipticity", norm(0.2, 0.06)),
    ("realistic", "misalignment", norm(0, math.radians(10))),
    ("realistic", "lens_dx_arcsec", norm(0, 0.02)),
    ("realistic", "lens_dy_arcsec", norm(0, 0.02)),
    ("realistic", "source_angle_rad", uniform(0, 2 * math.pi)),
    ("normal", "g_minus_r", norm(0.3, 0.2)),
    ("normal", "r_minus_z", norm(0.2, 0.3)),
    ("round", "lens_angle_rad", uniform(0, math.pi)),
    ("gen5", "lens_axis_ratio", uniform(0.5, 0.5)),
    ("gen5", "lens_angle_rad", uniform(0, math.pi)),
    ("gen5", "shear", rayleigh(scale=0.03)),
    ("sersic", "z_source", REDSHIFT),
    ("sersic", "source_half_light_arcsec", uniform(0.1, 0.5)),
    ("sersic", "source_sersic_n", uniform(0.5, 3.5)),
    ("sersic", "source_axis_ratio", uniform(0.2, 0.8)),
    ("sersic", "r", uniform(20, 5)),
]


@pytest.mark.parametrize(("recipe", "column", "law"), LAWS, ids=[f"{recipe} {column}" for recipe, column, _ in LAWS])
def test_a_prior_is_drawn_from_the_law_that_the_recipe_names(
    sets: dict[str, Columns], recipe: str, column: str, law: Any
) -> None:
    values = np.asarray(sets[recipe][column], float)
    tolerance = 4 * law.std() / math.sqrt(N)
    assert values.mean() == pytest.approx(law.mean(), abs=tolerance)
    assert values.std() == pytest.approx(law.std(), abs=1.5 * tolerance)
    assert kstest(values, law.cdf).pvalue > 1e-4


def test_no_two_draws_share_their_chance(sets: dict[str, Columns]) -> None:
    names = ("z_lens", "ellipticity", "misalignment", "shear", "shear_angle", "lens_dx_arcsec", "lens_dy_arcsec")
    names += ("source_sersic_n", "source_axis_ratio", "source_half_light_arcsec", "source_angle_rad", "z_source")
    names += ("g_minus_r", "r_minus_z", "r")
    for recipe, wanted in (("sersic", names), ("normal", tuple(set(names) - {"r", *names[7:10], "z_source"}))):
        matrix = np.corrcoef([np.asarray(sets[recipe][name], float) for name in wanted])
        assert np.abs(matrix - np.eye(len(wanted))).max() < 5 / math.sqrt(N)


def test_the_failed_experiment_s_sources_have_one_colour_one_size_and_the_host_s_magnitude_plus_the_offset(
    sets: dict[str, Columns],
) -> None:
    gen5 = sets["gen5"]
    assert set(gen5["source_mag_r"]) == {18.7 + 1.5}  # the host as observed; no dust a second time
    assert gen5["source_mag_g"] - gen5["source_mag_r"] == pytest.approx(-0.3225)
    assert gen5["source_mag_z"] - gen5["source_mag_r"] == pytest.approx(0.21)
    assert set(gen5["source_kind"]) == {"flat_square"}
    assert set(gen5["template_id"]) == {""}
    assert gen5["source_half_light_arcsec"] == pytest.approx(math.sqrt(2.88**2 / 2 / math.pi))
    for name in ("z_lens", "z_source", "source_sersic_n", "source_size_factor"):
        assert np.isnan(gen5[name]).all()
    assert set(gen5["lens_dx_arcsec"]) == {0.0}
    assert {str(gen5[name][0]) for name in ("z_lens_origin", "z_source_origin")} == {"none", ""}
    assert set(gen5["mass_slope"]) == {2.0}


def test_a_bank_s_galaxy_brings_its_own_magnitude_redshift_and_size(sets: dict[str, Columns], bank: SourceBank) -> None:
    columns = sets["realistic"]
    row = np.array([bank.index(str(name)) for name in columns["template_id"]])
    assert columns["r"] == pytest.approx(bank.mag_f814w[row] + 0.6 * columns["r_minus_z"])
    known = np.isfinite(bank.redshift[row])
    assert np.array_equal(columns["z_source"][known], bank.redshift[row][known])
    assert 0.3 < known.mean() < 0.7
    assert kstest(columns["z_source"][~known], REDSHIFT.cdf).pvalue > 1e-4
    sersic = np.isin(columns["source_kind"], ["sersic", "sersic_knots"])
    assert sersic.mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / N))
    assert set(columns["source_kind"][~sersic]) == {"template"}
    # A circle's radius in the bank, a major axis in the task.
    circular = columns["source_half_light_arcsec"] * np.where(sersic, np.sqrt(columns["source_axis_ratio"]), 1)
    assert circular == pytest.approx(bank.half_light_radius_arcsec[row])
    assert np.isnan(columns["source_sersic_n"][~sersic]).all()
    assert kstest(columns["source_sersic_n"][sersic], uniform(0.5, 2.0).cdf).pvalue > 1e-4
    assert kstest(columns["source_axis_ratio"][sersic], uniform(0.3, 0.7).cdf).pvalue > 1e-4
    assert abs(np.corrcoef(row, sersic)[0, 1]) < 5 / math.sqrt(N)  # which galaxy says nothing of how it is drawn
    assert abs(np.corrcoef(row[sersic], columns["source_sersic_n"][sersic])[0, 1]) < 5 / math.sqrt(sersic.sum())
    assert set(columns["source_size_factor"][~sersic]) == {1.0}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_task_draws_evenly_from_the_templates_of_its_own_split(bank: SourceBank, split: str) -> None:
    recipe = read_recipe("realistic")
    own = bank.template_id[bank.rows_of_split(split, recipe.split.fractions)].tolist()
    names, counts = np.unique(drawn(recipe, lens_sample(N, split=split), bank)["template_id"], return_counts=True)
    assert sorted(names) == sorted(own)
    assert np.abs(counts - N / len(own)).max() < 5 * math.sqrt(N / len(own))


def test_a_catalogue_redshift_is_taken_as_it_is_within_the_prior_s_range() -> None:
    recipe = read_recipe("realistic")
    hosts = lens_sample(5, z_phot=np.array([0.35, 0.02, 1.7, np.nan, np.nan]), r_minus_z=np.array([9, 9, 9, -9, 9]))
    frame = draw_lens_frame(recipe.priors, chance(hosts), hosts)
    assert frame["z_lens"].tolist() == [0.35, 0.1, 0.9, 0.1, 0.9]
    assert frame["z_lens_origin"].tolist() == ["catalogue", *["clipped"] * 4]
    assert set(draw_lens_frame(recipe.priors, chance(lens_sample(9)), lens_sample(9))["z_lens_origin"]) == {"colour"}


def test_the_mass_of_a_round_galaxy_is_as_flat_as_the_scatter_makes_it_and_of_a_flat_one_no_flatter_than_allowed() -> None:
    recipe = read_recipe("realistic")
    for light, law in ((0.0, halfnorm(scale=0.06)), (0.7, norm(0.7, 0.06))):
        hosts = lens_sample(N, e1=light)
        q = draw_lens_frame(recipe.priors, chance(hosts), hosts)["lens_axis_ratio"]
        cut = q > 0.3
        assert kstest(((1 - q) / (1 + q))[cut], lambda e, law=law: law.cdf(e) / law.cdf(0.7 / 1.3)).pvalue > 1e-4
        assert (q >= 0.3).all()
    assert not cut.all()


def test_the_dispersion_follows_faber_jackson_and_zero_marks_a_galaxy_below_the_minimum() -> None:
    """log sigma = 2.203 - 0.102 (M_r + 21.15) +- 0.07 with M_r = m - DM - 1.1 z + 0.85 z (Bernardi et al. 2003)."""
    prior = read_recipe("realistic").priors.theta_e
    assert isinstance(prior, DispersionRadius)
    hosts = lens_sample(N, mag_r=18.0)
    sigma = host_dispersion(prior, chance(hosts), hosts, np.full(N, 0.4))
    magnitude = 18.0 - FlatLambdaCDM(H0=70, Om0=0.3).distmod(0.4).value - 0.25 * 0.4
    law = norm(2.203 - 0.102 * (magnitude + 21.15), 0.07)
    below = law.cdf(math.log10(160))
    assert (sigma == 0).mean() == pytest.approx(below, abs=4 * math.sqrt(below / N) + 1e-4)
    kept = np.log10(sigma[sigma > 0])
    assert kept.min() >= math.log10(160)
    assert kstest(kept, lambda x: (law.cdf(x) - below) / (1 - below)).pvalue > 1e-4


def test_dust_dims_each_band_of_a_source_by_its_own_extinction(bank: SourceBank) -> None:
    recipe = read_recipe("realistic")
    dusty, clear = lens_sample(50), lens_sample(50, extinction_mag=0.0)
    difference = [drawn(recipe, dusty, bank)[f"source_mag_{b}"] - drawn(recipe, clear, bank)[f"source_mag_{b}"] for b in "grz"]
    assert np.stack(difference, axis=1) == pytest.approx(dusty.extinction_mag)


def test_changing_one_prior_leaves_the_draws_of_the_others_as_they_were(sets: dict[str, Columns], bank: SourceBank) -> None:
    shear = {"law": "rayleigh", "mode": 0.1}
    narrow = {"law": "near_light", "ellipticity_scatter": 0.0, "angle_scatter": "0 deg"}
    narrow |= {"angle_known_above_ellipticity": 0.1, "minimum_axis_ratio": 0.3}
    changed = {"shear": ("shear_1", "shear_2"), "mass_ellipticity": ("lens_axis_ratio", "lens_angle_rad")}
    hosts = lens_sample(200)
    before = drawn(read_recipe("realistic"), hosts, bank)
    for prior, entry in (("shear", shear), ("mass_ellipticity", narrow)):
        after = drawn(recipe_with("realistic", {prior: entry}), hosts, bank)
        named = {name for name in before if name.startswith(("z_", "lens_", "shear_", "source_", "template"))} - {"shear_angle"}
        different = {
            name for name in named if not np.array_equal(before[name], after[name], equal_nan=before[name].dtype.kind == "f")
        }
        assert different == set(changed[prior])


@pytest.mark.parametrize(
    ("priors", "told"),
    [
        ({}, "draws its sources from a bank and none was given; wanted --bank FILE.h5"),
        ({"source_light": SERSIC["source_light"]}, "source_magnitude law template needs source_light law bank"),
    ],
)
def test_a_recipe_that_needs_a_bank_says_so(priors: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        drawn(recipe_with("realistic", priors), lens_sample(3))


def test_a_bank_without_a_template_of_a_split_is_refused(tmp_path: Path) -> None:
    bank = write_small_bank(tmp_path / "one.h5", 1)
    recipe = read_recipe("realistic")
    absent = [split for split in ("train", "val", "test") if not len(bank.rows_of_split(split, recipe.split.fractions))]
    assert len(absent) == 2
    with pytest.raises(InputError, match=f"the 1 templates of .* hash to no {absent[0]} split; wanted a larger bank"):
        drawn(recipe, lens_sample(3, split=absent[0]), bank)
