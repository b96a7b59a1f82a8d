"""Where mock bricks lie: far apart, one sky cell each, splits filled."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from schemas.job_entry import InputError
from schemas.split_rule import split_of
from schemas.survey import CELL_NSIDE
from spark_jobs.transforms.mock.mock_positions import bricks_at_positions, default_bricks

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


@pytest.mark.parametrize(("count", "least"), [(8, 1), (20, 2), (60, 7)])
def test_any_number_of_bricks_from_eight_on_fills_every_split(count: int, least: int) -> None:
    bricks = default_bricks(count)
    cells = HEALPix(CELL_NSIDE, "nested").lonlat_to_healpix(
        np.array([b.ra for b in bricks]) * units.deg, np.array([b.dec for b in bricks]) * units.deg
    )
    assert len(set(cells.tolist())) == count
    splits = [split_of(str(cell), FRACTIONS) for cell in cells]
    assert min(splits.count(name) for name in FRACTIONS) >= least


def test_more_bricks_keep_the_first_ones() -> None:
    assert default_bricks(12)[:5] == default_bricks(5)


def test_bricks_lie_at_least_three_degrees_apart_and_away_from_the_galaxy() -> None:
    bricks = default_bricks(100)
    sky = SkyCoord([b.ra for b in bricks], [b.dec for b in bricks], unit="deg")
    apart = sky[:, None].separation(sky[None, :]).deg
    assert apart[~np.eye(100, dtype=bool)].min() > 2.9
    assert np.abs(sky.galactic.b.deg).min() > 24
    assert sky.dec.deg.max() < 32


def test_a_position_gives_the_survey_brick_that_owns_it_once() -> None:
    assert [brick.name for brick in bricks_at_positions("150.1,2.2; 150.12,2.2; 34,-5")] == ["1501p022", "0339m050"]


@pytest.mark.parametrize(
    ("text", "message"), [("150", "wanted 'ra,dec'"), ("400,2", "not on the sky"), (";", "names no position")]
)
def test_positions_that_are_none_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bricks_at_positions(text)


def test_more_bricks_than_the_footprint_holds_are_refused() -> None:
    with pytest.raises(InputError, match="wanted 1 to"):
        default_bricks(100_000)
    with pytest.raises(InputError, match="wanted 1 to"):
        default_bricks(0)
