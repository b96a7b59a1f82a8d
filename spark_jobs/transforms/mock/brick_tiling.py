"""How the survey cuts the sky into bricks: rows of 0.25 degrees in declination, an even number of bricks in each.

The rule of the Legacy Surveys (desiutil.brick); it gives back the names, numbers and borders of the survey's own table
of 662 174 bricks. Angles in degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

BRICK_SIDE_DEG = 0.25
_ROWS = round(180 / BRICK_SIDE_DEG) + 1


@dataclass(frozen=True)
class Brick:
    """One row of the survey's brick table: centre and the borders within which an object belongs to this brick alone."""

    name: str
    brick_id: int
    quadrant: int
    row: int
    column: int
    ra: float
    dec: float
    ra1: float
    ra2: float
    dec1: float
    dec2: float


def brick_at(ra_deg: float, dec_deg: float) -> Brick:
    """The brick that owns a position."""
    row = min(max(math.floor((dec_deg + 90.0) / BRICK_SIDE_DEG + 0.5), 0), _ROWS - 1)
    columns = _columns(row)
    column = min(int((ra_deg % 360.0) * columns / 360.0), columns - 1)
    width = 360.0 / columns
    dec = -90.0 + row * BRICK_SIDE_DEG
    ra = (column + 0.5) * width
    sign = "p" if dec >= 0 else "m"
    # A tenth of a degree is cut, not rounded; the small number undoes the last bit of the division.
    name = f"{int(ra * 10 + 1e-6):04d}{sign}{int(abs(dec) * 10 + 1e-6):03d}"
    return Brick(
        name=name,
        brick_id=_first_number(row) + column + 1,
        quadrant=(row % 2) * 2 + column % 2,
        row=row,
        column=column,
        ra=ra,
        dec=dec,
        ra1=column * width,
        ra2=(column + 1) * width,
        dec1=max(dec - BRICK_SIDE_DEG / 2, -90.0),
        dec2=min(dec + BRICK_SIDE_DEG / 2, 90.0),
    )


def _columns(row: int) -> int:
    """Bricks in a row: the next even number above the row's circumference; one at each pole."""
    if row in (0, _ROWS - 1):
        return 1
    nearest_equator = max(abs(-90.0 + row * BRICK_SIDE_DEG) - BRICK_SIDE_DEG / 2, 0.0)
    return 2 * math.ceil(360.0 / BRICK_SIDE_DEG * math.cos(math.radians(nearest_equator)) / 2)


@cache
def _first_number(row: int) -> int:
    return sum(_columns(below) for below in range(row))
