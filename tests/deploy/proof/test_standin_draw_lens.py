"""How the stand-in's lenses are drawn: radii by the cosmology, sources as stated, every refusal with its word."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM
from standin_conditions import conditions_of
from standin_draw_lens import DrawnLens, draw_lens, einstein_radius
from standin_identity import generator
from standin_settings import Settings

SETTINGS = Settings()
# Everything that is multiply imaged, however faint: many draws pass, and show the laws.
LENIENT = replace(SETTINGS, lenses=replace(SETTINGS.lenses, least_arc_snr=0.0, least_magnification=0.0))


@pytest.fixture(scope="module")
def drawn() -> list[DrawnLens | str]:
    seen = conditions_of(SETTINGS, 0, "lens-0")["r"]
    return [draw_lens(generator(9, n), LENIENT, seen) for n in range(900)]


def made(drawn: list[DrawnLens | str]) -> list[DrawnLens]:
    return [one for one in drawn if not isinstance(one, str)]


def test_the_einstein_radius_is_that_of_astropys_distances() -> None:
    cosmology = FlatLambdaCDM(H0=70, Om0=0.3)
    for sigma, z_lens, z_source in ((250.0, 0.3, 1.5), (310.0, 0.61, 2.9)):
        lens, source = (float(cosmology.comoving_distance(z).value) for z in (z_lens, z_source))  # flat: they subtract
        ratio = (source - lens) / source
        expected = 4 * math.pi * (sigma / 299792.458) ** 2 * ratio * 180 * 3600 / math.pi
        assert einstein_radius(sigma, z_lens, z_source) == pytest.approx(expected, rel=1e-4)
    assert einstein_radius(250.0, 0.8, 0.5) == 0.0


def test_every_refusal_has_its_word(drawn: list[DrawnLens | str]) -> None:
    words = Counter(one for one in drawn if isinstance(one, str))
    assert words.keys() <= {"weight", "redshift", "theta_e", "images"}
    seen = conditions_of(SETTINGS, 0, "lens-0")["r"]
    for change, word in (({"least_arc_snr": 1e6}, "snr"), ({"least_images": 9}, "images"), ({"z_gap": 9.0}, "redshift")):
        strict = replace(LENIENT, lenses=replace(LENIENT.lenses, **change))
        assert word in {draw_lens(generator(9, n), strict, seen) for n in range(60)}
    dim = replace(LENIENT, lenses=replace(LENIENT.lenses, least_magnification=1e6))
    assert "magnification" in {draw_lens(generator(9, n), dim, seen) for n in range(60)}


def test_draws_lie_within_the_stated_ranges(drawn: list[DrawnLens | str]) -> None:
    law = SETTINGS.lenses
    for one in made(drawn):
        assert law.theta_e_arcsec[0] < one.lens.theta_e < law.theta_e_arcsec[1]
        assert one.lens.theta_e == pytest.approx(einstein_radius(one.host.sigma_v_kms, one.host.redshift, one.z_source))
        assert one.z_source >= one.host.redshift + law.z_gap
        assert math.hypot(one.source.x, one.source.y) <= one.lens.theta_e
        mag_r = 22.5 - 2.5 * math.log10(one.source.fluxes[1])
        assert law.mag_r[0] - 1e-6 <= mag_r <= law.mag_r[1] + 1e-6
        assert one.images.number >= 2
        assert law.slope_range[0] < one.lens.slope < law.slope_range[1]


def test_sources_have_the_stated_colours_and_are_bluer_than_their_hosts(drawn: list[DrawnLens | str]) -> None:
    magnitudes = np.array([-2.5 * np.log10(one.source.fluxes) for one in made(drawn)])
    hosts = np.array([-2.5 * np.log10(one.host.fluxes) for one in made(drawn)])
    gr, rz = magnitudes[:, 0] - magnitudes[:, 1], magnitudes[:, 1] - magnitudes[:, 2]
    assert gr.mean() == pytest.approx(0.30, abs=0.06)
    assert gr.std() == pytest.approx(0.20, rel=0.2)
    assert rz.mean() == pytest.approx(0.25, abs=0.08)
    assert 0.5 < ((hosts[:, 0] - hosts[:, 1]) - gr).mean() < 1.5


def test_no_component_of_a_source_is_dark_or_negative_and_clumps_are_bluer(drawn: list[DrawnLens | str]) -> None:
    for one in made(drawn):
        disc, bulge, *clumps = one.source.components
        assert len(clumps) == one.clumps
        assert all(flux > 0 for component in one.source.components for flux in component.flux)
        share = sum(clump.flux[1] for clump in clumps) / one.source.fluxes[1]
        assert share == pytest.approx(one.clump_share)
        assert clumps[0].flux[0] / clumps[0].flux[1] > disc.flux[0] / disc.flux[1] > bulge.flux[0] / bulge.flux[1]


def test_slopes_scatter_about_augers_mean(drawn: list[DrawnLens | str]) -> None:
    slopes = np.array([one.lens.slope for one in made(drawn)])
    assert slopes.mean() == pytest.approx(2.08, abs=0.05)
    assert slopes.std() == pytest.approx(0.15, abs=0.04)


def test_lenses_are_drawn_in_proportion_to_the_cross_section() -> None:
    seen, law = conditions_of(SETTINGS, 0, "lens-0")["r"], LENIENT.lenses
    words = [draw_lens(generator(4, n), replace(LENIENT, lenses=replace(law, least_images=0)), seen) for n in range(500)]
    kept = [one.lens.theta_e for one in words if not isinstance(one, str)]
    n_weight = words.count("weight")
    # Refused for the weight: 1 - (theta_e / 2.5)^2 of those in range. Weighted by its inverse the kept ones count them all.
    assert sum((2.5 / one) ** 2 for one in kept) == pytest.approx(len(kept) + n_weight, rel=0.35)
