"""The Faber-Jackson relation: the published zero point and slope, the distance modulus, K correction and evolution."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM

from spark_jobs.physics.velocity_dispersion import absolute_magnitude, faber_jackson

BERNARDI = {"log_sigma": 2.203, "slope_per_mag": -0.102, "pivot_mag": -21.15}


@pytest.mark.parametrize(
    ("magnitude", "scatter", "sigma_v"),
    [
        (-21.15, 0.0, 159.588),  # 10^2.203
        (-23.65, 0.0, 287.078),  # 10^2.458: 2.5 mag brighter is 10^0.255 times faster
        (-21.15, 0.07, 187.499),  # 10^2.273
        (-20.15, -0.07, 107.399),  # 10^2.031
    ],
)
def test_the_dispersion_is_bernardis(magnitude: float, scatter: float, sigma_v: float) -> None:
    assert faber_jackson(magnitude, **BERNARDI, scatter_draw=scatter) == pytest.approx(sigma_v, abs=2e-3)


def test_a_brighter_galaxy_is_faster_and_nan_stays_nan_alone() -> None:
    sigma_v = faber_jackson([-20.0, -22.0, np.nan, -24.0], **BERNARDI, scatter_draw=[0.0, 0.0, 0.0, np.nan])
    assert sigma_v[1] > sigma_v[0]
    np.testing.assert_array_equal(np.isnan(sigma_v), [False, False, True, True])


@pytest.mark.parametrize("z", [0.1, 0.5, 0.9])
def test_the_absolute_magnitude_is_that_at_10_pc_less_the_k_correction_and_faded_to_today(z: float) -> None:
    modulus = FlatLambdaCDM(H0=70.0, Om0=0.3).distmod(z).to_value("mag")
    assert absolute_magnitude(18.5, z, 0.0, 0.0) == pytest.approx(18.5 - modulus, abs=1e-5)
    assert absolute_magnitude(18.5, z, 1.1, 0.85) == pytest.approx(18.5 - modulus - 1.1 * z + 0.85 * z, abs=1e-5)


def test_rows_are_independent() -> None:
    np.testing.assert_array_equal(
        absolute_magnitude([18.0, 19.0], [0.3, 0.4], 1.1, 0.85),
        [float(absolute_magnitude(18.0, 0.3, 1.1, 0.85)), float(absolute_magnitude(19.0, 0.4, 1.1, 0.85))],
    )
