"""A disc with knots: unit flux, the half-light radius it was asked for, and knots that hold their share where the disc is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import gamma, gammaincinv

from spark_jobs.physics.knotted_sersic import KnottedSersic, KnottedTemplate, knotted_sersic

DISC = KnottedSersic(0.3, 1.0, 0.6, knots=8, knot_share=0.3, knot_fwhm_arcsec=0.07)
SHAPES = [(0.3, 1.0, 0.6), (0.1, 0.5, 1.0), (0.6, 2.5, 0.3), (0.05, 2.0, 0.5), (0.5, 4.0, 0.9)]
each_shape = pytest.mark.parametrize(("radius", "n", "q"), SHAPES)


def made(source: KnottedSersic, seed: int = 1) -> KnottedTemplate:
    return knotted_sersic(source, np.random.default_rng(seed))


def offsets(template: KnottedTemplate) -> npt.NDArray[np.float64]:
    side = template.image.shape[0]
    return np.asarray((np.arange(side) - 0.5 * (side - 1)) * template.pixel_scale_arcsec)


def light_inside(template: KnottedTemplate, radius: float, q: float) -> float:
    """Share of the light inside an ellipse, each pixel shared out among 5 x 5 sub-pixels."""
    steps = (np.arange(5) - 2) / 5 * template.pixel_scale_arcsec
    fine = (offsets(template)[:, None] + steps).ravel()
    light = np.kron(template.image, np.ones((5, 5))) / 25
    return float(light[np.hypot(fine[None, :], fine[:, None] / q) < radius].sum() / light.sum())


@each_shape
@pytest.mark.parametrize("knots", [0, 1, 8, 40])
def test_the_flux_is_one_and_half_of_it_lies_within_the_half_light_radius_to_5_per_cent(
    radius: float, n: float, q: float, knots: int
) -> None:
    template = made(KnottedSersic(radius, n, q, knots, 0.3, 0.07))
    assert template.image.shape[0] == template.image.shape[1] <= 256
    assert template.image.sum() == pytest.approx(1, abs=1e-12)
    assert template.image.min() >= 0
    assert light_inside(template, 0.95 * radius, q) < 0.5 < light_inside(template, 1.05 * radius, q)


@each_shape
def test_without_knots_it_is_the_sersic_profile(radius: float, n: float, q: float) -> None:
    template = made(KnottedSersic(radius, n, q, 0, 0.3, 0.07))
    side, steps = template.image.shape[0], (np.arange(9) - 4) / 9 * template.pixel_scale_arcsec
    fine = (offsets(template)[:, None] + steps).ravel()
    b = gammaincinv(2 * n, 0.5)
    centre = b ** (2 * n) / (2 * math.pi * n * radius**2 * q * gamma(2 * n))
    wanted = centre * np.exp(-b * (np.hypot(fine[None, :], fine[:, None] / q) / radius) ** (1 / n))
    wanted = wanted.reshape(side, 9, side, 9).mean(axis=(1, 3)) * template.pixel_scale_arcsec**2
    x = offsets(template)
    bright = np.hypot(x[None, :], x[:, None] / q) < 2 * radius
    assert template.image[bright] * 0.99 == pytest.approx(wanted[bright], rel=0.03)  # 0.99 of the light is on the grid
    assert np.array_equal(template.image, template.image[::-1, ::-1])


def test_the_knots_hold_their_share_of_the_flux() -> None:
    """The same knots with no disc, drawn from the same chance, are the difference between two shares."""
    some, none = made(DISC).image, made(replace(DISC, knots=0)).image
    alone = made(replace(DISC, knot_share=1.0)).image
    assert some == pytest.approx(0.7 * none + 0.3 * alone, abs=1e-12)
    assert alone.sum() == pytest.approx(1)


def test_a_knot_is_as_wide_as_asked() -> None:
    template = made(replace(DISC, knots=1, knot_share=1.0, half_light_arcsec=2.0, knot_fwhm_arcsec=0.5))
    x, light = offsets(template), template.image.sum(axis=0)
    mean = (light * x).sum()
    sigma = math.sqrt((light * (x - mean) ** 2).sum() - template.pixel_scale_arcsec**2 / 12)
    # One knot alone is its own half-light radius: the pixel was scaled, and the width with it.
    reach = template.image.shape[0] * template.pixel_scale_arcsec
    unscaled = made(replace(DISC, knots=0, half_light_arcsec=2.0, knot_fwhm_arcsec=0.5))
    scaling = reach / (unscaled.image.shape[0] * unscaled.pixel_scale_arcsec)
    assert sigma * 2.3548 == pytest.approx(0.5 * scaling, rel=1e-3)


def test_knots_lie_as_the_disc_s_light_does() -> None:
    """Over many galaxies the knots' light inside the half-light ellipse is half of theirs, and as elongated as the disc."""
    source = replace(DISC, knot_share=1.0, knots=4, knot_fwhm_arcsec=0.05)
    inside, xx, yy = [], [], []
    for seed in range(150):
        template = knotted_sersic(source, np.random.default_rng(seed))
        # The scaling is undone: it would put every galaxy's half-light radius where it was asked for.
        unscaled = KnottedTemplate(template.image, made(replace(source, knots=0)).pixel_scale_arcsec)
        x = offsets(unscaled)
        inside.append(light_inside(unscaled, 0.3, 0.6))
        xx.append((template.image * x[None, :] ** 2).sum())
        yy.append((template.image * x[:, None] ** 2).sum())
    assert np.mean(inside) == pytest.approx(0.52, abs=0.04)
    assert math.sqrt(np.mean(yy) / np.mean(xx)) == pytest.approx(0.6, abs=0.05)


def test_the_same_chance_gives_the_same_galaxy_and_another_chance_another() -> None:
    assert np.array_equal(made(DISC).image, made(DISC).image)
    assert not np.array_equal(made(DISC).image, made(DISC, seed=2).image)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"half_light_arcsec": 0.0}, r"half-light radius and knot width are \(0\.0, 0\.07\) arcsec"),
        ({"knot_fwhm_arcsec": math.nan}, "wanted finite numbers above 0"),
        ({"sersic_n": 4.1}, r"Sersic index is 4\.1 and axis ratio 0\.6; wanted 0\.3 to 4 and above 0 to 1"),
        ({"axis_ratio": 0.0}, r"axis ratio 0\.0"),
        ({"axis_ratio": 1.1}, r"axis ratio 1\.1"),
        ({"sersic_n": math.nan}, "Sersic index is nan"),
        ({"knots": -1}, "-1 knots hold"),
        ({"knot_share": 1.1}, r"8 knots hold 1\.1 of the flux; wanted none or more, and 0 to 1"),
        ({"knot_share": math.nan}, "knots hold nan"),
    ],
)
def test_a_galaxy_that_cannot_be_is_refused(changes: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        replace(DISC, **changes)  # type: ignore[arg-type]
