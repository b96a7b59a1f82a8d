"""Two spiral arms: pitch, width and fall-off are read back from the image, in any direction and wound either way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from scipy.stats import norm

from spark_jobs.physics.drawn_light import DrawnLight
from spark_jobs.physics.spiral_light import spiral_light

FloatArray = npt.NDArray[np.float64]

SCALE = 1 / norm.ppf(0.75)
"""The radial Gaussian's sigma for a radius of one: half of a normal law lies within 0.6745 sigma."""
radii, thicknesses = st.floats(0.8, 2.5), st.floats(0.15, 0.5)
pitches, ratios, angles = st.floats(math.radians(10), math.radians(60)), st.floats(0.5, 1.0), st.floats(0, math.pi)


def disc_sampled(light: DrawnLight, r: FloatArray, azimuth: FloatArray, axis_ratio: float, angle: float) -> FloatArray:
    """The light at places in the disc's own plane, azimuth from the axis at ``angle``; a cubic spline between pixels."""
    along, across = r * np.cos(azimuth), axis_ratio * r * np.sin(azimuth)
    x, y = along * math.cos(angle) - across * math.sin(angle), along * math.sin(angle) + across * math.cos(angle)
    places = [place / light.pixel_scale_arcsec + 0.5 * (light.image.shape[0] - 1) for place in (y, x)]
    return np.asarray(map_coordinates(light.image, places, order=3))


def arm_azimuth(light: DrawnLight, r: FloatArray, axis_ratio: float = 1.0, angle: float = 0.0) -> FloatArray:
    """Azimuth of the arms at each radius, unwound: half the phase of the light's second harmonic."""
    azimuth = np.linspace(0, 2 * math.pi, 720, endpoint=False)
    rings = disc_sampled(light, r[:, None], azimuth[None, :], axis_ratio, angle)
    return np.asarray(0.5 * np.unwrap(np.angle(rings @ np.exp(2j * azimuth))))


@settings(max_examples=40, deadline=None)
@given(radii, thicknesses, pitches, ratios, angles, st.booleans())
def test_the_flux_is_one_and_the_arms_stand_opposite_one_another(
    radius: float, thickness: float, pitch: float, axis_ratio: float, angle: float, mirrored: bool
) -> None:
    image = spiral_light(radius, thickness * radius, pitch, axis_ratio, angle, mirrored=mirrored).image
    assert image.sum() == pytest.approx(1, abs=1e-12)
    assert image.min() >= 0
    np.testing.assert_allclose(image, image[::-1, ::-1], rtol=0, atol=1e-9 * image.max())


@settings(max_examples=20, deadline=None)
@given(pitches, ratios, angles, st.booleans())
def test_turning_the_axis_by_90_degrees_turns_the_image(pitch: float, axis_ratio: float, angle: float, mirrored: bool) -> None:
    image = spiral_light(1.5, 0.4, pitch, axis_ratio, angle, mirrored=mirrored).image
    turned = spiral_light(1.5, 0.4, pitch, axis_ratio, angle + 0.5 * math.pi, mirrored=mirrored).image
    np.testing.assert_allclose(turned, np.rot90(image, -1), rtol=0, atol=1e-9 * image.max())  # rows go up
    assert not np.allclose(turned, image, rtol=0, atol=1e-2 * image.max())


@settings(max_examples=20, deadline=None)
@given(pitches, ratios, angles)
def test_mirrored_arms_are_the_mirror_image(pitch: float, axis_ratio: float, angle: float) -> None:
    image = spiral_light(1.5, 0.4, pitch, axis_ratio, -angle).image
    mirrored = spiral_light(1.5, 0.4, pitch, axis_ratio, angle, mirrored=True).image
    np.testing.assert_allclose(mirrored, image[::-1], rtol=0, atol=1e-9 * image.max())
    unmirrored = spiral_light(1.5, 0.4, pitch, axis_ratio, angle).image
    assert not np.allclose(mirrored, unmirrored, rtol=0, atol=1e-2 * image.max())


@pytest.mark.parametrize("degrees", [10, 20, 30, 60])
@pytest.mark.parametrize(("axis_ratio", "angle"), [(1.0, 0.0), (1.0, 0.7), (0.6, 0.7)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_the_pitch_is_read_back_from_the_arms_and_one_crosses_the_radius_on_the_axis(
    degrees: float, axis_ratio: float, angle: float, mirrored: bool
) -> None:
    """r = r0 exp(phi tan p): the arms' azimuth grows by cot p for each unit of ln r, and is 0 or pi at r0."""
    radius, pitch = 2.0, math.radians(degrees)
    r = radius * np.geomspace(0.6, 1.8, 121)
    azimuth = arm_azimuth(spiral_light(radius, 0.2, pitch, axis_ratio, angle, mirrored=mirrored), r, axis_ratio, angle)
    slope = np.polyfit(np.log(r), azimuth, 1)[0]
    winding = -1 if mirrored else 1
    assert math.degrees(math.atan(winding / slope)) == pytest.approx(degrees, rel=0.01)
    crossing = np.interp(math.log(radius), np.log(r), azimuth)
    assert math.sin(crossing) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("degrees", [15, 30])
@pytest.mark.parametrize("width", [0.2, 0.3])
@pytest.mark.parametrize("at", [1.5, 2.0, 2.6])
def test_an_arm_is_as_wide_as_asked_at_right_angles_to_it(degrees: float, width: float, at: float) -> None:
    radius, pitch = 2.0, math.radians(degrees)
    azimuth = math.log(at / radius) / math.tan(pitch)
    d = np.linspace(-width, width, 401)
    x = at * math.cos(azimuth) + d * math.cos(azimuth - pitch)  # an arm runs outward, at its pitch from the circle
    y = at * math.sin(azimuth) + d * math.sin(azimuth - pitch)
    profile = disc_sampled(spiral_light(radius, width, pitch), np.hypot(x, y), np.arctan2(y, x), 1.0, 0.0)
    above = d[profile > 0.5 * profile.max()]
    assert above[-1] - above[0] == pytest.approx(width, rel=0.05)


@pytest.mark.parametrize("radius", [1.0, 2.5])
def test_the_light_along_an_arm_falls_off_as_the_gaussian_with_half_of_itself_inside_the_radius(radius: float) -> None:
    pitch = math.radians(25)
    r = radius * np.linspace(0.5, 3.0, 60)
    along = disc_sampled(spiral_light(radius, 0.3, pitch), r, np.log(r / radius) / math.tan(pitch), 1.0, 0.0)
    np.testing.assert_allclose(along / along[0], np.exp(-0.5 * (r**2 - r[0] ** 2) / (SCALE * radius) ** 2), rtol=0, atol=0.02)


@pytest.mark.parametrize("degrees", [20, 30, 50])
@pytest.mark.parametrize("axis_ratio", [1.0, 0.7])
def test_half_of_the_light_of_thin_arms_is_inside_the_radius_to_2_per_cent(degrees: float, axis_ratio: float) -> None:
    """In the disc's plane; the three sigma that are drawn hold 0.997 of an arm."""
    light = spiral_light(1.8, 0.09, math.radians(degrees), axis_ratio, 0.3)
    side = light.image.shape[0]
    x, y = np.meshgrid(*[(np.arange(side) - 0.5 * (side - 1)) * light.pixel_scale_arcsec] * 2)
    along, across = x * math.cos(0.3) + y * math.sin(0.3), y * math.cos(0.3) - x * math.sin(0.3)
    inside = np.hypot(along, across / axis_ratio) < 1.8
    assert light.image[inside].sum() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"radius": -1.0}, r"radius is -1\.0; wanted a finite number above 0"),
        ({"width": math.inf}, "width is inf; wanted a finite number above 0"),
        ({"axis_ratio": 0.0}, r"axis_ratio is 0\.0; wanted a finite number above 0"),
        ({"axis_ratio": 1.1}, r"axis ratio 1\.1, pitch 0\.3, angle 0\.0; wanted \(0, 1\], \(0, pi/2\), a number"),
        ({"pitch": 0.0}, r"pitch 0\.0"),
        ({"pitch": 1.58}, r"pitch 1\.58"),
        ({"pitch": math.nan}, "pitch nan"),
        ({"angle": math.nan}, "angle nan"),
        ({"radius": 6.0, "width": 0.2}, r"light of 53\.8 arcsec takes 808 pixels of 0\.0667; wanted 512"),
    ],
)
def test_a_spiral_that_cannot_be_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        spiral_light(**{"radius": 2.0, "width": 0.5, "pitch": 0.3} | changes)
