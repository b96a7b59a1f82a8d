"""Hosts of one brick to rows: pixels where they belong, and a row with its reason for every fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.array_codec import decode_arrays
from schemas.refusal_reasons import names_of
from schemas.survey import BANDS
from spark_jobs.survey_settings import SurveySettings, load_survey
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings, cut_brick
from spark_jobs.transforms.survey.cutout_rows import cutout_rows, to_be_cut
from tests.spark_jobs.small_brick import BRICK, FWHM, SIGMA, brick_header, noise_planes, plane_path, sky_of, write_brick
from tests.spark_jobs.small_hosts import host_row

SURVEY = load_survey("legacy_dr10")


def settings(root: Path, bands: str = "grz", **limits: Any) -> CutoutSettings:
    content = SURVEY.model_dump()
    survey = SurveySettings.model_validate(content | {"cutouts": content["cutouts"] | limits})
    return CutoutSettings(root, survey, 64, tuple(bands))


def host(number: int, x: float, y: float, **changes: Any) -> dict[str, Any]:
    return host_row(number, *sky_of(x, y), BRICK, **changes)


def rows_of(chosen: CutoutSettings, hosts: list[dict[str, Any]], brick: str = BRICK) -> list[dict[str, Any]]:
    return list(cutout_rows(chosen, hosts, cut_brick(chosen, brick, *to_be_cut(hosts))))


def reasons_of(chosen: CutoutSettings, hosts: list[dict[str, Any]], brick: str = BRICK) -> list[list[str]]:
    rows = rows_of(chosen, hosts, brick)
    assert all((row["cutout_npz"] is None) == (row["reasons"] != 0) for row in rows)
    return [names_of(row["reasons"]) for row in rows]


@pytest.fixture(scope="module")
def brick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    planes = noise_planes()
    planes["maskbits"][100:130, 200:230] = 1 << 1
    return write_brick(tmp_path_factory.mktemp("brick"), planes)


@pytest.mark.parametrize(("x", "y"), [(150.0, 140.0), (150.4, 140.49), (149.51, 139.6), (32.0, 32.0), (327.4, 327.4)])
def test_the_galaxys_position_is_within_half_a_pixel_of_the_middle_and_points_at_the_same_sky(
    brick: Path, x: float, y: float
) -> None:
    (row,) = rows_of(settings(brick), [host(0, x, y)])
    assert abs(row["x_centre_pix"] - 32) <= 0.5
    assert abs(row["y_centre_pix"] - 32) <= 0.5
    stamp = decode_arrays(row["cutout_npz"])
    x0, y0 = round(x - row["x_centre_pix"]), round(y - row["y_centre_pix"])
    assert (x0 + row["x_centre_pix"], y0 + row["y_centre_pix"]) == pytest.approx((x, y), abs=1e-5)
    expected = noise_planes()["image-r"][y0 : y0 + 64, x0 : x0 + 64]
    np.testing.assert_allclose(stamp["image_r"], expected, atol=SIGMA["r"] / 8)  # RICE tiles are quantised


def test_a_row_holds_noise_psf_and_arrays_of_every_band(brick: Path) -> None:
    (row,) = rows_of(settings(brick), [host(0, 250.3, 60.0)])
    stamp = decode_arrays(row["cutout_npz"])
    assert sorted(stamp) == sorted([*(f"{kind}_{band}" for kind in ("image", "invvar") for band in BANDS), "maskbits"])
    assert {str(array.dtype) for name, array in stamp.items() if name != "maskbits"} == {"float32"}
    assert stamp["maskbits"].dtype == np.int32
    for band in BANDS:
        assert row[f"sky_sigma_{band}_nmgy"] == pytest.approx(SIGMA[band], rel=1e-3)
        assert row[f"psf_origin_{band}"] == "plane"
        assert row[f"psf_fwhm_{band}_arcsec"] == pytest.approx(FWHM[band] + 0.250, abs=1e-3)
        assert abs(row[f"noise_correlation_{band}"]) < 0.08
        assert row[f"psf_depth_{band}_mag"] == 24.0
    assert row["masked_fraction"] == pytest.approx(0)
    assert row["bands"] == "grz"


def test_tiles_and_whole_planes_give_the_same_rows(brick: Path) -> None:
    hosts = [host(n, 40 + 3.3 * n, 320 - 2.7 * n) for n in range(12)]
    assert rows_of(settings(brick, whole_plane_above=0), hosts) == rows_of(settings(brick, whole_plane_above=1000), hosts)


def test_hosts_over_the_edge_off_the_brick_or_across_the_sky_keep_their_rows_in_place(brick: Path) -> None:
    far = host_row(4, 239.0, 30.0, BRICK)
    nowhere = host_row(5, float("nan"), 0.0, BRICK)
    hosts = [host(0, 31.4, 100), host(1, 100, 100), host(2, 328.6, 100), host(3, 900, 100), far, nowhere, host(6, 60, 60)]
    rows = rows_of(settings(brick), hosts)
    assert [row["host_id"] for row in rows] == [entry["host_id"] for entry in hosts]
    edge = ["OVER_BRICK_EDGE"]
    assert [names_of(row["reasons"]) for row in rows] == [edge, [], edge, edge, edge, edge, []]
    first, last = (decode_arrays(rows[number]["cutout_npz"])["image_g"] for number in (1, 6))
    assert first[32, 32] == pytest.approx(noise_planes()["image-g"][100, 100], abs=SIGMA["g"] / 8)
    assert last[32, 32] == pytest.approx(noise_planes()["image-g"][60, 60], abs=SIGMA["g"] / 8)


def test_masked_pixels_refuse_by_share_and_at_the_centre(brick: Path) -> None:
    hosts = [host(0, 215, 115), host(1, 175, 115), host(2, 60, 200)]
    assert reasons_of(settings(brick), hosts) == [["MASKED_PIXELS"], [], []]
    assert reasons_of(settings(brick, max_masked_fraction=0.01), hosts) == [["MASKED_PIXELS"], ["MASKED_PIXELS"], []]


def test_a_host_that_the_catalogue_refused_is_not_cut_and_its_reason_goes_on(brick: Path) -> None:
    hosts = [host(0, 100, 100, reasons=4), host(1, 100, 100), host(2, 100, 100, reasons=16)]
    rows = rows_of(settings(brick), hosts)
    assert [row["reasons"] for row in rows] == [4, 0, 16]
    assert [row["cutout_npz"] is None for row in rows] == [True, False, True]
    assert [row["reasons"] for row in rows_of(settings(brick / "nowhere"), [hosts[0]])] == [4]


def test_uncovered_and_broken_pixels_refuse(tmp_path: Path) -> None:
    planes = noise_planes("g")
    planes["invvar-g"][:, :100] = 0
    planes["image-g"][200, 200] = np.nan
    root = write_brick(tmp_path, planes)
    hosts = [host(0, 50, 50), host(1, 110, 50), host(2, 140, 60), host(3, 220, 210)]
    uncovered = ["UNCOVERED_PIXELS"]
    assert reasons_of(settings(root, "g"), hosts) == [uncovered, uncovered, [], ["NONFINITE_PIXELS"]]


@pytest.mark.parametrize(
    ("plane", "catalogue", "expected"),
    [
        (None, 1.9, (1.9, "catalogue", [])),
        (0.0, 1.9, (1.9, "catalogue", [])),
        (1.1, 1.9, (1.1, "plane", [])),
        (50.0, None, (None, None, ["PSF_UNKNOWN"])),
        (None, 0.01, (None, None, ["PSF_UNKNOWN"])),
        (None, None, (None, None, ["PSF_UNKNOWN"])),
    ],
)
def test_the_psf_comes_from_the_plane_else_the_catalogue_else_refuses(
    tmp_path: Path, plane: float | None, catalogue: float | None, expected: tuple[float | None, str | None, list[str]]
) -> None:
    planes = noise_planes("g")
    del planes["psfsize-g"]
    if plane is not None:
        planes["psfsize-g"] = np.full((360, 360), plane, np.float32)
    chosen = settings(write_brick(tmp_path, planes), "g")
    (row,) = rows_of(chosen, [host(0, 100, 100, psf_fwhm_catalogue_g_arcsec=catalogue)])
    width, origin, reasons = expected
    assert row["psf_fwhm_g_arcsec"] == (None if width is None else pytest.approx(width))
    assert (row["psf_origin_g"], names_of(row["reasons"])) == (origin, reasons)
    assert row["psf_fwhm_r_arcsec"] is None


def test_a_brick_without_a_mask_counts_as_unmasked(tmp_path: Path) -> None:
    planes = noise_planes("g")
    del planes["maskbits"]
    (row,) = rows_of(settings(write_brick(tmp_path, planes), "g"), [host(0, 100, 100)])
    assert row["masked_fraction"] == 0
    assert not decode_arrays(row["cutout_npz"])["maskbits"].any()


def test_a_missing_brick_and_a_missing_band_are_told_apart(tmp_path: Path) -> None:
    planes = noise_planes("gr")
    del planes["invvar-r"]
    root = write_brick(tmp_path, planes)
    hosts = [host(0, 100, 100), host(1, 110, 100)]
    assert reasons_of(settings(root, "gz"), hosts) == [["BAND_MISSING"]] * 2
    assert reasons_of(settings(root, "r"), hosts) == [["BAND_MISSING"]] * 2
    assert reasons_of(settings(root, "g"), hosts, "0591m306") == [["BRICK_MISSING"]] * 2
    assert reasons_of(settings(root, "g"), hosts, "../../etc") == [["BRICK_MISSING"]] * 2
    assert cut_brick(settings(root, "gz"), BRICK, *to_be_cut(hosts)).fault.startswith(f"brick {BRICK}: no image-z, invvar-z")


@pytest.mark.parametrize("plane", ["image-g", "invvar-g", "psfsize-g", "maskbits"])
def test_any_truncated_plane_refuses_the_whole_brick(tmp_path: Path, plane: str) -> None:
    path = plane_path(write_brick(tmp_path, noise_planes("g")), plane)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    chosen, hosts = settings(tmp_path, "g"), [host(0, 100, 100), host(1, 900, 900)]
    assert reasons_of(chosen, hosts) == [["BRICK_UNREADABLE"]] * 2
    assert path.name in cut_brick(chosen, BRICK, *to_be_cut(hosts)).fault


def test_planes_of_another_shape_or_frame_refuse_the_brick(tmp_path: Path) -> None:
    planes = noise_planes("g")
    write_brick(tmp_path / "shape", planes | {"invvar-g": planes["invvar-g"][:300]})
    assert reasons_of(settings(tmp_path / "shape", "g"), [host(0, 100, 100)]) == [["BRICK_UNREADABLE"]]
    write_brick(tmp_path / "frame", noise_planes("gr"))
    write_brick(tmp_path / "frame", {"image-r": planes["image-g"]}, brick_header(ra=59.19))
    assert reasons_of(settings(tmp_path / "frame", "gr"), [host(0, 100, 100)]) == [["WCS_UNEXPECTED"]]
    header = brick_header()
    header["CD1_1"] = 0.262 / 3600
    write_brick(tmp_path / "mirror", planes, header)
    assert reasons_of(settings(tmp_path / "mirror", "g"), [host(0, 100, 100)]) == [["WCS_UNEXPECTED"]]
