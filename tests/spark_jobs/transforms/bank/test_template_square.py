"""A template is a centred square of unit flux, coarser only where its light would not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.transforms.bank.template_light import Image, Rejection, RejectionError, centroid
from spark_jobs.transforms.bank.template_square import fit_square

SIZE = 32


def blob(shape: tuple[int, int], y: float, x: float, sigma: float) -> Image:
    grid_y, grid_x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(7.5 * np.exp(-((grid_y - y) ** 2 + (grid_x - x) ** 2) / (2 * sigma**2)))


@given(
    shape=st.tuples(st.integers(10, 90), st.integers(10, 90)),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
    sigma=st.floats(1, 12),
)
@settings(max_examples=60, deadline=None)
def test_any_light_becomes_a_centred_square_of_unit_flux(
    shape: tuple[int, int], place: tuple[float, float], sigma: float
) -> None:
    light = blob(shape, place[0] * shape[0], place[1] * shape[1], sigma)
    square, binning = fit_square(light, SIZE)
    assert square.shape == (SIZE, SIZE)
    assert square.dtype == np.float32
    assert square.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    assert 1 <= binning <= 4
    lost = 0.3 if binning == 1 and min(shape) <= SIZE and max(shape) <= SIZE else 0.8  # of what the cut may move the centroid
    for seen in centroid(square.astype(np.float64)):
        assert abs(seen - (SIZE - 1) / 2) <= 0.5 / binning + lost


@pytest.mark.parametrize(("sigma", "binning"), [(3, 1), (8, 2), (14, 3), (18, 4)])
def test_the_finest_binning_that_keeps_99_percent_of_the_light_is_taken(sigma: float, binning: int) -> None:
    light = blob((301, 301), 150, 150, sigma)
    square, seen = fit_square(light, SIZE)
    assert seen == binning
    half = [SIZE * n // 2 for n in (binning - 1, binning)]
    shares = [light[150 - n : 150 + n, 150 - n : 150 + n].sum() / light.sum() for n in half]
    assert shares[0] < 0.99 < shares[1]
    assert square.max() == pytest.approx(binning**2 * light.max() / light.sum(), rel=0.05)


def test_coarser_pixels_hold_the_sum_of_the_fine_ones_so_flux_is_conserved() -> None:
    light = np.random.default_rng(1).random((2 * SIZE, 2 * SIZE))
    light[0, 0] = light[-1, -1] = light[0, -1] = light[-1, 0] = 0
    square, binning = fit_square(light, SIZE)
    assert binning == 2
    y0, x0 = centroid(light)
    assert (round(y0 - 31.5), round(x0 - 31.5)) == (0, 0)
    expected = np.array([[light[2 * i : 2 * i + 2, 2 * j : 2 * j + 2].sum() for j in range(SIZE)] for i in range(SIZE)])
    np.testing.assert_allclose(square, expected / light.sum(), rtol=1e-6)


def test_light_at_the_image_s_edge_is_padded_with_nothing() -> None:
    light = np.zeros((40, 40))
    light[:3, :3] = 1
    square, binning = fit_square(light, SIZE)
    assert binning == 1
    assert np.count_nonzero(square) == 9
    assert np.argwhere(square).min() >= SIZE // 2 - 2


def test_light_larger_than_four_times_the_template_is_rejected() -> None:
    with pytest.raises(RejectionError, match=Rejection.TOO_LARGE.value):
        fit_square(np.ones((5 * SIZE, 5 * SIZE)), SIZE)


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_light_without_a_positive_finite_sum_is_rejected(value: float) -> None:
    with pytest.raises(RejectionError, match=Rejection.NO_FLUX.value):
        fit_square(np.full((20, 20), value), SIZE)
