"""Spokes: near one, the mapping is the place less its deflection, to fourth order in the angle, for any slope of the mass."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.epl_deflection import epl_deflection
from spark_jobs.physics.lens_spokes import (
    BU,
    BV,
    DU,
    DV,
    EX,
    EY,
    PU,
    PV,
    QU,
    QV,
    SPOKE_COLUMNS,
    TU,
    TV,
    WU,
    WV,
    fill_spokes,
)
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.sie_deflection import deflection

MATRIX = (2.0, 0.3, -0.4, 1.5)
SHEAR = st.floats(-0.2, 0.2)


def mapped(lens: Lens, k: int, n: int, r: float, angle: float) -> np.ndarray:
    """Source coordinates at radius r and an angle off spoke k of n, by the spoke's row."""
    spokes = np.empty((n, SPOKE_COLUMNS))
    fill_spokes(spokes, lens.numbers(), MATRIX)
    row, f = spokes[k], (r / lens.theta_e) ** (2 - lens.slope)
    place = [r * (row[p] * math.cos(angle) + row[q] * math.sin(angle)) for p, q in ((PU, QU), (PV, QV))]
    moved = [
        row[b] + angle * row[w] + angle**2 * row[d] + angle**3 * row[t] for b, w, d, t in ((BU, WU, DU, TU), (BV, WV, DV, TV))
    ]
    return np.array(place) - f * np.array(moved)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 1.0), st.floats(-3, 3), SHEAR, SHEAR, st.floats(0.05, 4), st.integers(0, 71), st.floats(-0.04, 0.04))
def test_a_ray_near_a_spoke_meets_the_source_plane_where_its_deflection_says(
    q: float, phi: float, gamma1: float, gamma2: float, r: float, k: int, angle: float
) -> None:
    lens, direction = Lens(1.3, q, phi, gamma1, gamma2), (k + 0.5) * 2 * math.pi / 72 + angle
    x, y = r * math.cos(direction), r * math.sin(direction)
    alpha_x, alpha_y = deflection(x, y, theta_e=1.3, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2)
    wanted = np.array(MATRIX).reshape(2, 2) @ [float(x - alpha_x), float(y - alpha_y)]
    np.testing.assert_allclose(mapped(lens, k, 72, r, angle), wanted, rtol=0, atol=1e-12 + 100 * abs(angle) ** 4 / q**3)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0.4, 1.0), st.floats(-3, 3), st.floats(1.5, 2.5), st.floats(0.1, 4), st.integers(0, 71), st.floats(-0.04, 0.04)
)
def test_a_power_laws_spokes_differ_by_a_power_of_the_radius_alone(
    q: float, phi: float, slope: float, r: float, k: int, angle: float
) -> None:
    lens, direction = Lens(1.3, q, phi, 0.05, -0.03, slope), (k + 0.5) * 2 * math.pi / 72 + angle
    x, y = r * math.cos(direction), r * math.sin(direction)
    alpha_x, alpha_y = epl_deflection(x, y, theta_e=1.3, q=q, phi=phi, slope=slope, gamma1=0.05, gamma2=-0.03)
    wanted = np.array(MATRIX).reshape(2, 2) @ [float(x - alpha_x), float(y - alpha_y)]
    np.testing.assert_allclose(mapped(lens, k, 72, r, angle), wanted, rtol=0, atol=2e-6 + 200 * abs(angle) ** 4 / q**3)


def test_spokes_are_even_and_stand_for_the_sky_itself_where_there_is_no_lens() -> None:
    spokes = np.empty((8, SPOKE_COLUMNS))
    fill_spokes(spokes, (0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 2.0), (1.0, 0.0, 0.0, 1.0))
    angles = (np.arange(8) + 0.5) * math.pi / 4
    np.testing.assert_allclose(spokes[:, [EX, EY]], np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-15)
    np.testing.assert_allclose(spokes[:, [PU, PV]], spokes[:, [EX, EY]], atol=1e-15)
    assert not spokes[:, BU:].any()


def test_an_isothermal_power_law_is_the_isothermal_ellipsoid() -> None:
    rows = []
    for slope in (2.0, 2.0 + 1e-9):
        spokes = np.empty((72, SPOKE_COLUMNS))
        fill_spokes(spokes, Lens(1.3, 0.6, 0.4, 0.05, 0.02, slope).numbers(), MATRIX)
        rows.append(spokes)
    np.testing.assert_allclose(rows[1][:, :DU], rows[0][:, :DU], rtol=0, atol=1e-7)
    assert rows[1][:, [DU, DV]] == pytest.approx(rows[0][:, [DU, DV]], abs=1e-5)
