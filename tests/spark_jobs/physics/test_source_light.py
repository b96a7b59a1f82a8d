"""Source light: unit flux, half of it inside the half-light ellipse, angles and edges of the templates, refusals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from spark_jobs.physics.source_light import BLOCK, Source, sersic_source, template_source

FloatArray = npt.NDArray[np.float64]

ANGLE = st.floats(-math.pi, math.pi)
HALF_LIGHT = st.floats(0.02, 2.0)
INDEX = st.floats(0.3, 8.0)
AXIS_RATIO = st.floats(0.1, 1.0)


@settings(max_examples=25, deadline=None)
@given(HALF_LIGHT, INDEX, AXIS_RATIO, ANGLE)
def test_a_sersic_source_sends_one_and_half_of_it_from_inside_the_half_light_ellipse(
    half_light: float, n: float, axis_ratio: float, angle: float
) -> None:
    source = sersic_source(half_light, n, axis_ratio, angle)
    dark = (60 / (2 * n - 0.3)) ** n  # half-light radii, where the light has fallen by exp(-60) or so
    inside, whole = (_flux_in_ellipse(source, half_light, axis_ratio, angle, end) for end in (1.0, dark))
    assert (inside, whole) == (pytest.approx(0.5, rel=1e-6), pytest.approx(1.0, rel=1e-6))


@settings(max_examples=25, deadline=None)
@given(INDEX, AXIS_RATIO, ANGLE, st.one_of(st.just(math.pi / 2), ANGLE))
def test_a_source_turned_counter_clockwise_is_as_bright_at_the_turned_place(
    n: float, axis_ratio: float, angle: float, turn: float
) -> None:
    x, y = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 30))
    turned_x, turned_y = math.cos(turn) * x - math.sin(turn) * y, math.sin(turn) * x + math.cos(turn) * y
    pairs = [(sersic_source(0.3, n, axis_ratio, a), template_source(_template(), 0.05, a)) for a in (angle, angle + turn)]
    for source, turned in zip(*pairs, strict=True):
        np.testing.assert_allclose(turned.brightness(turned_x, turned_y), source.brightness(x, y), rtol=1e-9, atol=1e-9)


def test_the_major_axis_of_a_sersic_source_lies_at_its_angle() -> None:
    source = sersic_source(1.0, 1.0, 0.5, angle=0.3)
    along, across = np.array([math.cos(0.3), math.sin(0.3)]), np.array([-math.sin(0.3), math.cos(0.3)])
    assert source.brightness(*along) == pytest.approx(source.brightness(*(0.5 * across)), rel=1e-12)
    assert source.brightness(*along) > source.brightness(*across)


def test_a_template_is_its_own_pixels_per_area_with_columns_along_x_and_rows_along_y() -> None:
    template = _template()
    rows, cols = np.mgrid[: template.shape[0], : template.shape[1]]
    x, y = 0.04 * (cols - 0.5 * (template.shape[1] - 1)), 0.04 * (rows - 0.5 * (template.shape[0] - 1))
    np.testing.assert_allclose(template_source(template, 0.04).brightness(x, y), template / 0.04**2, rtol=1e-9)


@pytest.mark.parametrize("pixel_scale", [0.03, 0.1, 0.7])
def test_a_template_sends_one_whatever_its_pixels_scale(pixel_scale: float) -> None:
    source, shape = template_source(_template(), pixel_scale), _template().shape
    x, y = ((np.arange(4 * (side + 2)) - 2 * (side + 2) + 0.5) / 4 * pixel_scale for side in (shape[1], shape[0]))
    assert source.brightness(*np.meshgrid(x, y)).sum() * (pixel_scale / 4) ** 2 == pytest.approx(1.0, rel=1e-9)


def test_a_template_is_bilinear_between_its_pixels_and_falls_to_zero_over_the_pixel_beyond_its_edge() -> None:
    template = _template()
    x, y = np.random.default_rng(2).uniform(-7, 7, (2, 3000))
    rows, cols = y + 0.5 * (template.shape[0] - 1), x + 0.5 * (template.shape[1] - 1)
    expected = map_coordinates(template, [rows, cols], order=1, mode="grid-constant")
    np.testing.assert_allclose(template_source(template, 1.0).brightness(x, y), expected, rtol=0, atol=1e-12)
    outside = (np.abs(x) > 0.5 * (template.shape[1] + 1)) | (np.abs(y) > 0.5 * (template.shape[0] + 1))
    assert np.count_nonzero(outside) > 100
    assert not template_source(template, 1.0).brightness(x[outside], y[outside]).any()


@pytest.mark.parametrize("source", [sersic_source(0.3, 1.0), template_source(np.full((4, 4), 1 / 16), 0.1)])
def test_nan_stays_nan_alone_and_shapes_broadcast(source: Source) -> None:
    light = source.brightness([[0.0], [np.nan]], [0.0, 0.1, np.nan])
    np.testing.assert_array_equal(np.isnan(light), [[False, False, True], [True, True, True]])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0.0, 1.0), "half-light radius is 0.0 arcsec; wanted a finite number above 0"),
        ((math.inf, 1.0), "half-light radius is inf arcsec; wanted a finite number above 0"),
        ((0.3, 0.29), "Sersic index is 0.29; wanted 0.3 to 8"),
        ((0.3, math.nan), "Sersic index is nan; wanted 0.3 to 8"),
        ((0.3, 1.0, 0.0), "axis ratio is 0.0 and angle 0.0 rad; wanted 0 < axis ratio <= 1 and a finite angle"),
        ((0.3, 1.0, 1.1), "axis ratio is 1.1 and angle 0.0 rad; wanted 0 < axis ratio <= 1 and a finite angle"),
        ((0.3, 1.0, 0.5, math.inf), "axis ratio is 0.5 and angle inf rad; wanted 0 < axis ratio <= 1 and a finite angle"),
    ],
)
def test_a_sersic_source_that_is_none_is_refused(arguments: tuple[float, ...], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        sersic_source(*arguments)


@pytest.mark.parametrize(
    ("template", "scale", "angle", "text"),
    [
        (np.full(4, 0.25), 0.03, 0.0, r"template of shape \(4,\) sums to 1; wanted a finite image that sums to 1"),
        (np.full((2, 2), 0.5), 0.03, 0.0, r"template of shape \(2, 2\) sums to 2; wanted a finite image that sums to 1"),
        ([[0.5, np.nan]], 0.03, 0.0, r"template of shape \(1, 2\) sums to nan; wanted a finite image that sums to 1"),
        ([[1.0]], 0.0, 0.0, "template pixel scale is 0.0 arcsec, angle 0.0 rad; wanted a scale above 0"),
        ([[1.0]], 0.03, math.nan, "template pixel scale is 0.03 arcsec, angle nan rad; wanted a scale above 0"),
    ],
)
def test_a_template_that_is_none_is_refused(template: npt.ArrayLike, scale: float, angle: float, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        template_source(template, scale, angle)


def _template() -> FloatArray:
    """A lopsided image, nothing zero, of sum one, one row short of a square."""
    image = np.random.default_rng(0).uniform(0.1, 1.0, (8, 9))
    return image / image.sum()


def _flux_in_ellipse(source: Source, half_light: float, axis_ratio: float, angle: float, end: float) -> float:
    """Integral of the brightness out to ``end`` half-light radii, by Gauss-Legendre nodes in the logarithm of the radius."""
    node, weight = np.polynomial.legendre.leggauss(120)
    start = -14.0
    r = np.exp(start + 0.5 * (math.log(end) - start) * (node + 1))[:, None]
    t = 2 * np.pi * np.arange(3) / 3
    u, v = half_light * r * np.cos(t), half_light * axis_ratio * r * np.sin(t)
    light = source.brightness(math.cos(angle) * u - math.sin(angle) * v, math.sin(angle) * u + math.cos(angle) * v)
    area = np.pi * axis_ratio * half_light**2 * r[:, 0] ** 2 * (math.log(end) - start)
    return float(np.sum(light.mean(axis=1) * area * weight))


def test_the_blocks_of_a_template_hold_its_brightest_value_and_its_sharpest_bend_whichever_way_it_runs() -> None:
    image = np.zeros((2 * BLOCK, 3 * BLOCK - 1))  # the last column of blocks is not full
    image[:, :] = 0.001
    image[1, : BLOCK + 1] = 0.011  # a line along x: it bends along y only, but at its end
    image[2 * BLOCK - 2, 3 * BLOCK - 3] = -0.05
    brightest, sharpest = template_source(image / image.sum(), 0.03).blocks * image.sum()
    np.testing.assert_allclose(brightest, [[0.011, 0.011, 0.001], [0.001, 0.001, 0.05]], rtol=1e-12)
    np.testing.assert_allclose(sharpest[:, :2], [[0.02, 0.02], [0.001, 0.001]], rtol=1e-12)
    assert sharpest[1, 2] == pytest.approx(2 * 0.051)


@pytest.mark.parametrize("turned", [False, True])
def test_a_line_of_one_pixel_is_as_rough_along_x_as_along_y(turned: bool) -> None:
    image = np.zeros((16, 16))
    image[6, :] = 1 / 16
    rough = template_source(image.T if turned else image, 0.03).blocks[1]
    across = rough.T if turned else rough
    np.testing.assert_allclose(across[1], 2 / 16, rtol=1e-12)
