"""Magnitudes, depths and the five nested cuts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.survey.lrg_cuts import depth_magnitude, dereddened_magnitude, lrg_bits, magnitude

CUTS = load_survey("legacy_dr10").lrg_cuts


def bits_of(z: float, r_minus_z: float, z_minus_w1: float) -> int:
    magnitudes = {"z": np.array([z]), "r": np.array([z + r_minus_z]), "w1": np.array([z - z_minus_w1])}
    return int(lrg_bits(magnitudes, CUTS)[0])


@pytest.mark.parametrize(
    ("z", "r_minus_z", "z_minus_w1", "passed"),
    [
        (19.9, 0.6, 1.7, "v1 v2 v3 v4 v5"),
        (20.1, 0.6, 1.7, "v2 v3 v4 v5"),
        (19.9, 0.45, 1.7, "v2 v3 v4 v5"),
        (19.9, 0.6, 1.5, "v3 v4 v5"),
        (20.9, 0.6, 1.7, "v4 v5"),
        (21.4, 0.6, 1.7, "v5"),
        (19.9, 0.35, 1.7, "v5"),
        (21.6, 0.6, 1.7, ""),
        (19.9, 0.25, 1.7, ""),
        (19.9, 0.6, 0.7, ""),
    ],
)
def test_each_limit_of_each_cut_is_the_published_one(z: float, r_minus_z: float, z_minus_w1: float, passed: str) -> None:
    expected = sum(1 << number for number, cut in enumerate(CUTS) if cut.name in passed.split())
    assert bits_of(z, r_minus_z, z_minus_w1) == expected


@given(z=st.floats(18, 22), r_minus_z=st.floats(0, 1.5), z_minus_w1=st.floats(0, 2.5))
def test_whatever_passes_a_cut_passes_all_wider_ones(z: float, r_minus_z: float, z_minus_w1: float) -> None:
    bits = bits_of(z, r_minus_z, z_minus_w1)
    assert bits in {0, 0b10000, 0b11000, 0b11100, 0b11110, 0b11111}


def test_a_magnitude_that_is_not_known_passes_nothing() -> None:
    assert bits_of(float("nan"), 0.6, 1.7) == 0
    assert bits_of(19.0, float("nan"), 1.7) == 0


def test_magnitudes_are_ab_in_nanomaggies_and_dust_makes_the_corrected_one_brighter() -> None:
    flux = np.array([1.0, 100.0, 0.0, -1.0, np.nan, np.inf])
    np.testing.assert_allclose(magnitude(flux), [22.5, 17.5, np.nan, np.nan, np.nan, np.nan])
    dust = np.array([0.5, 1.0, 0.0, np.nan])
    expected = [17.5 + 2.5 * np.log10(0.5), 17.5, np.nan, np.nan]
    np.testing.assert_allclose(dereddened_magnitude(np.full(4, 100.0), dust), expected)


def test_the_depth_of_a_sweep_is_an_inverse_variance_and_becomes_a_5_sigma_magnitude() -> None:
    sigma = 10 ** (0.4 * (22.5 - 24.0)) / 5  # nMgy of a point source that is 5 sigma at 24.0
    np.testing.assert_allclose(depth_magnitude(np.array([sigma**-2, 0.0, -1.0, np.nan])), [24.0, np.nan, np.nan, np.nan])
