"""Source light: unit flux, half of it inside the half-light ellipse, angles and edges of the templates, refusals."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from spark_jobs.physics.source_light import BLOCK, Source, ready_template, sersic_source, template_source
from tests.spark_jobs.physics.converged_rendering import half_pixels

FloatArray = npt.NDArray[np.float64]

ANGLE = st.floats(-math.pi, math.pi)
HALF_LIGHT = st.floats(0.02, 2.0)
INDEX = st.floats(0.4, 4.0)
AXIS_RATIO = st.floats(0.1, 1.0)


@settings(max_examples=25, deadline=None)
@given(HALF_LIGHT, INDEX, AXIS_RATIO, ANGLE)
def test_a_sersic_source_sends_one_and_half_of_it_from_inside_the_half_light_ellipse(
    half_light: float, n: float, axis_ratio: float, angle: float
) -> None:
    source = sersic_source(half_light, n, axis_ratio, angle)
    dark = (60 / (2 * n - 0.3)) ** n  # half-light radii, where the light has fallen by exp(-60) or so
    inside, whole = (_flux_in_ellipse(source, half_light, axis_ratio, angle, end) for end in (1.0, dark))
    assert (inside, whole) == (pytest.approx(0.5, rel=2e-3), pytest.approx(1.0, rel=2e-3))  # linear between table entries


@settings(max_examples=25, deadline=None)
@given(INDEX, AXIS_RATIO, ANGLE, st.one_of(st.just(math.pi / 2), ANGLE))
def test_a_source_turned_counter_clockwise_is_as_bright_at_the_turned_place(
    n: float, axis_ratio: float, angle: float, turn: float
) -> None:
    x, y = np.random.default_rng(1).uniform(-0.3, 0.3, (2, 30))
    turned_x, turned_y = math.cos(turn) * x - math.sin(turn) * y, math.sin(turn) * x + math.cos(turn) * y
    pairs = [(sersic_source(0.3, n, axis_ratio, a), template_source(_template(), 0.05, a)) for a in (angle, angle + turn)]
    for source, turned in zip(*pairs, strict=True):
        np.testing.assert_allclose(turned.brightness(turned_x, turned_y), source.brightness(x, y), rtol=1e-5, atol=1e-5)


def test_the_major_axis_of_a_sersic_source_lies_at_its_angle() -> None:
    source = sersic_source(1.0, 1.0, 0.5, angle=0.3)
    along, across = np.array([math.cos(0.3), math.sin(0.3)]), np.array([-math.sin(0.3), math.cos(0.3)])
    assert source.brightness(*along) == pytest.approx(source.brightness(*(0.5 * across)), rel=1e-6)
    assert source.brightness(*along) > source.brightness(*across)


def test_a_template_lies_with_columns_along_x_and_rows_along_y_at_its_pixels_size() -> None:
    template = np.zeros((31, 41))
    template[20, 5] = 1.0
    rows, cols = np.mgrid[:31, :41]
    x, y = 0.04 * (cols - 20), 0.04 * (rows - 15)
    light = template_source(template, 0.04).brightness(x, y)
    assert np.unravel_index(light.argmax(), light.shape) == (20, 5)
    assert light.sum() * 0.04**2 == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("pixel_scale", [0.03, 0.1, 0.7])
def test_a_template_sends_one_whatever_its_pixels_scale(pixel_scale: float) -> None:
    source, shape = template_source(_template(), pixel_scale), _template().shape
    x, y = ((np.arange(4 * (side + 4)) - 2 * (side + 4) + 0.5) / 4 * pixel_scale for side in (shape[1], shape[0]))
    assert source.brightness(*np.meshgrid(x, y)).sum() * (pixel_scale / 4) ** 2 == pytest.approx(1.0, rel=1e-6)


def test_a_template_is_bilinear_between_half_pixels_and_falls_to_zero_within_a_pixel_and_a_quarter_of_its_edge() -> None:
    template = _template()
    x, y = np.random.default_rng(2).uniform(-7, 7, (2, 3000))
    rows, cols = y + 0.5 * (template.shape[0] - 1), x + 0.5 * (template.shape[1] - 1)
    expected = 4 * map_coordinates(half_pixels(template), [2 * rows + 1.5, 2 * cols + 1.5], order=1, mode="grid-constant")
    np.testing.assert_allclose(template_source(template, 1.0).brightness(x, y), expected, rtol=0, atol=1e-7)
    outside = (np.abs(x) > 0.5 * template.shape[1] + 0.75) | (np.abs(y) > 0.5 * template.shape[0] + 0.75)
    assert np.count_nonzero(outside) > 100
    assert not template_source(template, 1.0).brightness(x[outside], y[outside]).any()


def test_cutting_corners_keeps_flux_and_centroid_and_blurs_by_a_quarter_of_a_pixel() -> None:
    point = np.zeros((9, 9))
    point[4, 5] = 1.0
    table = ready_template(point).table.astype(float)
    place = np.arange(table.shape[1]) - 0.5 * (table.shape[1] - 1)  # half pixels from the middle
    along_x = table.sum(axis=0)
    assert table.sum() == pytest.approx(1.0)
    assert along_x @ place == pytest.approx(2.0)
    # A tent over pixels has a variance of 1/6 pixel^2; over half pixels 1/24, and the corners 3/16: 1/4 pixel squared more.
    variance = along_x @ (place - 2.0) ** 2 / 4 + 1 / 24
    assert variance - 1 / 6 == pytest.approx(0.25**2)


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


def test_the_blocks_of_a_template_hold_its_brightest_value_and_its_sharpest_bend() -> None:
    template = ready_template(_template())
    table, sides = np.pad(template.table.astype(float), 1), template.table.shape
    bends = [np.abs(np.diff(table, 2, axis=axis)) for axis in (0, 1)]
    bend = np.maximum(bends[0][:, 1:-1], bends[1][1:-1, :])
    for i in range(template.blocks.shape[1]):
        for j in range(template.blocks.shape[2]):
            here = np.s_[i * BLOCK : min((i + 1) * BLOCK, sides[0]), j * BLOCK : min((j + 1) * BLOCK, sides[1])]
            assert template.blocks[0, i, j] == pytest.approx(np.abs(template.table[here]).max(), rel=1e-6)
            assert template.blocks[1, i, j] == pytest.approx(bend[here].max(), rel=1e-5)
