"""The priors of a recipe: each says where its numbers come from, and those that need one another stand together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from schemas.job_entry import InputError
from spark_jobs import recipe_priors
from spark_jobs.recipe import parse_recipe, read_recipe
from spark_jobs.recipe_entry import Prior
from spark_jobs.recipe_priors import Priors
from tests.spark_jobs.recipe_texts import SHIPPED, changed

LAWS = [law for law in vars(recipe_priors).values() if isinstance(law, type) and issubclass(law, Prior) and law is not Prior]


def priors_of(name: str) -> dict[str, Prior | None]:
    priors = read_recipe(name).priors
    return {entry: getattr(priors, entry) for entry in Priors.model_fields}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_prior_of_a_shipped_recipe_says_where_its_numbers_come_from(name: str) -> None:
    for entry, prior in priors_of(name).items():
        if prior is None:
            assert entry in {"lens_redshift", "source_redshift", "mass_slope"}
        else:
            assert isinstance(prior, Prior), entry
            assert len(prior.reference.split()) >= 3, entry


@pytest.mark.parametrize("law", LAWS)
def test_a_law_has_a_name_a_sentence_and_a_reference_that_cannot_be_left_out(law: type[BaseModel]) -> None:
    assert law.model_fields["reference"].is_required()
    assert law.model_fields["law"].is_required()
    assert law.__doc__
    assert law.model_config["extra"] == "forbid"
    assert law.model_config["frozen"] is True


def test_a_reference_cannot_be_empty() -> None:
    with pytest.raises(InputError, match=r"priors\.shear\.reference: String should have at least 3 characters"):
        parse_recipe(changed('"Keeton, Kochanek & Seljak 1997, ApJ 482, 604: shear of a few per cent"', '""'), "mine")


def test_an_unknown_law_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError, match=r"priors\.theta_e: .*'lottery'.*'velocity_dispersion', 'grid'"):
        parse_recipe(changed("law: velocity_dispersion", "law: lottery"), "mine")
    with pytest.raises(InputError, match=r"priors\.shear\.law: Input should be 'rayleigh' \(seen 'lottery'\)"):
        parse_recipe(changed("law: rayleigh", "law: lottery"), "mine")


@pytest.mark.parametrize("entry", ["lens_redshift", "source_redshift"])
def test_a_radius_from_the_velocity_dispersion_needs_both_redshifts(entry: str) -> None:
    content: dict[str, Any] = read_recipe("realistic").model_dump()["priors"]
    text = read_recipe("realistic").as_yaml()
    assert content[entry] is not None
    start = text.index(f"  {entry}:")
    end = text.index("  theta_e:" if entry == "lens_redshift" else "  source_colour:")
    with pytest.raises(
        InputError, match="priors: theta_e law velocity_dispersion needs lens_redshift and source_redshift; one"
    ):
        parse_recipe(text[:start] + f"  {entry}: null\n" + text[end:], "mine")


def test_a_magnitude_of_the_template_needs_a_template() -> None:
    text = changed(
        "law: flat_square\n    side: 2.88 arcsec",
        "law: sersic\n    half_light_range: [0.1 arcsec, 0.5 arcsec]\n"
        "    sersic_index_range: [1, 2]\n    axis_ratio_range: [0.5, 1]",
        "gen5",
    )
    assert parse_recipe(text, "mine").priors.source_light.law == "sersic"
    template = text.replace(
        "law: host_offset\n    values: [0.5 mag, 1.0 mag, 1.5 mag, 2.0 mag]", "law: template\n    colour_factor: 1"
    )
    assert template != text
    with pytest.raises(InputError, match="priors: source_magnitude law template needs source_light law bank"):
        parse_recipe(template, "mine")


@pytest.mark.parametrize(
    ("recipe", "old", "new", "told"),
    [
        ("realistic", "minimum: 0.1\n", "minimum: 0.95\n", r"priors\.lens_redshift: minimum is 0\.95 and the maximum is 0\.9"),
        ("realistic", "maximum: 4.0\n", "maximum: 0.2\n", r"priors\.source_redshift\.\w+: minimum is 0\.3 and the"),
        ("gen5", "maximum_axis_ratio: 1.0", "maximum_axis_ratio: 0.4", r"minimum_axis_ratio is 0\.5 and the maximum is 0\.4"),
        ("realistic", "[0.5, 2.5]", "[2.5, 0.5]", r"sersic_index_range: range from 2\.5 to 0\.5; wanted the lower end first"),
        ("realistic", "[0.3, 1.0]", "[1.0, 0.3]", r"sersic_axis_ratio_range: range from 1\.0 to 0\.3; wanted the lower end"),
        ("realistic", "sersic_share: 0.25", "sersic_share: 1.25", r"sersic_share: Input should be less than or equal to 1"),
        ("realistic", "minimum_axis_ratio: 0.3", "minimum_axis_ratio: 0", "minimum_axis_ratio: Input should be greater than 0"),
        ("gen5", "[0.5 mag, 1.0 mag, 1.5 mag, 2.0 mag]", "[]", "source_magnitude.host_offset.values: .*at least 1 item"),
    ],
)
def test_a_law_with_numbers_that_no_law_can_have_is_refused(recipe: str, old: str, new: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        parse_recipe(changed(old, new, recipe), "mine")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("scatter: 0.07 dex", "scatter: -0.07 dex", "priors.theta_e.velocity_dispersion.scatter: Input should be greater"),
        ("angle_scatter: 10 deg", "angle_scatter: -1 deg", "angle_scatter: Input should be greater"),
        ("scatter: 0.02 arcsec", "scatter: -0.02 arcsec", "priors.centre_offset.scatter: Input should be greater"),
        ("sersic_index_range: [0.5, 2.5]", "sersic_index_range: [-1, 2.5]", "sersic_index_range.0: Input should be greater"),
        (
            "sersic_axis_ratio_range: [0.3, 1.0]",
            "sersic_axis_ratio_range: [0.3, 1.4]",
            "range.1: Input should be less",
        ),
    ],
)
def test_a_width_below_zero_or_a_profile_that_cannot_be_drawn_is_refused(old: str, new: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_recipe(changed(old, new), "mine")
    assert told in str(refused.value)
