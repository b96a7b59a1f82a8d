"""Catalogue rows to hosts: who gets a row, and which reason each fault gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.contract_files import conform
from schemas.hosts import HOSTS
from schemas.refusal_reasons import Reason, names_of
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.sky_positions import sky_cells, unit_vectors
from spark_jobs.transforms.survey.host_rows import HostSelection, select_host_rows
from spark_jobs.transforms.survey.sweep_reader import read_chunks
from tests.spark_jobs.small_sweep import DEC, RA, flux, galaxy, write_sweep

NAN = float("nan")


def selection(**changes: Any) -> HostSelection:
    settings: dict[str, Any] = {"survey": load_survey("legacy_dr10"), "cut": "v5", "bands": ("g", "r", "z")}
    settings |= {"known_lenses": np.empty((0, 3)), "known_radius_arcsec": 10.0, "anchor_cells": frozenset()}
    return HostSelection(**settings | {"border_arcsec": 16.8} | changes)


def hosts_of(
    path: Path, rows: list[dict[str, Any]], chosen: HostSelection | None = None, **options: Any
) -> list[dict[str, Any]]:
    sweep = write_sweep(path / "sweep-a.fits", rows, **options)
    (chunk,) = read_chunks(sweep, None, ())
    table = select_host_rows(chunk, chosen or selection())
    return list(conform(table, HOSTS).to_pylist())


def test_a_galaxy_of_the_sweep_becomes_a_host_with_its_numbers_converted(tmp_path: Path) -> None:
    (host,) = hosts_of(tmp_path, [galaxy(3, MW_TRANSMISSION_R=0.9, SERSIC=4.0)])
    assert host["host_id"] == "10000-5-3"
    assert host["reasons"] == 0
    assert host["lrg_cuts"] == 0b11111
    assert host["cell"] == sky_cells(np.array([host["ra_deg"]]), np.array([host["dec_deg"]]))[0]
    assert host["mag_raw_r"] == pytest.approx(20.3, abs=1e-5)
    assert host["mag_r"] == pytest.approx(20.3 + 2.5 * np.log10(0.9), abs=1e-5)
    assert host["psf_depth_g_mag"] == pytest.approx(22.5 - 2.5 * np.log10(5 / 30))
    assert host["psf_fwhm_catalogue_z_arcsec"] == pytest.approx(1.3)
    assert host["shape_e1"] == pytest.approx(0.2)
    assert host["z_phot"] is None


def test_stars_and_galaxies_outside_the_cut_get_no_row(tmp_path: Path) -> None:
    rows = [galaxy(0), galaxy(1, TYPE="PSF"), galaxy(2, FLUX_R=flux(19.6)), galaxy(3, FLUX_W1=-1.0), galaxy(4, FLUX_Z=0.0)]
    assert [host["host_id"] for host in hosts_of(tmp_path, rows)] == ["10000-5-0"]


def test_the_cuts_are_made_on_magnitudes_without_dust(tmp_path: Path) -> None:
    # Raw r - z is 0.5 and would fail v1; dust reddens, so the corrected colour must be smaller still, not larger.
    rows = [galaxy(0, FLUX_R=flux(20.05), MW_TRANSMISSION_R=1.0), galaxy(1, FLUX_R=flux(20.05), MW_TRANSMISSION_R=0.9)]
    assert [host["lrg_cuts"] for host in hosts_of(tmp_path, rows)] == [0b11111, 0b11110]


def test_a_stricter_cut_keeps_fewer_and_all_cuts_stay_marked(tmp_path: Path) -> None:
    rows = [galaxy(0), galaxy(1, FLUX_Z=flux(20.2), FLUX_R=flux(21.2)), galaxy(2, FLUX_Z=flux(21.2), FLUX_R=flux(22.2))]
    found = hosts_of(tmp_path, rows, selection(cut="v2"))
    assert [(host["host_id"][-1], host["lrg_cuts"]) for host in found] == [("0", 0b11111), ("1", 0b11110)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MASKBITS": 1 << 1}, "CATALOGUE_MASKED"),
        ({"MASKBITS": 1 << 0}, "CATALOGUE_MASKED"),
        ({"MASKBITS": 1 << 12}, "CATALOGUE_MASKED"),
        ({"BRICK_PRIMARY": False}, "CATALOGUE_MASKED"),
        ({"NOBS_G": 0}, "CATALOGUE_UNCOVERED"),
        ({"FLUX_G": -0.1}, "BAD_PHOTOMETRY"),
        ({"FLUX_R": NAN}, "BAD_PHOTOMETRY"),
        ({"FLUX_W1": np.inf}, "BAD_PHOTOMETRY"),
        ({"MW_TRANSMISSION_G": 0.0}, "BAD_PHOTOMETRY"),
        ({"MW_TRANSMISSION_Z": NAN}, "BAD_PHOTOMETRY"),
        ({"MW_TRANSMISSION_G": 1.5}, "BAD_PHOTOMETRY"),
        ({"SHAPE_R": 0.0}, "BAD_PHOTOMETRY"),
        ({"SHAPE_E1": 0.9, "SHAPE_E2": 0.9}, "BAD_PHOTOMETRY"),
        ({"DEC": NAN}, "BAD_PHOTOMETRY"),
    ],
)
def test_a_fault_keeps_the_row_and_gives_its_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    good, bad = hosts_of(tmp_path, [galaxy(0, BRICK_PRIMARY=True), galaxy(1, **{"BRICK_PRIMARY": True} | changes)])
    assert good["reasons"] == 0
    assert names_of(bad["reasons"]) == [reason]


def test_bits_and_bands_that_are_not_wanted_refuse_nothing(tmp_path: Path) -> None:
    faint_g = {"FLUX_G": -0.1, "NOBS_G": 0, "MASKBITS": (1 << 2) | (1 << 8) | (1 << 11)}
    (host,) = hosts_of(tmp_path, [galaxy(0, **faint_g)], selection(bands=("r", "z")))
    assert host["reasons"] == 0
    assert host["mag_g"] is None
    assert host["mag_raw_g"] is None


def test_a_host_near_a_known_lens_is_refused_and_one_in_an_anchors_cell_is_marked(tmp_path: Path) -> None:
    lens = unit_vectors(np.array([RA]), np.array([DEC + 9.9 / 3600]))
    cell = int(sky_cells(np.array([RA]), np.array([DEC]))[0])
    rows = [galaxy(0), galaxy(0, OBJID=1, DEC=DEC - 0.2 / 3600), galaxy(2, DEC=DEC - 1.0)]
    found = hosts_of(tmp_path, rows, selection(known_lenses=lens, anchor_cells=frozenset({cell})))
    assert [names_of(host["reasons"]) for host in found] == [["NEAR_KNOWN_LENS"], [], []]
    assert [host["in_anchor_cell"] for host in found] == [True, True, False]


def test_a_host_near_its_cells_border_is_refused(tmp_path: Path) -> None:
    declinations = DEC + np.arange(0, 2400, 8.0) / 3600  # across the cell and out of it
    found = hosts_of(tmp_path, [galaxy(n, RA=RA, DEC=dec) for n, dec in enumerate(declinations)])
    cells = np.array([host["cell"] for host in found])
    near = np.array([bool(host["reasons"] & Reason.NEAR_CELL_BORDER) for host in found])
    crossing = np.flatnonzero(np.diff(cells))
    assert len(crossing) >= 1
    assert near[crossing].all()
    assert near[crossing + 1].all()
    assert 2 <= near.sum() <= 8 * len(crossing)


def test_shapes_of_release_8_come_from_the_model_that_the_type_names(shared_data: Path) -> None:
    survey = load_survey("legacy_dr10")
    (rows,) = read_chunks(shared_data / "sweep" / "sweep-330m005-340p000.fits", None, survey.z_phot_columns)
    found = conform(select_host_rows(rows, selection()), HOSTS).to_pylist()
    assert [host["morphology"] for host in found] == ["REX", "DEV"]
    assert [host["shape_r_arcsec"] for host in found] == pytest.approx([0.31096354, 0.965916])
    assert found[1]["shape_e1"] == pytest.approx(-0.116398506)
    assert [host["sersic_n"] for host in found] == [1.0, 4.0]
    assert [host["lrg_cuts"] for host in found] == [0b11000, 0b11111]
    assert found[1]["psf_fwhm_catalogue_r_arcsec"] is None


def test_a_sersic_index_is_the_fitted_one_only_where_the_model_is_a_sersic(tmp_path: Path) -> None:
    rows = [galaxy(0, TYPE="SER", SERSIC=2.5), galaxy(1, TYPE="EXP", SERSIC=1.0), galaxy(2, TYPE="SER", SERSIC=0.0)]
    assert [host["sersic_n"] for host in hosts_of(tmp_path, rows)] == [2.5, 1.0, None]
