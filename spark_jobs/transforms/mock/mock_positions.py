"""Where the mock bricks lie: far apart, inside the DR10 footprint, spread evenly over the published split number.

Splits are made of sky cells by the hash of the cell's number. Few bricks drawn at random can leave a split empty, so the
k-th brick is the candidate whose hash lies nearest to the k-th point of van der Corput's sequence: any number of bricks
then shares itself out close to any recipe's fractions. Angles in degrees.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from astropy import units
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from schemas.job_entry import InputError
from schemas.split_rule import split_number
from schemas.survey import CELL_NSIDE
from spark_jobs.transforms.mock.brick_tiling import Brick, brick_at

_GRID_STEP_DEG = 3.5
_DEC_RANGE_DEG = (-28, 30)  # DECam part of DR10, not so far south that right ascensions crowd
_LEAST_GALACTIC_LATITUDE_DEG = 25.0
_HALF_SIDE_DEG = 0.06  # a brick of up to 1200 pixels then lies in one cell


def default_bricks(count: int) -> list[Brick]:
    """The first ``count`` bricks of the mock sky, the same whatever the count; raises InputError past the footprint's end."""
    ordered = _ordered_candidates()
    if not 1 <= count <= len(ordered):
        raise InputError(f"--bricks {count}; wanted 1 to {len(ordered)} (more fit through --positions)")
    return list(ordered[:count])


def bricks_at_positions(text: str) -> list[Brick]:
    """The survey bricks that own positions such as ``"150.1,2.2; 34,-5"``, each once, in the order given."""
    bricks: dict[str, Brick] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        try:
            ra, dec = (float(number) for number in part.split(","))
        except ValueError as error:
            raise InputError(f"--positions {part!r}; wanted 'ra,dec' in degrees, several parted by semicolons") from error
        if not (0 <= ra < 360 and -90 <= dec <= 90):
            raise InputError(f"--positions {part!r} is not on the sky; wanted 0 <= ra < 360 and -90 <= dec <= 90 degrees")
        brick = brick_at(ra, dec)
        bricks[brick.name] = brick
    if not bricks:
        raise InputError(f"--positions {text!r} names no position; wanted 'ra,dec; ra,dec' in degrees")
    return list(bricks.values())


@cache
def _ordered_candidates() -> tuple[Brick, ...]:
    numbered = {brick: split_number(str(cell)) for brick, cell in _candidates()}
    ordered: list[Brick] = []
    for k in range(len(numbered)):
        wanted = 1000 * _van_der_corput(k)
        nearest = min(numbered, key=lambda brick: (abs(numbered[brick] - wanted), brick.name))
        ordered.append(nearest)
        del numbered[nearest]
    return tuple(ordered)


def _candidates() -> list[tuple[Brick, int]]:
    """Bricks of a grid whose middle lies in one sky cell, with that cell's number."""
    healpix = HEALPix(nside=CELL_NSIDE, order="nested")
    steps = round(360 / _GRID_STEP_DEG)
    rows = range(round((_DEC_RANGE_DEG[1] - _DEC_RANGE_DEG[0]) / _GRID_STEP_DEG))
    grid = [(360.0 * i / steps, _DEC_RANGE_DEG[0] + _GRID_STEP_DEG * j) for i in range(steps) for j in rows]
    latitude = SkyCoord(*np.array(grid).T, unit="deg").galactic.b.deg
    bricks = [brick_at(*at) for at, b in zip(grid, latitude, strict=True) if abs(b) > _LEAST_GALACTIC_LATITUDE_DEG]
    found = []
    for brick in bricks:
        corners = [(brick.ra + i * _HALF_SIDE_DEG, brick.dec + j * _HALF_SIDE_DEG) for i in (-1, 1) for j in (-1, 1)]
        ra, dec = np.array(corners).T
        cells = healpix.lonlat_to_healpix(ra * units.deg, dec * units.deg)
        if len(set(cells.tolist())) == 1:
            found.append((brick, int(cells[0])))
    return found


def _van_der_corput(k: int) -> float:
    """The k-th point of the base-2 sequence 1/2, 1/4, 3/4, 1/8, ...: every start of it fills the unit interval evenly."""
    value, share = 0.0, 0.5
    number = k + 1
    while number:
        value += share * (number & 1)
        number >>= 1
        share /= 2
    return value
