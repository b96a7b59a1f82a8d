"""Blurring: a star is its PSF at the pixels' centres, a pixelised PSF does what a circular one does, nothing wraps around."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from spark_jobs.physics.psf_convolution import LightSpectrum, blur, light_spectrum
from spark_jobs.physics.psf_profiles import CircularPsf, PixelPsf
from spark_jobs.physics.ray_trace import lensed_light
from spark_jobs.physics.source_light import sersic_source

FloatArray = npt.NDArray[np.float64]
SINGLE = 1e-6
"""Of the peak is what single precision may lose on the way through Fourier space."""

SIZE, PIXEL = 32, 0.262
PSFS = [CircularPsf(1.25), CircularPsf(1.6, beta=2.5), CircularPsf(0.9, "gaussian"), CircularPsf(1.0)]


@pytest.mark.parametrize("psf", PSFS)
@pytest.mark.parametrize("place", [(16.0, 16.0), (15.5, 15.5), (17.31, 12.84)])
def test_a_star_is_the_psf_at_the_pixels_centres_times_their_area(psf: CircularPsf, place: tuple[float, float]) -> None:
    expected = psf.brightness(_distance(place)) * PIXEL**2
    np.testing.assert_allclose(_seen(_star(place), psf), expected, rtol=0, atol=3e-4 * expected.max())


def test_half_of_a_stars_peak_is_left_at_half_the_width() -> None:
    for profile in ("moffat", "gaussian"):
        image = _seen(_star((16.0, 16.0)), CircularPsf(6 * PIXEL, profile))
        assert [image[16, 19], image[13, 16]] == pytest.approx([0.5 * image[16, 16]] * 2, rel=1e-3)


@pytest.mark.parametrize("side", [33, 63, 131])
def test_a_pixelised_moffat_blurs_as_the_moffat_does_even_where_it_is_wider_than_the_stamp(side: int) -> None:
    psf, reach = CircularPsf(1.4), side // 2
    kernel = psf.brightness(PIXEL * np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])) * PIXEL**2
    spectrum = _star((14.3, 17.8), half_light=0.4, fine=1)
    image = _seen(spectrum, psf)
    np.testing.assert_allclose(_seen(spectrum, PixelPsf(kernel, 1.4)), image, rtol=0, atol=2e-3 * image.max())


def test_a_kernel_off_its_middle_moves_the_image_by_as_much_along_columns_and_rows() -> None:
    rows, cols = np.mgrid[-14:15, -14:15]  # what a shift cuts off is dark
    centred, moved = (
        _seen(_star((14.0, 15.0), fine=1), PixelPsf(np.exp(-((rows - dy) ** 2 + (cols - dx) ** 2) / 6) / (6 * np.pi), 1.1))
        for dx, dy in ((0, 0), (3, -2))
    )
    np.testing.assert_allclose(moved[6:20, 7:23], centred[8:22, 4:20], atol=1e-6 * centred.max())


def test_rows_and_columns_are_blurred_alike_however_sharp_the_psf() -> None:
    place, point = (14.3, 17.8), np.zeros((3, 3))
    point[1, 1] = 1.0
    for psf, fine in ((CircularPsf(0.4), 2), (PixelPsf(point, 0.4), 1)):
        image = _seen(_star(place, half_light=0.1, fine=fine), psf)
        transposed = _seen(_star(place[::-1], half_light=0.1, fine=fine), psf)
        np.testing.assert_allclose(transposed, image.T, rtol=0, atol=SINGLE * image.max())


@pytest.mark.parametrize("place", [(0.0, 12.0), (31.0, 12.0), (12.0, 0.3), (30.8, 31.0)])
def test_light_at_an_edge_leaves_nothing_on_the_other_side(place: tuple[float, float]) -> None:
    far = _distance(place) > 6.0
    rows, cols = np.mgrid[-40:41, -40:41]
    kernel = np.exp(-(rows**2 + cols**2) / 8) / (8 * np.pi)
    for image in (_seen(_star(place), CircularPsf(1.2, "gaussian")), _seen(_star(place, fine=1), PixelPsf(kernel, 1.2))):
        assert np.count_nonzero(far) > 100
        assert np.abs(image[far]).max() < 1e-5 * image.max()


def test_two_lights_blur_to_the_sum_of_each_and_bands_do_not_meet() -> None:
    one, other = _star((10.2, 11.0)), _star((20.0, 19.7))
    both = LightSpectrum(one.values + other.values, one.size, one.fine)
    psfs = [CircularPsf(1.1), CircularPsf(1.6)]
    together = blur(both, psfs, PIXEL)
    np.testing.assert_allclose(
        together, blur(one, psfs, PIXEL) + blur(other, psfs, PIXEL), rtol=0, atol=SINGLE * together.max()
    )
    for image, psf in zip(together, psfs, strict=True):
        np.testing.assert_array_equal(image, _seen(both, psf))


@pytest.mark.parametrize(
    ("kernel", "shape"),
    [(np.ones((4, 4)), r"\(4, 4\)"), (np.ones((3, 5)), r"\(3, 5\)"), (np.ones(9), r"\(9,\)"), ([[np.nan]], r"\(1, 1\)")],
)
def test_a_kernel_that_has_no_middle_pixel_or_is_not_finite_is_refused(kernel: npt.ArrayLike, shape: str) -> None:
    with pytest.raises(ValueError, match=f"PSF kernel of shape {shape}; wanted a finite square image with an odd side"):
        PixelPsf(np.asarray(kernel, float), 1.2)


def test_a_kernel_of_another_sum_without_width_or_behind_light_on_half_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="PSF kernel sums to 9; wanted 1"):
        PixelPsf(np.ones((3, 3)), 1.2)
    with pytest.raises(ValueError, match=r"PSF FWHM is 0.0 arcsec; wanted a number above 0"):
        PixelPsf(np.full((3, 3), 1 / 9), 0.0)
    with pytest.raises(ValueError, match="light on 2 points a pixel for a PSF sampled at pixels; wanted one"):
        _seen(_star((16.0, 16.0)), PixelPsf(np.full((3, 3), 1 / 9), 1.2))


def _seen(spectrum: LightSpectrum, psf: CircularPsf | PixelPsf) -> FloatArray:
    return blur(spectrum, [psf], PIXEL)[0]


def _star(place: tuple[float, float], half_light: float = 0.005, fine: int = 2) -> LightSpectrum:
    """Spectrum of a source of flux one at a place in pixels, small unless asked otherwise."""
    source = sersic_source(half_light, 0.5)
    light = lensed_light(None, source, (0.0, 0.0), size=SIZE, centre_pix=place, pixel_scale=PIXEL, fine=fine)
    return light_spectrum(light)


def _distance(place: tuple[float, float]) -> FloatArray:
    y, x = np.mgrid[:SIZE, :SIZE]
    return PIXEL * np.hypot(x - place[0], y - place[1])
