"""The weighting of a recipe: what it may say, and that it is told by its entry's name where it says too much."""

from __future__ import annotations

import pytest

from schemas.job_entry import InputError
from spark_jobs.recipe import parse_recipe, read_recipe
from spark_jobs.recipe_weighting import CrossSectionWeighting, RadiusWeighting
from tests.spark_jobs.recipe_texts import shipped_text

RADII = "{law: theta_e, theta_e: [0.5 arcsec, 3.0 arcsec], keep: [0.1, 1.0], reference: made up here}"


def with_weighting(entry: str) -> str:
    return shipped_text("realistic") + f"weighting: {entry}\n"


def test_the_shipped_recipes_keep_every_accepted_draw() -> None:
    assert all(read_recipe(name).weighting is None for name in ("realistic", "demo", "gen5"))


def test_both_laws_are_read_and_each_is_another_recipe() -> None:
    radii = parse_recipe(with_weighting(RADII), "mine")
    assert isinstance(radii.weighting, RadiusWeighting)
    assert (radii.weighting.theta_e, radii.weighting.keep) == ([0.5, 3.0], [0.1, 1.0])
    area = parse_recipe(with_weighting("{law: cross_section, whole_at: 3 arcsec, reference: made up here}"), "mine")
    assert isinstance(area.weighting, CrossSectionWeighting)
    assert area.weighting.whole_at == 3.0
    assert len({read_recipe("realistic").recipe_hash, radii.recipe_hash, area.recipe_hash}) == 3


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("theta_e: [0.5 arcsec", "theta_e: [0.5", r"weighting\.theta_e\.theta_e\.0: 0\.5 has no unit"),
        ("keep: [0.1, 1.0]", "keep: [0.1]", r"weighting.*keep"),
        ("keep: [0.1, 1.0]", "keep: [0.1, 0.5, 1.0]", "2 radii and 3 chances; wanted rising radii, and one chance for each"),
        ("keep: [0.1, 1.0]", "keep: [0.1, 1.1]", r"weighting\.theta_e\.keep\.1.*less than or equal to 1"),
        ("keep: [0.1, 1.0]", "keep: [0.0, 0.0]", "every chance is 0; wanted one above 0"),
        ("3.0 arcsec", "0.5 arcsec", "wanted rising radii"),
        ("law: theta_e", "law: none", "weighting: .*law"),
        (", reference: made up here", "", r"weighting\.theta_e\.reference"),
    ],
)
def test_what_cannot_be_is_told_with_its_entry(old: str, new: str, told: str) -> None:
    assert RADII.count(old) == 1
    with pytest.raises(InputError, match=told):
        parse_recipe(with_weighting(RADII.replace(old, new)), "mine")
