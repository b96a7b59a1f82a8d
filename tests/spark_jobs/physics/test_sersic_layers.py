"""Layers of a Sersic profile: together they are the profile, and what each adds has neither flux nor second moment."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import gammainc, gammaincinv

from spark_jobs.physics.sersic_layers import CORE_RATIO, LAST_CORE_FLUX, RadialLayer, sersic_layers

FloatArray = npt.NDArray[np.float64]
INDICES = [0.6, 1.0, 1.7, 2.5, 4.0]


def looked_up(layer: RadialLayer, r: FloatArray) -> FloatArray:
    """The layer at radii, linear between its entries and zero beyond its reach."""
    h, f, g = layer.place
    place = h * r**2 / (f * r**2 + g)
    return np.where(r < layer.reach, np.interp(place, np.arange(len(layer.values)), layer.values), 0.0)


@pytest.mark.parametrize("n", INDICES)
def test_all_layers_together_are_the_profile_outside_the_last_core(n: float) -> None:
    b = float(gammaincinv(2 * n, 0.5))
    layers = sersic_layers(b, n)
    last_core = layers[-1].reach / CORE_RATIO if layers[-1].corrects else 0.6
    assert gammainc(2 * n, b * last_core ** (1 / n)) <= LAST_CORE_FLUX or len(layers) == 8
    r = np.geomspace(1.01 * last_core, 4.0, 400)
    together = sum(looked_up(layer, r) for layer in layers)
    np.testing.assert_allclose(together, np.exp(-b * r ** (1 / n)), rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("n", INDICES)
def test_a_correction_has_neither_flux_nor_second_moment_and_ends_in_nothing(n: float) -> None:
    for layer in sersic_layers(float(gammaincinv(2 * n, 0.5)), n)[1:]:
        r = np.linspace(0, layer.reach, 20001)
        values = looked_up(layer, r)
        scale = np.trapezoid(np.abs(values) * r, r)
        assert layer.corrects
        assert abs(np.trapezoid(values * r, r)) < 2e-3 * scale
        assert abs(np.trapezoid(values * r**3, r)) < 2e-3 * scale * layer.reach**2
        assert abs(layer.values[-1]) < 1e-6 * np.abs(layer.values).max() + 1e-9


@pytest.mark.parametrize("n", INDICES)
def test_the_first_layer_holds_all_the_flux(n: float) -> None:
    b = float(gammaincinv(2 * n, 0.5))
    first = sersic_layers(b, n)[0]
    r = np.linspace(0, first.reach, 400001)
    flux = np.trapezoid(looked_up(first, r) * r, r)
    assert flux == pytest.approx(n * b ** (-2 * n) * math.gamma(2 * n), rel=1e-3)
    assert not first.corrects


def test_a_gaussian_has_no_cusp_to_round() -> None:
    assert len(sersic_layers(math.log(2), 0.5)) == 1
