"""The host of each lens task as columns: rows of the table picked, converted, and joined with the grid."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from schemas.hosts import HOSTS
from spark_jobs.physics.keyed_uniforms import text_keys
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.simulation.lens_hosts import LensHosts, lens_hosts
from tests.spark_jobs.small_hosts import host_row


def picked(recipe: str, rows: list[int], configurations: list[int]) -> LensHosts:
    """Lens tasks on three hosts: the first with dust and a redshift, the last without PSF width or depth."""
    odd = {"psf_fwhm_catalogue_r_arcsec": None, "psf_depth_r_mag": None, "mag_raw_r": None}
    dust = {"mw_transmission_g": 0.5, "mw_transmission_r": 0.7, "mw_transmission_z": 0.9}
    hosts = [
        host_row(0, 59.0, -30.0, "b", mag_r=18.5, mag_z=17.6, z_phot=0.4, shape_e1=0.3, shape_e2=-0.1, **dust),
        host_row(1, 59.0, -30.0, "b"),
        host_row(2, 59.0, -30.0, "b", **odd),
    ]
    n = len(rows)
    splits = np.array(["train", "val", "test", "train"][:n])
    table = pa.Table.from_pylist(hosts, HOSTS.arrow_schema())
    return lens_hosts(read_recipe(recipe), table, np.array(rows), np.arange(n), np.array(configurations), splits)


def test_columns_are_the_host_s_whatever_the_order_in_which_rows_are_asked_for() -> None:
    found = picked("realistic", [2, 0, 1, 0], [0, 0, 0, 0])
    assert len(found) == 4
    assert found.key.tolist() == text_keys(["9010-1-2", "9010-1-0", "9010-1-1", "9010-1-0"]).tolist()
    assert found.mag_r.tolist() == [18.8, 18.5, 18.8, 18.5]
    assert found.mag_raw_r[[1, 2]].tolist() == [18.8, 18.8]
    assert found.r_minus_z == pytest.approx([0.0, 0.9, 0.0, 0.9])
    assert found.fwhm_r[1:].tolist() == [1.9] * 3
    assert found.depth_r[1:].tolist() == [24.0] * 3
    assert found.replicate.tolist() == [0, 1, 2, 3]
    assert found.split.tolist() == ["train", "val", "test", "train"]


def test_the_ellipticity_is_turned_from_the_sky_to_the_stamp() -> None:
    found = picked("realistic", [0], [0])
    assert (found.e1[0], found.e2[0]) == (-0.3, 0.1)


def test_extinction_is_the_transmission_in_magnitudes_band_by_band() -> None:
    found = picked("realistic", [0], [0])
    assert found.extinction_mag[0] == pytest.approx([-2.5 * math.log10(share) for share in (0.5, 0.7, 0.9)])


def test_null_becomes_nan_and_touches_no_other_row() -> None:
    found = picked("realistic", [0, 1, 2], [0, 0, 0])
    for column in (found.fwhm_r, found.depth_r, found.mag_raw_r):
        assert np.isnan(column).tolist() == [False, False, True]
    assert np.isnan(found.z_phot).tolist() == [False, True, True]


def test_a_configuration_is_a_place_in_the_grid_of_radii_and_offsets_and_nothing_without_a_grid() -> None:
    grid = picked("gen5", [0, 0, 1, 2], [0, 3, 4, 27])
    assert grid.grid_theta_e.tolist() == [0.5, 0.5, 0.75, 2.5]
    assert grid.grid_offset.tolist() == [0.5, 2.0, 0.5, 2.0]
    free = picked("realistic", [0], [0])
    assert np.isnan([free.grid_theta_e[0], free.grid_offset[0]]).all()


def test_rows_picks_and_repeats_every_column_alike() -> None:
    found = picked("gen5", [0, 1, 2], [0, 9, 27])
    again = found.rows(np.array([2, 0, 0]))
    assert len(again) == 3
    assert again.key.tolist() == found.key[[2, 0, 0]].tolist()
    assert again.extinction_mag.tolist() == found.extinction_mag[[2, 0, 0]].tolist()
    assert again.grid_theta_e.tolist() == [2.5, 0.5, 0.5]
    assert again.split.tolist() == ["test", "train", "train"]
