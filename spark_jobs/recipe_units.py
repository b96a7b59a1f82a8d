"""Numbers with units in a recipe: ``0.05 arcsec`` is read as 0.05 where arcsec is wanted, and refused anywhere else."""

from __future__ import annotations

from typing import Annotated

from astropy import units as u
from pydantic import AfterValidator, BeforeValidator


def _in_unit(value: object, wanted: str) -> float:
    """The number of a text such as ``0.05 arcsec``; raises ValueError where the unit is absent or another one.

    No conversion is made, not even between units that convert: what a recipe says is what its hash, its tables and its reader
    see.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} has no unit; wanted a number in {wanted}, for example '1 {wanted}'")
    number, _, unit = value.strip().partition(" ")
    try:
        parsed, magnitude = u.Unit(unit.strip()) if unit.strip() else None, float(number)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a number with a unit; wanted for example '1 {wanted}'") from error
    if parsed is None or parsed != u.Unit(wanted) or parsed.to_string() != u.Unit(wanted).to_string():
        raise ValueError(f"{value!r} has unit {unit.strip() or 'none'}; wanted {wanted}")
    return magnitude


def _in_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"range from {ends[0]} to {ends[1]}; wanted the lower end first")
    return ends


IN_ORDER = AfterValidator(_in_order)

Arcsec = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "arcsec"))]
Deg = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "deg"))]
Mag = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "mag"))]
MagPerArcsec2 = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "mag/arcsec2"))]
Dex = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "dex"))]
KmPerS = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "km/s"))]
Pix = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "pix"))]
ElectronPerNmgy = Annotated[float, BeforeValidator(lambda v: _in_unit(v, "electron/nmgy"))]
