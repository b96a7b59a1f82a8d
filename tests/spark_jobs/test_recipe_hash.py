"""The hash of a recipe: which changes make it another experiment, and which do not."""

from __future__ import annotations

import pytest
import yaml

from spark_jobs.recipe import parse_recipe, read_recipe
from tests.spark_jobs.recipe_texts import SHIPPED, changed, shipped_text, whole


def reversed_keys(content: object) -> object:
    if isinstance(content, dict):
        return {key: reversed_keys(value) for key, value in reversed(content.items())}
    return content


@pytest.mark.parametrize("name", SHIPPED)
def test_the_hash_does_not_see_order_comments_spelling_name_or_description(name: str) -> None:
    known = read_recipe(name).recipe_hash
    assert len(known) == 16
    assert int(known, 16) >= 0
    turned = reversed_keys(whole(name))
    assert list(turned) == list(reversed(whole(name)))  # type: ignore[call-overload]
    assert parse_recipe(yaml.safe_dump(turned, sort_keys=False), "turned").recipe_hash == known
    assert parse_recipe("# a remark\n" + shipped_text(name) + "# another\n", "remarked").recipe_hash == known
    renamed = {**whole(name), "name": "other", "description": "Other words."}
    assert parse_recipe(yaml.safe_dump(renamed), "renamed").recipe_hash == known


def test_the_hash_does_not_see_how_a_number_is_written_or_a_default_named() -> None:
    known = read_recipe("realistic").recipe_hash
    for old, new in [
        ("22.04 mag/arcsec2", "2.204e1 mag/arcsec2"),
        ("size: 64 pix", "size: 64.0   pix"),
        ("controls: paired", "controls: paired, configurations_per_host: 1"),
        ("beta: 3.5, ", ""),
    ]:
        assert parse_recipe(changed(old, new), "mine").recipe_hash == known


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: 64 pix", "size: 65 pix"),
        ("intercept: -0.10", "intercept: -0.1000001"),
        ("sersic_share: 0.25", "sersic_share: 0.26"),
        ("beta: 3.5", "beta: 3.6"),
        ("lrg_cut: v3", "lrg_cut: v4"),
        ("max_draws: 2000", "max_draws: 2001"),
        ("{train: 0.7, val: 0.15, test: 0.15}", "{train: 0.7, val: 0.16, test: 0.14}"),
        ("[0.5 arcsec, 3.0 arcsec]", "[0.5 arcsec, 3.1 arcsec]"),
        ("DECam's nominal sky", "Another camera's sky"),
    ],
)
def test_the_hash_sees_every_value(old: str, new: str) -> None:
    assert parse_recipe(changed(old, new), "mine").recipe_hash != read_recipe("realistic").recipe_hash


def test_the_guard_on_the_number_of_tasks_is_no_part_of_the_hash() -> None:
    raised = parse_recipe(changed("max_tasks: 12000000", "max_tasks: 12000001"), "mine")
    assert raised.tasks.max_tasks == 12000001
    assert raised.recipe_hash == read_recipe("realistic").recipe_hash
