"""Sources moved in redshift, scaled, coloured by type and redshift, and given knots; slopes of the mass."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.cosmology import FlatLambdaCDM
from scipy.stats import kstest, norm, randint, truncnorm, uniform

from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.recipe_colours import RedshiftColours
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_priors import Draws, draw_lens_frame, draw_source
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_lenses import lens_sample, recipe_with

N = 20_000
Columns = dict[str, npt.NDArray[Any]]
COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)
FIXED: dict[str, Any] = {"law": "fixed", "g_offset": "0.3 mag", "z_offset": "-0.2 mag"}
SHIFT: dict[str, Any] = {"law": "shifted", "share": 0.4, "mean": 2.0, "scatter": 0.7, "minimum": 0.5, "maximum": 5.0}
SHIFT |= {"k_correction_per_redshift": "0 mag"}
SHIFTED = truncnorm((0.5 - 2.0) / 0.7, (5.0 - 2.0) / 0.7, 2.0, 0.7)
LIGHT: dict[str, Any] = {"law": "bank", "sersic_share": 0.5, "sersic_index_range": [0.5, 2.5]}
LIGHT |= {"sersic_axis_ratio_range": [0.3, 1.0], "knots_share": 0.6, "knot_number_range": [2, 12]}
LIGHT |= {"knot_flux_share_range": [0.05, 0.3]}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    return write_small_bank(tmp_path_factory.mktemp("bank") / "bank.h5")


def drawn(recipe: Recipe, bank: SourceBank, n: int = N, **hosts: Any) -> Columns:
    """Frame and source of ``n`` tasks on hosts without dust."""
    sample = lens_sample(n, extinction_mag=0.0, **hosts)
    draws = Draws(1, sample.key, sample.replicate, np.zeros(n, dtype=np.int64))
    return {**draw_lens_frame(recipe.priors, draws, sample), **draw_source(recipe, draws, sample, bank)}


def rows_of(columns: Columns, bank: SourceBank) -> npt.NDArray[np.int64]:
    return np.array([bank.index(str(name)) for name in columns["template_id"]])


def with_colours(bank: SourceBank, known: npt.NDArray[np.bool_]) -> SourceBank:
    """The bank with colours of its own where ``known``; g - r 0.01 a row, r - z 0.02."""
    number = np.arange(len(bank))
    colours = {"colour_gr": np.where(known, 0.01 * number, np.nan), "colour_rz": np.where(known, 0.02 * number, np.nan)}
    values = {name: getattr(bank, name) for name in bank.__dataclass_fields__}
    return SourceBank(**(values | colours))


# Slope of the mass


def test_the_slope_follows_the_law_and_is_isothermal_where_nothing_is_said(bank: SourceBank) -> None:
    slope = {"law": "normal", "mean": 2.078, "scatter": 0.16, "minimum": 1.8, "maximum": 2.5}
    law = truncnorm((1.8 - 2.078) / 0.16, (2.5 - 2.078) / 0.16, 2.078, 0.16)
    columns = drawn(recipe_with("realistic", {"mass_slope": slope}), bank)
    assert kstest(columns["mass_slope"], law.cdf).pvalue > 1e-4
    others = ("z_lens", "lens_axis_ratio", "shear_1", "z_source", "source_mag_r")
    before = drawn(read_recipe("realistic"), bank)
    assert all(np.array_equal(columns[name], before[name]) for name in others)
    assert set(before["mass_slope"]) == {2.0}


# Redshift


@pytest.fixture(scope="module")
def moved(bank: SourceBank) -> Columns:
    return drawn(recipe_with("realistic", {"source_redshift": SHIFT, "source_colour": FIXED}), bank)


@pytest.fixture(scope="module")
def unmoved(bank: SourceBank) -> Columns:
    return drawn(recipe_with("realistic", {"source_redshift": SHIFT | {"share": 0.0}, "source_colour": FIXED}), bank)


def test_a_share_of_the_galaxies_with_a_redshift_is_moved_to_one_of_the_law(moved: Columns, bank: SourceBank) -> None:
    known = np.isfinite(bank.redshift[rows_of(moved, bank)])
    shifted = moved["z_source_origin"] == "shifted"
    assert shifted[known].mean() == pytest.approx(0.4, abs=4 * math.sqrt(0.24 / known.sum()))
    assert set(moved["z_source_origin"][~known]) == {"drawn"}
    assert set(moved["z_source_origin"][known & ~shifted]) == {"template"}
    assert kstest(moved["z_source"][shifted], SHIFTED.cdf).pvalue > 1e-4
    assert kstest(moved["z_source"][~known], SHIFTED.cdf).pvalue > 1e-4
    assert np.array_equal(moved["z_source"][known & ~shifted], bank.redshift[rows_of(moved, bank)][known & ~shifted])


def test_surface_brightness_dims_as_the_fourth_power_of_one_plus_z(moved: Columns, unmoved: Columns, bank: SourceBank) -> None:
    """Flux over solid angle: ((1 + z0) / (1 + z1))^4 (Tolman 1930), whatever the cosmology."""
    shifted = moved["z_source_origin"] == "shifted"
    z0, z1 = bank.redshift[rows_of(moved, bank)][shifted], moved["z_source"][shifted]
    flux = 10 ** (-0.4 * (moved["source_mag_r"] - unmoved["source_mag_r"])[shifted])
    area = (moved["source_half_light_arcsec"] / unmoved["source_half_light_arcsec"])[shifted] ** 2
    assert flux / area == pytest.approx(((1 + z0) / (1 + z1)) ** 4, rel=1e-9)
    for name in ("source_mag_r", "source_half_light_arcsec", "source_size_factor", "z_source"):
        assert np.array_equal(moved[name][~shifted], unmoved[name][~shifted], equal_nan=True)


def test_size_and_magnitude_follow_the_stated_cosmology(moved: Columns, unmoved: Columns, bank: SourceBank) -> None:
    shifted = np.flatnonzero(moved["z_source_origin"] == "shifted")[:200]
    z0, z1 = bank.redshift[rows_of(moved, bank)][shifted], moved["z_source"][shifted]
    size = COSMOLOGY.angular_diameter_distance(z0).value / COSMOLOGY.angular_diameter_distance(z1).value
    assert moved["source_size_factor"][shifted] == pytest.approx(size, rel=1e-5)
    assert (moved["source_half_light_arcsec"] / unmoved["source_half_light_arcsec"])[shifted] == pytest.approx(size, rel=1e-5)
    dimming = COSMOLOGY.distmod(z1).value - COSMOLOGY.distmod(z0).value
    for band in "grz":
        assert (moved[f"source_mag_{band}"] - unmoved[f"source_mag_{band}"])[shifted] == pytest.approx(dimming, abs=1e-4)


def test_a_k_correction_is_added_per_redshift_moved(moved: Columns, bank: SourceBank) -> None:
    corrected = SHIFT | {"k_correction_per_redshift": "-0.5 mag"}
    columns = drawn(recipe_with("realistic", {"source_redshift": corrected, "source_colour": FIXED}), bank)
    shifted = moved["z_source_origin"] == "shifted"
    distance = np.where(shifted, moved["z_source"] - bank.redshift[rows_of(moved, bank)], 0.0)
    assert columns["source_mag_r"] - moved["source_mag_r"] == pytest.approx(-0.5 * distance)


# Size and flux


def test_a_size_factor_scales_the_radius_and_is_recorded(bank: SourceBank) -> None:
    columns = drawn(recipe_with("realistic", {"source_light": LIGHT | {"size_factor_range": [0.5, 2.0]}}), bank)
    factor = columns["source_size_factor"]
    assert kstest(factor, uniform(0.5, 1.5).cdf).pvalue > 1e-4
    circular = columns["source_half_light_arcsec"] * np.sqrt(np.nan_to_num(columns["source_axis_ratio"], nan=1.0))
    assert circular == pytest.approx(factor * bank.half_light_radius_arcsec[rows_of(columns, bank)])


def test_a_magnitude_scatter_scales_the_flux_in_every_band_alike(bank: SourceBank) -> None:
    priors = {"source_magnitude": {"law": "template", "colour_factor": 0.6, "scatter": "0.5 mag"}}
    before, after = drawn(read_recipe("realistic"), bank), drawn(recipe_with("realistic", priors), bank)
    change = after["source_mag_r"] - before["source_mag_r"]
    assert kstest(change, norm(0, 0.5).cdf).pvalue > 1e-4
    for band in "gz":
        assert after[f"source_mag_{band}"] - before[f"source_mag_{band}"] == pytest.approx(change)


# Knots


def test_a_share_of_the_sersic_sources_have_knots_and_only_they(bank: SourceBank) -> None:
    columns = drawn(recipe_with("realistic", {"source_light": LIGHT}), bank)
    kinds = columns["source_kind"]
    knotted = kinds == "sersic_knots"
    assert (kinds == "template").mean() == pytest.approx(0.5, abs=4 * 0.5 / math.sqrt(N))
    assert knotted[kinds != "template"].mean() == pytest.approx(0.6, abs=4 * math.sqrt(0.24 / (N / 2)))
    number, share = columns["source_knots"], columns["source_knot_share"]
    assert np.array_equal(np.isfinite(number), knotted)
    assert np.array_equal(np.isfinite(share), knotted)
    counts = np.bincount(number[knotted].astype(int), minlength=13)[2:]
    assert counts / knotted.sum() == pytest.approx(randint(2, 13).pmf(np.arange(2, 13)), abs=0.02)
    assert kstest(share[knotted], uniform(0.05, 0.25).cdf).pvalue > 1e-4
    sersic = kinds != "template"
    for name in ("source_sersic_n", "source_axis_ratio"):  # which have knots says nothing of their shape
        assert abs(np.corrcoef(knotted[sersic], columns[name][sersic])[0, 1]) < 5 / math.sqrt(sersic.sum())
    assert abs(np.corrcoef(number[knotted], share[knotted])[0, 1]) < 5 / math.sqrt(knotted.sum())
    assert abs(np.corrcoef(number[knotted], columns["source_sersic_n"][knotted])[0, 1]) < 5 / math.sqrt(knotted.sum())


def test_knots_leave_everything_else_of_a_source_as_it_was(bank: SourceBank) -> None:
    smooth, knotted = (
        drawn(recipe_with("realistic", {"source_light": LIGHT | {"knots_share": s}}), bank, 500) for s in (0.0, 1.0)
    )
    different = {
        name for name in smooth if not np.array_equal(smooth[name], knotted[name], equal_nan=smooth[name].dtype.kind == "f")
    }
    assert different == {"source_kind", "source_knots", "source_knot_share"}


def test_a_source_is_the_same_alone_and_in_company(bank: SourceBank) -> None:
    recipe = recipe_with("realistic", {"source_light": LIGHT, "source_redshift": SHIFT})
    sample = lens_sample(60)
    together, alone = (
        draw_source(recipe, Draws(1, hosts.key, hosts.replicate, np.zeros(len(hosts), dtype=np.int64)), hosts, bank)
        for hosts in (sample, sample.rows(np.arange(60)[37:41]))
    )
    for name, column in together.items():
        assert np.array_equal(column[37:41], alone[name], equal_nan=column.dtype.kind == "f"), name


# Colours


def colours_of(columns: Columns) -> npt.NDArray[np.float64]:
    g, r, z = (columns[f"source_mag_{band}"] for band in "grz")
    return np.stack([g - r, r - z], axis=1)


def test_a_galaxy_s_own_colours_are_taken_where_the_bank_knows_both(bank: SourceBank) -> None:
    rich = with_colours(bank, np.arange(len(bank)) % 3 > 0)
    train = bank.rows_of_split("train", read_recipe("realistic").split.fractions)
    half_known = train[train % 3 > 0][:2]
    rich.colour_rz[half_known[0]] = rich.colour_gr[half_known[1]] = np.nan
    columns = drawn(read_recipe("realistic"), rich)
    row = rows_of(columns, rich)
    own = (row % 3 > 0) & ~np.isin(row, half_known)
    assert np.array_equal(columns["source_colour_origin"], np.where(own, "template", "redshift"))
    assert colours_of(columns)[own] == pytest.approx(np.stack([0.01 * row, 0.02 * row], axis=1)[own])
    assert columns["source_mag_r"] == pytest.approx(rich.mag_f814w[row] + 0.6 * colours_of(columns)[:, 1])


def test_a_galaxy_that_was_moved_takes_the_colours_of_where_it_is(bank: SourceBank) -> None:
    rich = with_colours(bank, np.full(len(bank), True))
    columns = drawn(recipe_with("realistic", {"source_redshift": SHIFT}), rich)
    shifted = columns["z_source_origin"] == "shifted"
    assert set(columns["source_colour_origin"][shifted]) == {"redshift"}
    assert set(columns["source_colour_origin"][~shifted]) == {"template"}


def test_colours_by_redshift_lie_about_the_table_s_lines_and_stay_at_its_ends(bank: SourceBank) -> None:
    law = read_recipe("realistic").priors.source_colour
    assert isinstance(law, RedshiftColours)
    shift = SHIFT | {"share": 1.0, "minimum": 0.1, "maximum": 7.0, "scatter": 2.0}
    no_old = law.model_dump() | {"quiescent_share": 0.0}
    for track in ("star_forming", "quiescent"):
        for name, value in no_old[track].items():
            no_old[track][name] = f"{value} mag" if isinstance(value, float) else [f"{one} mag" for one in value]
    no_old["redshifts"] = list(no_old["redshifts"])
    columns = drawn(recipe_with("realistic", {"source_redshift": shift, "source_colour": no_old}), bank)
    z = columns["z_source"]
    for column, (means, scatter) in enumerate(
        [
            (law.star_forming.g_minus_r, law.star_forming.g_minus_r_scatter),
            (law.star_forming.r_minus_z, law.star_forming.r_minus_z_scatter),
        ]
    ):
        residual = (colours_of(columns)[:, column] - np.interp(z, law.redshifts, means)) / scatter
        for edges in ((0.1, 0.3), (0.3, 1.0), (1.0, 2.5), (2.5, 4.0), (4.0, 7.0)):
            assert kstest(residual[(z > edges[0]) & (z < edges[1])], norm.cdf).pvalue > 1e-4, edges


def test_the_realistic_colours_redden_by_the_forest_and_a_few_are_quiescent(bank: SourceBank) -> None:
    recipe = recipe_with("realistic", {"source_redshift": SHIFT | {"share": 1.0, "maximum": 6.0, "scatter": 1.5}})
    columns = drawn(recipe, bank)
    z, g_r = columns["z_source"], colours_of(columns)[:, 0]
    medians = [float(np.median(g_r[np.abs(z - at) < 0.2])) for at in (2.0, 3.0, 3.5, 4.0)]
    assert (np.diff(medians) > 0).all()
    assert medians[-1] - medians[0] > 0.8
    near_one = g_r[np.abs(z - 1.0) < 0.1]
    assert (near_one > 1.5).mean() == pytest.approx(0.05, abs=0.02)


def test_fixed_and_normal_colours_say_so(bank: SourceBank) -> None:
    fixed = drawn(recipe_with("realistic", {"source_colour": FIXED}), bank, 50)
    assert set(fixed["source_colour_origin"]) == {"fixed"}
    assert colours_of(fixed) == pytest.approx(np.full((50, 2), [0.3, 0.2]))
    normal = {"law": "normal", "g_minus_r": "0.3 mag", "g_minus_r_scatter": "0 mag", "r_minus_z": "0.1 mag"}
    columns = drawn(recipe_with("realistic", {"source_colour": normal | {"r_minus_z_scatter": "0 mag"}}), bank, 50)
    assert set(columns["source_colour_origin"]) == {"normal"}
    assert colours_of(columns) == pytest.approx(np.full((50, 2), [0.3, 0.1]))


def test_a_bank_without_redshifts_draws_them_all(tmp_path: Path) -> None:
    odd = write_small_bank(tmp_path / "odd.h5", 60)
    odd.redshift[:] = np.nan
    columns = drawn(recipe_with("realistic", {"source_redshift": SHIFT}), odd, 500)
    assert set(columns["z_source_origin"]) == {"drawn"}
    assert set(columns["source_size_factor"]) == {1.0}
