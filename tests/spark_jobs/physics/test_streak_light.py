"""Streaks over a stamp's edges: a trail is even and as wide as asked, a cross falls as 1/r^2, and both know their share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from scipy.stats import norm

from spark_jobs.physics.streak_light import MARGIN_ARCSEC, Streak, cross_light, trail_light

FloatArray = npt.NDArray[np.float64]
FWHM_IN_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))

STAMP = 128 * 0.131
"""On the widest pixel: 128 on the stamp and 20 on each margin."""
SHARE_OF_AXIS = 128 / 168
both_kinds = pytest.mark.parametrize("streak_light", [trail_light, cross_light])


def offsets(streak: Streak) -> FloatArray:
    side = streak.light.image.shape[0]
    return np.asarray((np.arange(side) - 0.5 * (side - 1)) * streak.light.pixel_scale_arcsec)


def sampled(streak: Streak, x: FloatArray, y: FloatArray) -> FloatArray:
    """The light at offsets in arcsec from the stamp's middle, a cubic spline between its pixels."""
    middle = 0.5 * (streak.light.image.shape[0] - 1)
    places = [place / streak.light.pixel_scale_arcsec + middle for place in (y, x)]
    return np.asarray(map_coordinates(streak.light.image, places, order=3))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([trail_light, cross_light]), st.floats(-5, 5), st.floats(-5, 5), st.floats(0, 3.2), st.floats(0.3, 1.5))
def test_the_flux_is_one_and_the_share_is_what_lies_on_the_stamp(
    streak_light: Callable[..., Streak], x: float, y: float, angle: float, width: float
) -> None:
    streak = streak_light(x, y, angle, width, STAMP)
    place = offsets(streak)
    assert place[-1] + 0.5 * streak.light.pixel_scale_arcsec >= 0.5 * STAMP + MARGIN_ARCSEC
    on_stamp = np.flatnonzero(np.abs(place) < 0.5 * STAMP)
    first, last = on_stamp[0], on_stamp[-1] + 1
    assert streak.light.image.sum() == pytest.approx(1, abs=1e-12)
    assert streak.light.image.min() >= 0
    assert streak.share_on_stamp == pytest.approx(streak.light.image[first:last, first:last].sum(), abs=1e-12)
    assert 0.05 < streak.share_on_stamp < 1


@settings(max_examples=20, deadline=None)
@given(st.floats(-6, 6), st.floats(0.4, 1.5))
def test_a_trail_along_an_axis_has_the_same_light_in_every_pixel_of_its_length(y: float, width: float) -> None:
    streak = trail_light(3.0, y, 0.0, width, STAMP)
    light = streak.light.image.sum(axis=0)  # by column: x
    np.testing.assert_allclose(light, 1 / len(light), rtol=1e-9)
    assert np.sum(streak.light.image * offsets(streak)[:, None]) == pytest.approx(y, abs=1e-3)
    turned = trail_light(y, 3.0, 0.5 * math.pi, width, STAMP)
    np.testing.assert_allclose(turned.light.image, streak.light.image.T, rtol=0, atol=1e-9 * streak.light.image.max())


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, math.pi), st.floats(0.4, 1.5))
def test_a_trail_runs_evenly_through_its_place_at_its_angle_and_is_as_wide_as_asked(
    x: float, y: float, angle: float, width: float
) -> None:
    streak = trail_light(x, y, angle, width, STAMP)
    along = np.linspace(-5, 5, 41)
    c, s = math.cos(angle), math.sin(angle)
    left, ridge, right = (sampled(streak, x + along * c - d * s, y + along * s + d * c) for d in (-0.5 * width, 0, 0.5 * width))
    np.testing.assert_allclose(ridge, ridge.mean(), rtol=0.02)
    np.testing.assert_allclose(left, 0.5 * ridge.mean(), rtol=0.02)
    np.testing.assert_allclose(right, 0.5 * ridge.mean(), rtol=0.02)


@pytest.mark.parametrize(
    ("place", "share"),
    [
        ((0.0, 0.0, 0.0), SHARE_OF_AXIS),  # along the middle: the length alone
        ((2.0, -3.0, 0.5 * math.pi), SHARE_OF_AXIS),
        ((1.0, 0.5 * STAMP, 0.0), 0.5 * SHARE_OF_AXIS),  # along the upper edge: half of its width is on the stamp
        ((-0.5 * STAMP, 1.0, 0.5 * math.pi), 0.5 * SHARE_OF_AXIS),
        ((0.0, 0.5 * STAMP + 0.3, 0.0), norm.cdf(-0.3 * FWHM_IN_SIGMA / 0.6) * SHARE_OF_AXIS),
    ],
)
def test_the_share_of_a_trail_on_the_stamp_is_that_of_its_length_and_width(
    place: tuple[float, float, float], share: float
) -> None:
    assert trail_light(*place, 0.6, STAMP).share_on_stamp == pytest.approx(share, abs=2e-3)


def test_a_trail_from_corner_to_corner_has_the_share_of_the_diagonals_less_what_the_corners_cut_off() -> None:
    """A line d beside the diagonal is 2 |d| shorter, and |d| is 0.798 sigma on the average over a Gaussian."""
    cut = 2 * math.sqrt(2 / math.pi) * 0.6 / FWHM_IN_SIGMA
    wanted = (math.sqrt(2) * STAMP - cut) / (math.sqrt(2) * STAMP / SHARE_OF_AXIS - cut)
    for angle in (0.25 * math.pi, 0.75 * math.pi):
        assert trail_light(0.0, 0.0, angle, 0.6, STAMP).share_on_stamp == pytest.approx(wanted, abs=2e-4)


def test_a_trail_that_cuts_a_corner_has_the_share_of_the_chord() -> None:
    """x + y = c crosses a square of half side h over (2 h - c) sqrt 2; the margin is a square of its own."""
    half, reach, c = 0.5 * STAMP, 84 * 0.131, 0.6 * STAMP
    streak = trail_light(c, 0.0, -0.25 * math.pi, 0.6, STAMP)
    assert streak.share_on_stamp == pytest.approx((2 * half - c) / (2 * reach - c), rel=2e-3)


@pytest.mark.parametrize(("x", "y", "angle"), [(0.0, 0.0, 0.0), (-13.0, 1.0, 0.0), (3.0, 14.0, 0.2), (12.0, -2.0, 1.6)])
def test_the_arms_of_a_cross_fall_as_the_square_of_the_distance_to_its_star(x: float, y: float, angle: float) -> None:
    width = 0.6
    streak = cross_light(x, y, angle, width, STAMP)
    reach = offsets(streak)[-1]
    reached = 0
    for k in range(4):
        r = np.linspace(3, 25, 221)
        east, north = x + r * math.cos(angle + 0.5 * math.pi * k), y + r * math.sin(angle + 0.5 * math.pi * k)
        drawn = (np.abs(east) < reach) & (np.abs(north) < reach)
        reached += int(drawn.sum() > 20)
        if drawn.any():
            constant = sampled(streak, east[drawn], north[drawn]) * (r[drawn] ** 2 + width**2)
            np.testing.assert_allclose(constant, np.median(constant), rtol=0.03)
    assert reached >= 1


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 1.6), st.floats(0.4, 1.0))
def test_the_four_arms_of_a_cross_are_alike_and_as_wide_as_asked(x: float, y: float, angle: float, width: float) -> None:
    streak = cross_light(x, y, angle, width, STAMP)
    ridges = []
    for k in range(4):
        c, s = math.cos(angle + 0.5 * math.pi * k), math.sin(angle + 0.5 * math.pi * k)
        across = np.array([-0.5, 0.0, 0.5]) * width
        left, middle, right = sampled(streak, x + 4 * c - across * s, y + 4 * s + across * c)
        assert left / middle == pytest.approx(0.5, rel=0.04)
        assert right / middle == pytest.approx(0.5, rel=0.04)
        ridges.append(middle)
    np.testing.assert_allclose(ridges, ridges[0], rtol=0.02)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(0, 1.6))
def test_turning_a_cross_about_its_star_by_90_degrees_changes_nothing_and_about_the_stamp_turns_it(
    x: float, y: float, angle: float
) -> None:
    image = cross_light(x, y, angle, 0.6, STAMP).light.image
    again = cross_light(x, y, angle + 0.5 * math.pi, 0.6, STAMP).light.image
    turned = cross_light(-y, x, angle, 0.6, STAMP).light.image
    np.testing.assert_allclose(again, image, rtol=0, atol=1e-9 * image.max())
    np.testing.assert_allclose(turned, np.rot90(image, -1), rtol=0, atol=1e-9 * image.max())  # rows go up


def test_a_cross_of_a_star_beside_the_stamp_has_the_share_of_the_integral_of_r_to_the_minus_2() -> None:
    """One arm lies on the stamp, from d to d + L; the arms at right angles to it run past the margin."""
    distance, reach, half = 14.0, 84 * 0.131, 0.5 * STAMP
    on_stamp = 1 / (distance - half) - 1 / (distance + half)
    drawn = 1 / (distance - reach) - 1 / (distance + reach)
    for x, y in ((distance, 0.0), (-distance, 2.0), (1.0, distance)):
        streak = cross_light(x, y, 0.0, 0.5, STAMP)
        assert streak.share_on_stamp == pytest.approx(on_stamp / drawn, rel=0.02)


@both_kinds
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"width": 0.0}, r"width is 0\.0; wanted a finite number above 0"),
        ({"stamp_arcsec": math.nan}, "stamp_arcsec is nan; wanted a finite number above 0"),
        ({"x": math.nan}, r"drawn light sums to nan; wanted a finite flux above 0"),
        ({"y": math.nan}, "drawn light sums to nan"),
        ({"angle": math.nan}, "drawn light sums to nan"),
        ({"stamp_arcsec": 70.0}, r"light of 75 arcsec takes 574 pixels of 0\.131; wanted 512"),
    ],
)
def test_a_streak_that_cannot_be_is_refused(streak_light: Callable[..., Streak], changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        streak_light(**{"x": 1.0, "y": 2.0, "angle": 0.3, "width": 0.6, "stamp_arcsec": STAMP} | changes)


def test_a_streak_that_misses_the_stamp_is_refused() -> None:
    told = r"of a streak is on the stamp of 16\.77 arcsec; wanted 0\.01"
    with pytest.raises(ValueError, match=told):
        trail_light(0.0, 0.5 * STAMP + 1.5, 0.0, 0.6, STAMP)
    with pytest.raises(ValueError, match=told):
        cross_light(0.5 * STAMP + 2.0, 0.5 * STAMP + 2.0, 0.0, 0.6, STAMP)
    with pytest.raises(ValueError, match=r"drawn light sums to 0\.0"):
        trail_light(0.0, 400.0, 0.0, 0.6, STAMP)
