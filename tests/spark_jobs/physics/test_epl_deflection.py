"""The elliptical power law: Poisson's, Gauss's and Euler's laws, its isothermal case, its edges, and lenstronomy's EPL."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenstronomy.LensModel.lens_model import LensModel

from spark_jobs.physics.epl_deflection import epl_deflection, epl_deflection_at, epl_jacobian_at
from spark_jobs.physics.sie_deflection import deflection

FloatArray = npt.NDArray[np.float64]

THETA_E = st.floats(0.2, 3.0)
AXIS_RATIO = st.floats(0.1, 1.0)
ANGLE = st.floats(-math.pi, math.pi)
SHEAR = st.floats(-0.2, 0.2)
RADIUS = st.floats(0.2, 6.0)
SLOPE = st.floats(1.21, 2.79)


@settings(max_examples=60, deadline=None)
@given(THETA_E, AXIS_RATIO, ANGLE, SLOPE, SHEAR, SHEAR, RADIUS, ANGLE)
def test_the_divergence_is_twice_the_convergence_and_the_curl_is_zero(
    theta_e: float, q: float, phi: float, slope: float, gamma1: float, gamma2: float, r: float, direction: float
) -> None:
    x, y, h = r * math.cos(direction), r * math.sin(direction), 1e-4 * r * q
    lens = {"theta_e": theta_e, "q": q, "phi": phi, "slope": slope, "gamma1": gamma1, "gamma2": gamma2}
    alpha_x, alpha_y = epl_deflection(x + np.array([h, -h, 0, 0]), y + np.array([0, 0, h, -h]), **lens)
    along_x, along_y = (alpha_x[0] - alpha_x[1]) / (2 * h), (alpha_y[2] - alpha_y[3]) / (2 * h)
    across = (alpha_y[0] - alpha_y[1] - alpha_x[2] + alpha_x[3]) / (2 * h)
    u, v = _turned(np.array(x), np.array(y), -phi)
    kappa = _convergence(u, v, theta_e, q, slope)
    assert along_x + along_y == pytest.approx(2 * kappa, rel=1e-6, abs=1e-8)
    assert across == pytest.approx(0.0, abs=1e-6 * kappa + 1e-8)


@settings(max_examples=30, deadline=None)
@given(THETA_E, AXIS_RATIO, ANGLE, SLOPE, SHEAR, SHEAR)
def test_the_mean_convergence_inside_the_ellipse_is_one(
    theta_e: float, q: float, phi: float, slope: float, gamma1: float, gamma2: float
) -> None:
    t = 2 * np.pi * np.arange(4000) / 4000  # the ellipse sqrt(q u^2 + v^2/q) = theta_e and its outward normals times length
    u, v = theta_e / math.sqrt(q) * np.cos(t), theta_e * math.sqrt(q) * np.sin(t)
    du, dv = theta_e * math.sqrt(q) * np.cos(t), theta_e / math.sqrt(q) * np.sin(t)
    alpha = epl_deflection(*_turned(u, v, phi), theta_e=theta_e, q=q, phi=phi, slope=slope, gamma1=gamma1, gamma2=gamma2)
    normal = _turned(du, dv, phi)
    flux = np.mean(alpha[0] * normal[0] + alpha[1] * normal[1]) * 2 * np.pi
    assert flux == pytest.approx(2 * np.pi * theta_e**2, rel=1e-9)  # Gauss: twice the area, where the mean is one


@pytest.mark.parametrize("q", [1.0, 1.0 - 1e-12, 1.0 - 1e-6, 0.9, 0.5, 0.2, 0.05])
def test_slope_2_is_the_isothermal_ellipsoid(q: float) -> None:
    x, y = _places(1)
    lens = {"theta_e": 1.4, "q": q, "phi": 0.3, "gamma1": 0.05, "gamma2": -0.03}
    np.testing.assert_allclose(epl_deflection(x, y, slope=2.0, **lens), deflection(x, y, **lens), rtol=0, atol=1e-12)


@pytest.mark.parametrize("slope", [1.25, 1.7, 2.0, 2.4, 2.75])
@pytest.mark.parametrize("short_of_one", [0.0, 1e-16, 1e-10, 1e-5])
def test_the_limit_of_a_round_lens_is_the_power_law_sphere(slope: float, short_of_one: float) -> None:
    x, y = _places(2)
    r = np.hypot(x, y)
    strength = 1.4 * (1.4 / r) ** (slope - 2)
    alpha = epl_deflection(x, y, theta_e=1.4, q=1.0 - short_of_one, phi=0.3, slope=slope)
    bound = (1e-14 + 2 * short_of_one) * strength.max()
    np.testing.assert_allclose(alpha, (strength * x / r, strength * y / r), rtol=0, atol=bound)


@settings(max_examples=60, deadline=None)
@given(THETA_E, AXIS_RATIO, ANGLE, SLOPE, SHEAR, SHEAR)
def test_the_deflection_is_lenstronomys_epl_with_shear(
    theta_e: float, q: float, phi: float, slope: float, gamma1: float, gamma2: float
) -> None:
    x, y = _places(3)
    e = (1 - q) / (1 + q)
    ellipse = {"theta_E": theta_e, "gamma": slope, "e1": e * math.cos(2 * phi), "e2": e * math.sin(2 * phi)}
    ellipse |= {"center_x": 0.0, "center_y": 0.0}
    shear = {"gamma1": gamma1, "gamma2": gamma2, "ra_0": 0.0, "dec_0": 0.0}
    reference = LensModel(["EPL", "SHEAR"]).alpha(x, y, [ellipse, shear])
    ours = epl_deflection(x, y, theta_e=theta_e, q=q, phi=phi, slope=slope, gamma1=gamma1, gamma2=gamma2)
    np.testing.assert_allclose(ours, reference, rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(THETA_E, AXIS_RATIO, SLOPE, RADIUS, st.one_of(st.sampled_from([0.0, math.pi / 2, math.pi, math.pi / 4]), ANGLE))
def test_the_jacobian_is_the_finite_difference_of_the_deflection(
    theta_e: float, q: float, slope: float, r: float, direction: float
) -> None:
    x, y, h = r * math.cos(direction), r * math.sin(direction), 1e-4 * r * q
    ax, ay, axx, axy, ayy = epl_jacobian_at(x, y, theta_e, q, slope)
    assert (ax, ay) == epl_deflection_at(x, y, theta_e, q, slope)
    right, left, up, down = (
        np.array(epl_deflection_at(x + dx, y + dy, theta_e, q, slope)) for dx, dy in ((h, 0), (-h, 0), (0, h), (0, -h))
    )
    by_x, by_y = (right - left) / (2 * h), (up - down) / (2 * h)
    scale = _convergence(x, y, theta_e, q, slope)
    assert [axx, axy, axy, ayy] == pytest.approx([*by_x, *by_y], abs=1e-6 * scale + 1e-7)


@pytest.mark.parametrize("q", [1.0, 0.6, 0.15])
@pytest.mark.parametrize("slope", [1.3, 2.0, 2.7])
def test_on_the_axes_the_deflection_points_along_the_axis_and_mirrors(q: float, slope: float) -> None:
    for r in (0.3, 1.0, 4.0):
        for direction in (1.0, -1.0):
            along, across = epl_deflection_at(direction * r, 0.0, 1.2, q, slope)
            assert direction * along > 0
            assert across == 0.0
            across, along = epl_deflection_at(0.0, direction * r, 1.2, q, slope)
            assert direction * along > 0
            assert across == 0.0


@pytest.mark.parametrize("slope", [1.3, 1.9, 2.0, 2.3, 2.7])
def test_the_deflection_scales_with_the_radius_as_the_slope_says(slope: float) -> None:
    x, y = _places(4)
    near, far = (np.array(epl_deflection(k * x, k * y, theta_e=1.0, q=0.4, phi=1.0, slope=slope)) for k in (1e-6, 1e3))
    np.testing.assert_allclose(near * 1e9 ** (2 - slope), far, rtol=1e-12, atol=1e-12 * np.abs(far).max())


def test_a_steeper_lens_bends_more_inside_its_ring_and_less_outside() -> None:
    strength = {r: [epl_deflection_at(r, 0.0, 1.0, 1.0, slope)[0] for slope in (1.5, 2.0, 2.5)] for r in (0.3, 1.0, 3.0)}
    assert strength[0.3] == sorted(strength[0.3])
    assert strength[3.0] == sorted(strength[3.0], reverse=True)
    assert strength[1.0] == pytest.approx([1.0] * 3, rel=1e-14)


@pytest.mark.parametrize("q", [1.0, 0.7, 0.1])
@pytest.mark.parametrize("slope", [1.5, 2.0, 2.5])
def test_the_centre_is_not_deflected_and_infinitely_dense(q: float, slope: float) -> None:
    alpha = epl_deflection([0.0, -0.0], 0.0, theta_e=1.0, q=q, phi=0.4, slope=slope, gamma1=0.1, gamma2=-0.1)
    np.testing.assert_array_equal(alpha, np.zeros((2, 2)))
    assert epl_jacobian_at(0.0, 0.0, 1.0, q, slope) == (0.0, 0.0, math.inf, 0.0, math.inf)


@pytest.mark.parametrize("q", [0.02, 0.01])
def test_a_needle_as_thin_as_the_series_goes_is_still_the_isothermal_one(q: float) -> None:
    x, y = _places(5)
    ours, exact = epl_deflection(x, y, theta_e=1.0, q=q, slope=2.0), deflection(x, y, theta_e=1.0, q=q)
    np.testing.assert_allclose(ours, exact, rtol=0, atol=1e-12)


def test_nan_stays_nan_alone_and_shapes_broadcast() -> None:
    alpha_x, alpha_y = epl_deflection([[1.0, np.nan], [2.0, 0.0]], [[0.5], [np.nan]], theta_e=1.0, q=0.8, slope=2.2)
    for array in (alpha_x, alpha_y):
        np.testing.assert_array_equal(np.isnan(array), [[False, True], [True, True]])
    assert epl_deflection(1.0, 2.0, theta_e=1.0)[0].shape == ()
    assert np.isnan(epl_jacobian_at(1.0, math.nan, 1.0, 0.8, 2.2)).all()
    assert np.isnan(epl_jacobian_at(math.nan, 0.0, 1.0, 0.8, 2.2)).all()


@pytest.mark.parametrize("slope", [1.2, 2.8, 0.0, -2.0, math.nan, math.inf])
def test_a_slope_that_no_galaxy_has_is_refused(slope: float) -> None:
    with pytest.raises(ValueError, match=rf"mass slope is {slope}; wanted 1.2 < slope < 2.8"):
        epl_deflection(1.0, 1.0, theta_e=1.0, slope=slope)


def test_a_lens_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match=r"theta_e is -1.0 arcsec; wanted a finite number above 0"):
        epl_deflection(1.0, 1.0, theta_e=-1.0)
    with pytest.raises(ValueError, match=r"axis ratio q is 1.5; wanted 0 < q <= 1"):
        epl_deflection(1.0, 1.0, theta_e=1.0, q=1.5)


def _convergence(u: float | FloatArray, v: float | FloatArray, theta_e: float, q: float, slope: float) -> float:
    """Convergence in the lens frame, as the legend writes it."""
    return float((3 - slope) / 2 * (theta_e / np.sqrt(q * u**2 + v**2 / q)) ** (slope - 1))


def _places(seed: int) -> FloatArray:
    """Points out to 6 arcsec, none close enough to the centre for a steep lens to leave the field."""
    x, y = np.random.default_rng(seed).uniform(-6, 6, (2, 2000))
    return np.array([x, y])[:, np.hypot(x, y) > 0.05]


def _turned(x: FloatArray, y: FloatArray, angle: float) -> tuple[FloatArray, FloatArray]:
    c, s = math.cos(angle), math.sin(angle)
    return c * x - s * y, s * x + c * y
