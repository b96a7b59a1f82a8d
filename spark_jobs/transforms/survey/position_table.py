"""Positions on the sky from a CSV file that a person made: ``ra_deg`` and ``dec_deg``, and a ``name`` where one is needed."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

from schemas.job_entry import InputError
from schemas.locations import Location

POSITION = ("ra_deg", "dec_deg")


@dataclass(frozen=True)
class PositionRow:
    """One row: its line in the file, its name ('' where the table has none), and its place in degrees, ICRS."""

    line: int
    name: str
    ra_deg: float
    dec_deg: float


def read_position_rows(path: Location, what: str, wanted: tuple[str, ...] = POSITION) -> list[PositionRow]:
    """The rows of a table; columns other than those wanted are passed over. ``what`` names the table in an error.

    Raises InputError where the file, a column or a number is not what it should be: a row that cannot be read must not
    pass for one that is not there.
    """
    if not path.is_file():
        raise InputError(f"{what} {path} is not there")
    try:
        rows = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
        absent = [name for name in wanted if name not in (rows.fieldnames or ())]
        if absent:
            seen = ", ".join(rows.fieldnames or ()) or "nothing"
            raise InputError(f"{path} has the columns {seen}; wanted {' and '.join(wanted)} among them")
        return [_row(path, rows.line_num, row) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}") from error


def _row(path: Location, line: int, row: dict[str, str | None]) -> PositionRow:
    texts = [row[name] or "" for name in POSITION]
    try:
        ra, dec = (float(text) for text in texts)
    except ValueError:
        ra = dec = float("nan")
    if not (-360 <= ra <= 360 and -90 <= dec <= 90):
        raise InputError(f"{path} line {line}: position {texts}; wanted right ascension and declination in degrees")
    return PositionRow(line, (row.get("name") or "").strip(), ra, dec)
