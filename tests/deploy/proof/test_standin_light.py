"""Light on the stand-in's frame: fluxes are kept, blurring is exact, positions are those asked for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from standin_conditions import BandConditions, band_conditions, gaussian_sum_psf
from standin_light import Frame, Pattern, Sersic, Star, cell_means
from standin_settings import Settings

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC

FLUX = (1.0, 2.0, 4.0)
SHARES, RATIOS = (0.73, 0.22, 0.05), (1.0, 1.8, 4.0)


def conditions(fwhm: float = 1.25) -> dict[str, BandConditions]:
    psf = gaussian_sum_psf(fwhm, SHARES, RATIOS, 0.03, 0.6)
    return {band: band_conditions(psf, fwhm, 23.9, 21.0) for band in BANDS}


def frame(x: float = 32.13, y: float = 31.71, **changed: int) -> Frame:
    return Frame(replace(Settings(), **changed), x, y)


def seen(light: Sersic | Pattern, on: Frame, fwhm: float = 1.25) -> np.ndarray:
    canvas = on.empty()
    on.add(canvas, light)
    return on.seen(canvas, conditions(fwhm))


def lenstronomys_gaussian(half_light: float) -> float:
    """Sigma of lenstronomy's Sersic of index 0.5, whose b is 1.9992 n - 0.3271."""
    return half_light / math.sqrt(2 * (1.9992 * 0.5 - 0.3271))


@pytest.mark.parametrize(("index", "radius"), [(0.5, 0.3), (1.0, 0.5), (2.5, 0.4), (4.0, 0.35)])
@pytest.mark.parametrize("offset", [0.0, 0.21, 0.5])
def test_flux_is_kept_at_any_offset(index: float, radius: float, offset: float) -> None:
    on = frame(32 + offset, 32 - offset)
    canvas = on.empty()
    on.add(canvas, Sersic(FLUX, radius, index, 0.6, 0.7))
    lost = 0.01 + 0.03 * max(index - 1, 0) / 3  # what lies beyond the frame or the profile's reach
    for plane, flux in zip(canvas, FLUX, strict=True):
        assert flux * (1 - lost) < plane.sum() < flux * 1.003


@pytest.mark.parametrize("fwhm", [0.75, 1.25, 2.0])
@pytest.mark.parametrize("radius", [0.08, 0.3, 1.0])
def test_a_gaussian_is_blurred_exactly(fwhm: float, radius: float) -> None:
    on = frame()
    sigma2 = lenstronomys_gaussian(radius) ** 2
    psf = conditions(fwhm)["r"].psf
    wider = replace(psf, covariances=tuple((xx + sigma2, xy, yy + sigma2) for xx, xy, yy in psf.covariances))
    place = 0.4, -0.9
    expected = on.star(Star(FLUX, *place), {band: replace(conditions(fwhm)[band], psf=wider) for band in BANDS})
    image = seen(Sersic(FLUX, radius, 0.5, x=place[0], y=place[1]), on, fwhm)
    assert np.abs(image - expected).max() < 2e-3 * expected.max()
    assert np.abs(image - expected)[1].max() < 2e-3 * expected[1].max()


@pytest.mark.parametrize("shape", [(1.0, 4.0, 0.7), (0.4, 4.5, 0.9), (1.5, 1.0, 0.5), (0.9, 1.0, 0.13)])
def test_a_galaxy_agrees_with_itself_on_twice_finer_cells(shape: tuple[float, float, float]) -> None:
    coarse, fine = (seen(Sersic(FLUX, *shape, 0.4), frame(cells_per_pix=cells)) for cells in (3, 7))
    assert np.abs(coarse - fine).max() < 4e-3 * fine.max()


def test_a_star_holds_its_flux_and_stands_where_it_should() -> None:
    on = frame(30.0, 33.0)
    image = on.star(Star(FLUX, 2 * PIXEL_SCALE_ARCSEC, -3 * PIXEL_SCALE_ARCSEC), conditions())
    assert image.sum((1, 2)) == pytest.approx(FLUX, rel=2e-3)
    assert np.unravel_index(image[0].argmax(), image[0].shape) == (30, 32)


def test_x_runs_along_lines_and_the_centre_is_where_the_frame_says() -> None:
    on = frame(20.0, 40.0)
    image = seen(Sersic(FLUX, 0.3, 1.0), on)
    assert np.unravel_index(image[1].argmax(), image[1].shape) == (40, 20)
    moved = seen(Sersic(FLUX, 0.3, 1.0, x=5 * PIXEL_SCALE_ARCSEC), on)
    assert np.unravel_index(moved[1].argmax(), moved[1].shape) == (40, 25)


def test_a_quarter_turn_swaps_the_axes() -> None:
    on = frame(32.0, 32.0)
    one, other = (seen(Sersic(FLUX, 0.8, 1.0, 0.4, angle), on)[1] for angle in (0.0, math.pi / 2))
    centre = slice(12, 53)
    assert one[32, 40] > 2 * one[40, 32]
    round_psf = gaussian_sum_psf(1.25, SHARES, RATIOS, 0.0, 0.0)
    turned = {band: band_conditions(round_psf, 1.25, 23.9, 21.0) for band in BANDS}
    images = []
    for angle in (0.0, math.pi / 2):
        canvas = on.empty()
        on.add(canvas, Sersic(FLUX, 0.8, 1.0, 0.4, angle))
        images.append(on.seen(canvas, turned)[1][centre, centre])
    assert np.abs(images[0].T - images[1]).max() < 1e-3 * images[0].max()
    assert other[40, 32] > 2 * other[32, 40]


def test_an_angle_turns_from_x_towards_y() -> None:
    image = seen(Sersic(FLUX, 0.8, 1.0, 0.4, math.pi / 4), frame(32.0, 32.0))[1]
    assert image[37, 37] > 2 * image[37, 27]


def test_a_pattern_has_the_flux_it_is_given_in_every_band() -> None:
    on = frame()
    canvas = on.empty()
    on.add(canvas, Pattern(FLUX, lambda x, y: np.exp(-((np.hypot(x, y) - 2) ** 2))))
    assert canvas.sum((1, 2)) == pytest.approx(FLUX)


def test_light_off_the_frame_is_left_out_and_does_no_harm() -> None:
    on = frame()
    canvas = on.empty()
    on.add(canvas, Sersic(FLUX, 0.2, 1.0, x=40.0))
    assert not canvas.any()
    on.add(canvas, Sersic(FLUX, 0.2, 1.0, x=float(on.x[-1])))
    assert 0.4 < canvas[0].sum() < 0.65


def test_blurring_keeps_the_light_of_what_lies_inside() -> None:
    on = frame()
    image = seen(Sersic(FLUX, 0.3, 1.0), on)
    assert image.sum((1, 2)) == pytest.approx(FLUX, rel=5e-3)


def test_block_means_are_means_of_blocks() -> None:
    values = np.arange(24.0).reshape(4, 6)
    assert cell_means(values, 2).tolist() == [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]]
