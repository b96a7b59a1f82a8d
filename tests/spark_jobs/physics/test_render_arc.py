"""Rendered scenes: GalSim's unlensed galaxy, conserved flux, symmetries, limits of the lens, magnitudes and photon noise."""

from __future__ import annotations

import math
from dataclasses import replace

import galsim
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spark_jobs.physics.point_images import point_images
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import Scene, render_arc, shot_noise
from spark_jobs.physics.source_light import Source, sersic_source, template_source

FloatArray = npt.NDArray[np.float64]

SIZE, PIXEL = 48, 0.262
MIDDLE = 0.5 * (SIZE - 1)
MOFFAT, GAUSS = CircularPsf(1.25), CircularPsf(1.1, "gaussian")


@pytest.mark.parametrize(
    ("half_light", "n", "axis_ratio", "angle", "beta"),
    [
        (0.5, 1.0, 1.0, 0.0, (0.0, 0.0)),
        (0.8, 1.0, 0.5, 0.6, (0.31, -0.77)),
        (0.3, 0.5, 0.3, 2.0, (-1.1, 0.4)),
        (0.4, 2.0, 0.8, 1.2, (0.05, 0.1)),
        (0.2, 2.5, 0.7, -0.5, (0.0, 0.13)),
    ],
)
def test_an_unlensed_source_is_galsims(
    half_light: float, n: float, axis_ratio: float, angle: float, beta: tuple[float, float]
) -> None:
    accurate = galsim.GSParams(folding_threshold=1e-4, maxk_threshold=1e-4, kvalue_accuracy=1e-6)
    # GalSim's half-light radius is the circle's of the same area.
    galaxy = galsim.Sersic(n, half_light_radius=half_light * math.sqrt(axis_ratio), gsparams=accurate)
    galaxy = galaxy.shear(q=axis_ratio, beta=angle * galsim.radians).shift(*beta)
    star = galsim.Moffat(3.5, fwhm=MOFFAT.fwhm_arcsec, gsparams=accurate)
    drawn = galsim.Convolve(galaxy, star).drawImage(nx=SIZE, ny=SIZE, scale=PIXEL, method="no_pixel", dtype=float).array
    image = _render(None, sersic_source(half_light, n, axis_ratio, angle), beta)
    np.testing.assert_allclose(image, drawn, rtol=0, atol=1e-3 * drawn.max())
    assert image.sum() == pytest.approx(drawn.sum(), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.sampled_from([0.5, 1.0]), st.floats(0.3, 1.0), st.floats(0, math.pi))
def test_flux_and_centroid_follow_the_source_to_any_fraction_of_a_pixel(
    dx: float, dy: float, n: float, axis_ratio: float, angle: float
) -> None:
    image = _render(None, sersic_source(0.3, n, axis_ratio, angle), (0.1, -0.2), (MIDDLE + dx, MIDDLE + dy), psf=GAUSS)
    y, x = np.mgrid[:SIZE, :SIZE]
    assert image.sum() == pytest.approx(1.0, abs=2e-4)
    assert np.sum(image * x) / image.sum() == pytest.approx(MIDDLE + dx + 0.1 / PIXEL, abs=2e-4)
    assert np.sum(image * y) / image.sum() == pytest.approx(MIDDLE + dy - 0.2 / PIXEL, abs=2e-4)


SOURCES = {
    "sersic": lambda angle: sersic_source(0.2, 1.5, 0.5, angle),
    "template": lambda angle: template_source(_square_template(), 0.04, angle),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_turning_the_scene_by_90_degrees_turns_the_image(kind: str) -> None:
    centre = (MIDDLE + 1.3, MIDDLE - 0.6)
    image = _render(Lens(1.3, 0.6, 0.4, 0.05, 0.03), SOURCES[kind](0.7), (0.3, 0.1), centre)
    turned_centre = (MIDDLE + 0.6, MIDDLE + 1.3)
    turned = Lens(1.3, 0.6, 0.4 + math.pi / 2, -0.05, -0.03)
    turned_image = _render(turned, SOURCES[kind](0.7 + math.pi / 2), (-0.1, 0.3), turned_centre)
    np.testing.assert_allclose(turned_image, np.rot90(image, -1), rtol=0, atol=1e-6 * image.max())


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_scene_gives_the_mirrored_image(axis: int) -> None:
    sign, upright = (-1, 1) if axis == 1 else (1, -1), math.pi if axis == 1 else 0.0
    image = _render(
        Lens(1.3, 0.6, 0.4, 0.05, 0.03), sersic_source(0.2, 1.5, 0.5, 0.7), (0.3, 0.1), (MIDDLE + 1.3, MIDDLE - 0.6)
    )
    mirrored = _render(
        Lens(1.3, 0.6, upright - 0.4, 0.05, -0.03),
        sersic_source(0.2, 1.5, 0.5, upright - 0.7),
        (sign[0] * 0.3, sign[1] * 0.1),
        (MIDDLE + sign[0] * 1.3, MIDDLE - sign[1] * 0.6),
    )
    np.testing.assert_allclose(mirrored, np.flip(image, axis), rtol=0, atol=1e-6 * image.max())


def test_moving_the_lens_by_whole_pixels_moves_the_image() -> None:
    lens, source = Lens(1.0, 0.7, 0.3, 0.03, 0.0), sersic_source(0.2, 1.0, 0.6)
    image, moved = (_render(lens, source, (0.2, 0.1), (MIDDLE + dx, MIDDLE + dy), psf=GAUSS) for dx, dy in ((0, 0), (4, -3)))
    np.testing.assert_allclose(moved[10:30, 14:34], image[13:33, 10:30], rtol=0, atol=1e-4 * image.max())


@pytest.mark.parametrize("theta_e", [1e-12, 1e-6, 1e-4])
def test_a_lens_without_mass_shows_the_source_as_it_is(theta_e: float) -> None:
    for kind in SOURCES.values():
        image = _render(None, kind(0.3), (0.4, 0.0))
        np.testing.assert_allclose(
            _render(Lens(theta_e, 0.7, 0.2), kind(0.3), (0.4, 0.0)), image, rtol=0, atol=(1e-4 + 5 * theta_e) * image.max()
        )


@pytest.mark.parametrize(
    ("lens", "beta"),
    [
        (Lens(1.2), (0.4, 0.0)),
        (Lens(2.0), (-0.3, 0.5)),
        (Lens(1.3, 0.7, 0.3), (0.05, 0.04)),
        (Lens(1.5, 0.4, 1.0, 0.05, -0.02), (-0.2, 0.7)),
        (Lens(0.8, 0.8, 2.0), (1.5, 0.3)),
    ],
)
def test_a_gaussian_source_is_magnified_as_the_mean_of_its_points(lens: Lens, beta: tuple[float, float]) -> None:
    source = sersic_source(0.02, 0.5)  # a Gaussian, with half its light inside 1.17741 sigma
    arc = render_arc(Scene(lens, source, beta, (MIDDLE + 0.2, MIDDLE), SIZE, PIXEL), {"r": 22.5}, {"r": GAUSS})
    node, weight = np.polynomial.hermite_e.hermegauss(20)
    x, y = np.meshgrid(beta[0] + node * 0.02 / 1.17741, beta[1] + node * 0.02 / 1.17741)
    lens_of_points = {"theta_e": lens.theta_e, "q": lens.q, "phi": lens.phi, "gamma1": lens.gamma1, "gamma2": lens.gamma2}
    _, magnifications = point_images(x.ravel(), y.ravel(), **lens_of_points)
    expected = np.average(magnifications, weights=np.outer(weight, weight).ravel())
    assert arc.magnification == pytest.approx(expected, rel=3e-4)
    assert arc.images["r"].sum() == pytest.approx(expected, rel=3e-4)


@pytest.mark.parametrize(("theta_e", "beta"), [(1.2, 0.4), (2.0, 0.3), (0.8, 0.7)])
def test_a_small_source_behind_a_sphere_is_magnified_by_2_theta_e_over_beta(theta_e: float, beta: float) -> None:
    scene = Scene(Lens(theta_e), sersic_source(0.005, 0.5), (0.6 * beta, -0.8 * beta), (MIDDLE, MIDDLE + 0.3), SIZE, PIXEL)
    assert render_arc(scene, {"r": 22.5}, {"r": GAUSS}).magnification == pytest.approx(2 * theta_e / beta, rel=3e-4)


def test_each_bands_flux_is_its_magnitude_in_the_source_plane_and_the_lens_is_grey() -> None:
    psf = {"g": MOFFAT, "r": CircularPsf(1.5), "z": MOFFAT}
    magnitudes = {"g": 24.0, "r": 22.5, "z": 21.0}
    scene = Scene(Lens(1.0, 0.8), sersic_source(0.2, 1.0), (0.2, 0.1), (MIDDLE, MIDDLE), SIZE, PIXEL)
    arc, unlensed = render_arc(scene, magnitudes, psf), render_arc(replace(scene, lens=None), magnitudes, psf)
    np.testing.assert_allclose(arc.images["z"], arc.images["g"] * 10**1.2, rtol=1e-12)
    for band, magnitude in magnitudes.items():
        assert unlensed.images[band].sum() == pytest.approx(10 ** (0.4 * (22.5 - magnitude)), rel=2e-3)
        assert arc.images[band].sum() / unlensed.images[band].sum() == pytest.approx(arc.magnification, rel=3e-3)
    assert arc.images["r"].max() < arc.images["g"].max() * 10**0.6  # the wider PSF has the lower peak


@pytest.mark.parametrize(
    ("beta", "centre", "scale"),
    [((math.nan, 0.0), (20.0, 20.0), 0.262), ((0.0, 0.0), (20.0, math.inf), 0.262), ((0.0, 0.0), (20.0, 20.0), 0.0)],
)
def test_a_scene_whose_frame_is_not_finite_is_refused(
    beta: tuple[float, float], centre: tuple[float, float], scale: float
) -> None:
    text = rf"lens centre \({centre[0]}, {centre[1]}\) pix, pixel scale {scale}, source at \({beta[0]}, {beta[1]}\) arcsec"
    with pytest.raises(ValueError, match=f"{text}; wanted finite numbers"):
        render_arc(Scene(None, sersic_source(0.2, 1.0), beta, centre, SIZE, scale), {"r": 22.5}, {"r": MOFFAT})


@pytest.mark.parametrize("wrong", [{"phi": math.nan}, {"gamma1": math.inf}, {"gamma2": math.nan}])
def test_a_lens_whose_angle_or_shear_is_not_finite_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"lens angle .* rad, shear \(.*\); wanted finite numbers"):
        Lens(1.0, **wrong)


def test_shot_noise_has_the_variance_of_the_arcs_electrons_and_repeats_with_its_generator() -> None:
    arc = np.broadcast_to(np.array([4.0, 1.0, 0.0, -1.0]), (20000, 4))
    noise = shot_noise(arc, 50.0, np.random.default_rng(3))
    np.testing.assert_allclose(noise.var(axis=0), [0.08, 0.02, 0.0, 0.0], rtol=0.05)
    np.testing.assert_allclose(noise.mean(axis=0), 0.0, atol=0.01)
    np.testing.assert_array_equal(noise, shot_noise(arc, 50.0, np.random.default_rng(3)))


def _render(
    lens: Lens | None,
    source: Source,
    beta: tuple[float, float] = (0.0, 0.0),
    centre: tuple[float, float] = (MIDDLE, MIDDLE),
    psf: CircularPsf = MOFFAT,
) -> FloatArray:
    """One band of flux one."""
    return render_arc(Scene(lens, source, beta, centre, SIZE, PIXEL), {"r": 22.5}, {"r": psf}).images["r"]


def _square_template() -> FloatArray:
    """A lopsided smooth galaxy."""
    y, x = np.mgrid[:41, :41] - 20
    image = np.exp(-((x - 3) ** 2 + (y + 2) ** 2) / 60) + 0.5 * np.exp(-((x + 7) ** 2 + (y - 4) ** 2) / 15)
    return image / image.sum()
