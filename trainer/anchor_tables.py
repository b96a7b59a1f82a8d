"""A list of lenses as rows of text: lenscat-style CSV, a published table, a FITS or VO table; and which column is what.

Columns are found by the names that lists use, or named in a YAML file.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.scratch_files import on_disk

_ASTROPY_SUFFIXES = (".fits", ".fit", ".vot", ".xml", ".ecsv")
_COMMENTED_SUFFIXES = (".cat", ".txt", ".dat")
_ALIASES: dict[str, tuple[str, ...]] = {
    "name": ("name", "system", "lens", "id", "object"),
    "ra": ("ra_deg", "ra", "raj2000", "ra_j2000"),
    "dec": ("dec_deg", "dec", "dej2000", "decj2000", "dec_j2000"),
    "theta_e": ("theta_e_arcsec", "theta_e", "theta_ein", "bsie", "einstein_radius"),
    "z_lens": ("z_lens", "zlens", "zd", "zl", "z_l"),
    "z_source": ("z_source", "zsource", "zs", "z_s", "zsrc"),
    "mag_r": ("mag_r", "rmag", "r_mag"),
    "discovery": ("discovery",),
    "tier": ("tier", "grade"),
    "reference": ("reference", "ref"),
    "object_class": ("object_class", "class"),
}
_NAMES_WITH_UNIT = ("ra_deg", "dec_deg")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnNames(_Frozen):
    """The list's own name of each column; what is not named is looked for by the names that lists use."""

    name: str | None = None
    ra: str | None = None
    dec: str | None = None
    theta_e: str | None = None
    z_lens: str | None = None
    z_source: str | None = None
    mag_r: str | None = None
    discovery: str | None = None
    tier: str | None = None
    reference: str | None = None
    object_class: str | None = None


class ColumnUnits(_Frozen):
    """Units of the positions and of the Einstein radius; a right ascension without a unit is taken for degrees if it can be."""

    ra: Literal["deg", "hour", "sexagesimal"] | None = None
    dec: Literal["deg", "sexagesimal"] | None = None
    theta_e: Literal["arcsec", "mas", "deg"] = "arcsec"


class SameForAll(_Frozen):
    """What holds for every row of a list that has no column for it."""

    discovery: str | None = None
    tier: str | None = None
    reference: str | None = None
    object_class: str | None = None


class AnchorColumns(_Frozen):
    """A mapping file: columns, their units, and what is the same for all rows."""

    columns: ColumnNames = ColumnNames()
    units: ColumnUnits = ColumnUnits()
    same_for_all: SameForAll = SameForAll()


@dataclass(frozen=True)
class AnchorTable:
    """Rows of a list as texts by our names (``ra``, ``theta_e`` ...), and the unit that the list states for positions."""

    rows: list[dict[str, str]]
    ra_unit: str | None
    dec_unit: str | None


def load_columns(path: Location | None) -> AnchorColumns:
    """The mapping file, or none. Raises InputError for one that is not there, is not YAML or names an unknown key."""
    if path is None:
        return AnchorColumns()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible date is a ValueError
        raise InputError(f"columns {path} are not YAML: {' '.join(str(error).split())}") from error
    try:
        return AnchorColumns.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise InputError(f"columns {path}: {faults}; wanted columns, units and same_for_all as --help shows") from error


def read_anchor_table(path: Location, mapping: AnchorColumns) -> AnchorTable:
    """The list as rows under our names. Raises InputError where it cannot be read, is empty, or has no positions."""
    if not path.is_file():
        raise InputError(f"table {path} is not there")
    suffix = path.suffix.lower()
    if suffix in _ASTROPY_SUFFIXES:
        header, rows, units = _with_astropy(path)
    else:
        header, rows = _text_rows(path, commented=suffix in _COMMENTED_SUFFIXES)
        units = {}
    if not rows:
        raise InputError(f"table {path} has no rows below its header {', '.join(header) or '(nothing)'}")
    places = {ours: _column(path, ours, theirs, header) for ours, theirs in mapping.columns.model_dump().items()}
    _require_positions(path, places, header)
    same = {key: value for key, value in mapping.same_for_all.model_dump().items() if value is not None}
    found = [{ours: row[column].strip() for ours, column in places.items() if column} | same for row in rows]
    return AnchorTable(
        found,
        _unit(mapping.units.ra, places["ra"], units),
        _unit(mapping.units.dec, places["dec"], units),
    )


def _require_positions(path: Location, places: Mapping[str, str | None], header: Sequence[str]) -> None:
    absent = [ours for ours in ("ra", "dec") if places[ours] is None]
    if absent:
        raise InputError(
            f"table {path} has the columns {', '.join(header)}: no {' and '.join(absent)} among them. An anchor without a "
            "position cannot be used; if the position has another name, say so with --columns"
        )


def _column(path: Location, ours: str, theirs: str | None, header: Sequence[str]) -> str | None:
    if theirs is not None:
        if theirs not in header:
            raise InputError(f"table {path} has no column {theirs!r} for {ours}; it has {', '.join(header)}")
        return theirs
    by_alias = {name.lower(): name for name in reversed(header)}
    return next((by_alias[alias] for alias in _ALIASES[ours] if alias in by_alias), None)


def _unit(said: str | None, column: str | None, units: Mapping[str, str]) -> str | None:
    if said is not None or column is None:
        return said
    if column.lower() in _NAMES_WITH_UNIT:
        return "deg"
    return {"deg": "deg", "hourangle": "hour"}.get(units.get(column, ""))


def _text_rows(path: Location, *, commented: bool) -> tuple[list[str], list[dict[str, str]]]:
    """Rows of a CSV file, or of a table in columns of white space whose header is a comment."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        if not commented:
            reader = csv.DictReader(lines, restkey=None, strict=True, delimiter="\t" if path.suffix == ".tsv" else ",")
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = list(reader)
        else:
            words = [line.lstrip("#").split() for line in lines if line.strip("# \t")]
            header = words[0] if words else []
            rows = [dict(zip(header, row, strict=True)) for row in words[1:]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"table {path} is not a text table: {error}") from error
    except ValueError as error:
        wrong = next(row for row in words[1:] if len(row) != len(header))
        raise InputError(f"table {path}: {len(wrong)} values in {' '.join(wrong)!r}; its header names {len(header)}") from error
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(f"table {path} names columns twice: {', '.join(repeated)}")
    uneven = next((n for n, row in enumerate(rows, 1) if None in row or None in row.values()), None)
    if uneven is not None:
        raise InputError(f"table {path}, row {uneven}: another number of values than its header's {len(header)} columns")
    return header, rows


def _with_astropy(path: Location) -> tuple[list[str], list[dict[str, str]], dict[str, str]]:
    from astropy.table import Table

    with on_disk(path) as file:
        try:
            table = Table.read(file)
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise InputError(f"table {path} cannot be read: {error}") from error
    header = list(table.colnames)
    units = {name: str(table[name].unit) for name in header if table[name].unit is not None}
    rows = [{name: _text(row[name]) for name in header} for row in table]
    return header, rows, units


def _text(value: object) -> str:
    """A cell as text; a masked one is empty."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if str(value) == "--" else str(value)
