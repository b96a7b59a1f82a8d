"""Signal to noise, extent and magnitudes of an arc: cases worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.arc_observables import ArcVisibility, arc_visibility, flux_of, magnitude_of


def test_the_visibility_of_four_pixels_is_as_worked_out_by_hand() -> None:
    # signal to noise a pixel: 3, 12, 0.5 and none where there is no data; sqrt(9 + 144 + 0.25) in all
    arc, sigma = np.array([[3.0, 6.0], [0.5, 100.0]]), np.array([[1.0, 0.5], [1.0, np.inf]])
    assert arc_visibility(arc, sigma**-2) == ArcVisibility(pytest.approx(math.sqrt(153.25)), pytest.approx(12.0), 2, 1)


def test_a_pixel_at_exactly_one_or_five_sigma_is_not_above_it() -> None:
    seen = arc_visibility(np.array([[1.0, 5.0]]), np.ones((1, 2)))
    assert (seen.pixels_1sigma, seen.pixels_5sigma) == (1, 0)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_signal_to_noise_is_proportional_to_the_arc_and_to_the_root_of_the_inverse_variance(
    times: float, invvar: float
) -> None:
    arc = np.random.default_rng(1).uniform(0, 1, (5, 5))
    seen, unit = arc_visibility(times * arc, np.full((5, 5), invvar)), arc_visibility(arc, np.ones((5, 5)))
    factor = times * math.sqrt(invvar)
    assert (seen.snr, seen.peak_snr) == pytest.approx((factor * unit.snr, factor * unit.peak_snr))


def test_single_precision_inverse_variance_loses_no_more_than_its_digits() -> None:
    arc, invvar = np.full((3, 3), 0.2), np.full((3, 3), 1e4 / 3)
    assert arc_visibility(arc, invvar.astype(np.float32)).snr == pytest.approx(arc_visibility(arc, invvar).snr, rel=1e-6)


def test_nothing_is_seen_of_no_arc_or_without_data() -> None:
    for arc, invvar in ((0.0, 1.0), (1.0, 0.0)):
        assert arc_visibility(np.full((2, 2), arc), np.full((2, 2), invvar)) == ArcVisibility(0.0, 0.0, 0, 0)


@pytest.mark.parametrize(("flux", "magnitude"), [(1.0, 22.5), (100.0, 17.5), (0.01, 27.5), (10**0.4, 21.5)])
def test_a_nanomaggy_is_magnitude_22_5(flux: float, magnitude: float) -> None:
    assert magnitude_of(flux) == pytest.approx(magnitude, abs=1e-12)
    assert flux_of(magnitude) == pytest.approx(flux, rel=1e-12)


@pytest.mark.parametrize("flux", [0.0, -1.0, math.nan, math.inf, -math.inf])
def test_a_flux_that_is_not_positive_has_no_magnitude(flux: float) -> None:
    assert magnitude_of(flux) is None


def test_fluxes_of_a_column_keep_its_shape_and_its_nan() -> None:
    np.testing.assert_allclose(flux_of([[22.5, np.nan], [20.0, 25.0]]), [[1.0, np.nan], [10.0, 0.1]], rtol=1e-12)
