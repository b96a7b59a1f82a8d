"""The stand-in's lenses: known deflections, image counts and magnifications, and images that finer rays do not change."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from standin_conditions import BandConditions, conditions_of
from standin_draw_lens import DrawnLens, draw_lens
from standin_identity import generator
from standin_lens import PowerLawLens, Source, lensed_cells, point_images, predicted_snr
from standin_light import Frame, Sersic
from standin_settings import Settings

SETTINGS = Settings()
ROUND = PowerLawLens(1.2, 2.0, 1 - 1e-6, 0.0, 0.0, 0.0, 0.0, 0.0)


def drawn_lenses(number: int) -> Iterator[tuple[DrawnLens, dict[str, BandConditions]]]:
    """Lenses that pass all cuts before rendering."""
    conditions = conditions_of(SETTINGS, 0, "lens-0")
    attempt = 0
    while number:
        drawn = draw_lens(generator(5, "test", attempt), SETTINGS, conditions["r"])
        attempt += 1
        if not isinstance(drawn, str):
            number -= 1
            yield drawn, conditions


@pytest.fixture(scope="module")
def lenses() -> list[tuple[DrawnLens, dict[str, BandConditions]]]:
    return list(drawn_lenses(4))


def one_disc(x: float, y: float, radius: float = 0.3) -> Source:
    return Source(x, y, radius, (Sersic((1.0, 1.0, 1.0), radius, 1.0, x=x, y=y),))


def test_a_round_isothermal_lens_deflects_by_its_einstein_radius() -> None:
    angle = np.linspace(0, 6, 20)
    x, y = 0.7 * np.cos(angle), 2.0 * np.sin(angle)
    u, v = ROUND.source_plane(x, y)
    assert np.hypot(x - u, y - v) == pytest.approx(1.2, rel=1e-4)
    assert u * y == pytest.approx(v * x, abs=1e-4)  # along the radius


@pytest.mark.parametrize("slope", [1.7, 2.0, 2.3])
def test_the_einstein_ring_maps_to_the_centre_whatever_the_slope(slope: float) -> None:
    lens = replace(ROUND, slope=slope, x=0.1, y=-0.2)
    u, v = lens.source_plane(np.array([1.3, 0.1]), np.array([-0.2, 1.0]))
    assert np.abs([u, v]).max() < 1e-5


def test_mean_convergence_is_one_inside_the_ellipse() -> None:
    """Gauss: the flux of the deflection through the boundary is twice the enclosed convergence."""
    lens = replace(ROUND, axis_ratio=0.6, angle_rad=0.5, slope=2.1)
    t = np.linspace(0, 2 * math.pi, 20001)
    a, b = 1.2 / math.sqrt(0.6), 1.2 * math.sqrt(0.6)  # q x^2 + y^2 / q = theta_e^2
    c, s = math.cos(0.5), math.sin(0.5)
    x, y = a * np.cos(t) * c - b * np.sin(t) * s, a * np.cos(t) * s + b * np.sin(t) * c
    u, v = lens.source_plane(x, y)
    ax, ay = x - u, y - v
    flux = np.sum((ax[1:] + ax[:-1]) / 2 * np.diff(y) - (ay[1:] + ay[:-1]) / 2 * np.diff(x))
    assert flux / (2 * math.pi * a * b) == pytest.approx(1, rel=1e-4)


def test_shear_stretches_along_its_own_axis_and_the_centre_gives_a_number() -> None:
    lens = replace(ROUND, shear_1=0.05)
    u, v = (np.asarray(one) for one in lens.source_plane(np.array([2.0, 0.0, 0.0]), np.array([0.0, 2.0, 0.0])))
    assert u[0] == pytest.approx(2 - 1.2 - 0.1, abs=1e-4)
    assert v[1] == pytest.approx(2 - 1.2 + 0.1, abs=1e-4)
    assert np.isfinite([u[2], v[2]]).all()


@pytest.mark.parametrize("beta", [0.3, 0.6, 0.9])
def test_a_point_behind_an_isothermal_sphere_has_two_images_and_the_textbooks_magnification(beta: float) -> None:
    images = point_images(ROUND, beta * 0.8, beta * 0.6, 0.02)
    assert images.number == 2
    assert images.magnification == pytest.approx(2 * 1.2 / beta, rel=0.05)


def test_there_is_one_image_outside_the_cut_and_four_inside_the_caustic() -> None:
    assert point_images(ROUND, 1.1, 0.8).number == 1
    flat = replace(ROUND, axis_ratio=0.6)
    assert point_images(flat, 0.02, 0.03, 0.03).number == 4
    assert point_images(flat, 0.0, 0.6, 0.03).number == 2


@pytest.mark.parametrize("radius", [0.02, 0.06])
def test_a_small_source_is_magnified_as_a_point_is(radius: float) -> None:
    frame = Frame(SETTINGS, 32.2, 31.9)
    source = one_disc(0.5, 0.2, radius)
    light = lensed_cells(frame, ROUND, source, 9).sum((1, 2))
    assert light == pytest.approx(2 * 1.2 / math.hypot(0.5, 0.2), rel=0.02)


def test_the_images_of_a_source_behind_a_sphere_lie_where_they_should() -> None:
    frame = Frame(SETTINGS, 32.0, 32.0)
    plane = lensed_cells(frame, ROUND, one_disc(0.4, 0.0, 0.06), 5)[1]
    line = plane[len(frame.y) // 2 - 5 : len(frame.y) // 2 + 5].sum(0)
    right, left = (frame.x[np.where(frame.x * side > 0, line, 0).argmax()] for side in (1, -1))
    assert right == pytest.approx(1.6, abs=0.06)
    assert left == pytest.approx(-0.8, abs=0.06)


def test_images_agree_with_twice_the_rays_and_with_finer_cells(
    lenses: list[tuple[DrawnLens, dict[str, BandConditions]]],
) -> None:
    for drawn, conditions in lenses:
        frame = Frame(SETTINGS, 32.3, 31.8)
        finer = Frame(replace(SETTINGS, cells_per_pix=5), 32.3, 31.8)
        used = frame.seen(lensed_cells(frame, drawn.lens, drawn.source, SETTINGS.rays_per_cell), conditions)
        for on, rays in ((frame, 2 * SETTINGS.rays_per_cell), (finer, 9)):
            converged = on.seen(lensed_cells(on, drawn.lens, drawn.source, rays), conditions)
            assert np.abs(used - converged).max() < 5e-3 * converged.max()
            assert used.sum() == pytest.approx(converged.sum(), rel=3e-3)


def test_the_bright_middle_of_a_disc_gets_the_rays_that_it_needs() -> None:
    conditions, frame = conditions_of(SETTINGS, 0, "lens-0"), Frame(SETTINGS, 32.3, 31.8)
    few, many = (frame.seen(lensed_cells(frame, ROUND, one_disc(0.3, 0.1, 0.2), rays), conditions) for rays in (6, 15))
    assert np.abs(few - many).max() < 1e-3 * many.max()


def test_what_is_predicted_before_rendering_is_close_to_what_is_rendered(
    lenses: list[tuple[DrawnLens, dict[str, BandConditions]]],
) -> None:
    for drawn, conditions in lenses:
        frame = Frame(SETTINGS, 32.0, 32.0)
        arc = frame.seen(lensed_cells(frame, drawn.lens, drawn.source, 2), conditions)[1]
        rendered = math.sqrt((arc**2).sum()) / conditions["r"].sky_sigma_nmgy
        assert predicted_snr(drawn.lens, drawn.source, conditions["r"]) == pytest.approx(rendered, rel=0.2)
        assert drawn.predicted_snr >= 0.8 * SETTINGS.lenses.least_arc_snr
