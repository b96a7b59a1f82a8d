"""A recipe as a file: what is read, what is refused with its place, and which changes make it another experiment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.job_entry import InputError
from spark_jobs.recipe import MAX_RECIPE_BYTES, Recipe, packaged_recipes, parse_recipe, read_recipe
from spark_jobs.recipe_negatives import KINDS
from tests.spark_jobs.recipe_texts import SHIPPED, changed, whole

Place = tuple[str | int, ...]


def mappings_of(content: object, place: Place = ()) -> Iterator[Place]:
    """The place of every mapping in a recipe, its own included."""
    if isinstance(content, dict):
        yield place
        for key, value in content.items():
            yield from mappings_of(value, (*place, key))


def at(content: Any, place: Place) -> Any:
    for key in place:
        content = content[key]
    return content


def told_of(text: str) -> str:
    with pytest.raises(InputError) as refusal:
        parse_recipe(text, "mine")
    assert "\n" not in str(refusal.value)
    assert str(refusal.value).startswith("recipe mine")
    return str(refusal.value)


PLACES = [(name, place) for name in ("gen5", "realistic") for place in mappings_of(whole(name))]
each_place = pytest.mark.parametrize(
    ("name", "place"), PLACES, ids=[f"{name}:{'.'.join(map(str, place))}" for name, place in PLACES]
)
LAWS = {content["law"] for name in SHIPPED for content in whole(name)["priors"].values() if content}
DEFAULTS: set[Place] = {("tasks", "configurations_per_host"), ("psf", "beta"), ("noise", "reference")}
DEFAULTS |= {("negatives",), *(("negatives", kind) for kind in KINDS)}
DEFAULTS |= {("priors", "mass_slope"), ("priors", "source_magnitude", "scatter")}
DEFAULTS |= {("priors", "source_light", name) for name in ("size_factor_range", "knots_share", "knot_number_range")}
DEFAULTS |= {("priors", "source_light", name) for name in ("knot_flux_share_range", "knot_fwhm")}


def test_the_shipped_recipes_load_under_their_own_names_and_each_is_another() -> None:
    assert packaged_recipes() == list(SHIPPED)
    recipes = {name: read_recipe(name) for name in SHIPPED}
    assert all(name == recipe.name for name, recipe in recipes.items())
    assert len({recipe.recipe_hash for recipe in recipes.values()}) == 3


def test_the_failed_experiment_is_the_one_that_failed() -> None:
    gen5 = read_recipe("gen5")
    assert gen5.size_pix == 64
    assert len(gen5.grid) == 7 * 4
    assert gen5.grid[:5] == [(0.5, 0.5), (0.5, 1.0), (0.5, 1.5), (0.5, 2.0), (0.75, 0.5)]
    assert (gen5.noise.law, gen5.accept, gen5.tasks.controls, gen5.psf.width) == ("none", None, "unpaired", "brick_mean")
    assert gen5.split.fractions == {"train": 0.26, "val": 0.39, "test": 0.35}
    assert gen5.split.key == "task_id"


def test_the_realistic_recipe_has_none_of_its_faults() -> None:
    realistic = read_recipe("realistic")
    assert realistic.grid == [(None, None)]
    assert (realistic.noise.law, realistic.tasks.controls, realistic.psf.width) == ("shot", "paired", "host")
    assert (realistic.split.key, realistic.priors.source_magnitude.law) == ("host_cell", "template")
    assert realistic.accept is not None


def test_the_demo_is_the_realistic_recipe_but_for_size_and_split() -> None:
    demo, realistic = read_recipe("demo").model_dump(), read_recipe("realistic").model_dump()
    assert {key for key in demo if demo[key] != realistic[key]} == {"name", "description", "tasks", "split"}


def faults_of(content: object) -> list[tuple[Place, str]]:
    """Place and kind of each fault, the names of laws that pydantic puts between left out."""
    with pytest.raises(ValidationError) as refusal:
        Recipe.model_validate(content)
    return [(tuple(part for part in fault["loc"] if part not in LAWS), fault["type"]) for fault in refusal.value.errors()]


@each_place
def test_an_unknown_key_is_refused_at_any_depth_with_its_place(name: str, place: Place) -> None:
    content = whole(name)
    at(content, place)["colour_of_socks"] = 1
    if place == ("split", "fractions"):
        assert faults_of(content) == [(place, "value_error")]
    else:
        assert faults_of(content) == [((*place, "colour_of_socks"), "extra_forbidden")]


@each_place
def test_no_entry_can_be_left_out_but_those_with_a_default(name: str, place: Place) -> None:
    for key in at(whole(name), place):
        content = whole(name)
        del at(content, place)[key]
        if (*place, key) in DEFAULTS:
            Recipe.model_validate(content)
        else:
            ((seen, _),) = faults_of(content)
            assert seen in {(*place, key), place}


def test_an_unknown_key_is_told_with_its_place() -> None:
    assert told_of(changed("  mode: 0.04", "  mode: 0.04\n    socks: red")) == "recipe mine: priors.shear.socks: unknown key"
    assert told_of(changed("name: realistic", "name: realistic\nsocks: red")) == "recipe mine: socks: unknown key"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("size: 64 pix", "size: 64", r"stamp.size: 64 has no unit; wanted a number in pix, for example '1 pix'"),
        ("size: 64 pix", "size: 64 arcsec", "stamp.size: '64 arcsec' has unit arcsec; wanted pix"),
        ("size: 64 pix", "size: 64.5 pix", "stamp.size: Input should be a multiple of 1 (seen '64.5')"),
        ("size: 64 pix", "size: 8 pix", "stamp.size: Input should be greater than or equal to 16 (seen '8.0')"),
        (
            "pivot: -21.15 mag",
            "pivot: .nan",
            "priors.theta_e.velocity_dispersion.pivot: nan has no unit; wanted a number in mag",
        ),
        ("pivot: -21.15 mag", "pivot: nan mag", "pivot: Input should be a finite number"),
        ("mode: 0.04", "mode: .inf", "priors.shear.mode: Input should be a finite number"),
        (
            "[0.5 arcsec, 3.0 arcsec]",
            "[3.0 arcsec, 0.5 arcsec]",
            "accept.theta_e_range: range from 3.0 to 0.5; wanted the lower",
        ),
        ("[0.5 arcsec, 3.0 arcsec]", "[0.5 arcsec]", "accept.theta_e_range.1: Field required"),
        (
            "test: 0.15}",
            "test: 0.16}",
            "split.fractions: split fractions {'train': 0.7, 'val': 0.15, 'test': 0.16}; wanted non-neg",
        ),
        ("key: host_cell", "key: brick", "split.key: Input should be 'host_cell' or 'task_id' (seen 'brick')"),
        ("replicates: 1,", "replicates: 0,", "tasks.replicates: Input should be greater than or equal to 1 (seen '0')"),
        ("name: realistic", "name: Über/alles", "name: String should match pattern"),
        ("name: realistic", "name: realistic\nbased_on: nothing", "based_on 'nothing'; wanted one of demo, gen5, realistic"),
        ("name: realistic", "name: realistic\nbased_on: demo", "based_on 'demo', which is itself based on another"),
        ("name: realistic", "name: 2020-13-45", "is not YAML: month must be in 1..12"),
        ("name: realistic", "name: [", "is not YAML: while scanning for the next token"),
        ("name: realistic", "name: !!python/object/apply:os.getcwd []", "is not YAML: could not determine a constructor"),
        ("name: realistic", "? [a]\n: 1", "is not YAML: while constructing a mapping"),
        ("name: realistic", "1: 2", "1: Keys should be strings"),
    ],
)
def test_a_value_that_is_wrong_is_refused_with_its_place_and_what_was_seen(old: str, new: str, told: str) -> None:
    assert told in told_of(changed(old, new))


def test_every_fault_is_told_in_one_line() -> None:
    told = told_of(changed("size: 64 pix", "size: 64").replace("mode: 0.04", "mode: 0.9"))
    assert "stamp.size: 64 has no unit" in told
    assert "; priors.shear.mode: Input should be less than 0.5 (seen '0.9')" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds NoneType; wanted a mapping of entries"),
        ("- gen5", "holds list; wanted a mapping of entries"),
        ("[" * 1500, "is not YAML"),
        ("a: 1\n---\na: 2", "is not YAML: expected a single document"),
        ("\x00", "is not YAML: unacceptable character"),
    ],
    ids=["empty", "list", "deep", "two documents", "nul"],
)
def test_a_text_that_is_no_recipe_is_refused(text: str, told: str) -> None:
    assert told in told_of(text)


def test_an_alias_is_refused_before_it_is_followed() -> None:
    nine = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    assert told_of(nine) == "recipe mine uses YAML aliases (*name); write the values out"
    told_of(changed("mode: 0.04", "mode: &mode 0.04").replace("scatter: 0.6\n", "scatter: *mode\n"))
    assert parse_recipe(changed("mode: 0.04", "mode: &mode 0.04"), "mine").recipe_hash == read_recipe("realistic").recipe_hash


def test_an_entry_laid_over_a_base_replaces_the_whole_entry() -> None:
    mine = parse_recipe(
        "based_on: gen5\nname: mine\nstamp: {size: 96 pix}\nnoise: {law: shot, gain: 5e3 electron/nmgy}", "mine"
    )
    gen5 = read_recipe("gen5")
    assert (mine.size_pix, mine.noise.gain, mine.priors, mine.accept) == (96, 5000.0, gen5.priors, None)
    assert "noise.law: Field required" in told_of("based_on: gen5\nname: mine\nnoise: {gain: 5e3 electron/nmgy}")
    assert "colour: unknown key" in told_of("based_on: gen5\nname: mine\ncolour: red")
    assert parse_recipe("based_on: gen5\nname: mine", "mine").recipe_hash == gen5.recipe_hash


@pytest.mark.parametrize("name", SHIPPED)
def test_what_as_yaml_writes_reads_as_the_same_recipe_without_a_base(name: str) -> None:
    recipe = read_recipe(name)
    again = parse_recipe(recipe.as_yaml(), "again")
    assert again == recipe
    assert again.recipe_hash == recipe.recipe_hash
    assert again.as_yaml() == recipe.as_yaml()
    assert "based_on" not in recipe.as_yaml()


def test_a_recipe_cannot_be_changed_once_it_is_read() -> None:
    recipe = read_recipe("gen5")
    with pytest.raises(ValidationError, match="frozen"):
        recipe.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        recipe.stamp.size = 65.0


def test_a_file_is_read_like_a_shipped_recipe_and_its_faults_name_the_file(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(changed("mode: 0.04", "mode: 0.05"))
    assert read_recipe(mine).priors.shear.mode == 0.05
    for content, told in [
        (b"name: \xff", r"mine\.yaml is not UTF-8 text"),
        (b"# " + b"x" * MAX_RECIPE_BYTES, rf"mine\.yaml has {MAX_RECIPE_BYTES + 2} bytes; at most {MAX_RECIPE_BYTES} are read"),
        (b"a: b: c", r"mine\.yaml is not YAML"),
    ]:
        mine.write_bytes(content)
        with pytest.raises(InputError, match=told):
            read_recipe(str(mine))


def test_a_recipe_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no recipe 'gen6'; wanted a \.yaml file or one of demo, gen5, realistic"):
        read_recipe("gen6")
    with pytest.raises(InputError, match=r"none\.yaml is not there; wanted a YAML file, or one of demo, gen5, realistic"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(InputError, match=r"no recipe '\.\./recipe'"):
        read_recipe("../recipe")


def test_pairs_that_a_split_by_task_would_tear_apart_are_refused() -> None:
    assert "split.key task_id tears pairs apart" in told_of(changed("key: host_cell", "key: task_id"))
    parse_recipe(changed("key: host_cell", "key: task_id").replace("controls: paired", "controls: unpaired"), "mine")
