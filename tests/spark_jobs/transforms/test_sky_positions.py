"""Cells, their borders and neighbours on the sphere."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy_healpix import HEALPix

from schemas.survey import CELL_NSIDE
from spark_jobs.transforms.sky_positions import NO_CELL, is_near, is_near_cell_border, sky_cells, unit_vectors

HEALPIX = HEALPix(nside=CELL_NSIDE, order="nested")


def test_the_centre_of_every_cell_tried_is_in_that_cell() -> None:
    cells = np.arange(0, HEALPIX.npix, 977)
    ra, dec = (angle.to_value("deg") for angle in HEALPIX.healpix_to_lonlat(cells))
    np.testing.assert_array_equal(sky_cells(ra, dec), cells)
    np.testing.assert_array_equal(sky_cells(ra + 360, dec), cells)


def test_a_position_that_is_not_finite_has_no_cell_and_is_near_nothing() -> None:
    ra, dec = np.array([np.nan, 10.0, 10.0]), np.array([0.0, np.inf, 95.0])
    np.testing.assert_array_equal(sky_cells(ra, dec), [NO_CELL] * 3)
    assert not is_near_cell_border(ra, dec, 1e4).any()
    assert not is_near(ra, dec, unit_vectors(np.array([10.0]), np.array([0.0])), 1e6).any()


@pytest.mark.parametrize("cell", [0, 74715, 100000, 196607])
def test_a_host_within_the_distance_of_its_cells_border_is_found_and_one_well_inside_is_not(cell: int) -> None:
    rng = np.random.default_rng(cell)
    dx, dy = rng.uniform(0.001, 0.999, (2, 400))
    ra, dec = (angle.to_value("deg") for angle in HEALPIX.healpix_to_lonlat(np.full(400, cell), dx=dx, dy=dy))
    border = HEALPIX.boundaries_lonlat([cell], 2000)
    edge = unit_vectors(*(side[0].to_value("deg") for side in border))
    separation = 2 * np.arcsin(np.linalg.norm(unit_vectors(ra, dec)[:, None] - edge, axis=-1).min(axis=1) / 2)
    distance = np.degrees(separation) * 3600
    near = is_near_cell_border(ra, dec, 60.0)
    assert near[distance < 60].all()
    assert not near[distance > 60 * 1.09].any()
    assert near.any()
    assert not near.all()


def test_near_means_within_the_radius_also_across_right_ascension_zero_and_beside_the_pole() -> None:
    others = unit_vectors(np.array([0.0, 200.0]), np.array([0.0, 89.999]))
    arcsec = (1 * u.arcsec).to_value("deg")
    ra = np.array([360 - 9 * arcsec, 11 * arcsec, 20.0])
    dec = np.array([0.0, 0.0, 89.999])
    np.testing.assert_array_equal(is_near(ra, dec, others, 10.0), [True, False, True])
    assert not is_near(ra, dec, np.empty((0, 3)), 10.0).any()
