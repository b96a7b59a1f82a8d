"""Sky cells without astropy_healpix are those that astropy_healpix gives."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy_healpix import HEALPix

from schemas.survey import CELL_NSIDE
from trainer.adopting.sky_cells import NO_CELL, sky_cells


@pytest.mark.parametrize("nside", [1, 2, CELL_NSIDE])
def test_every_position_falls_in_the_cell_that_astropy_healpix_gives(nside: int) -> None:
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 50_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 50_000)))
    near_pole = np.array([89.999, -89.999, 89.5, -89.5])
    ra, dec = np.append(ra, rng.uniform(0, 360, 4)), np.append(dec, near_pole)
    theirs = HEALPix(nside=nside, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    np.testing.assert_array_equal(sky_cells(ra, dec, nside), theirs)


def test_the_middle_of_every_cell_falls_in_it() -> None:
    pixels = HEALPix(nside=16, order="nested")
    cells = np.arange(pixels.npix)
    ra, dec = pixels.healpix_to_lonlat(cells)
    np.testing.assert_array_equal(sky_cells(ra.deg, dec.deg, 16), cells)


def test_a_position_that_is_none_has_no_cell_and_the_circle_closes() -> None:
    ra, dec = np.array([np.nan, 10.0, 10.0, 360.0, 0.0, -350.0, 10.0]), np.array([0.0, np.nan, 91.0, 5.0, 5.0, 7.0, 7.0])
    cells = sky_cells(ra, dec)
    assert cells[:3].tolist() == [NO_CELL] * 3
    assert cells[3] == cells[4] and cells[5] == cells[6]
