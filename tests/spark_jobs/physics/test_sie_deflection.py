"""The isothermal ellipsoid with shear: Poisson's and Gauss's laws, its symmetries, its edges, and lenstronomy's EPL."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenstronomy.LensModel.lens_model import LensModel

from spark_jobs.physics.sie_deflection import convergence, deflection

FloatArray = npt.NDArray[np.float64]

THETA_E = st.floats(0.2, 3.0)
AXIS_RATIO = st.floats(0.1, 1.0)
ANGLE = st.floats(-math.pi, math.pi)
SHEAR = st.floats(-0.2, 0.2)
RADIUS = st.floats(0.2, 6.0)


@settings(max_examples=60, deadline=None)
@given(THETA_E, AXIS_RATIO, ANGLE, SHEAR, SHEAR, RADIUS, ANGLE)
def test_the_divergence_is_twice_the_convergence_and_the_curl_is_zero(
    theta_e: float, q: float, phi: float, gamma1: float, gamma2: float, r: float, direction: float
) -> None:
    x, y, h = r * math.cos(direction), r * math.sin(direction), 1e-5 * r
    alpha_x, alpha_y = deflection(
        x + np.array([h, -h, 0, 0]), y + np.array([0, 0, h, -h]), theta_e=theta_e, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2
    )
    along_x, along_y = (alpha_x[0] - alpha_x[1]) / (2 * h), (alpha_y[2] - alpha_y[3]) / (2 * h)
    across = (alpha_y[0] - alpha_y[1] - alpha_x[2] + alpha_x[3]) / (2 * h)
    kappa = convergence(x, y, theta_e=theta_e, q=q, phi=phi)
    assert along_x + along_y == pytest.approx(2 * kappa, rel=1e-5, abs=1e-8)
    assert across == pytest.approx(0.0, abs=1e-5 * kappa + 1e-8)


@settings(max_examples=30, deadline=None)
@given(THETA_E, AXIS_RATIO, ANGLE, SHEAR, SHEAR)
def test_the_mean_convergence_inside_the_ellipse_is_one(
    theta_e: float, q: float, phi: float, gamma1: float, gamma2: float
) -> None:
    t = 2 * np.pi * np.arange(4000) / 4000  # the ellipse sqrt(q u^2 + v^2/q) = theta_e and its outward normals times length
    u, v = theta_e / math.sqrt(q) * np.cos(t), theta_e * math.sqrt(q) * np.sin(t)
    du, dv = theta_e * math.sqrt(q) * np.cos(t), theta_e / math.sqrt(q) * np.sin(t)
    alpha = deflection(*_turned(u, v, phi), theta_e=theta_e, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2)
    normal = _turned(du, dv, phi)
    flux = np.mean(alpha[0] * normal[0] + alpha[1] * normal[1]) * 2 * np.pi
    assert flux == pytest.approx(2 * np.pi * theta_e**2, rel=1e-9)  # Gauss: twice the area, where the mean is one


def test_the_convergence_is_a_half_on_the_ellipse_and_falls_as_one_over_the_radius() -> None:
    u, v = np.array([1.3 / math.sqrt(0.4), 0.0]), np.array([0.0, 1.3 * math.sqrt(0.4)])
    for scale in (0.1, 1.0, 7.0):
        kappa = convergence(*_turned(scale * u, scale * v, 0.7), theta_e=1.3, q=0.4, phi=0.7)
        np.testing.assert_allclose(kappa, 0.5 / scale, rtol=1e-14)


@pytest.mark.parametrize("short_of_one", [0.0, 1e-16, 1e-13, 1e-10, 1e-7, 1e-5, 1e-3])
def test_the_limit_of_a_round_lens_is_the_isothermal_sphere(short_of_one: float) -> None:
    x, y = np.random.default_rng(1).uniform(-4, 4, (2, 500))
    alpha_x, alpha_y = deflection(x, y, theta_e=1.4, q=1.0 - short_of_one, phi=0.3)
    r = np.hypot(x, y)
    np.testing.assert_allclose(alpha_x, 1.4 * x / r, atol=1e-14 + 0.5 * short_of_one)
    np.testing.assert_allclose(alpha_y, 1.4 * y / r, atol=1e-14 + 0.5 * short_of_one)


@settings(max_examples=40, deadline=None)
@given(AXIS_RATIO, ANGLE, SHEAR, SHEAR, st.one_of(st.just(math.pi / 2), ANGLE))
def test_turning_lens_shear_and_place_turns_the_deflection(
    q: float, phi: float, gamma1: float, gamma2: float, turn: float
) -> None:
    x, y = np.random.default_rng(2).uniform(-3, 3, (2, 20))
    alpha = deflection(x, y, theta_e=1.1, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2)
    shear = _turned(np.array(gamma1), np.array(gamma2), 2 * turn)
    turned = deflection(*_turned(x, y, turn), theta_e=1.1, q=q, phi=phi + turn, gamma1=float(shear[0]), gamma2=float(shear[1]))
    np.testing.assert_allclose(turned, _turned(*alpha, turn), atol=1e-12)


@pytest.mark.parametrize("q", [1.0, 0.999999, 0.6, 0.05])
def test_the_deflection_of_the_ellipsoid_depends_on_the_direction_only(q: float) -> None:
    x, y = np.random.default_rng(3).uniform(-1, 1, (2, 50))
    near, far = (deflection(s * x, s * y, theta_e=1.0, q=q, phi=1.0) for s in (1e-12, 1e6))
    np.testing.assert_allclose(near, far, atol=1e-14)


@pytest.mark.parametrize("q", [1.0, 0.7, 0.1])
def test_the_centre_is_not_deflected_and_infinitely_dense(q: float) -> None:
    alpha_x, alpha_y = deflection([0.0, -0.0], 0.0, theta_e=1.0, q=q, phi=0.4, gamma1=0.1, gamma2=-0.1)
    np.testing.assert_array_equal([alpha_x, alpha_y], np.zeros((2, 2)))
    assert convergence(0.0, 0.0, theta_e=1.0, q=q) == math.inf


def test_nan_stays_nan_alone_and_shapes_broadcast() -> None:
    alpha_x, alpha_y = deflection([[1.0, np.nan], [2.0, 0.0]], [[0.5], [np.nan]], theta_e=1.0, q=0.8)
    for array in (alpha_x, alpha_y, convergence([[1.0, np.nan], [2.0, 0.0]], [[0.5], [np.nan]], theta_e=1.0, q=0.8)):
        np.testing.assert_array_equal(np.isnan(array), [[False, True], [True, True]])
    assert deflection(1.0, 2.0, theta_e=1.0)[0].shape == ()


@pytest.mark.parametrize("theta_e", [0.0, -1.0, math.nan, math.inf])
def test_an_einstein_radius_that_is_no_length_is_refused(theta_e: float) -> None:
    with pytest.raises(ValueError, match=rf"theta_e is {theta_e} arcsec; wanted a finite number above 0"):
        deflection(1.0, 1.0, theta_e=theta_e)


@pytest.mark.parametrize("q", [0.0, -0.5, 1.0000001, math.nan])
def test_an_axis_ratio_outside_0_to_1_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match=rf"axis ratio q is {q}; wanted 0 < q <= 1"):
        convergence(1.0, 1.0, theta_e=1.0, q=q)


@pytest.mark.parametrize(
    ("theta_e", "q", "phi", "gamma1", "gamma2"),
    [
        (1.0, 1.0, 0.0, 0.0, 0.0),
        (2.5, 1.0, 0.9, 0.12, -0.07),
        (1.3, 1.0 - 1e-9, 0.4, 0.0, 0.03),
        (1.3, 1.0 - 1e-6, 2.2, 0.02, 0.0),
        (0.7, 0.999, -0.8, 0.01, 0.01),
        (1.1, 0.9, 1.5, -0.05, 0.02),
        (1.6, 0.8, 3.0, 0.0, 0.1),
        (0.5, 0.7, -2.4, 0.03, 0.04),
        (2.0, 0.5, 0.2, -0.1, -0.1),
        (1.2, 0.3, 1.1, 0.2, 0.0),
        (3.0, 0.2, -1.3, 0.05, -0.15),
        (0.9, 0.1, 0.6, 0.0, 0.0),
        (1.5, 0.05, 2.7, -0.03, 0.06),
    ],
)
def test_the_deflection_is_lenstronomys_epl_of_slope_2_with_shear(
    theta_e: float, q: float, phi: float, gamma1: float, gamma2: float
) -> None:
    x, y = np.random.default_rng(4).uniform(-6, 6, (2, 3000))
    e = (1 - q) / (1 + q)
    ellipse = {"theta_E": theta_e, "gamma": 2.0, "e1": e * math.cos(2 * phi), "e2": e * math.sin(2 * phi)}
    ellipse |= {"center_x": 0.0, "center_y": 0.0}
    model, shear = LensModel(["EPL", "SHEAR"]), {"gamma1": gamma1, "gamma2": gamma2, "ra_0": 0.0, "dec_0": 0.0}
    reference = model.alpha(x, y, [ellipse, shear])
    np.testing.assert_allclose(
        deflection(x, y, theta_e=theta_e, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2), reference, rtol=0, atol=1e-8
    )
    np.testing.assert_allclose(convergence(x, y, theta_e=theta_e, q=q, phi=phi), model.kappa(x, y, [ellipse, shear]), rtol=1e-7)


def _turned(x: FloatArray, y: FloatArray, angle: float) -> tuple[FloatArray, FloatArray]:
    c, s = math.cos(angle), math.sin(angle)
    return c * x - s * y, s * x + c * y
