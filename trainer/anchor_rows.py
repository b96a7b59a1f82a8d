"""From a list's texts to rows of the anchors contract: each value read or null, each row kept, refused ones with reasons.

A row is a mapping with the contract's names. Earlier rows win: of two with one name or one place, the later is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from schemas.anchors import ANCHORS, CONTAMINANT_CLASSES, DISCOVERIES, LENS_CLASS, RANDOM_SKY_CLASS
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.refusal_reasons import Reason
from schemas.run_record import run_files
from trainer.anchor_positions import (
    Floats,
    PositionError,
    angle_of,
    check_position,
    name_from_position,
    position_in_name,
    random_sky_near,
    separations,
)
from trainer.anchor_tables import AnchorTable

SAME_PLACE_ARCSEC = 2.0
_HOURS_IN_A_DAY = 24.0
_NOTHING = ("", "-", "--", "nan", "none", "null", "n/a")
_ARCSEC = {"arcsec": 1.0, "mas": 1e-3, "deg": 3600.0}
_DISCOVERY_WORDS = {
    **{word: word for word in DISCOVERIES},
    **dict.fromkeys(("spectroscopic", "spectrum", "spec"), "spectroscopy"),
    **dict.fromkeys(
        ("ground", "ground-based imaging", "ground_based_imaging", "ground-based", "ground imaging"), "ground_imaging"
    ),
    **dict.fromkeys(("space", "space imaging", "space-based imaging", "hst", "euclid"), "space_imaging"),
}
_SEARCHES = {
    # Searches for the spectrum of a source on top of a galaxy's: SLACS (Bolton 2008, Auger 2009), BELLS (Brownstein 2012),
    # BELLS GALLERY (Shu 2016), S4TM (Shu 2017), SILO (Talbot 2020).
    **dict.fromkeys(("0805.1931", "0911.2471", "1112.3683", "1604.01842", "1711.00072", "2007.09006"), "spectroscopy"),
    # Searches in images of the Legacy Surveys, DES and DELVE: Huang 2020, 2021, Storfer 2022, Stein 2021, Rojas 2021,
    # O'Donnell 2021, Zaborowski 2022.
    **dict.fromkeys(("1906.00970", "2005.04730", "2206.02764", "2110.00023", "2109.00014", "2110.02418"), "ground_imaging"),
    "2210.10802": "ground_imaging",
}
"""How the lenses of a paper (arXiv number) were found. Follow-up papers are not in it and decide nothing."""
_ARXIV = re.compile(r"\d{4}\.\d{4,5}")

Row = dict[str, Any]


def anchor_rows(table: AnchorTable, source: str, theta_e_unit: str = "arcsec") -> list[Row]:
    """Rows of the ANCHORS contract in the list's order; ``source`` is what is quoted where the list names no reference.

    Raises InputError where no row has a position, where hours cannot be told from degrees, or where a word is not one of
    the contract's.
    """
    _require_known_unit(table, source)
    rows = [_row(number, texts, table, source, theta_e_unit) for number, texts in enumerate(table.rows, 1)]
    if all(row["reasons"] & Reason.POSITION_UNREADABLE for row in rows):
        raise InputError(f"table {source}: no row of {len(rows)} has a usable position; the first: {rows[0]['remark']}")
    _mark_twins(rows)
    return rows


def read_anchors(directory: Location) -> list[Row]:
    """Rows of a finished anchors table, refused ones included; raises RunError or ContractError where it is none."""
    return [row for path in run_files(directory, ANCHORS) for row in read_table(path, ANCHORS).to_pylist()]


def random_sky_rows(anchors: Sequence[Mapping[str, Any]]) -> list[Row]:
    """For each usable anchor a row of the same name some arc minutes away; raises InputError where the sky is too full."""
    places = _positions(anchors)
    avoid = places[np.isfinite(places).all(axis=1)]
    rows = []
    for anchor in anchors:
        if anchor["reasons"]:
            continue
        row: Row = dict.fromkeys(ANCHORS.names)
        try:
            row["ra_deg"], row["dec_deg"] = random_sky_near(anchor["name"], anchor["ra_deg"], anchor["dec_deg"], avoid)
        except PositionError as error:
            raise InputError(str(error)) from error
        row |= {"name": anchor["name"], "object_class": RANDOM_SKY_CLASS, "label": 0, "discovery": "unknown", "tier": ""}
        rows.append(row | {"reference": anchor["reference"], "reasons": 0, "remark": ""})
    return rows


def _require_known_unit(table: AnchorTable, source: str) -> None:
    """Stop where right ascensions are plain numbers below 24 and nothing says whether they are hours."""
    values = [_number(row["ra"]) for row in table.rows]
    numbers = [value for value in values if value is not None]
    if table.ra_unit is None and numbers and max(numbers) < _HOURS_IN_A_DAY:
        raise InputError(
            f"table {source}: every right ascension is below 24 (largest {max(numbers):g}) and nothing says in which unit: "
            "these may be hours. Say units: {ra: hour} or units: {ra: deg} in a file given with --columns"
        )


def _row(number: int, texts: Mapping[str, str], table: AnchorTable, source: str, theta_e_unit: str) -> Row:
    where = f"table {source}, row {number}"
    row: Row = dict.fromkeys(ANCHORS.names)
    remarks: list[str] = []
    reasons = Reason(0)
    try:
        ra, dec = angle_of(texts["ra"], table.ra_unit or "deg", "ra"), angle_of(texts["dec"], table.dec_unit or "deg", "dec")
        check_position(ra, dec)
        row |= {"ra_deg": ra % 360, "dec_deg": dec}
    except PositionError as error:
        reasons |= Reason.POSITION_UNREADABLE
        remarks.append(str(error))
    name = texts.get("name", "")
    if name.lower() in _NOTHING:
        name = f"row {number}" if reasons else name_from_position(row["ra_deg"], row["dec_deg"])
        remarks.append("the list gives no name")
    elif not reasons:
        beyond = _distance_from_name(name, row)
        if beyond:
            reasons |= Reason.AWAY_FROM_ITS_NAME
            remarks.append(f"{beyond:.0f} arcsec from the position in the name")
    for ours, theirs in (("theta_e_arcsec", "theta_e"), ("z_lens", "z_lens"), ("z_source", "z_source"), ("mag_r", "mag_r")):
        row[ours] = _measured(texts.get(theirs, ""), theirs, remarks)
    if row["theta_e_arcsec"] is not None:
        row["theta_e_arcsec"] *= _ARCSEC[theta_e_unit]
    row["object_class"] = _word(texts, "object_class", (LENS_CLASS, *CONTAMINANT_CLASSES), LENS_CLASS, where)
    row["discovery"] = _discovery(texts, where)
    row |= {"name": name, "label": int(row["object_class"] == LENS_CLASS), "tier": texts.get("tier", "")}
    return row | {"reference": texts.get("reference") or source, "reasons": int(reasons), "remark": "; ".join(remarks)}


def _distance_from_name(name: str, row: Row) -> float:
    """Arcsec beyond what the name allows; 0 where it agrees or says nothing."""
    named = position_in_name(name)
    beyond = named.distance_beyond(row["ra_deg"], row["dec_deg"]) if named else 0.0
    return beyond if named and beyond > named.slack_arcsec else 0.0


def _mark_twins(rows: Sequence[Row]) -> None:
    """Refuse rows with the name or the place of an earlier row, and say so on both."""
    first: dict[str, int] = {}
    positions = _positions(rows)
    for number, row in enumerate(rows):
        earlier = first.setdefault(row["name"], number)
        if earlier != number:
            _mark(rows, earlier, number, Reason.NAMED_TWICE, "has the same name")
        if number and row["ra_deg"] is not None:
            near = separations(row["ra_deg"], row["dec_deg"], positions[:number]) <= SAME_PLACE_ARCSEC  # NaN is near nothing
            if near.any():
                _mark(rows, int(np.flatnonzero(near)[0]), number, Reason.TWICE_ON_SKY, "lies within 2 arcsec")


def _mark(rows: Sequence[Row], earlier: int, later: int, reason: Reason, words: str) -> None:
    rows[later]["reasons"] |= int(reason)
    for row, other in ((rows[earlier], later), (rows[later], earlier)):
        remark = f"row {other + 1} ({rows[other]['name']}) {words}"
        row["remark"] = f"{row['remark']}; {remark}" if row["remark"] else remark


def _positions(rows: Sequence[Mapping[str, Any]]) -> Floats:
    """(n, 2) degrees, NaN where a row has no position."""
    found = [(row["ra_deg"], row["dec_deg"]) if row["ra_deg"] is not None else (math.nan, math.nan) for row in rows]
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _measured(text: str, what: str, remarks: list[str]) -> float | None:
    """The first finite number of a text like '0.417 | 0.41744506'; None where there is none, or one in doubt ('1.04?')."""
    numbers = [number for part in text.split("|") if (number := _number(part)) is not None]
    if numbers:
        return numbers[0]
    if any(character.isdigit() for character in text):
        remarks.append(f"{what} {text!r} is not taken for a number")
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _word(texts: Mapping[str, str], column: str, allowed: Sequence[str], default: str, where: str) -> str:
    text = texts.get(column, "")
    word = text.lower().replace(" ", "_").replace("-", "_")
    if text.lower() in _NOTHING:
        return default
    if word not in allowed:
        raise InputError(f"{where}: {column} {text!r}; wanted one of {', '.join(allowed)}")
    return word


def _discovery(texts: Mapping[str, str], where: str) -> str:
    """As the list says; else as the papers that it names searched, where those that are known agree."""
    text = texts.get("discovery", "").lower()
    if text in _NOTHING:
        known = {_SEARCHES[number] for number in _ARXIV.findall(texts.get("reference", "")) if number in _SEARCHES}
        return known.pop() if len(known) == 1 else "unknown"
    if text not in _DISCOVERY_WORDS:
        raise InputError(f"{where}: discovery {text!r}; wanted one of {', '.join(DISCOVERIES)}")
    return _DISCOVERY_WORDS[text]
