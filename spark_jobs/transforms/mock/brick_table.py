"""The survey's list of bricks, ``survey-bricks.fits.gz``, for the bricks of a mock sky."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spark_jobs.transforms.mock.brick_tiling import Brick
from spark_jobs.transforms.mock.mock_sweep import write_fits_table

_COLUMNS = (
    ("BRICKNAME", "S8", "name"),
    ("BRICKID", "i4", "brick_id"),
    ("BRICKQ", "i2", "quadrant"),
    ("BRICKROW", "i4", "row"),
    ("BRICKCOL", "i4", "column"),
    ("RA", "f8", "ra"),
    ("DEC", "f8", "dec"),
    ("RA1", "f8", "ra1"),
    ("RA2", "f8", "ra2"),
    ("DEC1", "f8", "dec1"),
    ("DEC2", "f8", "dec2"),
)


def write_brick_table(root: Path, bricks: Sequence[Brick]) -> Path:
    """Write the table below the survey's root, in the order of the bricks' numbers; returns its path."""
    table = np.zeros(len(bricks), [(name, kind) for name, kind, _ in _COLUMNS])
    for name, _, field in _COLUMNS:
        table[name] = [getattr(brick, field) for brick in sorted(bricks, key=lambda brick: brick.brick_id)]
    path = root / "survey-bricks.fits.gz"
    write_fits_table(path, table)
    return path
