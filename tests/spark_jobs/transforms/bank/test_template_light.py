"""Light, not noise, carries a template's flux: held against drawn galaxies of known size, and against the naive recipe."""

from __future__ import annotations

import galsim
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from spark_jobs.transforms.bank.bank_template import (
    LARGEST_SIZE_RATIO,
    MEDIAN_TOLERANCE,
    SCATTER_TOLERANCE,
    Census,
    SizeAgreement,
    Template,
    keep_templates,
    measured_radius_arcsec,
    size_agreement,
)
from spark_jobs.transforms.bank.template_light import (
    Rejection,
    RejectionError,
    _border,
    _scatter,
    _segments,
    _unmirrored,
    centroid,
    elliptical_radius,
    extract_light,
    half_light_radius,
)
from spark_jobs.transforms.bank.template_square import fit_square
from tests.spark_jobs.small_galaxies import (
    PSF_FWHM_ARCSEC,
    SCALE_ARCSEC,
    Image,
    NoisyGalaxy,
    make_template,
    noisy_galaxy,
)

SIZE = 128


def gaussian(side: int, sigma: float, y: float = 0.0, x: float = 0.0, axis_ratio: float = 1.0) -> Image:
    grid_y, grid_x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(np.exp(-(((grid_x - x) / sigma) ** 2 + ((grid_y - y) / (axis_ratio * sigma)) ** 2) / 2))


def naive_light(galaxy: NoisyGalaxy) -> Image:
    """The recipe that failed: divide by the PSF in Fourier space at the stamp's own 0.03 arcsec, clip at zero."""
    side = len(galaxy.stamp)
    telescope = galsim.Convolve(galsim.Gaussian(fwhm=PSF_FWHM_ARCSEC), galsim.Pixel(SCALE_ARCSEC))
    kernel = telescope.drawImage(nx=side, ny=side, scale=SCALE_ARCSEC, method="no_pixel", dtype=np.float64).array
    transfer = np.fft.rfft2(np.fft.ifftshift(kernel))
    return np.asarray(np.clip(np.fft.irfft2(np.fft.rfft2(galaxy.stamp) / transfer, galaxy.stamp.shape), 0, None))


def agreement(galaxies: list[NoisyGalaxy], lights: list[Image]) -> SizeAgreement:
    measured = [measured_radius_arcsec(square, SCALE_ARCSEC * n) for square, n in (fit_square(light, SIZE) for light in lights)]
    found = size_agreement(measured, [galaxy.radius_arcsec for galaxy in galaxies])
    assert found is not None
    return found


@pytest.mark.parametrize(("half_light", "snr"), [(0.15, 40), (0.3, 60), (0.3, 120), (0.5, 120)])
def test_the_half_light_radius_of_a_noisy_galaxy_is_the_true_one_within_the_stated_tolerance(
    half_light: float, snr: float
) -> None:
    galaxies = [noisy_galaxy(seed, half_light=half_light, snr=snr) for seed in range(12)]
    found = agreement(galaxies, [extract_light(galaxy.stamp).image for galaxy in galaxies])
    assert (MEDIAN_TOLERANCE, SCATTER_TOLERANCE) == (0.10, 0.20)
    assert found.passes, found


def test_the_naive_recipe_fails_the_same_check_because_rectified_noise_carries_the_flux() -> None:
    galaxies = [noisy_galaxy(seed, half_light=0.3, snr=60) for seed in range(6)]
    lights = [naive_light(galaxy) for galaxy in galaxies]
    found = agreement(galaxies, lights)
    assert not found.passes
    assert found.median_ratio > LARGEST_SIZE_RATIO
    uniform_arcsec = len(lights[0]) * SCALE_ARCSEC / np.sqrt(2 * np.pi)
    assert half_light_radius(lights[0]) * SCALE_ARCSEC > 0.8 * uniform_arcsec


def test_the_naive_recipe_on_the_same_galaxy_without_noise_passes() -> None:
    noisy = noisy_galaxy(1, half_light=0.3)
    clean = NoisyGalaxy(noisy.clean, noisy.clean, 0.0, noisy.radius_arcsec)
    assert agreement([clean], [naive_light(clean)]).passes


def test_a_naive_template_is_rejected_by_its_size_and_ours_is_kept() -> None:
    galaxy = noisy_galaxy(3)
    census = Census()

    def template(light: Image) -> Template:
        square, binning = fit_square(light, SIZE)
        radius = measured_radius_arcsec(square, SCALE_ARCSEC * binning)
        return make_template(half_light_radius_arcsec=radius, half_light_catalogue_arcsec=galaxy.radius_arcsec)

    makers = [lambda: template(naive_light(galaxy)), lambda: template(extract_light(galaxy.stamp).image)]
    assert len(list(keep_templates(makers, census, min_snr=15, max_templates=None))) == 1
    assert census.rejected == {Rejection.SIZE: 1}


@pytest.mark.parametrize(
    ("half_light", "snr", "measured", "kept"), [(0.3, 60, 55, 0.945), (0.5, 60, 60, 0.915), (0.5, 30, 36, 0.83)]
)
def test_a_disc_loses_only_the_light_that_sinks_below_the_noise(
    half_light: float, snr: float, measured: float, kept: float
) -> None:
    lights = [extract_light(noisy_galaxy(seed, half_light=half_light, snr=snr).stamp) for seed in range(24)]
    assert np.mean([light.snr for light in lights]) == pytest.approx(measured, rel=0.05)
    assert np.mean([light.flux for light in lights]) == pytest.approx(kept, abs=0.013)


@pytest.mark.parametrize("index", [0.7, 1.0, 2.5])
def test_flux_and_radius_of_a_galaxy_without_noise_are_exact(index: float) -> None:
    galaxy = noisy_galaxy(0, index=index, half_light=0.2, side=301)
    light = extract_light(galaxy.clean, sigma=0.0, background=0.0)
    assert light.flux == pytest.approx(galaxy.clean.sum(), rel=1e-5)
    assert half_light_radius(light.image) * SCALE_ARCSEC == pytest.approx(galaxy.radius_arcsec, rel=0.02)


def test_a_neighbour_is_left_out_and_the_galaxy_s_own_light_stays() -> None:
    galaxy = noisy_galaxy(5, half_light=0.15, snr=100)
    neighbour = 0.8 * galaxy.clean.max() * gaussian(161, 4, y=-45, x=40)
    alone, beside = extract_light(galaxy.stamp), extract_light(galaxy.stamp + neighbour)
    assert beside.flux == pytest.approx(alone.flux, rel=0.02)
    assert half_light_radius(beside.image) == pytest.approx(half_light_radius(alone.image), rel=0.02)
    place = np.s_[25:46, 110:131]
    assert abs(beside.image[place].sum()) < 0.002 * neighbour[place].sum()
    core = np.s_[70:91, 70:91]
    np.testing.assert_allclose(beside.image[core], alone.image[core], atol=1e-3 * alone.image.max())


def test_a_neighbour_is_masked_with_all_its_light_and_an_island_of_noise_is_not() -> None:
    galaxy = noisy_galaxy(5, half_light=0.15, snr=100)
    neighbour = 0.8 * galaxy.clean.max() * gaussian(161, 4, y=-45, x=40)
    smoothed = gaussian_filter(galaxy.stamp + neighbour, 1.5)
    segment, neighbours = _segments(smoothed, _scatter(_border(_unmirrored(smoothed))))
    assert neighbour[neighbours].sum() > 0.99 * neighbour.sum()
    assert galaxy.clean[segment].sum() > 0.9
    assert not (segment & neighbours).any()
    assert neighbours.mean() < 0.1


def test_the_noise_of_a_smoothed_stamp_is_measured_where_smoothing_mirrors_nothing() -> None:
    theory = 1 / (2 * np.sqrt(np.pi) * 1.5)
    smoothed = [gaussian_filter(np.random.default_rng(seed).normal(0, 1, (161, 161)), 1.5) for seed in range(12)]
    assert np.mean([_scatter(_border(_unmirrored(image))) for image in smoothed]) == pytest.approx(theory, rel=0.05)
    assert np.mean([_scatter(_border(image)) for image in smoothed]) > 1.15 * theory


def test_a_touching_galaxy_is_not_parted_and_the_size_check_refuses_the_pair() -> None:
    galaxy = noisy_galaxy(5, half_light=0.3, snr=100)
    pair = extract_light(galaxy.stamp + np.roll(galaxy.clean, 30, axis=0))
    assert pair.flux > 1.6
    assert half_light_radius(pair.image) * SCALE_ARCSEC > LARGEST_SIZE_RATIO * galaxy.radius_arcsec


@given(factor=st.floats(1e-12, 1e12), sky=st.floats(-10, 10))
@settings(max_examples=15, deadline=None)
def test_the_light_scales_with_the_stamp_and_ignores_its_sky(factor: float, sky: float) -> None:
    stamp = noisy_galaxy(2, half_light=0.15, side=81).stamp
    light = extract_light(stamp)
    scaled = extract_light(factor * (stamp + sky * stamp.max()))
    np.testing.assert_allclose(scaled.image / factor, light.image, atol=1e-9 * stamp.max())
    assert scaled.snr == pytest.approx(light.snr, rel=1e-6)


def test_a_stamp_turned_by_90_degrees_gives_the_light_turned_by_90_degrees() -> None:
    stamp = noisy_galaxy(4, side=101).stamp
    turned = extract_light(np.rot90(stamp))
    np.testing.assert_allclose(np.rot90(turned.image, -1), extract_light(stamp).image, atol=1e-9 * stamp.max())


def test_a_given_noise_and_sky_are_taken_instead_of_the_border_s() -> None:
    galaxy = noisy_galaxy(6, half_light=0.15)
    rough = extract_light(galaxy.stamp, sigma=2 * galaxy.sigma, background=0.0)
    raised = extract_light(galaxy.stamp + 5.0, sigma=2 * galaxy.sigma, background=5.0)
    assert raised.snr == pytest.approx(rough.snr, rel=1e-6)
    assert rough.snr < 0.65 * extract_light(galaxy.stamp).snr


def test_noise_is_not_clipped_within_the_segment() -> None:
    galaxy = noisy_galaxy(7, half_light=0.5, snr=30)
    light = extract_light(galaxy.stamp)
    assert light.image.min() < -galaxy.sigma


def test_the_border_of_the_stamp_holds_no_noise() -> None:
    light = extract_light(noisy_galaxy(8, half_light=0.15, snr=40).stamp).image
    light[20:-20, 20:-20] = 0
    assert np.count_nonzero(light) == 0


def test_a_stamp_of_noise_never_becomes_a_template() -> None:
    census = Census()

    def maker(seed: int) -> Template:
        light = extract_light(np.random.default_rng(seed).normal(0, 1, (81, 81)))
        return make_template(snr=light.snr, half_light_catalogue_arcsec=np.nan)

    kept = list(keep_templates([lambda seed=seed: maker(seed) for seed in range(30)], census, min_snr=15, max_templates=None))
    assert kept == []
    assert set(census.rejected) == {Rejection.NO_LIGHT, Rejection.FAINT}


def _bad(name: str) -> Image:
    stamp = noisy_galaxy(1, half_light=0.15, side=81).stamp
    if name == "nan":
        stamp[40, 40] = np.nan
    if name == "infinite":
        stamp[0, 0] = np.inf
    if name == "hole":
        stamp[40, 40] = -1000 * stamp.max()
    if name == "cancelled":  # a ring of ones around a pixel that takes all of its light away
        y, x = np.mgrid[:81, :81] - 40
        stamp = ((np.hypot(y, x) > 8) & (np.hypot(y, x) < 10)).astype(np.float64)
        stamp[40, 40] = -stamp.sum()
    return -stamp if name == "negative" else np.zeros((81, 81)) if name == "empty" else stamp


@pytest.mark.parametrize(
    ("name", "rejection"),
    [
        ("nan", Rejection.NOT_FINITE),
        ("infinite", Rejection.NOT_FINITE),
        ("hole", Rejection.NO_FLUX),
        ("cancelled", Rejection.NO_FLUX),
        ("negative", Rejection.NO_LIGHT),
        ("empty", Rejection.NO_LIGHT),
    ],
)
def test_a_stamp_without_a_galaxy_is_rejected_with_its_reason(name: str, rejection: Rejection) -> None:
    with pytest.raises(RejectionError, match=rejection.value) as caught:
        extract_light(_bad(name))
    assert caught.value.rejection is rejection


@given(y=st.floats(-2, 2), x=st.floats(-2, 2), sigma=st.floats(2.5, 6))
@settings(max_examples=25, deadline=None)
def test_half_of_a_gaussian_s_light_lies_within_half_its_width_wherever_it_sits(y: float, x: float, sigma: float) -> None:
    image = gaussian(91, sigma, y, x)
    assert half_light_radius(image) == pytest.approx(1.17741 * sigma, abs=0.1)
    assert centroid(image) == pytest.approx((45 + y, 45 + x), abs=1e-6)


def test_the_elliptical_radius_is_constant_on_the_light_s_ellipse_and_keeps_its_area() -> None:
    radius = elliptical_radius(gaussian(121, 12, axis_ratio=0.5))
    assert radius[60, 60 + 20] == pytest.approx(radius[60 + 10, 60], rel=1e-3)
    assert radius[60, 60 + 20] == pytest.approx(20 * np.sqrt(0.5), rel=1e-3)
