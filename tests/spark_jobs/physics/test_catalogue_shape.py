"""The catalogue's ellipticity on the stamp: a change of both signs, checked against angles on the sky."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from spark_jobs.physics.catalogue_shape import stamp_ellipticity
from tests.spark_jobs.small_brick import brick_header


@pytest.mark.parametrize("angle_deg", [0.0, 20.0, 45.0, 90.0, 135.0, 170.0])
def test_the_converted_angle_points_where_the_position_angle_points_on_the_sky(angle_deg: float) -> None:
    from astropy.wcs import WCS

    wcs = WCS(brick_header())
    centre = SkyCoord(*wcs.wcs_pix2world([[180.0, 180.0]], 0)[0], unit="deg")
    end = centre.directional_offset_by(angle_deg * u.deg, 2 * u.arcsec)  # position angle: from north to east
    x, y = wcs.wcs_world2pix([[end.ra.deg, end.dec.deg]], 0)[0] - 180
    e = 0.3
    e1, e2 = stamp_ellipticity(e * np.cos(2 * np.radians(angle_deg)), e * np.sin(2 * np.radians(angle_deg)))
    phi = np.arctan2(y, x)
    assert (e1, e2) == pytest.approx((e * np.cos(2 * phi), e * np.sin(2 * phi)), abs=1e-3)


def test_a_round_galaxy_stays_round_and_nan_stays_nan() -> None:
    assert stamp_ellipticity(0.0, 0.0) == (0, 0)
    e1, e2 = stamp_ellipticity(np.array([0.1, np.nan]), np.array([np.nan, 0.2]))
    np.testing.assert_array_equal(e1, [-0.1, np.nan])
    np.testing.assert_array_equal(e2, [np.nan, -0.2])
