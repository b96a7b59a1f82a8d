"""Images of a point source: closed forms of the isothermal sphere, counts by caustic, lenstronomy's equation solver."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LensModel.Solver.lens_equation_solver import LensEquationSolver
from scipy.optimize import brentq

from spark_jobs.physics.point_images import MAX_MAGNIFICATION, point_images

ANGLE = st.floats(-math.pi, math.pi)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(0.01, 0.99), ANGLE)
def test_a_sphere_makes_two_images_inside_its_radius_of_magnification_2_theta_e_over_beta(
    theta_e: float, share: float, direction: float
) -> None:
    beta = share * theta_e
    count, total = point_images(beta * math.cos(direction), beta * math.sin(direction), theta_e=theta_e)
    assert count[0] == 2
    assert total[0] == pytest.approx(2 / share, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(1.01, 5.0), ANGLE)
def test_a_sphere_makes_one_image_outside_its_radius_of_magnification_1_plus_theta_e_over_beta(
    theta_e: float, share: float, direction: float
) -> None:
    beta = share * theta_e
    count, total = point_images(beta * math.cos(direction), beta * math.sin(direction), theta_e=theta_e)
    assert count[0] == 1
    assert total[0] == pytest.approx(1 + 1 / share, rel=1e-9)


@pytest.mark.parametrize("q", [1.0, 0.8, 0.5])
@pytest.mark.parametrize("phi", [0.0, math.pi / 2, math.pi])
@pytest.mark.parametrize("beta", [(0.3, 0.0), (-0.3, 0.0), (0.0, 0.3), (0.0, -0.3), (0.3, -1e-16), (0.3, 1e-16)])
def test_no_image_is_lost_where_source_and_lens_lie_on_an_axis(q: float, phi: float, beta: tuple[float, float]) -> None:
    count, total = point_images(*beta, theta_e=1.0, q=q, phi=phi, gamma1=0.02)
    count_beside, total_beside = point_images(beta[0] + 1e-9, beta[1] + 1e-9, theta_e=1.0, q=q, phi=phi, gamma1=0.02)
    assert count[0] == count_beside[0]
    assert total[0] == pytest.approx(total_beside[0], rel=1e-5)


def test_an_ellipsoid_makes_four_images_inside_the_diamond_two_inside_the_cut_one_outside() -> None:
    # Kormann et al. 1994: where cut and cusps lie on the major and the minor axis, for theta_e = 1
    q, f = 0.7, math.sqrt(0.51)
    cut = np.array([math.sqrt(q) / f * math.atan(f / q), math.sqrt(q) / f * math.atanh(f)])
    cusp = np.array([1 / math.sqrt(q) - cut[0], cut[1] - math.sqrt(q)])
    for axis, direction in enumerate([(1.0, 0.0), (0.0, 1.0)]):
        beta = np.array([0.0, 0.85 * cusp[axis], 1.15 * cusp[axis], 0.99 * cut[axis], 1.01 * cut[axis]])
        count, _ = point_images(beta * direction[0], beta * direction[1], theta_e=1.0, q=q)
        np.testing.assert_array_equal(count, [4, 4, 2, 2, 1])
        assert count.dtype == np.int64


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 1.0), ANGLE, st.floats(-0.1, 0.1), st.floats(0.5, 2.0), ANGLE)
def test_turning_and_scaling_everything_changes_no_image(q: float, phi: float, gamma: float, scale: float, turn: float) -> None:
    beta, c, s = (0.31, -0.24), math.cos(turn), math.sin(turn)
    turned = (scale * (c * beta[0] - s * beta[1]), scale * (s * beta[0] + c * beta[1]))
    count, total = point_images(*beta, theta_e=1.0, q=q, phi=phi, gamma1=gamma)
    shear = {"gamma1": gamma * math.cos(2 * turn), "gamma2": gamma * math.sin(2 * turn)}
    count_turned, total_turned = point_images(*turned, theta_e=scale, q=q, phi=phi + turn, **shear)
    if max(total[0], total_turned[0]) < 20:  # beside a caustic the scan may see a close pair in one frame only
        assert count_turned[0] == count[0]
        assert total_turned[0] == pytest.approx(total[0], rel=1e-6)


def test_far_from_a_small_lens_only_the_shear_magnifies() -> None:
    count, total = point_images(5.0, 3.0, theta_e=1e-9, q=0.6, gamma1=0.1, gamma2=-0.05)
    assert (count[0], total[0]) == (1, pytest.approx(1 / (1 - 0.1**2 - 0.05**2), rel=1e-6))


def test_the_magnification_on_a_caustic_is_bounded() -> None:
    for q in (1.0, 1.0 - 1e-9):
        assert point_images(1e-9, 0.0, theta_e=1.0, q=q)[1][0] == MAX_MAGNIFICATION


@pytest.mark.parametrize(("theta_e", "q"), [(0.0, 1.0), (math.nan, 0.5), (1.0, 0.0), (1.0, 1.1), (1.0, math.nan)])
def test_a_lens_that_does_not_exist_is_refused_wherever_it_stands_in_the_row(theta_e: float, q: float) -> None:
    with pytest.raises(ValueError, match="theta_e or q of a lens is out of range; wanted theta_e > 0 arcsec and 0 < q <= 1"):
        point_images([0.1, 0.1], 0.0, theta_e=[1.0, theta_e], q=[1.0, q])


@pytest.mark.parametrize("slopes", [(2.0, 2.0), (1.5, 1.95), (2.05, 2.5)])
def test_random_lenses_have_the_images_that_lenstronomys_solver_finds(slopes: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    n = 16
    theta_e, q, phi = rng.uniform(0.6, 2, n), rng.uniform(0.3, 1, n), rng.uniform(0, np.pi, n)
    gamma1, gamma2 = rng.uniform(-0.1, 0.1, (2, n))
    beta_x, beta_y = rng.uniform(-0.9, 0.9, (2, n)) * theta_e
    slope = rng.uniform(*slopes, n)
    shape = {"theta_e": theta_e, "q": q, "phi": phi, "gamma1": gamma1, "gamma2": gamma2, "slope": slope}
    count, total = point_images(beta_x, beta_y, **shape)
    assert len(set(count)) >= 2
    model = LensModel(["EPL", "SHEAR"])
    for i, e in enumerate((1 - q) / (1 + q)):
        ellipse = {"theta_E": theta_e[i], "gamma": slope[i], "e1": e * math.cos(2 * phi[i]), "e2": e * math.sin(2 * phi[i])}
        lens = [{**ellipse, "center_x": 0, "center_y": 0}, {"gamma1": gamma1[i], "gamma2": gamma2[i], "ra_0": 0, "dec_0": 0}]
        search = {"min_distance": 0.03 * theta_e[i], "search_window": 8 * theta_e[i], "x_center": 1e-3, "y_center": 2e-3}
        x, y = LensEquationSolver(model).image_position_from_source(beta_x[i], beta_y[i], lens, **search)
        magnification = np.abs(model.magnification(x, y, lens))
        seen = np.hypot(x, y) > 0.01 * theta_e[i] if slope[i] != 2.0 else magnification > 1e-4  # the centre has no light
        assert count[i] == np.count_nonzero(seen)
        assert total[i] == pytest.approx(magnification[seen].sum(), rel=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.floats(0.3, 3.0), st.floats(0.05, 1.5), ANGLE, st.floats(1.4, 2.6).filter(lambda slope: abs(slope - 2) > 1e-3))
def test_a_power_law_sphere_has_the_images_of_its_one_dimensional_equation(
    theta_e: float, share: float, direction: float, slope: float
) -> None:
    # On the line through lens and source r - r^(2 - slope) is beta on the source's side and -beta on the other.
    r = np.geomspace(0.0099, 20, 400001)
    deflected = r ** (2 - slope)
    crossings = [np.flatnonzero(np.diff(np.sign(r - deflected - sign * share))) for sign in (1, -1)]
    places = np.array(
        [
            brentq(lambda x, s=sign: x - x ** (2 - slope) - s * share, r[k], r[k + 1], xtol=1e-14)
            for sign, found in zip((1, -1), crossings, strict=True)
            for k in found
        ]
    )
    if np.any(np.abs(places - 0.01) < 2e-4):
        return  # too close to the radius where images begin to count
    places = places[places > 0.01]
    tangential, radial = 1 - places ** (1 - slope), 1 - (2 - slope) * places ** (1 - slope)
    wanted = np.abs(1 / (tangential * radial))
    if wanted.max() > 50:
        return  # beside a critical curve the grid may see a close pair as none
    beta = share * theta_e
    count, total = point_images(beta * math.cos(direction), beta * math.sin(direction), theta_e=theta_e, slope=slope)
    assert count[0] == len(places)
    assert total[0] == pytest.approx(wanted.sum(), rel=1e-6)


def test_a_slope_next_to_the_isothermal_one_has_its_images_and_magnification() -> None:
    rng = np.random.default_rng(7)
    beta = rng.uniform(-0.6, 0.6, (2, 400))
    shape = {"theta_e": 1.0, "q": rng.uniform(0.4, 1, 400), "phi": rng.uniform(0, 3, 400), "gamma1": 0.03}
    count, total = point_images(*beta, **shape)
    beside, beside_total = point_images(*beta, **shape, slope=2.0 + 1e-9)
    alike = (count == beside) & (np.abs(beside_total / total - 1) < 1e-5)
    assert np.count_nonzero(~alike) <= 4  # beside a caustic each scan may miss a close pair
    assert {2, 4} <= set(beside)


@pytest.mark.parametrize("slope", [1.2, 2.8, math.nan])
def test_a_slope_that_no_galaxy_has_is_refused(slope: float) -> None:
    with pytest.raises(ValueError, match=r"mass slope of a lens is out of range; wanted 1.2 < slope < 2.8"):
        point_images(0.1, 0.1, theta_e=1.0, slope=slope)
