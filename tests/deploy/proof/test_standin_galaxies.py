"""Who stands on the stand-in sky: magnitudes, colours, sizes and numbers as the settings say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from standin_galaxies import Host, draw_host, draw_neighbours, fluxes_of, power_law_counts, shared
from standin_identity import generator
from standin_light import Pattern, Sersic, Star
from standin_settings import Settings

SETTINGS = Settings()


@pytest.fixture(scope="module")
def hosts() -> list[Host]:
    return [draw_host(generator(2, n), SETTINGS.parent) for n in range(600)]


def test_fluxes_are_those_of_the_magnitude_and_colours() -> None:
    g, r, z = (22.5 - 2.5 * math.log10(flux) for flux in fluxes_of(18.0, 1.5, 0.8))
    assert (g, r, z) == pytest.approx((19.5, 18.0, 17.2))


def test_parts_add_up_and_the_part_is_bluer_by_what_was_asked() -> None:
    whole = fluxes_of(18.0, 1.5, 0.8)
    part, rest = shared(whole, 0.3, 0.2, 0.1)
    assert np.add(part, rest) == pytest.approx(whole)
    assert part[1] == pytest.approx(0.3 * whole[1])
    g, r, z = -2.5 * np.log10(part)
    assert (g - r, r - z) == pytest.approx((1.3, 0.7))
    crowded, left = shared(whole, 0.9, 1.0)
    assert crowded[0] == pytest.approx(0.95 * whole[0])
    assert min(left) > 0


def test_hosts_are_bright_red_and_massive(hosts: list[Host]) -> None:
    magnitudes = 22.5 - 2.5 * np.log10([host.fluxes for host in hosts])
    assert magnitudes[:, 1].min() > 17.0
    assert magnitudes[:, 1].max() < 20.0
    assert ((magnitudes[:, 1] - magnitudes[:, 2]) > 0.4).mean() > 0.99
    assert 210 < np.median([host.sigma_v_kms for host in hosts]) < 290
    z = np.array([host.redshift for host in hosts])
    assert 0.12 < z.min() < 0.2
    assert 0.3 < np.median(z) < 0.5


def test_colours_follow_the_red_sequence(hosts: list[Host]) -> None:
    table = np.array(SETTINGS.parent.passive).T
    magnitudes = -2.5 * np.log10([host.fluxes for host in hosts])
    z = np.array([host.redshift for host in hosts])
    for column, blue, red in ((2, 0, 1), (3, 1, 2)):
        difference = magnitudes[:, blue] - magnitudes[:, red] - np.interp(z, table[0], table[column])
        assert abs(difference.mean()) < 0.01
        assert difference.std() == pytest.approx(0.05, rel=0.15)


def test_a_host_is_two_components_that_add_up_with_a_bluer_halo(hosts: list[Host]) -> None:
    for host in hosts:
        assert np.add(host.bulge.flux, host.halo.flux) == pytest.approx(host.fluxes)
        assert host.halo.half_light_arcsec > host.bulge.half_light_arcsec
        assert host.halo.index < 2 < host.bulge.index
    halo = np.array([host.halo.flux for host in hosts])
    bulge = np.array([host.bulge.flux for host in hosts])
    assert np.mean(halo[:, 0] / halo[:, 1] > bulge[:, 0] / bulge[:, 1]) > 0.9


def test_brighter_galaxies_of_one_redshift_are_larger_and_heavier(hosts: list[Host]) -> None:
    near = [host for host in hosts if 0.35 < host.redshift < 0.45]
    flux = np.log([host.fluxes[1] for host in near])
    assert np.corrcoef(flux, [math.log(host.half_light_arcsec) for host in near])[0, 1] > 0.3
    assert np.corrcoef(flux, [math.log(host.sigma_v_kms) for host in near])[0, 1] > 0.3


def test_counts_rise_as_their_slope_says() -> None:
    rng = generator(1, "counts")
    drawn = np.array([power_law_counts(rng, (20.0, 24.0), 0.36) for _ in range(20000)])
    assert drawn.min() >= 20
    assert drawn.max() <= 24
    assert np.mean(drawn < 23) == pytest.approx((10 ** (0.36 * 3) - 1) / (10 ** (0.36 * 4) - 1), abs=0.01)


def test_neighbours_have_the_stated_density_and_do_not_ask_what_the_object_is(hosts: list[Host]) -> None:
    settings, half = SETTINGS.neighbours, 11.0
    area = (2 * half / 60) ** 2
    found = [draw_neighbours(generator(3, n), settings, host, half) for n, host in enumerate(hosts)]
    stars = sum(isinstance(light, Star) for lights in found for light in lights)
    others = sum(isinstance(light, Sersic) for lights in found for light in lights)
    assert stars / len(hosts) == pytest.approx(settings.stars_per_arcmin2 * area, rel=0.25)
    assert others / len(hosts) == pytest.approx(settings.field_per_arcmin2 * area + settings.satellites, rel=0.1)
    places = np.array([(light.x, light.y) for lights in found for light in lights if not isinstance(light, Pattern)])
    assert np.abs(places).max() < 12.0 + 1e-9


def test_satellites_are_faint_copies_of_their_host(hosts: list[Host]) -> None:
    alone = replace(SETTINGS.neighbours, field_per_arcmin2=0.0, stars_per_arcmin2=0.0, satellites=3.0)
    host = hosts[0]
    for light in draw_neighbours(generator(3, "satellites"), alone, host, 11.0):
        fainter = -2.5 * math.log10(light.flux[1] / host.fluxes[1])
        assert alone.satellite_fainter_mag[0] <= fainter <= alone.satellite_fainter_mag[1]
        assert abs(-2.5 * math.log10(light.flux[0] / light.flux[1] / (host.fluxes[0] / host.fluxes[1]))) < 0.45
