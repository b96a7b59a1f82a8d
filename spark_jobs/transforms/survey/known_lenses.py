"""Positions of known lenses from a CSV file with the columns ``ra_deg`` and ``dec_deg``."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from schemas.anchors import ANCHORS
from schemas.contract_files import read_table
from spark_jobs.transforms.sky_positions import Floats
from spark_jobs.transforms.survey.position_table import read_position_rows


def read_positions(path: Path) -> Floats:
    """Right ascension and declination in degrees, ICRS, shape (n, 2); other columns are passed over.

    Raises InputError where the file, a column or a number is not what it should be: a lens that cannot be read must not
    pass for a galaxy without one.
    """
    if path.suffix == ".parquet":
        return _anchor_positions(path)
    rows = read_position_rows(path, "list of known lenses")
    return np.array([(row.ra_deg, row.dec_deg) for row in rows], dtype=np.float64).reshape(-1, 2)


def _anchor_positions(path: Path) -> Floats:
    """All positions of an anchors table, those of refused rows too: one lens too many costs a host, one too few is a leak."""
    table = read_table(path, ANCHORS, ("ra_deg", "dec_deg")).drop_null()
    return np.stack([table["ra_deg"].to_numpy(), table["dec_deg"].to_numpy()], axis=1)
