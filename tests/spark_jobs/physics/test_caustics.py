"""Cut and caustic: a sphere's are a circle and a point, and nothing outside their reach has a second image."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.caustics import caustics, curves_at
from spark_jobs.physics.point_images import point_images

SHEAR = st.floats(-0.15, 0.15)


def test_a_sphere_has_a_circle_for_a_cut_and_a_point_for_a_caustic() -> None:
    sphere = caustics([0.5, 1.3, 2.0])
    assert np.all((sphere.reach >= [0.5, 1.3, 2.0]) & (sphere.reach < np.array([0.506, 1.314, 2.022])))
    np.testing.assert_allclose(sphere.cut_area, np.pi * np.array([0.5, 1.3, 2.0]) ** 2, rtol=1e-3)
    np.testing.assert_allclose(sphere.caustic_area, 0.0, atol=1e-12)


def test_shear_alone_gives_a_sphere_an_astroid_of_cusps_at_twice_the_shear() -> None:
    """Cusps at 2 gamma theta_E / (1 +- gamma) (Keeton, Mao & Witt 2000, ApJ 537, 697)."""
    gamma, theta_e = 0.1, 1.2
    _, _, along, _ = curves_at(0.0, theta_e, 1.0, gamma, 0.0)
    _, _, _, across = curves_at(math.pi / 2, theta_e, 1.0, gamma, 0.0)
    assert abs(along) == pytest.approx(2 * gamma * theta_e / (1 + gamma), rel=1e-9)
    assert abs(across) == pytest.approx(2 * gamma * theta_e / (1 - gamma), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 1.0), st.floats(-3, 3), SHEAR, SHEAR)
def test_the_reach_covers_every_cusp_between_two_directions_and_hardly_more(
    q: float, phi: float, gamma1: float, gamma2: float
) -> None:
    turned = [gamma1 * np.cos(2 * phi) + gamma2 * np.sin(2 * phi), gamma2 * np.cos(2 * phi) - gamma1 * np.sin(2 * phi)]
    points = np.array([curves_at(angle, 1.3, q, *turned) for angle in np.linspace(0, np.pi, 3001)])
    farthest = max(np.hypot(points[:, 0], points[:, 1]).max(), np.hypot(points[:, 2], points[:, 3]).max())
    assert farthest <= caustics(1.3, q, phi, gamma1, gamma2).reach[0] <= 1.011 * farthest


@settings(max_examples=30, deadline=None)
@given(st.floats(0.25, 1.0), st.floats(-3, 3), SHEAR, SHEAR, st.integers(0, 1000))
def test_no_place_beyond_the_reach_has_more_than_one_image_and_many_within_have(
    q: float, phi: float, gamma1: float, gamma2: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    reach = float(caustics(1.3, q, phi, gamma1, gamma2).reach[0])
    radius, angle = reach * np.sqrt(rng.uniform(0, 4, 400)), rng.uniform(0, 2 * np.pi, 400)
    lens = {"theta_e": 1.3, "q": q, "phi": phi, "gamma1": gamma1, "gamma2": gamma2}
    count, _ = point_images(radius * np.cos(angle), radius * np.sin(angle), **lens)
    assert not np.any(count[radius > reach] > 1)
    assert np.count_nonzero(count[radius < reach] > 1) > 10


@pytest.mark.parametrize(("q", "shear"), [(0.9, (0.0, 0.0)), (0.6, (0.05, -0.02)), (0.75, (0.0, 0.08))])
def test_the_area_inside_the_cut_is_the_share_of_places_that_the_lens_images_twice(
    q: float, shear: tuple[float, float]
) -> None:
    lens = {"theta_e": 1.0, "q": q, "phi": 0.7, "gamma1": shear[0], "gamma2": shear[1]}
    curves = caustics(1.0, q, 0.7, *shear)
    side = 2.0 * float(curves.reach[0])
    x, y = np.random.default_rng(5).uniform(-side / 2, side / 2, (2, 20000))
    count, _ = point_images(x, y, **lens)
    share = np.mean(count >= 2)
    assert share * side**2 == pytest.approx(float(curves.cut_area[0]), abs=4 * side**2 * math.sqrt(share / 20000))
    four = np.mean(count >= 4)
    assert four * side**2 <= float(curves.caustic_area[0]) + 4 * side**2 * math.sqrt(four / 20000)


def test_an_unknown_radius_stays_unknown() -> None:
    curves = caustics([1.0, np.nan])
    assert [np.isnan(values).tolist() for values in (curves.reach, curves.cut_area, curves.caustic_area)] == [[False, True]] * 3
