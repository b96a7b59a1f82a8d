"""Polar nodes onto the grid: the B-spline's weights, flux and place kept, nothing of what lies off the stamp."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from spark_jobs.physics.polar_deposit import REACH, deposit_nodes, spline_weights


@given(st.floats(-0.5, 0.5))
def test_weights_are_the_quartic_b_splines_and_sum_to_one(d: float) -> None:
    spline = BSpline.basis_element(np.arange(6) - 2.5, extrapolate=False)
    weights = np.array(spline_weights(d))
    np.testing.assert_allclose(weights, np.nan_to_num(spline(d - np.arange(-2, 3))), atol=1e-14)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    assert weights @ np.arange(-2, 3) == pytest.approx(d, abs=1e-14)


def test_every_nodes_flux_arrives_where_the_node_is() -> None:
    rng, size, spacing, to_grid, centre = np.random.default_rng(1), 40, 0.1, 3.8, (21.3, 22.8)
    nodes = rng.uniform(0, 1, (12, 30))
    grid = np.zeros((60, 60))
    deposit_nodes(grid, nodes, spacing, (*centre, to_grid, REACH - 0.5, REACH + size - 0.5))
    angle, radius = np.meshgrid(2 * np.pi * np.arange(12) / 12, np.arange(30) * spacing * to_grid, indexing="ij")
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    places = np.arange(60)
    assert grid.sum() == pytest.approx(nodes.sum(), rel=1e-12)
    assert (grid.sum(axis=0) * places).sum() == pytest.approx((nodes * x).sum(), rel=1e-12)
    assert (grid.sum(axis=1) * places).sum() == pytest.approx((nodes * y).sum(), rel=1e-12)


def test_light_off_the_stamp_is_left_out() -> None:
    nodes = np.ones((4, 40))
    grid = np.zeros((40, 40))
    deposit_nodes(grid, nodes, 1.0, (10.0, 10.0, 1.0, 2.5, 18.5))
    assert grid.sum() == pytest.approx(9 + 8 + 9 + 8)  # +x, +y: 0 to 8; -x, -y: 0 to 7
    assert not grid[24:].any()
    assert not grid[:, 24:].any()
