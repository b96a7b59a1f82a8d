"""Rays: the Jacobian that says where to look closely, light that is too faint for a close look, sources on the cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.point_images import point_images
from spark_jobs.physics.ray_kernels import LIT_FRACTION, _map
from spark_jobs.physics.ray_trace import Lens, lensed_light
from spark_jobs.physics.sie_deflection import deflection
from spark_jobs.physics.source_light import sersic_source

PIXEL = 0.262


@settings(max_examples=50, deadline=None)
@given(st.floats(0.2, 1.0), st.floats(-3, 3), st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.floats(0.3, 4), st.floats(-3, 3))
def test_the_mapping_is_the_place_less_its_deflection_and_the_jacobian_its_derivative(
    q: float, phi: float, gamma1: float, gamma2: float, r: float, direction: float
) -> None:
    lens, x, y, h = Lens(1.3, q, phi, gamma1, gamma2), r * math.cos(direction), r * math.sin(direction), 1e-5
    bx, by, a11, a12, a22 = _map(x, y, lens.as_array())
    alpha = deflection(x, y, theta_e=1.3, q=q, phi=phi, gamma1=gamma1, gamma2=gamma2)
    assert (bx, by) == pytest.approx((x - alpha[0], y - alpha[1]), abs=1e-13)
    right, left, up, down = (
        np.array(_map(x + dx, y + dy, lens.as_array())[:2]) for dx, dy in ((h, 0), (-h, 0), (0, h), (0, -h))
    )
    np.testing.assert_allclose(
        [(right - left) / (2 * h), (up - down) / (2 * h)], [[a11, a12], [a12, a22]], rtol=1e-5, atol=1e-6
    )


def test_pixels_too_faint_for_a_close_look_still_hold_their_light_in_place() -> None:
    source, size, middle = sersic_source(1.0, 1.0), 32, (-28.3, 12.6)  # beside the stamp, which sees its wing
    grid = lensed_light(None, source, (0.0, 0.0), size=size, centre_pix=middle, pixel_scale=PIXEL)
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    expected = source.brightness(PIXEL * (x - middle[0]), PIXEL * (y - middle[1])) * PIXEL**2
    assert 0 < expected.min() < expected.max() < LIT_FRACTION / 4
    assert grid.sum() == pytest.approx(expected.sum(), rel=1e-12)
    place = 0.5 * np.fft.fftfreq(4 * size, 1 / (4 * size))  # in pixels; what leaves by the near edge comes back at the end
    assert np.sum(grid * place) == pytest.approx(np.sum(expected * x), rel=1e-12)
    assert np.sum(grid * place[:, None]) == pytest.approx(np.sum(expected * y), rel=1e-12)


@pytest.mark.parametrize("centre", [(15.3, 15.3), (15.5, 15.0), (15.02, 15.97)])
@pytest.mark.parametrize("half_light", [0.02, 0.04])
def test_no_light_is_lost_at_the_lens_centre_where_the_source_lies_on_the_cut(
    centre: tuple[float, float], half_light: float
) -> None:
    lens, source = Lens(0.7, 0.9, 0.3), sersic_source(half_light, 0.5)  # a Gaussian, half inside 1.17741 sigma
    node, weight = np.polynomial.hermite_e.hermegauss(40)
    for direction in np.linspace(0, 2 * np.pi, 6, endpoint=False):
        near_centre = 1e-9 * np.cos(direction), 1e-9 * np.sin(direction)
        beta_x, beta_y = (-float(alpha) for alpha in deflection(*near_centre, theta_e=0.7, q=0.9, phi=0.3))
        light = lensed_light(lens, source, (beta_x, beta_y), size=32, centre_pix=centre, pixel_scale=PIXEL).sum()
        x, y = np.meshgrid(beta_x + node * half_light / 1.17741, beta_y + node * half_light / 1.17741)
        _, magnification = point_images(x.ravel(), y.ravel(), theta_e=0.7, q=0.9, phi=0.3)
        assert light == pytest.approx(np.average(magnification, weights=np.outer(weight, weight).ravel()), rel=1e-3)
