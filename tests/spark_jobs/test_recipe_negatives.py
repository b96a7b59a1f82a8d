"""What a recipe says of hard negatives: how many there are, which kinds, and what is refused with the name of its entry."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.job_entry import InputError
from spark_jobs.recipe import parse_recipe, read_recipe
from spark_jobs.recipe_negatives import KINDS, RING_PROPERTIES, Negatives, RingWeights
from tests.spark_jobs.recipe_texts import changed, shipped_text

Place = tuple[str | int, ...]


@cache
def shipped() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(shipped_text("realistic"))["negatives"]
    return content


def block(changes: dict[Place, Any] | None = None) -> dict[str, Any]:
    """The realistic recipe's hard negatives with the values at some places replaced; None leaves the entry out."""
    content = copy.deepcopy(shipped())
    for place, value in (changes or {}).items():
        entry: Any = content
        for key in place[:-1]:
            entry = entry[key]
        if value is None:
            del entry[place[-1]]
        else:
            entry[place[-1]] = value
    return content


def negatives(changes: dict[Place, Any] | None = None) -> Negatives:
    return Negatives.model_validate(block(changes))


def named(place: Place) -> str:
    return ".".join(map(str, place))


def told_of(changes: dict[Place, Any]) -> str:
    """Place and text of the one fault of such hard negatives."""
    with pytest.raises(ValidationError) as refusal:
        negatives(changes)
    (fault,) = refusal.value.errors()
    return f"{named(fault['loc'])}: {fault['msg'].removeprefix('Value error, ')}"


def leaves(content: object, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value with its place, the ends of a range by their number."""
    if isinstance(content, dict | list):
        for key, value in content.items() if isinstance(content, dict) else enumerate(content):
            yield from leaves(value, (*place, key))
    else:
        yield place, content


UNITS = [place for place, value in leaves(shipped()) if isinstance(value, str) and place[-1] != "reference"]
RANGES = sorted({named(place[:-1]): place[:-1] for place, _ in leaves(shipped()) if place[-1] == 1}.items())
NUMBERS = [place for place, value in leaves(shipped()) if isinstance(value, int | float) and isinstance(place[-1], str)]


def test_kinds_and_properties_are_the_entries_that_a_recipe_has_for_them() -> None:
    assert [name for name in Negatives.model_fields if name not in ("reference", "share")] == list(KINDS)
    assert list(RingWeights.model_fields) == list(RING_PROPERTIES)


def test_the_realistic_recipe_has_every_kind_and_the_share_that_the_design_asks_for() -> None:
    realistic = read_recipe("realistic").negatives
    assert realistic is not None
    assert realistic.share >= 0.3
    assert realistic.weights == (8.0, 3.0, 2.0, 2.0, 6.0, 1.0, 1.0)
    assert read_recipe("gen5").negatives is None


@given(share=st.floats(0, 0.5))
def test_the_share_is_of_all_stamps_with_added_light_and_a_half_is_one_for_every_lens(share: float) -> None:
    per_lens = negatives({("share",): share}).per_lens
    assert per_lens / (1 + per_lens) == pytest.approx(share)
    assert 0 <= per_lens <= 1


@given(weights=st.lists(st.floats(0, 100), min_size=len(KINDS), max_size=len(KINDS)), absent=st.sets(st.sampled_from(KINDS)))
def test_a_kind_has_the_weight_that_its_entry_says_and_one_left_out_has_none(weights: list[float], absent: set[str]) -> None:
    changes: dict[Place, Any] = {(kind, "weight"): weight for kind, weight in zip(KINDS, weights, strict=True)}
    some = negatives(changes | {("share",): 0.0} | {(kind,): None for kind in sorted(absent)})
    assert some.weights == tuple(0.0 if kind in absent else weight for kind, weight in zip(KINDS, weights, strict=True))


def test_a_share_without_a_kind_is_refused_and_no_share_needs_none() -> None:
    nothing: dict[Place, Any] = {(kind, "weight"): 0 for kind in KINDS}
    told = f": share is 0.45 and no kind has a weight above 0; wanted one of {', '.join(KINDS)}"
    assert told_of(nothing) == told
    assert told_of({(kind,): None for kind in KINDS}) == told
    assert negatives(nothing | {("share",): 0}).per_lens == 0
    assert negatives(nothing | {("spike", "weight"): 1e-3}).weights[-1] == 1e-3


@pytest.mark.parametrize("place", UNITS, ids=named)
def test_a_length_an_angle_and_a_magnitude_have_their_unit_and_no_other(place: Place) -> None:
    value = dict(leaves(shipped()))[place]
    number, unit = value.split()
    assert told_of({place: float(number)}).startswith(f"{named(place)}: {float(number)} has no unit; wanted a number in {unit}")
    other = "rad" if unit == "deg" else "deg"
    assert told_of({place: f"{number} {other}"}) == f"{named(place)}: '{number} {other}' has unit {other}; wanted {unit}"


@pytest.mark.parametrize(("name", "place"), RANGES, ids=[name for name, _ in RANGES])
def test_a_range_has_its_lower_end_first(name: str, place: Place) -> None:
    low, high = (dict(leaves(shipped()))[(*place, end)] for end in (0, 1))
    assert told_of({(*place, 0): high, (*place, 1): low}).startswith(f"{name}: range from ")


@pytest.mark.parametrize("place", NUMBERS, ids=named)
def test_no_number_is_below_zero_or_none_at_all(place: Place) -> None:
    assert told_of({place: -1}).startswith(f"{named(place)}: Input should be greater than")
    assert told_of({place: float("nan")}).startswith(f"{named(place)}: Input should be a ")


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        (("share",), 0.51, "share: Input should be less than or equal to 0.5"),
        (("share",), -0.01, "share: Input should be greater than or equal to 0"),
        (("smudge",), {"weight": 1, "reference": "none"}, "smudge: Extra inputs are not permitted"),
        (("ring", "properties", "blue"), 1, "ring.properties.blue: Extra inputs are not permitted"),
        (("ring", "weight"), None, "ring.weight: Field required"),
        (("trail", "reference"), None, "trail.reference: Field required"),
        (("ring", "bar_share"), 1.1, "ring.bar_share: Input should be less than or equal to 1"),
        (("ring", "width_range", 0), "0.19 arcsec", "ring.width_range.0: Input should be greater than or equal to 0.2"),
        (("ring", "width_range", 1), "5.1 arcsec", "ring.width_range.1: Input should be less than or equal to 5"),
        (("ring", "axis_ratio_range", 0), 0.1, "ring.axis_ratio_range.0: Input should be greater than or equal to 0.2"),
        (("ring", "axis_ratio_range", 1), 1.01, "ring.axis_ratio_range.1: Input should be less than or equal to 1"),
        (
            ("ring", "offset_range_in_theta_e", 0),
            0.4,
            "ring.offset_range_in_theta_e.0: Input should be greater than or equal to 0.5",
        ),
        (
            ("ring", "radius_over_largest_range", 0),
            1.9,
            "ring.radius_over_largest_range.0: Input should be greater than or equal to 2",
        ),
        (
            ("ring", "radius_over_largest_range", 1),
            5.1,
            "ring.radius_over_largest_range.1: Input should be less than or equal to 5",
        ),
        (("spiral", "pitch_range", 0), "4 deg", "spiral.pitch_range.0: Input should be greater than or equal to 5"),
        (("spiral", "pitch_range", 1), "61 deg", "spiral.pitch_range.1: Input should be less than or equal to 60"),
        (("spiral", "bluer_range", 0), "-0.1 mag", "spiral.bluer_range.0: Input should be greater than or equal to 0"),
        (("spiral", "bluer_range", 1), "2.1 mag", "spiral.bluer_range.1: Input should be less than or equal to 2"),
        (
            ("companion", "distance_range_in_theta_e", 1),
            4.1,
            "companion.distance_range_in_theta_e.1: Input should be less than or equal to 4",
        ),
        (("companion", "half_light_range", 0), "0 arcsec", "companion.half_light_range.0: Input should be greater than 0"),
        (("companion", "sersic_index"), 8.5, "companion.sersic_index: Input should be less than or equal to 8"),
        (("companion", "sersic_index"), 0.2, "companion.sersic_index: Input should be greater than or equal to 0.3"),
        (("shuffled", "sectors"), 7, "shuffled.sectors: Input should be greater than or equal to 8"),
        (("shuffled", "sectors"), 65, "shuffled.sectors: Input should be less than or equal to 64"),
        (("shuffled", "sectors"), 8.5, "shuffled.sectors: Input should be a valid integer"),
        (("shuffled", "maximum_correlation"), 0.51, "shuffled.maximum_correlation: Input should be less than or equal to 0.5"),
        (("shuffled", "maximum_correlation"), 0, "shuffled.maximum_correlation: Input should be greater than 0"),
        (
            ("spike", "star_distance_range_in_half_sides", 0),
            1.41,
            "spike.star_distance_range_in_half_sides.0: Input should be greater than or equal to 1.42",
        ),
        (
            ("spike", "star_distance_range_in_half_sides", 1),
            4.1,
            "spike.star_distance_range_in_half_sides.1: Input should be less than or equal to 4",
        ),
    ],
)
def test_what_no_hard_negative_can_be_is_refused_with_its_entry(place: Place, value: Any, told: str) -> None:
    assert told_of({place: value}).startswith(told)


def test_what_stands_on_the_bounds_is_read() -> None:
    edges: dict[Place, Any] = {("share",): 0.5, ("shuffled", "sectors"): 8, ("shuffled", "maximum_correlation"): 0.5}
    edges |= {("spike", "star_distance_range_in_half_sides"): [1.42, 1.42], ("ring", "radius_over_largest_range"): [2, 2]}
    read = negatives(edges | {("ring", "bar_share"): 1, ("spiral", "bluer_range"): ["0 mag", "0 mag"]})
    assert (read.per_lens, read.shuffled and read.shuffled.sectors, read.spiral and read.spiral.bluer_range) == (1, 8, (0, 0))


def test_a_ring_that_only_ever_is_too_large_is_refused_for_some_hosts_cannot_have_it() -> None:
    only: dict[Place, Any] = {("ring", "properties"): dict.fromkeys(RING_PROPERTIES, 0) | {"impossible_radius": 1}}
    told = "ring.properties: wanted a weight above 0 for host_coloured, off_centre or disc_connected, which any host"
    assert told_of(only).startswith(told)
    for name in ("host_coloured", "off_centre", "disc_connected"):
        assert negatives(only | {("ring", "properties", name): 0.1}).ring


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("  share: 0.45", "  share: 0.51", "negatives.share: Input should be less than or equal to 0.5 (seen '0.51')"),
        ("sectors: 12", "sectors: 7", "negatives.shuffled.sectors: Input should be greater than or equal to 8 (seen '7')"),
        ("  trail:", "  smudge:", "negatives.smudge: unknown key"),
        ("[10 deg,", "[10,", "negatives.spiral.pitch_range.0: 10 has no unit; wanted a number in deg, for example '1 deg'"),
    ],
)
def test_a_recipe_is_refused_with_the_place_of_the_hard_negative_that_is_wrong(old: str, new: str, told: str) -> None:
    text = f"based_on: realistic\nnegatives:{shipped_text('realistic').partition('negatives:')[2]}"
    assert text.count(old) == 1
    with pytest.raises(InputError) as refusal:
        parse_recipe(text.replace(old, new), "mine")
    assert str(refusal.value) == f"recipe mine: {told}"


@pytest.mark.parametrize(("old", "new"), [("sectors: 12", "sectors: 13"), ("bar_share: 0.35", "bar_share: 0.36")])
def test_a_recipe_with_other_hard_negatives_is_another_experiment(old: str, new: str) -> None:
    assert parse_recipe(changed(old, new), "mine").recipe_hash != read_recipe("realistic").recipe_hash
