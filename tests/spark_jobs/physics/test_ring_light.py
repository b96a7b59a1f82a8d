"""Rings without lensing: their light's moments are those of a Gaussian annulus, in any direction, with a bar or without."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from spark_jobs.physics.drawn_light import DrawnLight
from spark_jobs.physics.ring_light import ring_light

FloatArray = npt.NDArray[np.float64]
FWHM_IN_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))

radii, thicknesses = st.floats(0.8, 4.0), st.floats(0.25, 0.5)  # a thickness is the width over the radius
ratios, angles, shares = st.floats(0.4, 1.0), st.floats(0, math.pi), st.floats(0, 1)


def offsets(light: DrawnLight) -> FloatArray:
    side = light.image.shape[0]
    return np.asarray((np.arange(side) - 0.5 * (side - 1)) * light.pixel_scale_arcsec)


def sampled(light: DrawnLight, x: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
    """The light at offsets in arcsec, a cubic spline between its pixels."""
    places = [np.asarray(place, float) / light.pixel_scale_arcsec + 0.5 * (light.image.shape[0] - 1) for place in (y, x)]
    return np.asarray(map_coordinates(light.image, np.broadcast_arrays(*places), order=3))


def width_at_half(place: FloatArray, profile: FloatArray) -> float:
    """Full width at half of the peak, between the outermost samples above it."""
    above = np.flatnonzero(profile > 0.5 * profile.max())
    first, last = above[0], above[-1]
    half = 0.5 * profile.max()
    start = np.interp(half, profile[first - 1 : first + 1], place[first - 1 : first + 1])
    end = np.interp(-half, -profile[last : last + 2], place[last : last + 2])
    return float(end - start)


@settings(max_examples=40, deadline=None)
@given(radii, thicknesses, ratios, angles, shares)
def test_the_flux_is_one_and_the_image_the_same_turned_by_180_degrees(
    radius: float, thickness: float, axis_ratio: float, angle: float, bar_share: float
) -> None:
    image = ring_light(radius, thickness * radius, axis_ratio, angle, bar_share).image
    assert image.sum() == pytest.approx(1, abs=1e-12)
    assert image.min() >= 0
    np.testing.assert_allclose(image, image[::-1, ::-1], rtol=0, atol=1e-12 * image.max())


@settings(max_examples=40, deadline=None)
@given(radii, thicknesses, ratios, angles)
def test_the_moments_are_those_of_a_gaussian_annulus_turned_and_stretched(
    radius: float, thickness: float, axis_ratio: float, angle: float
) -> None:
    """In units where the ellipse is a circle <r> = R + s^2 / R and <r^2> = R^2 + 3 s^2; x and y have half of that each."""
    light = ring_light(radius, thickness * radius, axis_ratio, angle)
    spread = (thickness * radius / FWHM_IN_SIGMA) ** 2
    x, y = np.meshgrid(offsets(light), offsets(light))
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    r = np.sqrt(axis_ratio * along**2 + across**2 / axis_ratio)
    half = 0.5 * (radius**2 + 3 * spread)
    assert np.sum(light.image * r) == pytest.approx(radius + spread / radius, rel=1e-3)
    assert np.sum(light.image * along**2) == pytest.approx(half / axis_ratio, rel=1e-3)
    assert np.sum(light.image * across**2) == pytest.approx(half * axis_ratio, rel=1e-3)
    assert np.sum(light.image * along * across) == pytest.approx(0, abs=1e-3 * radius**2)


@settings(max_examples=30, deadline=None)
@given(radii, thicknesses, angles)
def test_a_circular_ring_peaks_at_its_radius_and_is_as_wide_as_asked(radius: float, thickness: float, towards: float) -> None:
    width = thickness * radius
    place = np.linspace(radius - 1.5 * width, radius + 1.5 * width, 301)
    place = place[place > 0]
    profile = sampled(ring_light(radius, width), place * math.cos(towards), place * math.sin(towards))
    assert place[profile.argmax()] == pytest.approx(radius, abs=0.02 * width)
    assert width_at_half(place, profile) == pytest.approx(width, rel=0.01)


def test_the_ring_of_the_failed_experiment_has_a_radius_of_3_93_and_a_width_of_1_95_arcsec() -> None:
    r_pix = np.hypot(*(np.mgrid[:64, :64] - 31.5))
    wanted = np.exp(-((r_pix - 15) ** 2) / 20)
    light = ring_light(15 * 0.262, 2 * math.sqrt(20 * math.log(2)) * 0.262)
    rounded = ring_light(3.93, 1.95)
    x = (np.arange(64) - 31.5) * 0.262
    lit = r_pix < 27
    for drawn, off in ((light, 1e-3), (rounded, 2e-3)):
        image = sampled(drawn, x[None, :], x[:, None])
        np.testing.assert_allclose(image[lit] / drawn.image.max(), wanted[lit], rtol=0, atol=off)


@pytest.mark.parametrize("bar_share", [0.0, 0.4])
def test_turning_the_axis_by_90_degrees_turns_the_image(bar_share: float) -> None:
    image = ring_light(2.0, 0.6, 0.6, 0.4, bar_share).image
    turned = ring_light(2.0, 0.6, 0.6, 0.4 + 0.5 * math.pi, bar_share).image
    np.testing.assert_allclose(turned, np.rot90(image, -1), rtol=0, atol=1e-12 * image.max())  # rows go up
    assert not np.allclose(turned, image, rtol=0, atol=1e-2 * image.max())


@settings(max_examples=30, deadline=None)
@given(thicknesses, ratios, angles, shares)
def test_the_bar_holds_its_share_of_the_light(thickness: float, axis_ratio: float, angle: float, bar_share: float) -> None:
    shape = (2.0, 2.0 * thickness, axis_ratio, angle)
    ring, bar, both = (ring_light(*shape, bar_share=share).image for share in (0.0, 1.0, bar_share))
    np.testing.assert_allclose(both, (1 - bar_share) * ring + bar_share * bar, rtol=0, atol=1e-12 * both.max())


@pytest.mark.parametrize(("axis_ratio", "angle"), [(1.0, 0.0), (0.5, 0.0), (0.7, 2.3)])
def test_the_bar_is_even_along_the_major_axis_from_side_to_side_and_as_wide_as_the_ring(
    axis_ratio: float, angle: float
) -> None:
    radius, width = 2.0, 0.5
    end = radius / math.sqrt(axis_ratio)
    light = ring_light(radius, width, axis_ratio, angle, bar_share=1.0)
    peak = light.image.max()
    c, s = math.cos(angle), math.sin(angle)
    along = np.linspace(-0.95 * end, 0.95 * end, 50)
    np.testing.assert_allclose(sampled(light, along * c, along * s), peak, rtol=0.05)
    ends = np.array([-end - 0.5 * width, end + 0.5 * width])
    np.testing.assert_allclose(sampled(light, ends * c, ends * s), 0.5 * peak, rtol=0.05)
    across = np.linspace(-1.5 * width, 1.5 * width, 301)
    for place in (-0.7 * end, 0.0, 0.4 * end):
        profile = sampled(light, place * c - across * s, place * s + across * c)
        assert width_at_half(across, profile) == pytest.approx(width, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"radius": 0.0}, r"radius is 0\.0; wanted a finite number above 0"),
        ({"width": math.nan}, "width is nan; wanted a finite number above 0"),
        ({"axis_ratio": -0.5}, r"axis_ratio is -0\.5; wanted a finite number above 0"),
        ({"axis_ratio": 1.01}, r"axis ratio 1\.01, bar share 0\.0, angle 0\.0; wanted \(0, 1\], \[0, 1\], a number"),
        ({"bar_share": 1.01}, r"axis ratio 1\.0, bar share 1\.01"),
        ({"bar_share": -0.01}, r"bar share -0\.01"),
        ({"bar_share": math.nan}, "bar share nan"),
        ({"angle": math.inf}, "angle inf"),
        ({"radius": 40.03, "width": 0.3}, r"light of 81\.3 arcsec takes 814 pixels of 0\.1; wanted 512"),
    ],
)
def test_a_ring_that_cannot_be_is_refused(changes: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        ring_light(**{"radius": 2.0, "width": 0.5} | changes)
