"""The optional laws of a recipe: slopes, moved sources, colours by redshift, knots and noise, and the nonsense they refuse."""

from __future__ import annotations

import copy
from typing import Any

import galsim
import numpy as np
import pytest

from schemas.job_entry import InputError
from spark_jobs.physics.source_colours import observed_colours
from spark_jobs.recipe import parse_recipe, read_recipe
from spark_jobs.recipe_colours import RedshiftColours
from spark_jobs.recipe_priors import BankLight
from tests.spark_jobs.recipe_texts import changed
from tests.spark_jobs.small_lenses import recipe_with

SLOPE: dict[str, Any] = {"law": "normal", "mean": 2.078, "scatter": 0.16, "minimum": 1.5, "maximum": 2.5}
SHIFT: dict[str, Any] = {"law": "shifted", "share": 0.5, "mean": 1.5, "scatter": 0.6, "minimum": 0.3, "maximum": 4.0}
SHIFT |= {"k_correction_per_redshift": "0 mag"}
TRACK: dict[str, Any] = {"g_minus_r": ["0.2 mag", "0.4 mag"], "g_minus_r_scatter": "0.2 mag"}
TRACK |= {"r_minus_z": ["0.1 mag", "0.3 mag"], "r_minus_z_scatter": "0.3 mag"}
COLOURS: dict[str, Any] = {"law": "by_redshift", "redshifts": [0.5, 3.0], "star_forming": TRACK}
COLOURS |= {"quiescent_share": 0.0, "quiescent": None}
LIGHT: dict[str, Any] = {"law": "bank", "sersic_share": 0.5, "sersic_index_range": [0.5, 2.5]}
LIGHT |= {"sersic_axis_ratio_range": [0.3, 1.0]}


@pytest.mark.parametrize(
    ("entry", "prior"),
    [("mass_slope", SLOPE), ("source_redshift", SHIFT), ("source_colour", COLOURS), ("source_light", LIGHT)],
)
def test_an_optional_law_is_read_and_is_another_experiment(entry: str, prior: dict[str, Any]) -> None:
    recipe = recipe_with("realistic", {entry: prior})
    assert getattr(recipe.priors, entry).law == prior["law"]
    assert recipe.recipe_hash != read_recipe("realistic").recipe_hash
    assert parse_recipe(recipe.as_yaml(), "again") == recipe


@pytest.mark.parametrize(
    ("entry", "prior", "told"),
    [
        ("mass_slope", SLOPE | {"minimum": 2.6}, r"priors\.mass_slope\.normal: minimum is 2\.6 and the maximum is 2\.5"),
        ("mass_slope", SLOPE | {"mean": 3.0}, r"priors\.mass_slope\.normal\.mean: Input should be less than 3 \(seen '3\.0'\)"),
        ("mass_slope", SLOPE | {"maximum": 2.9}, r"mass_slope\.normal\.maximum: Input should be less than or equal to 2\.8"),
        ("mass_slope", SLOPE | {"scatter": 0.0}, r"mass_slope\.normal\.scatter: Input should be greater than 0"),
        ("mass_slope", {"law": "isothermal", "mean": 2.0}, r"priors\.mass_slope\.isothermal\.mean: unknown key"),
        (
            "source_redshift",
            SHIFT | {"share": 1.1},
            r"source_redshift\.shifted\.share: Input should be less than or equal to 1",
        ),
        ("source_redshift", SHIFT | {"minimum": 0.0}, r"source_redshift\.shifted\.minimum: Input should be greater than"),
        (
            "source_redshift",
            SHIFT | {"k_correction_per_redshift": 0},
            r"k_correction_per_redshift: 0 has no unit; wanted .* mag",
        ),
        ("source_colour", COLOURS | {"redshifts": [3.0, 0.5]}, r"by_redshift: redshifts are \(3\.0, 0\.5\); wanted each above"),
        ("source_colour", COLOURS | {"redshifts": [0.5, 0.5]}, "wanted each above the one before"),
        ("source_colour", COLOURS | {"redshifts": [0.5]}, r"redshifts: Tuple should have at least 2 items"),
        (
            "source_colour",
            COLOURS | {"redshifts": [0.5, 1.0, 2.0]},
            r"star_forming\.g_minus_r has 2 values; wanted one for each of 3 redshifts",
        ),
        (
            "source_colour",
            COLOURS | {"quiescent": copy.deepcopy(TRACK) | {"r_minus_z": ["1 mag"] * 3}},
            r"quiescent\.r_minus_z has 3 values; wanted one for each of 2",
        ),
        ("source_colour", COLOURS | {"quiescent_share": 0.1}, r"quiescent_share is 0\.1 and quiescent is null"),
        (
            "source_colour",
            COLOURS | {"star_forming": TRACK | {"g_minus_r_scatter": "-0.2 mag"}},
            r"star_forming\.g_minus_r_scatter: Input should be greater than or equal to 0",
        ),
        ("source_light", LIGHT | {"size_factor_range": [1.2, 0.8]}, r"size_factor_range: range from 1\.2 to 0\.8"),
        ("source_light", LIGHT | {"size_factor_range": [0.0, 1.0]}, r"size_factor_range\.0: Input should be greater than"),
        ("source_light", LIGHT | {"knots_share": -0.1}, r"knots_share: Input should be greater than or equal to 0"),
        ("source_light", LIGHT | {"knot_number_range": [0, 5]}, r"knot_number_range\.0: Input should be greater than or equal"),
        ("source_light", LIGHT | {"knot_number_range": [2.5, 5]}, r"knot_number_range\.0: Input should be a valid integer"),
        ("source_light", LIGHT | {"knot_flux_share_range": [0.1, 1.2]}, r"knot_flux_share_range\.1: Input should be less"),
        ("source_light", LIGHT | {"knot_fwhm": "0 arcsec"}, r"knot_fwhm: Input should be greater than 0"),
        (
            "source_light",
            LIGHT | {"knots_share": 0.5, "sersic_index_range": [0.5, 6.0]},
            r"sersic_index_range reaches 6\.0 and knots_share is 0\.5; wanted an index of at most 4 where there are knots",
        ),
    ],
)
def test_nonsense_is_refused_with_the_entry_s_name(entry: str, prior: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        recipe_with("realistic", {entry: prior})


def test_an_optional_law_without_a_reference_is_refused() -> None:
    text = changed('    law: isothermal\n    reference: "Auger et al. 2010', '    law: isothermal\n    socks: "Auger')
    with pytest.raises(InputError, match=r"priors\.mass_slope\.isothermal\.reference: Field required"):
        parse_recipe(text, "mine")


def test_colours_by_redshift_need_a_redshift() -> None:
    with pytest.raises(InputError, match="priors: source_colour law by_redshift needs source_redshift; it is null"):
        recipe_with("gen5", {"source_colour": COLOURS})


def noise(entry: str) -> str:
    return f"based_on: realistic\nname: mine\nnoise: {entry}"


SKY = "sky: {g: 22 mag/arcsec2, r: 21 mag/arcsec2, z: 18.5 mag/arcsec2}"


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{law: shot}", "noise: law shot needs a gain in electron/nmgy or a sky in mag/arcsec2; both are absent"),
        (f"{{law: shot, gain: 1e4 electron/nmgy, {SKY}}}", "noise: gain and sky are both given; wanted one of them"),
        ("{law: shot, gain: 0 electron/nmgy}", "noise.gain: gain is 0.0 electron/nmgy; wanted a number above 0"),
        ("{law: shot, gain: 1.0e4 electron}", "noise.gain: '1.0e4 electron' has unit electron; wanted electron/nmgy"),
        (f"{{law: shot, {SKY.replace('22 mag/arcsec2', '22 mag')}}}", "noise.sky.g: '22 mag' has unit mag; wanted mag/arcsec2"),
        (f"{{law: shot, {SKY.replace('22 mag', '220 mag')}}}", "noise.sky.g: Input should be less than or equal to 30"),
        (f"{{law: shot, {SKY.replace('z: 18.5', 'y: 18.5')}}}", "noise.sky.z: Field required; noise.sky.y: unknown key"),
    ],
)
def test_a_noise_that_says_no_gain_or_two_is_refused(entry: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_recipe(noise(entry), "mine")
    assert told in str(refused.value)


def test_a_gain_or_a_sky_is_enough_for_photon_noise() -> None:
    assert parse_recipe(noise("{law: shot, gain: 1e4 electron/nmgy}"), "mine").noise.gain == 1e4
    sky = parse_recipe(noise(f"{{law: shot, {SKY}}}"), "mine").noise.sky
    assert sky is not None
    assert (sky.g, sky.r, sky.z) == (22.0, 21.0, 18.5)


@pytest.mark.parametrize(("kind", "spectrum"), [("star_forming", "Im"), ("quiescent", "E")])
def test_the_realistic_colours_are_those_of_the_spectra_that_their_reference_names(kind: str, spectrum: str) -> None:
    table = read_recipe("realistic").priors.source_colour
    assert isinstance(table, RedshiftColours)
    wavelength, flux = np.loadtxt(f"{galsim.meta_data.share_dir}/SEDs/CWW_{spectrum}_ext.sed", unpack=True)
    wanted = np.array([observed_colours(wavelength, flux, z) for z in table.redshifts])
    track = getattr(table, kind)
    assert np.stack([track.g_minus_r, track.r_minus_z], axis=1) == pytest.approx(wanted, abs=0.02)


def test_realistic_sources_are_their_own_size_and_have_clumps() -> None:
    light = read_recipe("realistic").priors.source_light
    assert isinstance(light, BankLight)
    assert light.size_factor_range == (1.0, 1.0)
    assert 0 < light.knots_share < 1
    assert "Guo et al. 2015" in light.reference
