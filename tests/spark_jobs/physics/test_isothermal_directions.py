"""An isothermal lens direction by direction: one quadrant tells all four, and the width is how the deflection turns."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.isothermal_directions import COSINE, DIRECTIONS, SINE, at_direction, fill_directions, in_lens_frame
from spark_jobs.physics.sie_deflection import deflection


@compiled("float64[:, ::1](float64)")
def table(q: float) -> np.ndarray:
    columns = np.empty((3, DIRECTIONS))
    fill_directions(q, columns[0], columns[1], columns[2])
    return columns


@compiled("UniTuple(float64, 3)(float64, float64)")
def at_angle(a: float, q: float) -> tuple[float, float, float]:
    return at_direction(math.cos(a), math.sin(a), q)


@pytest.mark.parametrize("q", [1.0, 0.999, 0.7, 0.2])
def test_every_direction_has_the_deflection_of_the_ellipsoid_at_any_radius(q: float) -> None:
    for radius in (0.3, 4.0):
        x, y = deflection(radius * COSINE, radius * SINE, theta_e=1.0, q=q)
        np.testing.assert_allclose(table(q)[:2], [x, y], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("q", [1.0, 0.6, 0.25])
def test_turning_the_direction_moves_the_deflection_across_it_by_the_width(q: float) -> None:
    step = 1e-5
    for a in np.linspace(0.0, 2 * np.pi, 23):
        (x0, y0, _), (x1, y1, _), (_, _, width) = at_angle(a - step, q), at_angle(a + step, q), at_angle(a, q)
        moved = np.array([x1 - x0, y1 - y0]) / (2 * step)
        assert moved == pytest.approx([-width * math.sin(a), width * math.cos(a)], abs=1e-8)


def test_a_lens_frame_turns_a_place_once_and_a_shear_twice() -> None:
    assert in_lens_frame(1.0, 0.0, math.pi / 2) == pytest.approx((0.0, -1.0))
    assert in_lens_frame(0.05, 0.0, 2 * math.pi / 2) == pytest.approx((-0.05, 0.0))
