"""A torn arc as the survey sees it: the whole arc's flux at the whole arc's radii, nowhere negative, and unlike it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from spark_jobs.physics.azimuthal_shuffle import LikeItselfError, Tearing
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import RenderedArc, Scene, render_arc
from spark_jobs.physics.source_light import sersic_source

FloatArray = npt.NDArray[np.float64]

SIZE, PIXEL = 64, 0.262
MIDDLE = 0.5 * (SIZE - 1)
WHOLE = Scene(Lens(2.2, 0.8, 0.4), sersic_source(0.25, 1.0), (0.9, 0.2), (MIDDLE, MIDDLE), SIZE, PIXEL)
WIDE = {"g": CircularPsf(1.5), "z": CircularPsf(1.2)}
NARROW = {"g": CircularPsf(1.4), "z": CircularPsf(0.9)}  # on half pixels
SCENES = [
    (WHOLE, WIDE),
    (replace(WHOLE, centre_pix=(MIDDLE + 2.3, MIDDLE - 1.6)), NARROW),
    (replace(WHOLE, centre_pix=(MIDDLE - 2.7, MIDDLE + 3.1), margin=9), WIDE),
    (replace(WHOLE, centre_pix=(MIDDLE + 1.2, MIDDLE + 2.4), margin=9), NARROW),
    (replace(WHOLE, source=sersic_source(0.1, 3.0, 0.5)), NARROW),
]
each_scene = pytest.mark.parametrize(("scene", "psf"), SCENES)
MAGNITUDES = {"g": 22.0, "z": 20.0}


def torn(scene: Scene, psf: dict[str, CircularPsf], seed: int, sectors: int = 12, most: float = 0.5) -> RenderedArc:
    return render_arc(scene, MAGNITUDES, psf, Tearing(sectors, most, np.random.default_rng(seed)))


def alike(one: RenderedArc, other: RenderedArc, band: str) -> float:
    return float(np.corrcoef(one.images[band].ravel(), other.images[band].ravel())[0, 1])


def radius(scene: Scene) -> FloatArray:
    """Distance from the lens centre in pixels."""
    row, column = np.indices((SIZE, SIZE))
    return np.asarray(np.hypot(column - scene.centre_pix[0], row - scene.centre_pix[1]))


@each_scene
@pytest.mark.parametrize("seed", range(4))
def test_a_torn_arc_has_the_whole_arcs_flux_and_magnification(scene: Scene, psf: dict[str, CircularPsf], seed: int) -> None:
    whole, other = render_arc(scene, MAGNITUDES, psf), torn(scene, psf, seed)
    assert other.magnification == whole.magnification
    for band in psf:
        assert other.images[band].sum() == pytest.approx(whole.images[band].sum(), rel=1e-3)


@each_scene
@pytest.mark.parametrize("seed", range(4))
def test_it_has_the_light_at_the_same_distances_from_the_lens(scene: Scene, psf: dict[str, CircularPsf], seed: int) -> None:
    """The mean square distance grows by 0 to 1/2 of a (half) pixel squared, as light is shared by four of them."""
    whole, other = render_arc(scene, MAGNITUDES, psf), torn(scene, psf, seed)
    r = radius(scene)
    for band in psf:
        one, two = whole.images[band], other.images[band]
        gained = np.sum(two * r**2) / two.sum() - np.sum(one * r**2) / one.sum()
        assert 0 < gained < 0.5
        for reach in (5, 8, 11, 14):
            assert two[r < reach].sum() == pytest.approx(one[r < reach].sum(), abs=0.04 * one.sum())


@each_scene
@pytest.mark.parametrize("seed", range(4))
def test_no_pixel_of_it_is_below_2e_3_of_its_peak_under_zero(scene: Scene, psf: dict[str, CircularPsf], seed: int) -> None:
    for image in torn(scene, psf, seed, sectors=16).images.values():
        assert image.min() > -2e-3 * image.max()


@each_scene
@pytest.mark.parametrize("most", [0.15, 0.3, 0.5])
def test_it_is_unlike_the_whole_arc_in_every_band(scene: Scene, psf: dict[str, CircularPsf], most: float) -> None:
    whole, made = render_arc(scene, MAGNITUDES, psf), 0
    for seed in range(8):
        try:
            other = torn(scene, psf, seed, most=most)
        except LikeItselfError:
            continue
        made += 1
        assert max(alike(whole, other, band) for band in psf) <= most
    assert made >= 5


def test_an_order_that_only_the_psf_makes_alike_is_refused() -> None:
    """The limit is put just below what came out: the order is replaced by another, or found alike behind the Moffat's wings."""
    whole, told = render_arc(WHOLE, MAGNITUDES, WIDE), []
    for seed in range(12):
        limit = alike(whole, torn(WHOLE, WIDE, seed), "g") - 1e-4
        if limit <= 0:
            continue
        try:
            assert alike(whole, torn(WHOLE, WIDE, seed, most=limit), "g") <= limit
        except LikeItselfError as error:
            told.append(str(error))
    assert any("behind the PSF; wanted 0." in one for one in told)


@pytest.mark.parametrize("margin", [0, 9])
def test_the_arc_of_a_source_right_behind_a_sphere_is_an_even_ring_and_cannot_be_torn(margin: int) -> None:
    ring = replace(WHOLE, lens=Lens(2.2), beta=(0.0, 0.0), margin=margin)
    with pytest.raises(LikeItselfError, match=r"correlation with the whole arc is 0\.99\d at best in 8 orders; wanted 0\.5"):
        torn(ring, WIDE, 1)


def test_every_band_is_torn_alike_and_keeps_its_magnitude() -> None:
    psf = dict.fromkeys("gz", CircularPsf(1.3))
    images = torn(WHOLE, psf, 3).images
    np.testing.assert_allclose(images["z"], images["g"] * 10**0.8, rtol=1e-9)


def test_the_same_chance_gives_the_same_bytes_and_another_chance_another_arc() -> None:
    first, again, other = (torn(WHOLE, WIDE, seed).images["g"] for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes()
    assert not np.allclose(first, other, rtol=0, atol=0.1 * first.max())


@pytest.mark.parametrize("psf", [WIDE, NARROW])
def test_a_lens_moved_by_whole_pixels_is_torn_about_its_new_place(psf: dict[str, CircularPsf]) -> None:
    images = []
    for dx, dy in ((0, 0), (4, -3)):
        scene = replace(WHOLE, centre_pix=(MIDDLE + dx, MIDDLE + dy))
        images.append(torn(scene, psf, 7).images["g"][12 + dy : 52 + dy, 12 + dx : 52 + dx])
    np.testing.assert_allclose(images[1], images[0], rtol=0, atol=1e-3 * images[0].max())
