"""Cubes as folders hold them: bands found by the header, everything else told in a sentence with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from schemas.refusal_reasons import Reason
from tests.trainer.adopting.foreign_files import images_of, sky_header, write_cube
from trainer.adopting.foreign_cubes import CubeError, bands_of, read_cube

SIZE = 32
PLANES = np.stack([images_of(1, SIZE)[band] for band in "grz"])


def read(tmp_path: Path, planes: Any = PLANES, header: dict[str, Any] | None = None, bands: str = "grz") -> Any:
    return read_cube(write_cube(tmp_path / "lens.fits", planes, header), SIZE, bands)


@pytest.mark.parametrize(
    "header", [{}, {"BANDS": "grz"}, {"BANDS": "g,r,z", "BUNIT": "nanomaggy"}, {"BAND0": "g", "BAND1": "r", "BAND2": "z"}]
)
def test_planes_in_our_order_are_taken_as_they_are(tmp_path: Path, header: dict[str, Any]) -> None:
    images = read(tmp_path, header=header).images
    np.testing.assert_array_equal(images, PLANES)
    assert images.dtype == np.float32


@pytest.mark.parametrize("header", [{"BANDS": "zrg"}, {"BAND1": "z", "BAND2": "r", "BAND3": "g"}, {"BANDS": "z r g"}])
def test_planes_in_another_order_are_put_into_ours(tmp_path: Path, header: dict[str, Any]) -> None:
    np.testing.assert_array_equal(read(tmp_path, PLANES[::-1], header).images, PLANES)


def test_the_order_of_a_header_that_says_none_may_be_given(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(tmp_path, PLANES[::-1], bands="zrg").images, PLANES)


def test_a_band_too_many_is_left_out(tmp_path: Path) -> None:
    four = np.stack([PLANES[0], PLANES[1], np.zeros_like(PLANES[0]), PLANES[2]])
    np.testing.assert_array_equal(read(tmp_path, four, {"BANDS": "griz"}).images, PLANES)


def test_bands_are_read_in_the_order_of_their_numbers() -> None:
    header = fits.Header([("BAND2", "z"), ("BAND0", "g"), ("BAND1", "r"), ("BANDPASS", "none")])
    assert bands_of(header) == ("g", "r", "z")


def test_a_cube_in_an_extension_is_found(tmp_path: Path) -> None:
    path = tmp_path / "lens.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(PLANES)]).writeto(path)
    np.testing.assert_array_equal(read_cube(path, SIZE, "grz").images, PLANES)


FAULTS: dict[str, tuple[Any, dict[str, Any], Reason, str]] = {
    "size": (
        PLANES[:, :16, :16],
        {},
        Reason.OTHER_SIZE,
        r"a cube of shape \(3, 16, 16\); wanted \(3, 32, 32\): cut it anew, or",
    ),
    "square": (PLANES[:, :, :16], {}, Reason.OTHER_SIZE, r"a cube of shape \(3, 32, 16\)"),
    "plane": (PLANES[0], {}, Reason.OTHER_SIZE, r"images of shape \[\(32, 32\)\]; wanted one cube \(3, 32, 32\)"),
    "two planes": (PLANES[:2], {}, Reason.BAND_MISSING, "2 planes for the bands g, r, z; wanted g, r and z among them"),
    "no z": (PLANES, {"BANDS": "gri"}, Reason.BAND_MISSING, "3 planes for the bands g, r, i; wanted g, r and z among them"),
    "four": (np.concatenate([PLANES, PLANES[:1]]), {}, Reason.BAND_MISSING, "4 planes for the bands g, r, z"),
    "unit": (PLANES, {"BUNIT": "MJy/sr"}, Reason.UNIT_UNEXPECTED, "BUNIT is 'MJy/sr'; wanted nanomaggies per pixel"),
    "NaN": (np.where(PLANES[0, 0, 0] == PLANES, np.nan, PLANES), {}, Reason.NONFINITE_PIXELS, "1 pixels are not finite"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_such_cube_has_a_reason_and_a_sentence(tmp_path: Path, name: str) -> None:
    planes, header, reason, told = FAULTS[name]
    with pytest.raises(CubeError, match=told) as caught:
        read(tmp_path, planes, header)
    assert caught.value.reason == reason


@pytest.mark.parametrize("content", [b"", b"<html>503</html>", None], ids=["empty", "page", "cut"])
def test_a_file_that_is_no_fits_has_a_reason_and_a_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = write_cube(tmp_path / "lens.fits", PLANES)
    path.write_bytes(path.read_bytes()[:5000] if content is None else content)
    with pytest.raises(CubeError, match="not a FITS file, or cut short: ") as caught:
        read_cube(path, SIZE, "grz")
    assert caught.value.reason == Reason.PIXELS_UNREADABLE


def test_positions_come_from_the_header_and_the_middle_where_it_has_none(tmp_path: Path) -> None:
    cube = read(tmp_path, header=sky_header(150.0, 2.0, SIZE))
    assert cube.middle_deg == pytest.approx((150.0, 2.0), abs=1e-9)
    x, y = cube.place_of(150.0 + 2 * 0.262 / 3600 / np.cos(np.radians(2.0)), 2.0 + 0.262 / 3600)
    assert (x, y) == pytest.approx((13.5, 16.5), abs=1e-3)  # east is towards smaller x
    plain = read(tmp_path)
    assert plain.middle_deg is None and plain.place_of(150.0, 2.0) == (15.5, 15.5)
