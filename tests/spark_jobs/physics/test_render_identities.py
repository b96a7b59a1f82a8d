"""Rendered arcs as identities: GalSim's templates, flux at any fraction of a pixel, edges that do not wrap, magnifications."""

from __future__ import annotations

import math
from dataclasses import replace

import galsim
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import Scene, render_arc
from spark_jobs.physics.source_light import Source, sersic_source, template_source
from tests.spark_jobs.physics.converged_rendering import half_pixels

FloatArray = npt.NDArray[np.float64]

SIZE, PIXEL = 48, 0.262
MIDDLE = 0.5 * (SIZE - 1)
SIGMA_OF_HALF_LIGHT = 1.17741
NO_MASS = Lens(1e-10, 0.7, 0.2)
MOFFAT, GAUSS = CircularPsf(1.25), CircularPsf(1.1, "gaussian")


def _lopsided() -> FloatArray:
    """A smooth galaxy on a grid of another height than width, off its middle."""
    y, x = np.mgrid[:37, :44] - np.array([18.0, 21.5])[:, None, None]
    image = np.exp(-((x - 3) ** 2 + (y + 2) ** 2) / 60) + 0.5 * np.exp(-((x + 7) ** 2 + (y - 4) ** 2) / 15)
    return np.asarray(image / image.sum())


def _square() -> FloatArray:
    """The flat square of the failed experiment."""
    return np.full((96, 96), 96.0**-2)


TEMPLATES = {"lopsided": (_lopsided(), 0.05), "flat square": (_square(), 0.03)}


@pytest.mark.parametrize("lens", [None, NO_MASS], ids=["no lens", "no mass"])
@pytest.mark.parametrize("profile", ["moffat", "gaussian"])
@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize(("angle", "beta"), [(0.0, (0.0, 0.0)), (0.7, (0.31, -0.77)), (-2.0, (-0.13, 0.4))])
def test_an_unlensed_template_is_galsims(
    name: str, profile: str, angle: float, beta: tuple[float, float], lens: Lens | None
) -> None:
    image, scale = TEMPLATES[name]
    accurate = galsim.GSParams(folding_threshold=1e-4, maxk_threshold=1e-4, kvalue_accuracy=1e-6)
    halves = galsim.Image(half_pixels(image), scale=0.5 * scale)
    galaxy = galsim.InterpolatedImage(halves, x_interpolant="linear", gsparams=accurate)
    galaxy = galaxy.rotate(angle * galsim.radians).shift(*beta)
    psf = CircularPsf(1.1, profile)
    star = galsim.Moffat(3.5, fwhm=1.1, gsparams=accurate) if profile == "moffat" else galsim.Gaussian(fwhm=1.1)
    drawn = galsim.Convolve(galaxy, star).drawImage(nx=SIZE, ny=SIZE, scale=PIXEL, method="no_pixel", dtype=float).array
    ours = _render(lens, template_source(image, scale, angle), beta, psf=psf)
    np.testing.assert_allclose(ours, drawn, rtol=0, atol=1e-3 * drawn.max())
    assert ours.sum() == pytest.approx(drawn.sum(), rel=1e-3)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(-3, 3), st.sampled_from(sorted(TEMPLATES)), st.floats(0, math.pi))
def test_a_templates_flux_and_centroid_follow_it_to_any_fraction_of_a_pixel(
    dx: float, dy: float, name: str, angle: float
) -> None:
    template, scale = TEMPLATES[name]
    image = _render(None, template_source(template, scale, angle), (0.1, -0.2), (MIDDLE + dx, MIDDLE + dy), GAUSS)
    y, x = np.mgrid[: template.shape[0], : template.shape[1]]
    u, v = (np.sum(template * (axis - 0.5 * (axis.max()))) * scale / PIXEL for axis in (x, y))
    c, s = math.cos(angle), math.sin(angle)
    y, x = np.mgrid[:SIZE, :SIZE]
    assert image.sum() == pytest.approx(1.0, abs=1e-3)
    assert np.sum(image * x) == pytest.approx(image.sum() * (MIDDLE + dx + 0.1 / PIXEL + c * u - s * v), abs=1e-3)
    assert np.sum(image * y) == pytest.approx(image.sum() * (MIDDLE + dy - 0.2 / PIXEL + s * u + c * v), abs=1e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_template_gives_the_mirrored_image(axis: int) -> None:
    template, scale = TEMPLATES["lopsided"]
    lens, beta, centre = Lens(1.3, 0.6, 0.4, 0.05, 0.03), (0.3, 0.1), (MIDDLE + 1.3, MIDDLE - 0.6)
    image = _render(lens, template_source(template, scale, 0.7), beta, centre)
    x, y, half_turn = (-1, 1, math.pi) if axis == 1 else (1, -1, 0.0)
    mirrored = _render(
        Lens(1.3, 0.6, half_turn - 0.4, 0.05, -0.03),
        template_source(np.flip(template, axis), scale, -0.7),
        (x * beta[0], y * beta[1]),
        (MIDDLE + x * 1.3, MIDDLE - y * 0.6),
    )
    np.testing.assert_allclose(mirrored, np.flip(image, axis), rtol=0, atol=1e-4 * image.max())


EDGES = [(1.0, 24.3), (SIZE - 2.0, 20.0), (23.0, 1.4), (30.0, SIZE - 1.6), (1.2, 1.3), (SIZE - 1.7, SIZE - 2.0)]


@pytest.mark.parametrize("place", EDGES)
@pytest.mark.parametrize("fwhm", [0.6, 1.2, 3.0, 10.0])
def test_a_stamp_is_a_window_on_a_larger_one_whatever_lies_at_its_edge(place: tuple[float, float], fwhm: float) -> None:
    source, psf = sersic_source(0.05, 0.5), CircularPsf(fwhm)
    image = _render(None, source, (0.0, 0.0), place, psf)
    wide = Scene(None, source, (0.0, 0.0), (place[0] + SIZE, place[1] + SIZE), 3 * SIZE, PIXEL)
    wanted = render_arc(wide, {"r": 22.5}, {"r": psf}).images["r"][SIZE : 2 * SIZE, SIZE : 2 * SIZE]
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-4 * wanted.max())


@pytest.mark.parametrize("profile", ["moffat", "gaussian"])
def test_a_psf_wider_than_the_stamp_spreads_a_point_as_its_profile_says(profile: str) -> None:
    size, psf = 16, CircularPsf(9.0, profile)
    centre = (7.1, 8.6)
    scene = Scene(None, sersic_source(0.01, 0.5), (0.0, 0.0), centre, size, PIXEL)
    image = render_arc(scene, {"r": 22.5}, {"r": psf}).images["r"]
    y, x = np.mgrid[:size, :size]
    wanted = psf.brightness(PIXEL * np.hypot(x - centre[0], y - centre[1])) * PIXEL**2
    np.testing.assert_allclose(image, wanted, rtol=0, atol=1e-4 * wanted.max())


def test_a_source_off_the_stamp_has_no_light_on_it_and_no_magnification() -> None:
    source = sersic_source(0.05, 0.5)
    scene = Scene(None, source, (0.0, 0.0), (MIDDLE, 3.0 * SIZE), SIZE, PIXEL)
    arc = render_arc(scene, {"r": 22.5}, {"r": CircularPsf(1.2)})
    assert arc.magnification == 0.0
    assert np.abs(arc.images["r"]).max() < 1e-12


@pytest.mark.parametrize(("theta_e", "sigma"), [(1.2, 0.03), (2.0, 0.05), (0.7, 0.02)])
def test_a_gaussian_straight_behind_a_sphere_is_magnified_by_its_ring(theta_e: float, sigma: float) -> None:
    """Mean of 2 theta_e / beta over a Gaussian: theta_e sqrt(2 pi) / sigma."""
    source = sersic_source(sigma * SIGMA_OF_HALF_LIGHT, 0.5)
    scene = Scene(Lens(theta_e), source, (0.0, 0.0), (MIDDLE + 0.3, MIDDLE - 0.1), SIZE, PIXEL)
    arc = render_arc(scene, {"r": 22.5}, {"r": GAUSS})
    wanted = theta_e * math.sqrt(2 * math.pi) / sigma
    assert arc.magnification == pytest.approx(wanted, rel=3e-4)
    assert arc.images["r"].sum() == pytest.approx(wanted, rel=3e-4)


@pytest.mark.parametrize("theta_e", [0.5, 1.0, 1.6])
@pytest.mark.parametrize("beta", [(0.0, 0.0), (0.4, -0.3)])
def test_a_flat_disc_around_the_lens_is_larger_by_the_einstein_radius(theta_e: float, beta: tuple[float, float]) -> None:
    """Every point of its edge moves out by theta_e: (1 + theta_e / radius)^2 times the light where it is concentric.

    Where the edge is nearer than theta_e, the middle stays dark within what is lacking.
    """
    y, x = np.mgrid[:161, :161] - 80
    shares = np.clip(70.5 - np.hypot(x, y), 0, 1)
    source, radius = template_source(shares / shares.sum(), 0.025), 0.025 * math.sqrt(shares.sum() / math.pi)
    centre = (MIDDLE + 0.2, MIDDLE)
    arc = render_arc(Scene(Lens(theta_e), source, beta, centre, SIZE, PIXEL), {"r": 22.5}, {"r": GAUSS})
    away, turn = math.hypot(*beta), 2 * np.pi * np.arange(360) / 360
    edge = away * np.cos(turn) + np.sqrt(radius**2 - (away * np.sin(turn)) ** 2)  # from the lens centre
    wanted = np.mean((edge + theta_e) ** 2 - np.clip(theta_e - edge, 0, None) ** 2) / radius**2
    assert arc.magnification == pytest.approx(wanted, rel=1e-3)
    assert arc.images["r"].sum() == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("slope", [1.6, 1.9, 2.2, 2.5])
@pytest.mark.parametrize("beta", [0.12, 0.25])
def test_a_small_source_behind_a_power_law_sphere_is_magnified_as_its_images_are(slope: float, beta: float) -> None:
    """Images where r - r^(2 - slope) = +-beta at theta_e 1, each magnified by one over (1 - kappa)^2 - gamma^2."""
    lens = Lens(1.0, slope=slope)

    def source_of(r: float) -> float:
        return r - math.copysign(abs(r) ** (2 - slope), r)

    def magnification(r: float) -> float:
        bend = abs(r) ** (1 - slope)
        return abs(1 / ((1 - bend) * (1 - (2 - slope) * bend)))

    images = [brentq(lambda r: source_of(r) - beta, 1.0, 3.0), brentq(lambda r: source_of(r) - beta, -1.0, -_turning(slope))]
    if slope < 2:  # a third image inside the radial caustic
        images.append(brentq(lambda r: source_of(r) - beta, -_turning(slope), -1e-12))
    wanted = sum(magnification(r) for r in images)
    scene = Scene(lens, sersic_source(0.004, 0.5), (0.6 * beta, -0.8 * beta), (MIDDLE, MIDDLE + 0.3), SIZE, PIXEL)
    assert render_arc(scene, {"r": 22.5}, {"r": CircularPsf(1.1)}).magnification == pytest.approx(wanted, rel=1e-3)


def _turning(slope: float) -> float:
    """Radius of the radial critical curve at theta_e 1; the centre where there is none."""
    return (2 - slope) ** (1 / (slope - 1)) if slope < 2 else 1e-9


def test_light_that_leaves_the_stamp_is_not_counted() -> None:
    source = sersic_source(0.3, 0.5)
    whole = Scene(None, source, (0.0, 0.0), (MIDDLE, MIDDLE), SIZE, PIXEL)
    half = replace(whole, centre_pix=(-0.5, MIDDLE))
    magnifications = [render_arc(scene, {"r": 22.5}, {"r": CircularPsf(1.2)}).magnification for scene in (whole, half)]
    assert magnifications == pytest.approx([1.0, 0.5], abs=1e-3)


def _render(
    lens: Lens | None,
    source: Source,
    beta: tuple[float, float],
    centre: tuple[float, float] = (MIDDLE, MIDDLE),
    psf: CircularPsf = MOFFAT,
) -> FloatArray:
    """One band of flux one."""
    return render_arc(Scene(lens, source, beta, centre, SIZE, PIXEL), {"r": 22.5}, {"r": psf}).images["r"]
