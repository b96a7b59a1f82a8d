"""Noise, its correlation, and the reasons that pixels give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from scipy.ndimage import gaussian_filter

from schemas.refusal_reasons import Reason
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.survey.cutout_pixels import StampPixels, judge, noise_correlation, sky_sigma

LIMITS = load_survey("legacy_dr10").cutouts
SIZE, SIGMA = 64, 0.004


def white(seed: int = 0, size: int = SIZE) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, SIGMA, (size, size)).astype(np.float32)


def flat(value: float = SIGMA**-2, size: int = SIZE) -> npt.NDArray[np.float32]:
    return np.full((size, size), value, dtype=np.float32)


def stamp(**changes: Any) -> StampPixels:
    parts: dict[str, Any] = {"images": {"g": white()}, "invvars": {"g": flat()}, "maskbits": np.zeros((SIZE, SIZE), np.int32)}
    return StampPixels(**parts | {"x_pix": 32.2, "y_pix": 31.6} | changes)


def test_clean_pixels_give_no_reason() -> None:
    quality = judge(stamp(), 0b10, LIMITS)
    assert (quality.masked_fraction, quality.uncovered_fraction, quality.reasons) == (0, 0, Reason(0))


@pytest.mark.parametrize(("rows", "refused"), [(12, False), (13, True)])
def test_more_masked_pixels_than_allowed_refuse_and_other_bits_do_not_count(rows: int, refused: bool) -> None:
    maskbits = np.full((SIZE, SIZE), 0b100, np.int32)
    maskbits[:rows] |= 0b10  # 12 of 64 rows are 0.1875, 13 are 0.203; 0.2 is allowed
    quality = judge(stamp(maskbits=maskbits), 0b10, LIMITS)
    assert quality.masked_fraction == rows / SIZE
    assert quality.reasons == (Reason.MASKED_PIXELS if refused else Reason(0))


@pytest.mark.parametrize(("y", "x", "refused"), [(32, 32, True), (31, 33, True), (32, 34, False), (20, 20, False)])
def test_one_bad_pixel_at_the_galaxys_centre_refuses_and_elsewhere_does_not(y: int, x: int, refused: bool) -> None:
    maskbits, invvar = np.zeros((SIZE, SIZE), np.int32), flat()
    maskbits[y, x] = 0b10
    invvar[y, x] = 0
    assert judge(stamp(maskbits=maskbits), 0b10, LIMITS).reasons == (Reason.MASKED_PIXELS if refused else Reason(0))
    uncovered = judge(stamp(invvars={"g": invvar}), 0b10, LIMITS).reasons
    assert uncovered == (Reason.UNCOVERED_PIXELS if refused else Reason(0))


def test_the_worst_band_decides_what_is_uncovered() -> None:
    gap = flat()
    gap[:8] = 0
    quality = judge(stamp(images={"g": white(), "r": white()}, invvars={"g": flat(), "r": gap}), 0, LIMITS)
    assert quality.uncovered_fraction == 8 / SIZE
    assert quality.reasons == Reason.UNCOVERED_PIXELS


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_pixel_that_is_not_finite_refuses_in_image_and_inverse_variance(value: float) -> None:
    image, invvar = white(), flat()
    image[3, 5] = invvar[3, 5] = value
    assert judge(stamp(images={"g": image}), 0, LIMITS).reasons == Reason.NONFINITE_PIXELS
    assert judge(stamp(invvars={"g": invvar}), 0, LIMITS).reasons & Reason.NONFINITE_PIXELS


def test_the_sky_sigma_is_that_of_the_median_covered_pixel() -> None:
    invvar = flat()
    invvar[:20] = 0
    invvar[20:25] = 1e9
    assert sky_sigma(invvar) == pytest.approx(SIGMA)
    assert sky_sigma(flat(0)) is None


def test_white_noise_has_no_correlation_with_a_galaxy_in_the_middle_or_without() -> None:
    y, x = np.indices((SIZE, SIZE)) - 32
    galaxy = (0.5 * np.exp(-np.hypot(x, y) / 3)).astype(np.float32)
    for image in (white(), white() + galaxy, white() + np.float32(10 * SIGMA)):
        assert abs(noise_correlation(image, flat(), 32, 32) or 1) < 0.06


def test_smoothed_noise_has_the_correlation_that_its_kernel_gives() -> None:
    # A Gaussian of width s pixels correlates neighbours by exp(-1 / (4 s^2)).
    for width in (0.7, 1.0):
        smooth = gaussian_filter(white(1, 128).astype(float), width, mode="wrap")
        smooth *= SIGMA / smooth.std()
        found = noise_correlation(smooth.astype(np.float32), flat(size=128), 64, 64)
        assert found == pytest.approx(np.exp(-1 / (4 * width**2)), abs=0.05)


def test_noise_of_uneven_depth_is_not_taken_for_correlated() -> None:
    step = np.where(np.arange(SIZE) < 32, 1.0, 2.5)[:, None]
    uneven, invvar = (white(4) * step).astype(np.float32), (flat() / step**2).astype(np.float32)
    assert abs(noise_correlation(uneven, invvar, 32, 32) or 1) < 0.06


def test_too_few_blank_pixels_give_no_correlation() -> None:
    assert noise_correlation(white(), flat(0), 32, 32) is None
    rows = flat(0)
    rows[:3] = SIGMA**-2
    assert noise_correlation(white(), rows, 32, 32) is None
    assert noise_correlation(white(0, 16), flat(size=16), 8, 8) is None
    assert noise_correlation(np.zeros((SIZE, SIZE), np.float32), flat(), 32, 32) is None


def test_a_real_decam_stamp_has_the_mild_correlation_of_its_resampling(shared_data: Path) -> None:
    with fits.open(shared_data / "legacy_dr9_cutout" / "cutout_59.1067_-30.4848.fits") as hdus:
        planes = [np.array(hdu.data) for hdu in hdus[1:7]]
    for image, invvar in zip(planes[::2], planes[1::2], strict=True):
        corners = [(y, x) for y in range(0, 256, 64) for x in range(0, 256, 64)]
        cut = [(image[y : y + 64, x : x + 64], invvar[y : y + 64, x : x + 64]) for y, x in corners]
        found = [noise_correlation(*planes_cut, 32, 32) for planes_cut in cut]
        assert 0.1 < np.median([value for value in found if value is not None]) < 0.3
