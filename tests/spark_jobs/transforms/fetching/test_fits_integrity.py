"""What is believed of bytes that came, and what is not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from spark_jobs.transforms.fetching.fits_integrity import DamagedFileError, check_file
from spark_jobs.transforms.fetching.http_answers import AbsentError
from spark_jobs.transforms.fetching.wanted_file import CubeAsked, WantedFile
from tests.spark_jobs.small_survey_server import cube, plane

PLANE = WantedFile("a.fits.fz", "https://survey.test/a")
RA, DEC = 150.1, 2.2


def cutout(ra: float = RA, dec: float = DEC, bands: tuple[str, ...] = ("g", "r", "z"), size: int = 16) -> WantedFile:
    return WantedFile("a.fits", "https://survey.test/a", CubeAsked(bands, size, ra, dec))


def check(folder: Path, content: bytes, wanted: WantedFile = PLANE) -> bool:
    path = folder / "a.fits.part"
    path.write_bytes(content)
    return check_file(path, wanted)


def test_checksums_vouch_for_a_compressed_plane_and_their_absence_does_not(tmp_path: Path) -> None:
    assert check(tmp_path, plane())
    assert not check(tmp_path, plane(checksum=False))


def test_a_sum_over_the_data_alone_vouches_too(tmp_path: Path) -> None:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones((9, 9)))]).writeto(stream, checksum="datasum")
    assert check(tmp_path, stream.getvalue())


@pytest.mark.parametrize("place", range(0, len(plane()), 1733))
def test_a_flipped_bit_anywhere_is_seen(place: int, tmp_path: Path) -> None:
    content = bytearray(plane())
    content[place] ^= 4
    with pytest.raises(DamagedFileError):
        check(tmp_path, bytes(content))


@pytest.mark.parametrize("keep", [0, 5, 100, 2880, 3000, 5760, 8000, -2880, -1])
@pytest.mark.parametrize("checksum", [True, False])
def test_a_file_that_ends_early_is_seen(keep: int, checksum: bool, tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError):
        check(tmp_path, plane(checksum=checksum)[:keep])


def test_the_second_extension_counts(tmp_path: Path) -> None:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(np.ones((30, 30)) * k) for k in range(2))]).writeto(stream)
    content = stream.getvalue()
    assert not check(tmp_path, content)
    for keep in (-1, -2880, -2881, -10000):
        with pytest.raises(DamagedFileError):
            check(tmp_path, content[:keep])


def test_a_page_for_people_is_told_by_its_first_words(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="no FITS file: it begins with '<html>no overlap"):
        check(tmp_path, b"<html>no overlap</html>")


def test_a_header_alone_is_no_plane(tmp_path: Path) -> None:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(np.ones((3, 3)))]).writeto(stream)
    with pytest.raises(DamagedFileError, match="no pixels behind the primary HDU"):
        check(tmp_path, stream.getvalue())


def test_a_cutout_is_what_was_asked_for(tmp_path: Path) -> None:
    assert not check(tmp_path, cube(RA, DEC), cutout())
    assert check(tmp_path, cube(RA, DEC, checksum=True), cutout())
    assert not check(tmp_path, cube(RA - 360, DEC), cutout())
    assert not check(tmp_path, cube(RA, DEC, bands="g"), cutout(bands=("g",)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (cube(RA, DEC, size=20), r"shape \(3, 20, 20\); wanted \(3, 16, 16\)"),
        (cube(RA, DEC, bands="g"), r"shape \(16, 16\); wanted \(3, 16, 16\)"),
        (cube(RA, DEC, bands="zrg"), "of bands 'zrg'; wanted 'grz'"),
        (cube(RA, DEC + 1 / 3600), r"centre is 1\.0 arcsec from 150\.10000, 2\.20000"),
        (cube(RA + 180, -DEC), "a cutout whose centre is"),
    ],
    ids=["size", "bands", "order", "an arc second off", "other side of the sky"],
)
def test_a_cutout_of_something_else_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=told):
        check(tmp_path, content, cutout())


def test_a_cutout_without_sky_in_it_is_absent(tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match="every pixel is zero"):
        check(tmp_path, cube(RA, DEC, value=0.0), cutout())
    stream = io.BytesIO()
    fits.PrimaryHDU(header=fits.Header({"OVERLAP": False})).writeto(stream)
    with pytest.raises(AbsentError, match="outside the survey's coverage"):
        check(tmp_path, stream.getvalue(), cutout())


def test_a_real_cutout_and_a_real_brick_are_read(shared_data: Path) -> None:
    brick = next((shared_data / "legacy_dr6_brick_0959p805").glob("*image-z*"))
    assert not check_file(brick, PLANE)
    assert not check_file(shared_data / "legacy_dr9_cutout" / "cutout_59.1067_-30.4848.fits", PLANE)


@pytest.mark.parametrize("size", [1, 33, 200])
def test_the_sums_are_those_that_astropy_writes(size: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(size).integers(0, 2**32, (size, size), dtype=np.uint32)
    stream = io.BytesIO()
    table = fits.BinTableHDU.from_columns([fits.Column("a", "PE()", array=np.array([[1.0], [2.0, 3.0]], dtype=object))])
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels), table]).writeto(stream, checksum=True)
    assert check(tmp_path, stream.getvalue())
