"""The survey's tiling of the sky, against the survey's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.transforms.mock.brick_tiling import brick_at


def test_the_real_brick_table_is_reproduced_to_its_last_column(shared_data: Path) -> None:
    real = fits.getdata(shared_data / "legacy_dr6_brick_0959p805" / "survey-bricks.fits.gz", 1)[0]
    brick = brick_at(real["RA"], real["DEC"])
    assert (brick.name, brick.brick_id, brick.quadrant) == (real["BRICKNAME"], real["BRICKID"], real["BRICKQ"])
    assert (brick.row, brick.column) == (real["BRICKROW"], real["BRICKCOL"])
    seen = (brick.ra, brick.dec, brick.ra1, brick.ra2, brick.dec1, brick.dec2)
    assert seen == pytest.approx([real[name] for name in ("RA", "DEC", "RA1", "RA2", "DEC1", "DEC2")], abs=1e-8)


def test_real_objects_lie_in_the_brick_that_they_name_exactly_where_the_survey_calls_them_primary(shared_data: Path) -> None:
    seen = {True: 0, False: 0}
    for path in sorted((shared_data / "sweep").glob("*.fits")):
        for row in fits.getdata(path, 1):
            brick, primary = brick_at(float(row["RA"]), float(row["DEC"])), row["MASKBITS"] & 1 == 0
            assert ((brick.name, brick.brick_id) == (row["BRICKNAME"], row["BRICKID"])) == primary
            seen[bool(primary)] += 1
    assert min(seen.values()) >= 6


def test_the_sky_has_as_many_bricks_as_the_survey_says() -> None:
    assert brick_at(10.0, 90.0).brick_id == 662174
    assert brick_at(10.0, -90.0).brick_id == 1


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90))
def test_every_position_lies_within_the_borders_of_its_brick(ra: float, dec: float) -> None:
    brick = brick_at(ra, dec)
    assert brick.dec1 <= dec <= brick.dec2
    assert brick.ra1 - 1e-9 <= ra <= brick.ra2 + 1e-9
    assert len(brick.name) == 8
