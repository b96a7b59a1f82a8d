"""Numbers with units: read where the unit is the one that is wanted, refused wherever it is any other, never converted."""

from __future__ import annotations

from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from spark_jobs import recipe_units
from spark_jobs.recipe_units import IN_ORDER, Arcsec, ElectronPerNmgy

UNITS = {
    "Arcsec": "arcsec",
    "Deg": "deg",
    "Mag": "mag",
    "Dex": "dex",
    "KmPerS": "km/s",
    "Pix": "pix",
    "ElectronPerNmgy": "electron/nmgy",
}


def read(kind: object, value: object) -> float:
    number: float = TypeAdapter(kind).validate_python(value)
    return number


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(sorted(UNITS)))
def test_a_number_with_its_unit_is_read_to_the_last_digit(number: float, kind: str) -> None:
    assert read(getattr(recipe_units, kind), f"{number!r} {UNITS[kind]}") == number
    assert read(getattr(recipe_units, kind), f"  {number!r}   {UNITS[kind]} ") == number


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize(
    "unit", [*UNITS.values(), "arcmin", "rad", "mmag", "m/s", "1000 m/s", "electron", "nmgy", "1", "2 pix"]
)
def test_a_unit_is_read_as_itself_and_no_other_is_converted(kind: str, unit: str) -> None:
    if unit == UNITS[kind]:
        assert read(getattr(recipe_units, kind), f"3 {unit}") == 3.0
    else:
        with pytest.raises(ValidationError, match=f"'3 {unit}' has unit {unit}; wanted {UNITS[kind]}"):
            read(getattr(recipe_units, kind), f"3 {unit}")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (3, "3 has no unit; wanted a number in arcsec, for example '1 arcsec'"),
        (3.5, r"3\.5 has no unit"),
        (None, "None has no unit"),
        (["3 arcsec"], "has no unit"),
        ("3", "'3' has unit none; wanted arcsec"),
        ("", "'' is not a number with a unit; wanted for example '1 arcsec'"),
        ("arcsec", "'arcsec' is not a number with a unit"),
        ("3arcsec", "'3arcsec' is not a number with a unit"),
        ("three arcsec", "'three arcsec' is not a number with a unit"),
        ("3 arcsecs", "'3 arcsecs' is not a number with a unit"),
        ("3 (((", "is not a number with a unit"),
        ("3 5 arcsec", "'3 5 arcsec' has unit 5 arcsec; wanted arcsec"),
        ("3 arcsec**2", r"has unit arcsec\*\*2; wanted arcsec"),
    ],
)
def test_what_is_no_number_with_this_unit_is_refused_with_what_was_seen(value: object, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        read(Arcsec, value)


def test_a_unit_of_two_words_may_be_spaced() -> None:
    assert read(ElectronPerNmgy, "1e4 electron / nmgy") == 1e4


def test_a_range_has_its_lower_end_first() -> None:
    span = TypeAdapter(Annotated[tuple[Arcsec, Arcsec], IN_ORDER])
    assert span.validate_python(["1 arcsec", "2 arcsec"]) == (1.0, 2.0)
    assert span.validate_python(["2 arcsec", "2 arcsec"]) == (2.0, 2.0)
    with pytest.raises(ValidationError, match=r"range from 2\.0 to 1\.0; wanted the lower end first"):
        span.validate_python(["2 arcsec", "1 arcsec"])
