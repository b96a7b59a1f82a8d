"""cut-hosts on the real DR6 brick, band g: sources found in its pixels are cut, centred, and tell what the brick lacks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy.ndimage import gaussian_filter, maximum_filter

from schemas.array_codec import decode_arrays
from schemas.contract_files import read_table
from schemas.cutouts import CUTOUTS
from schemas.refusal_reasons import names_of
from schemas.run_record import run_files
from spark_jobs.cut_hosts import main
from tests.spark_jobs.small_hosts import host_row, write_hosts_run

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
BRICK = "0959p805"
CATALOGUE_PSF = 2.2302456  # psfsize_g of the brick's row in survey-bricks-dr6


@pytest.fixture(scope="module")
def sources(shared_data: Path) -> list[tuple[float, float]]:
    """Sky positions of the brightest compact sources in g, by their flux-weighted centres."""
    with fits.open(shared_data / "legacy_dr6_brick_0959p805" / f"legacysurvey-{BRICK}-image-g.fits.fz") as hdus:
        image, wcs = hdus[1].data, WCS(hdus[1].header)
    smooth = gaussian_filter(image, 3)
    peaks = np.argwhere((smooth == maximum_filter(smooth, 41)) & (smooth > 0.02))
    found = []
    for y, x in peaks:
        if 8 <= y < 3592 and 8 <= x < 3592:
            yy, xx = np.mgrid[y - 6 : y + 7, x - 6 : x + 7]
            weight = np.clip(image[y - 6 : y + 7, x - 6 : x + 7], 0, None)
            found.append(wcs.wcs_pix2world([[(xx * weight).sum() / weight.sum(), (yy * weight).sum() / weight.sum()]], 0)[0])
    return [(float(ra), float(dec)) for ra, dec in found]


@pytest.fixture(scope="module")
def rows(
    shared_data: Path, sources: list[tuple[float, float]], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("real")
    unknown = {f"psf_fwhm_catalogue_{band}_arcsec": None for band in "grz"}
    hosts = [host_row(n, *sky, BRICK, psf_fwhm_catalogue_g_arcsec=CATALOGUE_PSF) for n, sky in enumerate(sources)]
    hosts += [host_row(1000 + n, *sky, BRICK, **unknown) for n, sky in enumerate(sources)]
    hosts.append(host_row(9999, 95.9504132231405, 80.5, BRICK))  # the middle of the brick, which has no g exposure
    write_hosts_run(folder / "hosts", {"hosts/shard-00000.parquet": hosts})
    bricks = shared_data / "legacy_dr6_brick_0959p805"
    assert main(["--hosts", str(folder / "hosts"), "--bricks", str(bricks), "--out", str(folder / "out"), "--bands", "g"]) == 0
    return [row for path in run_files(folder / "out", CUTOUTS) for row in read_table(path, CUTOUTS).to_pylist()]


def test_every_source_has_a_row_and_most_are_usable(rows: list[dict[str, Any]], sources: list[tuple[float, float]]) -> None:
    assert len(sources) > 30
    assert len(rows) == 2 * len(sources) + 1
    known = rows[: len(sources)]
    reasons = Counter(name for row in known for name in names_of(row["reasons"]))
    assert set(reasons) <= {"OVER_BRICK_EDGE", "UNCOVERED_PIXELS"}
    assert sum(row["reasons"] == 0 for row in known) > 20


def test_light_is_centred_where_the_row_says(rows: list[dict[str, Any]]) -> None:
    offsets = []
    for row in rows:
        if row["reasons"] == 0:
            image = decode_arrays(row["cutout_npz"])["image_g"].astype(float)
            y, x = np.mgrid[:64, :64]
            weight = np.where(np.hypot(x - row["x_centre_pix"], y - row["y_centre_pix"]) < 6, np.clip(image, 0, None), 0)
            offsets.append(
                (
                    (weight * x).sum() / weight.sum() - row["x_centre_pix"],
                    (weight * y).sum() / weight.sum() - row["y_centre_pix"],
                )
            )
    assert np.abs(np.median(offsets, axis=0)).max() < 0.1
    assert np.abs(offsets).max() < 1.0


def test_noise_psf_and_mask_are_what_the_real_brick_gives(rows: list[dict[str, Any]]) -> None:
    good = [row for row in rows if row["reasons"] == 0]
    assert 0.002 < np.median([row["sky_sigma_g_nmgy"] for row in good]) < 0.006
    correlation = [row["noise_correlation_g"] for row in good if row["noise_correlation_g"] is not None]
    assert 0.4 < np.median(correlation) < 0.8  # the northern camera's resampling
    assert {(row["psf_origin_g"], row["psf_fwhm_g_arcsec"]) for row in good} == {("catalogue", CATALOGUE_PSF)}
    assert {row["masked_fraction"] for row in good} == {0.0}
    assert {row["psf_fwhm_r_arcsec"] for row in good} == {None}


def test_a_host_without_any_psf_is_refused_for_that_alone(
    rows: list[dict[str, Any]], sources: list[tuple[float, float]]
) -> None:
    known, unknown = rows[: len(sources)], rows[len(sources) : -1]
    good = [again for row, again in zip(known, unknown, strict=True) if row["reasons"] == 0]
    assert {tuple(names_of(row["reasons"])) for row in good} == {("PSF_UNKNOWN",)}


def test_a_host_without_exposure_is_refused_and_has_no_noise(rows: list[dict[str, Any]]) -> None:
    assert names_of(rows[-1]["reasons"]) == ["UNCOVERED_PIXELS"]
    assert rows[-1]["uncovered_fraction"] == 1
    assert rows[-1]["sky_sigma_g_nmgy"] is None
    assert rows[-1]["noise_correlation_g"] is None


def test_a_band_that_the_real_brick_lacks_is_said(shared_data: Path, tmp_path: Path) -> None:
    write_hosts_run(tmp_path / "hosts", {"a.parquet": [host_row(0, 95.95, 80.5, BRICK)]})
    bricks = shared_data / "legacy_dr6_brick_0959p805"
    main(["--hosts", str(tmp_path / "hosts"), "--bricks", str(bricks), "--out", str(tmp_path / "out"), "--bands", "gr"])
    (row,) = read_table(tmp_path / "out" / "a.parquet", CUTOUTS).to_pylist()
    assert names_of(row["reasons"]) == ["BAND_MISSING"]
