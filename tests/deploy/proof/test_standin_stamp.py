"""One object of the stand-in: the same alone as in company, noise as stated, columns that agree with its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy_healpix import HEALPix
from standin_contaminants import Scene
from standin_galaxies import draw_host
from standin_identity import Identity, generator, identities, task_id
from standin_settings import SEED, Prevalence, Settings
from standin_stamp import (
    Field,
    Picture,
    arc_snr,
    correlated,
    field_of,
    magnitude,
    make_row,
    noisy,
    picture_of,
    pretend_cell,
    scene_light,
)

from schemas.array_codec import decode_stamp
from schemas.job_entry import InputError
from schemas.stamps import STAMPS
from schemas.survey import BANDS

SETTINGS = Settings()
LENS, NEGATIVE = Identity("lens", 0), Identity("negative", 0)


@pytest.fixture(scope="module")
def lens() -> Iterator[tuple[Field, Picture, dict[str, Any]]]:
    place = field_of(SETTINGS, LENS)
    yield place, picture_of(SETTINGS, place, LENS), make_row(SETTINGS, LENS)


def test_an_object_made_twice_has_the_same_row_and_another_name_or_seed_another() -> None:
    one, again = make_row(SETTINGS, NEGATIVE), make_row(SETTINGS, NEGATIVE)
    assert one == again
    for other in (make_row(SETTINGS, Identity("negative", 1)), make_row(replace(SETTINGS, seed=1), NEGATIVE)):
        assert other["stamp_npz"] != one["stamp_npz"]
        assert other["task_id"] != one["task_id"]


def test_names_are_distinct_and_a_smaller_sky_is_the_beginning_of_a_larger() -> None:
    small, large = identities(2, 3), identities(4, 5)
    assert len({one.name for one in large}) == 9
    assert set(small) < set(large)
    assert len({task_id(1, "a", one) for one in large}) == 9
    assert task_id(1, "a", LENS) != task_id(2, "a", LENS) != task_id(2, "b", LENS)


def test_seed_and_settings_are_those_that_were_fixed_before_any_network_was_judged() -> None:
    """Whoever changes one makes another sky: figures from before do not hold for it."""
    assert (SEED, SETTINGS.seed, SETTINGS.recipe_hash) == (60611, 60611, "e4e7032b0a52fea1")
    row = make_row(SETTINGS, NEGATIVE)
    assert (row["mag_raw_r"], row["x_centre_pix"], row["psf_fwhm_r_arcsec"]) == pytest.approx((18.553968, 31.65527, 1.528665))


def test_the_hash_tells_settings_apart_and_not_seeds() -> None:
    assert replace(SETTINGS, seed=5).recipe_hash == SETTINGS.recipe_hash
    assert replace(SETTINGS, border_pix=11).recipe_hash != SETTINGS.recipe_hash
    assert replace(SETTINGS, prevalence=Prevalence(ring=0.1)).recipe_hash != SETTINGS.recipe_hash


def test_a_row_has_the_columns_of_the_contract_and_nothing_of_a_lens_where_there_is_none() -> None:
    row = make_row(SETTINGS, NEGATIVE)
    assert row.keys() == set(STAMPS.names)
    assert all(row[column.name] is not None for column in STAMPS if not column.nullable)
    assert all(row[name] is None for name in STAMPS.injected_names)
    assert (row["kind"], row["label"], row["split"], row["pair_id"], row["reasons"]) == ("control", 0, "test", None, 0)


def test_the_kind_decides_nothing_about_place_conditions_neighbours_or_noise() -> None:
    rings = replace(SETTINGS, prevalence=Prevalence(companion=0, spiral=0, edge_on=0, merger=0, ring=1.0))
    plain, ring = make_row(SETTINGS, NEGATIVE), make_row(rings, NEGATIVE)
    assert ring["kind"] == "ring"
    same = [column.name for column in STAMPS if column.name not in ("kind", "stamp_npz", "task_id", "recipe_hash")]
    same = [name for name in same if not name.startswith("mag_raw")]
    assert [plain[name] for name in same] == [ring[name] for name in same]
    assert plain["mag_raw_r"] == pytest.approx(ring["mag_raw_r"])
    far = np.s_[:, :6, :6]  # a corner, where only neighbours and noise are
    difference = (decode_stamp(plain["stamp_npz"]) - decode_stamp(ring["stamp_npz"]))[far]
    assert np.abs(difference).max() < 0.5 * plain["sky_sigma_g_nmgy"]


def test_neighbours_do_not_ask_what_is_drawn_at_the_centre() -> None:
    place = field_of(SETTINGS, NEGATIVE)
    host = draw_host(generator(1, "host"), SETTINGS.parent)
    scenes = Scene((host.bulge, host.halo)), Scene((host.bulge,)), Scene((host.halo,)), Scene(())
    both, bulge, halo, neither = (scene_light(SETTINGS, place, scene, host) for scene in scenes)
    assert neither.sum() > 0
    assert both + neither == pytest.approx(bulge + halo, abs=1e-9)


def test_the_noise_has_the_stated_sigma_and_grows_with_the_light() -> None:
    place = field_of(SETTINGS, NEGATIVE)
    dark, bright = np.zeros((3, 64, 64)), np.full((3, 64, 64), 2.0)
    for number, band in enumerate(BANDS):
        seen = place.conditions[band]
        assert noisy(SETTINGS, place, dark)[number].std() == pytest.approx(seen.sky_sigma_nmgy, rel=0.05)
        expected = math.sqrt(seen.sky_sigma_nmgy**2 + 2.0 / seen.electrons_per_nmgy)
        assert (noisy(SETTINGS, place, bright)[number] - 2.0).std() == pytest.approx(expected, rel=0.05)
        assert expected > 1.02 * seen.sky_sigma_nmgy


@pytest.mark.parametrize("correlation", [0.0, 0.1, 0.4])
def test_neighbouring_pixels_correlate_as_asked(correlation: float) -> None:
    noise = correlated(np.random.default_rng(1).standard_normal((400, 400)), correlation)
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert (noise[:, 1:] * noise[:, :-1]).mean() == pytest.approx(correlation, abs=0.01)
    assert (noise[1:] * noise[:-1]).mean() == pytest.approx(correlation, abs=0.01)


def test_a_lenss_columns_agree_with_its_pixels(lens: tuple[Field, Picture, dict[str, Any]]) -> None:
    place, picture, row = lens
    assert picture.arc is not None
    assert (row["kind"], row["label"]) == ("lens", 1)
    assert row["arc_snr"] >= SETTINGS.lenses.least_arc_snr
    host_light = picture.light[1] - picture.arc.images[1]
    assert row["arc_snr"] == pytest.approx(arc_snr(picture.arc.images[1], host_light, place.conditions["r"]))
    for number, band in enumerate(BANDS):
        assert row[f"injected_mag_{band}"] == pytest.approx(magnitude(picture.arc.images[number].sum()))
        assert row[f"psf_fwhm_used_{band}_arcsec"] == row[f"psf_fwhm_{band}_arcsec"]
    ratio = 10 ** (-0.4 * (row["injected_mag_r"] - row["mag_raw_r"]))
    assert row["arc_to_host_flux"] == pytest.approx(ratio)
    seen_share = 10 ** (-0.4 * (row["injected_mag_r"] - row["source_mag_r"]))
    assert row["magnification"] == pytest.approx(seen_share, rel=0.03)
    assert row["theta_e_over_fwhm"] == pytest.approx(row["theta_e_arcsec"] / row["psf_fwhm_r_arcsec"])
    refused = sum(row[f"n_refused_{why}"] for why in ("weight", "redshift", "theta_e", "images", "magnification", "snr"))
    assert row["n_drawn"] == refused + 1


def test_the_arc_is_on_the_stamp_at_full_strength(lens: tuple[Field, Picture, dict[str, Any]]) -> None:
    place, picture, row = lens
    assert picture.arc is not None
    host, arc = picture.arc.drawn.host, picture.arc.images[1]
    rest = decode_stamp(row["stamp_npz"])[1] - scene_light(SETTINGS, place, Scene((host.bulge, host.halo)), host)[1]
    assert (rest * arc).sum() / (arc**2).sum() == pytest.approx(1, abs=0.2)


def test_the_pixels_are_the_light_and_noise_of_the_stated_size(lens: tuple[Field, Picture, dict[str, Any]]) -> None:
    place, picture, row = lens
    noise = decode_stamp(row["stamp_npz"]) - picture.light
    for number, band in enumerate(BANDS):
        seen = place.conditions[band]
        pull = noise[number] / np.sqrt(seen.sky_sigma_nmgy**2 + picture.light[number] / seen.electrons_per_nmgy)
        assert pull.mean() == pytest.approx(0, abs=0.08)
        assert pull.std() == pytest.approx(1, abs=0.05)


def test_the_galaxy_stands_at_its_sub_pixel_centre_and_has_its_magnitude() -> None:
    quiet = replace(SETTINGS, neighbours=replace(SETTINGS.neighbours, field_per_arcmin2=0, stars_per_arcmin2=0, satellites=0))
    for number in range(4):
        identity = Identity("negative", number)
        place = field_of(quiet, identity)
        image = picture_of(quiet, place, identity).light[1]
        y, x = np.mgrid[:64, :64]
        core = np.hypot(x - place.frame.x_centre, y - place.frame.y_centre) < 12
        for grid, centre in ((x, place.frame.x_centre), (y, place.frame.y_centre)):
            assert (image * grid)[core].sum() / image[core].sum() == pytest.approx(centre, abs=0.06)
            assert abs(centre - 32) <= 0.5
        total = 10 ** (-0.4 * (make_row(quiet, identity)["mag_raw_r"] - 22.5))
        assert 0.7 * total < image.sum() < 1.01 * total


def test_no_lens_that_can_pass_is_an_error_that_says_what_was_refused() -> None:
    blind = replace(SETTINGS, lenses=replace(SETTINGS.lenses, least_images=99, most_draws=20))
    with pytest.raises(InputError, match=r"lens-0: no lens passed the cuts in 20 draws .*weight.*; wanted wider cuts"):
        picture_of(blind, field_of(blind, LENS), LENS)


def test_positions_lie_in_their_cells_and_all_cells_are_used() -> None:
    used = set()
    for number in range(1000):
        rng = generator(SETTINGS.seed, f"negative-{number}", "place")
        used.add(int(rng.integers(SETTINGS.cells)))
    assert used == set(range(SETTINGS.cells))
    row = make_row(SETTINGS, NEGATIVE)
    found = HEALPix(128, order="nested").lonlat_to_healpix(row["ra_deg"] * units.deg, row["dec_deg"] * units.deg)
    assert int(found) == row["cell"]
    assert len({pretend_cell(number) for number in range(SETTINGS.cells)}) == SETTINGS.cells
    assert pretend_cell(SETTINGS.cells - 1) < 12 * 128**2


def test_a_magnitude_of_nothing_is_none() -> None:
    assert magnitude(0.0) is None
    assert magnitude(1.0) == pytest.approx(22.5)
