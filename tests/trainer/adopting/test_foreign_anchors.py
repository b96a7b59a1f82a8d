"""A folder of cubes and a list of names: rows of two tables, each file and each name kept, each fault in words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.anchors import ANCHORS
from schemas.array_codec import decode_arrays
from schemas.contract_files import conform
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from tests.trainer.adopting.foreign_files import SIGMA, images_of, sky_header, write_cube
from trainer.adopting.foreign_anchors import AdoptedAnchors, adopt_anchors, listed_anchors, outer_sigma
from trainer.anchor_tables import AnchorColumns

SIZE = 32
POSITIONS = {"A": (150.0, 2.0), "B": (151.0, -3.0)}


def planes(seed: int, size: int = SIZE) -> Any:
    return np.stack(list(images_of(seed, size).values()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, (name, position) in enumerate(POSITIONS.items()):
        write_cube(tmp_path / "cubes" / f"{name}.fits", planes(n), sky_header(*position, SIZE))
    return tmp_path / "cubes"


def with_list(folder: Path, text: str) -> AdoptedAnchors:
    path = folder.parent / "list.csv"
    path.write_text(text)
    return adopt_anchors(folder, *listed_anchors(path, AnchorColumns()), SIZE, "grz")


def as_tables(found: AdoptedAnchors) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    tables = [(found.anchors, ANCHORS), (found.cutouts, CUTOUTS)]
    anchors, cutouts = (conform(pa.Table.from_pylist(rows, c.arrow_schema()), c).to_pylist() for rows, c in tables)
    return anchors, cutouts


def test_a_listed_cube_becomes_a_cutout_at_its_position_under_its_name(folder: Path) -> None:
    found = with_list(folder, "name,ra,dec,theta_e,psfsize_r,psfdepth_r\nA,150.0,2.0,1.3,1.21,23.7\nB,151.0,-3.0,,,x\n")
    anchors, (a, b) = as_tables(found)
    assert [(row["name"], row["theta_e_arcsec"], row["reasons"], row["remark"]) for row in anchors] == [
        ("A", 1.3, 0, ""),
        ("B", None, 0, ""),
    ]
    assert (a["host_id"], a["ra_deg"], a["dec_deg"], a["bands"], a["size_pix"], a["reasons"]) == ("A", 150, 2, "grz", SIZE, 0)
    assert (a["x_centre_pix"], a["y_centre_pix"]) == pytest.approx((15.5, 15.5), abs=1e-6)
    assert (a["psf_fwhm_r_arcsec"], a["psf_depth_r_mag"], a["psf_fwhm_g_arcsec"]) == (1.21, 23.7, None)
    assert (b["psf_fwhm_r_arcsec"], b["psf_depth_r_mag"]) == (None, None)
    assert not found.without_file and not found.unlisted


def test_the_blob_holds_the_images_and_an_inverse_variance_from_the_outer_pixels(folder: Path) -> None:
    _, (a, _) = as_tables(with_list(folder, "name,ra,dec\nA,150.0,2.0\nB,151.0,-3.0\n"))
    arrays = decode_arrays(a["cutout_npz"])
    for n, band in enumerate("grz"):
        np.testing.assert_array_equal(arrays[f"image_{band}"], planes(0)[n])
        np.testing.assert_allclose(arrays[f"invvar_{band}"], outer_sigma(planes(0)[n]) ** -2, rtol=1e-6)
        assert a[f"sky_sigma_{band}_nmgy"] == pytest.approx(SIGMA[band], rel=0.2)
    assert arrays["maskbits"].dtype == np.int32 and not arrays["maskbits"].any()


def test_the_outer_scatter_knows_nothing_of_the_galaxy() -> None:
    image = np.random.default_rng(1).normal(0, 0.003, (64, 64))
    image[26:38, 26:38] += 5
    assert outer_sigma(image.astype(np.float32)) == pytest.approx(0.003, rel=0.05)


def test_names_are_matched_through_case_blanks_and_underscores(folder: Path) -> None:
    (folder / "A.fits").rename(folder / "SDSS_J1000+0200.FITS")
    found = with_list(folder, "name,ra,dec\nSDSS J1000+0200,150.0,2.0\nB,151.0,-3.0\n")
    assert [row["host_id"] for row in found.cutouts] == ["SDSS J1000+0200", "B"]


def test_names_without_a_file_and_files_without_a_name_are_kept_and_told(folder: Path) -> None:
    found = with_list(folder, "name,ra,dec\nA,150.0,2.0\nC,152.0,3.0\n")
    anchors, cutouts = as_tables(found)
    assert [row["name"] for row in anchors] == ["A", "C", "B"] and [row["host_id"] for row in cutouts] == ["A", "B"]
    assert (found.without_file, found.unlisted) == (["C"], ["B"])
    assert anchors[2]["remark"] == "the list does not name it; position from the image's WCS"
    assert (anchors[2]["ra_deg"], anchors[2]["dec_deg"], anchors[2]["reasons"]) == (pytest.approx(151), pytest.approx(-3), 0)


def test_without_a_list_names_are_those_of_the_files_and_positions_those_of_the_headers(folder: Path) -> None:
    write_cube(folder / "C.fits", planes(5))
    anchors, cutouts = as_tables(adopt_anchors(folder, [], {}, SIZE, "grz"))
    assert [row["name"] for row in anchors] == ["A", "B", "C"] and {row["object_class"] for row in anchors} == {"lens"}
    assert anchors[0]["ra_deg"] == pytest.approx(150.0) and anchors[0]["reasons"] == 0
    assert anchors[2]["ra_deg"] is None and anchors[2]["reasons"] == int(Reason.POSITION_UNREADABLE)
    assert np.isnan(cutouts[2]["ra_deg"]) and cutouts[2]["cell"] == -1
    assert cutouts[2]["reasons"] == 0 and cutouts[2]["x_centre_pix"] == 15.5  # there are pixels to score


def test_a_cube_of_another_place_than_the_list_says_is_refused_with_both(folder: Path) -> None:
    found = with_list(folder, "name,ra,dec\nA,150.05,2.0\nB,151.0,-3.0\n")
    anchors, cutouts = as_tables(found)
    assert cutouts[0]["reasons"] == int(Reason.OFF_ITS_IMAGE) and cutouts[0]["cutout_npz"] is None
    assert cutouts[1]["reasons"] == 0
    assert (
        "A.fits: the image lies around (150.00000, 2.00000) deg and the list says (150.05000, 2.00000): "
        in (anchors[0]["remark"])
    )


def test_a_galaxy_beside_the_middle_is_looked_for_where_the_list_says(folder: Path) -> None:
    _, (a, _) = as_tables(with_list(folder, f"name,ra,dec\nA,150.0,{2.0 + 3 * 0.262 / 3600}\nB,151.0,-3.0\n"))
    assert (a["x_centre_pix"], a["y_centre_pix"]) == pytest.approx((15.5, 18.5), abs=1e-3)


def test_a_file_that_cannot_be_used_keeps_its_rows_and_says_why(folder: Path) -> None:
    write_cube(folder / "B.fits", planes(1, 16))
    anchors, cutouts = as_tables(with_list(folder, "name,ra,dec\nA,150.0,2.0\nB,151.0,-3.0\n"))
    assert cutouts[1]["reasons"] == int(Reason.OTHER_SIZE) and cutouts[1]["cutout_npz"] is None
    assert cutouts[1]["x_centre_pix"] is None and cutouts[1]["ra_deg"] == 151.0
    assert anchors[1]["reasons"] == 0 and anchors[1]["remark"].startswith("B.fits: a cube of shape (3, 16, 16); wanted (3, 32")


def test_a_blank_band_is_uncovered(folder: Path) -> None:
    blank = planes(0)
    blank[2] = 0
    write_cube(folder / "A.fits", blank, sky_header(150.0, 2.0, SIZE))
    anchors, cutouts = as_tables(with_list(folder, "name,ra,dec\nA,150.0,2.0\nB,151.0,-3.0\n"))
    assert cutouts[0]["reasons"] == int(Reason.UNCOVERED_PIXELS)
    assert "no noise in z: half of the outer pixels are the same" in anchors[0]["remark"]


def test_a_folder_of_which_nothing_can_be_used_is_one_sentence(tmp_path: Path) -> None:
    for name in "AB":
        write_cube(tmp_path / "cubes" / f"{name}.fits", planes(0, 48))
    told = r"none of 2 cubes can be used; the first, A: A\.fits: a cube of shape \(3, 48, 48\); wanted \(3, 32, 32\): cut it"
    with pytest.raises(InputError, match=told):
        adopt_anchors(tmp_path / "cubes", [], {}, SIZE, "grz")


def test_a_folder_without_cubes_and_two_files_of_one_object_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a directory; wanted a folder of FITS cubes"):
        adopt_anchors(tmp_path / "nowhere", [], {}, SIZE, "grz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"holds no file that ends in \.fits, \.fit, .*; wanted one FITS cube an object"):
        adopt_anchors(tmp_path / "empty", [], {}, SIZE, "grz")
    write_cube(folder / "a.fit", planes(0))
    with pytest.raises(InputError, match=r"A\.fits and a\.fit are of one object; wanted one file an object"):
        adopt_anchors(folder, [], {}, SIZE, "grz")
