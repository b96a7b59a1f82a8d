"""The grid that light is drawn on: it resolves what it is asked to, and what is drawn sums to one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spark_jobs.physics.drawn_light import (
    FINEST_ARCSEC,
    MAX_SIDE_PIX,
    WIDEST_ARCSEC,
    check_shape,
    fine_grid,
    gaussian,
    turned,
    unit_flux,
)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.1, 12.7), st.floats(0.01, 3.0))
@example(0.10000000000000002, 0.125)
def test_the_grid_is_even_centred_and_ends_within_a_pixel_of_its_reach(reach: float, width: float) -> None:
    x, y, pixel = fine_grid(reach, width)
    side = x.size
    assert (x.shape, y.shape, side % 2) == ((1, side), (side, 1), 0)
    np.testing.assert_array_equal(x.ravel(), y.ravel())
    np.testing.assert_allclose(np.diff(x.ravel()), pixel, rtol=1e-9)
    assert x[0, 0] == -x[0, -1]
    assert reach - 1e-9 <= 0.5 * side * pixel < reach + pixel + 1e-9  # a reach of whole pixels, up to rounding


@pytest.mark.parametrize(
    ("width", "pixel"), [(0.01, FINEST_ARCSEC), (0.15, 0.05), (0.3, 0.1), (0.393, 0.131), (0.5, WIDEST_ARCSEC), (5, 0.131)]
)
def test_a_width_has_three_pixels_unless_they_would_be_finer_or_wider_than_the_limits(width: float, pixel: float) -> None:
    assert fine_grid(2.0, width)[2] == pytest.approx(pixel, rel=1e-12)


def test_light_that_takes_too_many_pixels_is_refused() -> None:
    assert fine_grid(12.79, 0.1)[0].size == MAX_SIDE_PIX
    with pytest.raises(ValueError, match=r"light of 25\.8 arcsec takes 516 pixels of 0\.05; wanted 512"):
        fine_grid(12.9, 0.1)


@settings(max_examples=60, deadline=None)
@given(st.floats(-9, 9), st.floats(-9, 9), st.floats(-7, 7))
def test_turned_offsets_are_the_parts_along_and_across_the_axis(x: float, y: float, angle: float) -> None:
    along, across = turned(np.array([x]), np.array([y]), angle)
    assert along[0] + 1j * across[0] == pytest.approx((x + 1j * y) * np.exp(-1j * angle), abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 5))
def test_the_gaussian_is_one_at_its_peak_and_a_half_at_half_its_width(width: float) -> None:
    np.testing.assert_allclose(gaussian(width * np.array([-0.5, 0.0, 0.5, 1.0]), width), [0.5, 1.0, 0.5, 1 / 16], rtol=1e-12)


def test_light_is_scaled_to_one_and_keeps_its_shape_and_pixel() -> None:
    brightness = np.array([[0.0, 3.0], [1.0, 4.0]])
    light = unit_flux(brightness, 0.07)
    np.testing.assert_allclose(light.image, brightness / 8, rtol=1e-15)
    assert light.pixel_scale_arcsec == 0.07


@pytest.mark.parametrize(("value", "told"), [(0.0, r"0\.0"), (-1.0, r"-4\.0"), (math.nan, "nan"), (math.inf, "inf")])
def test_no_light_is_refused(value: float, told: str) -> None:
    with pytest.raises(ValueError, match=f"drawn light sums to {told}; wanted a finite flux above 0"):
        unit_flux(np.full((2, 2), value), 0.1)


@pytest.mark.parametrize("value", [0.0, -0.1, math.nan, math.inf])
def test_a_length_that_is_none_is_refused_by_its_name(value: float) -> None:
    check_shape(radius=1.0, width=1e-9)
    with pytest.raises(ValueError, match=f"width is {value}; wanted a finite number above 0"):
        check_shape(radius=1.0, width=value)
