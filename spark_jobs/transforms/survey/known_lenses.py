"""Positions of known lenses from a CSV file with the columns ``ra_deg`` and ``dec_deg``."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from schemas.job_entry import InputError
from spark_jobs.transforms.sky_positions import Floats

_WANTED = ("ra_deg", "dec_deg")


def read_positions(path: Path) -> Floats:
    """Right ascension and declination in degrees, ICRS, shape (n, 2); other columns are passed over.

    Raises InputError where the file, a column or a number is not what it should be: a lens that cannot be read must not
    pass for a galaxy without one.
    """
    if not path.is_file():
        raise InputError(f"list of known lenses {path} is not there")
    try:
        with open(path, newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            absent = [name for name in _WANTED if name not in (rows.fieldnames or ())]
            if absent:
                seen = ", ".join(rows.fieldnames or ()) or "nothing"
                raise InputError(f"{path} has the columns {seen}; wanted {' and '.join(_WANTED)} among them")
            found = [_position(path, rows.line_num, row) for row in rows]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV file: {error}") from error
    return np.array(found, dtype=np.float64).reshape(-1, 2)


def _position(path: Path, line: int, row: dict[str, str | None]) -> tuple[float, float]:
    texts = [row[name] or "" for name in _WANTED]
    try:
        ra, dec = (float(text) for text in texts)
    except ValueError:
        ra = dec = float("nan")
    if not (-360 <= ra <= 360 and -90 <= dec <= 90):
        raise InputError(f"{path} line {line}: position {texts}; wanted right ascension and declination in degrees")
    return ra, dec
