"""Blurring: a star is its PSF at the pixels' centres, a pixelised PSF does what a circular one does, nothing wraps around."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from spark_jobs.physics.psf_convolution import blur, blur_with_kernel, light_spectrum
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import lensed_light
from spark_jobs.physics.source_light import sersic_source

FloatArray = npt.NDArray[np.float64]

SIZE, PIXEL = 32, 0.262
PSFS = [CircularPsf(1.25), CircularPsf(1.6, beta=2.5), CircularPsf(0.9, "gaussian"), CircularPsf(1.0)]


@pytest.mark.parametrize("psf", PSFS)
@pytest.mark.parametrize("place", [(16.0, 16.0), (15.5, 15.5), (17.31, 12.84)])
def test_a_star_is_the_psf_at_the_pixels_centres_times_their_area(psf: CircularPsf, place: tuple[float, float]) -> None:
    expected = psf.brightness(_distance(place)) * PIXEL**2
    np.testing.assert_allclose(blur(_star(place), psf, PIXEL), expected, rtol=0, atol=1e-3 * expected.max())


def test_half_of_a_stars_peak_is_left_at_half_the_width() -> None:
    for profile in ("moffat", "gaussian"):
        image = blur(_star((16.0, 16.0)), CircularPsf(6 * PIXEL, profile), PIXEL)
        assert [image[16, 19], image[13, 16]] == pytest.approx([0.5 * image[16, 16]] * 2, rel=1e-3)


@pytest.mark.parametrize("side", [33, 63, 131])
def test_a_pixelised_moffat_blurs_as_the_moffat_does_even_where_it_is_wider_than_the_stamp(side: int) -> None:
    psf, reach = CircularPsf(1.4), side // 2
    kernel = psf.brightness(PIXEL * np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])) * PIXEL**2
    spectrum = _star((14.3, 17.8), half_light=0.4)
    image = blur(spectrum, psf, PIXEL)
    np.testing.assert_allclose(blur_with_kernel(spectrum, kernel), image, rtol=0, atol=2e-3 * image.max())


def test_a_kernel_off_its_middle_moves_the_image_by_as_much_along_columns_and_rows() -> None:
    rows, cols = np.mgrid[-10:11, -10:11]
    centred, moved = (
        blur_with_kernel(_star((14.0, 15.0)), np.exp(-((rows - dy) ** 2 + (cols - dx) ** 2) / 6) / (6 * np.pi))
        for dx, dy in ((0, 0), (3, -2))
    )
    np.testing.assert_allclose(moved[6:20, 7:23], centred[8:22, 4:20], atol=1e-6 * centred.max())


def test_rows_and_columns_are_blurred_alike_however_sharp_the_psf() -> None:
    place, point = (14.3, 17.8), np.zeros((3, 3))
    point[1, 1] = 1.0
    light, transposed = _star(place, half_light=0.1), _star(place[::-1], half_light=0.1)
    for blurred in (
        lambda spectrum: blur(spectrum, CircularPsf(0.4), PIXEL),
        lambda spectrum: blur_with_kernel(spectrum, point),
    ):
        image = blurred(light)
        np.testing.assert_allclose(blurred(transposed), image.T, rtol=0, atol=1e-9 * image.max())


@pytest.mark.parametrize("place", [(0.0, 12.0), (31.0, 12.0), (12.0, 0.3), (30.8, 31.0)])
def test_light_at_an_edge_leaves_nothing_on_the_other_side(place: tuple[float, float]) -> None:
    spectrum, far = _star(place), _distance(place) > 6.0
    rows, cols = np.mgrid[-40:41, -40:41]
    kernel = np.exp(-(rows**2 + cols**2) / 8) / (8 * np.pi)
    for image in (blur(spectrum, CircularPsf(1.2, "gaussian"), PIXEL), blur_with_kernel(spectrum, kernel)):
        assert np.count_nonzero(far) > 100
        assert np.abs(image[far]).max() < 1e-5 * image.max()


def test_two_lights_blur_to_the_sum_of_each() -> None:
    psf, one, other = CircularPsf(1.1), _star((10.2, 11.0)), _star((20.0, 19.7))
    np.testing.assert_allclose(blur(one + other, psf, PIXEL), blur(one, psf, PIXEL) + blur(other, psf, PIXEL), atol=1e-15)


@pytest.mark.parametrize(
    ("kernel", "shape"),
    [(np.ones((4, 4)), r"\(4, 4\)"), (np.ones((3, 5)), r"\(3, 5\)"), (np.ones(9), r"\(9,\)"), ([[np.nan]], r"\(1, 1\)")],
)
def test_a_kernel_that_has_no_middle_pixel_or_is_not_finite_is_refused(kernel: npt.ArrayLike, shape: str) -> None:
    with pytest.raises(ValueError, match=f"PSF kernel of shape {shape}; wanted a finite square image with an odd side"):
        blur_with_kernel(_star((16.0, 16.0)), kernel)


def _star(place: tuple[float, float], half_light: float = 0.005) -> npt.NDArray[np.complex128]:
    """Spectrum of a source of flux one at a place in pixels, small unless asked otherwise."""
    source = sersic_source(half_light, 0.5)
    return light_spectrum(lensed_light(None, source, (0.0, 0.0), size=SIZE, centre_pix=place, pixel_scale=PIXEL))


def _distance(place: tuple[float, float]) -> FloatArray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return PIXEL * np.hypot(x - place[0], y - place[1])
