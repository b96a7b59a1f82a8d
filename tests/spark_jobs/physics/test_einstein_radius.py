"""Einstein radii and distances: astropy's integrals, a figure worked out by hand, and what lies in front of the lens."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.einstein_radius import (
    MAX_REDSHIFT,
    angular_diameter_distance,
    comoving_distance,
    distance_modulus,
    distance_ratio,
    einstein_radius,
    largest_einstein_radius,
)

COSMOLOGY = FlatLambdaCDM(H0=70.0, Om0=0.3)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.06, 6.0), st.floats(1.01, 4.0))
def test_the_distance_ratio_is_astropys(z_lens: float, times: float) -> None:
    z_source = min(times * z_lens, 11.9)
    to_lens, to_source = COSMOLOGY.angular_diameter_distance([z_lens, z_source]).to_value("Mpc")
    between = to_source - (1 + z_lens) / (1 + z_source) * to_lens  # Hogg 1999, eq. 19, in a flat universe
    assert distance_ratio(z_lens, z_source) == pytest.approx(between / to_source, abs=1e-6)


def test_distances_between_the_points_of_the_table_are_astropys_to_a_millionth() -> None:
    z = np.append(np.linspace(0.0605, 0.2, 50), np.random.default_rng(1).uniform(0.06, MAX_REDSHIFT, 300))
    np.testing.assert_allclose(comoving_distance(z), COSMOLOGY.comoving_distance(z).to_value("Mpc"), rtol=1e-6)
    np.testing.assert_allclose(angular_diameter_distance(z), COSMOLOGY.angular_diameter_distance(z).to_value("Mpc"), rtol=1e-6)
    np.testing.assert_allclose(distance_modulus(z), COSMOLOGY.distmod(z).to_value("mag"), rtol=0, atol=3e-6)


def test_a_sphere_of_250_kms_at_half_the_distance_bends_by_nine_tenths_of_an_arcsecond() -> None:
    # 4 pi (250 / 299792.458)^2 = 8.73873e-6 rad = 1.80249 arcsec, times D_ls/D_s
    z_half = np.interp(0.5 * comoving_distance(1.0), comoving_distance(np.linspace(0, 1, 10001)), np.linspace(0, 1, 10001))
    assert einstein_radius(250.0, z_half, 1.0) == pytest.approx(0.90125, abs=1e-5)
    assert einstein_radius(250.0, 1e-9, 1.0) == pytest.approx(1.80249, abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.floats(100, 400), st.floats(0.05, 1.0), st.floats(1.1, 5.0), st.floats(0.01, 3.0))
def test_the_radius_grows_with_the_square_of_the_dispersion_and_with_the_sources_distance(
    sigma_v: float, z_lens: float, z_source: float, further: float
) -> None:
    radius = einstein_radius(sigma_v, z_lens, z_source)
    assert einstein_radius(2 * sigma_v, z_lens, z_source) == pytest.approx(4 * radius, rel=1e-12)
    assert einstein_radius(sigma_v, z_lens, z_source + further) > radius


@settings(max_examples=30, deadline=None)
@given(st.floats(100, 400), st.floats(0.05, 1.0), st.floats(1.01, 5.0))
def test_no_source_is_bent_further_than_the_largest_radius_which_times_the_distance_ratio_is_its_own(
    sigma_v: float, z_lens: float, z_source: float
) -> None:
    # 4 pi (250 / 299792.458)^2 rad = 1.80249 arcsec, and 1.80249 (sigma / 250 km/s)^2 for any other sphere
    largest = largest_einstein_radius(sigma_v)
    assert largest == pytest.approx(1.80249 * (sigma_v / 250) ** 2, rel=1e-5)
    assert einstein_radius(sigma_v, z_lens, z_source) < largest
    np.testing.assert_allclose(
        largest * distance_ratio(z_lens, z_source), einstein_radius(sigma_v, z_lens, z_source), rtol=1e-12
    )
    np.testing.assert_array_equal(largest_einstein_radius([[sigma_v], [0.0], [math.nan]]), [[largest], [0.0], [math.nan]])


def test_a_source_that_is_not_behind_the_lens_is_not_bent() -> None:
    np.testing.assert_array_equal(einstein_radius([200.0, 250.0, 300.0], 0.5, [0.5, 0.3, 0.0]), np.zeros(3))


def test_redshifts_that_are_none_give_nan_and_rows_beside_them_stay() -> None:
    ratio = distance_ratio([0.5, np.nan, 0.5, -0.1, 0.5], [1.0, 1.0, np.nan, 1.0, MAX_REDSHIFT + 1])
    np.testing.assert_array_equal(np.isnan(ratio), [False, True, True, True, True])
    np.testing.assert_array_equal(np.isnan(comoving_distance([0.0, MAX_REDSHIFT, -1e-9, 12.01, math.inf])), [0, 0, 1, 1, 1])


def test_the_ratio_has_the_broadcast_shape() -> None:
    assert distance_ratio([[0.2], [0.4]], [1.0, 2.0, 3.0]).shape == (2, 3)
