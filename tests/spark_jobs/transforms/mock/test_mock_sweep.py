"""The catalogue of a mock brick says what is on its images, in the survey's columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from spark_jobs.transforms.mock.brick_fits_writer import brick_file, brick_wcs
from spark_jobs.transforms.mock.brick_table import write_brick_table
from spark_jobs.transforms.mock.brick_tiling import brick_at
from spark_jobs.transforms.mock.mock_brick_files import BrickJob, draw_brick
from spark_jobs.transforms.mock.mock_conditions import conditions_of, transmission
from spark_jobs.transforms.mock.mock_population import objects_of
from spark_jobs.transforms.mock.mock_sweep import sweep_name, sweep_rows, write_sweep
from spark_jobs.transforms.survey.sweep_columns import PHOTO_Z_COLUMNS, SWEEP_COLUMNS
from tests.spark_jobs.small_mock_sky import SIZE, small_mock

BRICK = brick_at(150.0, 2.0)
MOCK = small_mock(hosts_per_brick=12)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sky")
    draw_brick(BrickJob(str(folder), BRICK, MOCK))
    write_sweep(folder, sweep_name(BRICK), [BRICK], MOCK)
    return folder


@pytest.fixture(scope="module")
def sweep(root: Path) -> fits.FITS_rec:
    return fits.getdata(root / "sweep" / f"{sweep_name(BRICK)}.fits", 1)


def test_sweeps_are_named_as_the_survey_s_boxes_of_ten_by_five_degrees(shared_data: Path) -> None:
    for path in (shared_data / "sweep").glob("sweep-*.fits"):
        for row in fits.getdata(path, 1):
            assert sweep_name(brick_at(float(row["RA"]), float(row["DEC"]))) == path.name.removesuffix(".fits")
    assert sweep_name(brick_at(355.0, -0.5)) == "sweep-350m005-360p000"


def test_columns_and_types_are_the_survey_s(sweep: fits.FITS_rec, shared_data: Path) -> None:
    real = fits.getdata(shared_data / "sweep" / "sweep-330m005-340p000.fits", 1)
    ours = dict(zip(sweep.columns.names, sweep.columns.formats, strict=True))
    theirs = dict(zip(real.columns.names, real.columns.formats, strict=True))
    shared = set(ours) & set(theirs)
    assert len(shared) > 60
    # DR9 shortened TYPE and widened MASKBITS; the real rows at hand are of DR8.
    assert {name for name in shared if ours[name] != theirs[name]} == {"TYPE", "MASKBITS"}
    assert {"SHAPE_R", "SHAPE_E1", "SHAPE_E2", "SERSIC", "PSFSIZE_R", "PSFDEPTH_Z"} <= set(ours)
    assert list(ours) == list(SWEEP_COLUMNS)


def test_every_host_is_listed_with_its_flux_behind_the_dust(sweep: fits.FITS_rec) -> None:
    hosts = sweep[np.isin(sweep["TYPE"], ["DEV", "SER"])]
    assert len(hosts) == 12
    truth = objects_of(MOCK, BRICK.name)[hosts["OBJID"]]
    ebv = conditions_of(MOCK, BRICK.name).ebv_mag
    for band in ("g", "r", "z", "w1"):
        assert hosts[f"FLUX_{band.upper()}"] == pytest.approx(truth[f"flux_{band}"] * transmission(band, ebv), rel=1e-6)
        assert hosts[f"MW_TRANSMISSION_{band.upper()}"] == pytest.approx(transmission(band, ebv), rel=1e-6)
    assert (hosts["SHAPE_R"] > 0).all()
    assert np.isfinite(np.concatenate([sweep[name].ravel() for name in ("RA", "DEC", "FLUX_R", "PSFDEPTH_G")])).all()


def test_listed_positions_fall_on_the_drawn_light(root: Path, sweep: fits.FITS_rec) -> None:
    image = fits.getdata(brick_file(root, BRICK.name, "image", "r"), 1)
    bright = sweep[(sweep["FLUX_R"] > 30) & np.isin(sweep["TYPE"], ["DEV", "SER", "PSF"])]
    assert len(bright) > 3
    for row in bright:
        x, y = brick_wcs(BRICK, SIZE).all_world2pix(row["RA"], row["DEC"], 0)
        near = image[int(y + 0.5) - 1 : int(y + 0.5) + 2, int(x + 0.5) - 1 : int(x + 0.5) + 2]
        if near.shape == (3, 3):
            assert near[1, 1] >= 0.8 * near.max()


def test_depth_and_seeing_of_the_catalogue_are_those_of_the_planes(root: Path, sweep: fits.FITS_rec) -> None:
    invvar = fits.getdata(brick_file(root, BRICK.name, "invvar", "g"), 1)
    psfsize = fits.getdata(brick_file(root, BRICK.name, "psfsize", "g"), 1)
    x, y = brick_wcs(BRICK, SIZE).all_world2pix(sweep["RA"], sweep["DEC"], 0)
    column, line = (np.clip(np.round(v).astype(int), 0, SIZE - 1) for v in (x, y))
    assert sweep["PSFSIZE_G"] == pytest.approx(psfsize[line, column], abs=2e-3)
    # Sum P^2 of a Moffat of beta 3.5, from its integral; in the sky the pixel's inverse variance is the depth over it.
    alpha = sweep["PSFSIZE_G"] / (2 * np.sqrt(2 ** (1 / 3.5) - 1))
    power = 0.262**2 * 2.5**2 / (np.pi * alpha**2 * 6)
    sky = np.sort(np.unique(np.round(sweep["PSFDEPTH_G"] / power)))[-1]
    assert np.median(invvar) == pytest.approx(sky, rel=0.01)
    assert set(sweep["NOBS_G"]) <= {2, 3, 4, 5, 6}


def test_photometric_redshifts_lie_row_by_row_beside_the_sweep(root: Path, sweep: fits.FITS_rec) -> None:
    photo_z = fits.getdata(root / "sweep" / f"{sweep_name(BRICK)}-pz.fits", 1)
    assert photo_z.columns.names == list(PHOTO_Z_COLUMNS)
    assert np.array_equal(photo_z["OBJID"], sweep["OBJID"])
    assert np.array_equal(photo_z["BRICKID"], sweep["BRICKID"])
    truth = objects_of(MOCK, BRICK.name)[sweep["OBJID"]]
    host, star = truth["population"] == "host", truth["population"] == "star"
    assert (photo_z["Z_PHOT_MEDIAN"][star] == -99).all()
    error = (photo_z["Z_PHOT_MEDIAN"] - truth["redshift"])[host] / (1 + truth["redshift"][host])
    assert 0 < np.std(error) < 0.05
    assert (photo_z["Z_PHOT_L68"] < photo_z["Z_PHOT_U68"])[host].all()


def test_a_band_that_is_not_drawn_has_no_exposures_and_no_flux() -> None:
    only_g = small_mock(bands=("g",))
    rows = sweep_rows(objects_of(only_g, BRICK.name), BRICK, only_g, np.zeros((SIZE, SIZE), np.int32))
    assert (rows["NOBS_G"] > 0).all()
    for name in ("NOBS_R", "FLUX_R", "PSFDEPTH_R", "FLUX_IVAR_Z"):
        assert (rows[name] == 0).all()


def test_an_object_carries_the_mask_of_its_pixel() -> None:
    plane = np.zeros((SIZE, SIZE), np.int32)
    objects = objects_of(MOCK, BRICK.name)[:1]
    plane[int(np.floor(objects["y"][0] + 0.5)), int(np.floor(objects["x"][0] + 0.5))] = 1 << 11
    assert sweep_rows(objects, BRICK, MOCK, plane)["MASKBITS"][0] == 1 << 11


def test_only_primary_objects_that_are_detected_are_listed(root: Path, sweep: fits.FITS_rec) -> None:
    narrow = replace(BRICK, ra2=BRICK.ra)  # the eastern half belongs to another brick
    path = next(iter(write_sweep(root, "narrow", [narrow], MOCK)))
    half = fits.getdata(path, 1)
    assert 0.3 * len(sweep) < len(half) < 0.7 * len(sweep)
    assert half["RA"].max() < BRICK.ra
    best = np.max([sweep[f"FLUX_{b}"] * np.sqrt(sweep[f"PSFDEPTH_{b}"]) for b in "GRZ"], axis=0)
    assert best.min() > 5
    assert len(sweep) < len(objects_of(MOCK, BRICK.name))


def test_the_brick_table_is_the_real_one_s_layout(shared_data: Path, tmp_path: Path) -> None:
    real = fits.getdata(shared_data / "legacy_dr6_brick_0959p805" / "survey-bricks.fits.gz", 1)
    path = write_brick_table(tmp_path, [brick_at(95.95, 80.5)])
    ours = fits.getdata(path, 1)
    assert ours.columns.names == real.columns.names
    assert ours.columns.formats == real.columns.formats
    assert ours["BRICKNAME"][0] == "0959p805"
    assert [float(ours[0][name]) for name in ours.columns.names[1:]] == pytest.approx(
        [float(real[0][name]) for name in real.columns.names[1:]], abs=1e-8
    )
