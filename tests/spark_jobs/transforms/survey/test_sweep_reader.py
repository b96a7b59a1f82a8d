"""Sweeps of several releases, real and drawn: what may be absent, what may not, and what truncation looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from schemas.job_entry import InputError
from spark_jobs.transforms.survey.sweep_reader import count_rows, photo_z_file, read_chunks
from tests.spark_jobs.small_sweep import galaxy, write_sweep

Z_COLUMNS = ("Z_PHOT_MEDIAN", "Z_PHOT_MEAN")


def chunks(path: Path, photo_z: Path | None = None, rows: int = 1000) -> list[Any]:
    """Fields copied while the file is open."""
    return [(c.texts("TYPE").tolist(), c.numbers("RA"), c.z_phot) for c in read_chunks(path, photo_z, Z_COLUMNS, rows)]


def test_the_real_sweeps_and_tractor_files_are_read(shared_data: Path) -> None:
    files = sorted((shared_data / "sweep").glob("*.fits"))
    assert len(files) == 6
    for path in files:
        (kinds, ra, z_phot), *more = chunks(path)
        assert not more
        assert len(kinds) == count_rows(path) == 6
        assert set(kinds) <= {"PSF", "REX", "EXP", "DEV", "COMP"}
        assert np.isfinite(ra).all()
        assert np.isnan(z_phot).all()


def test_chunks_join_to_the_whole_in_order(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep-a.fits", [galaxy(n) for n in range(7)])
    parts = chunks(path, rows=3)
    assert [len(kinds) for kinds, _, _ in parts] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([ra for _, ra, _ in parts]), chunks(path)[0][1])


def test_an_empty_sweep_gives_no_rows_and_no_error(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep-a.fits", [])
    assert count_rows(path) == 0
    assert chunks(path) == []


def test_what_is_absent_and_may_be_reads_as_nan(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep-a.fits", [galaxy()], without=("PSFSIZE_G", "PSFDEPTH_R", "SERSIC"))
    (rows,) = read_chunks(path, None, Z_COLUMNS)
    assert not rows.has("SERSIC")
    assert np.isnan([rows.numbers(name)[0] for name in ("PSFSIZE_G", "PSFDEPTH_R", "SERSIC")]).all()


def test_every_column_that_a_host_needs_and_the_file_lacks_is_named_at_once(tmp_path: Path) -> None:
    path = write_sweep(tmp_path / "sweep-a.fits", [galaxy()], without=("NOBS_R", "MASKBITS", "SHAPE_E1"))
    with pytest.raises(InputError, match=r"lacks the columns MASKBITS, NOBS_R, SHAPE_R, SHAPE_E1.*; wanted a sweep"):
        chunks(path)


@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.01])
def test_a_truncated_sweep_is_an_error_never_a_shorter_catalogue(tmp_path: Path, kept: float) -> None:
    path = write_sweep(tmp_path / "sweep-a.fits", [galaxy(n) for n in range(200)])
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match="truncated or not a FITS catalogue"):
        chunks(path)


@pytest.mark.parametrize("content", [b"", b"RELEASE,BRICKID\n8000,1\n"])
def test_a_file_that_is_not_fits_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sweep-a.fits"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a FITS catalogue"):
        chunks(path)


def test_an_image_is_not_a_catalogue(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "sweep-a.fits")
    with pytest.raises(InputError, match="holds no table"):
        chunks(tmp_path / "sweep-a.fits")


def test_a_compressed_sweep_reads_like_a_plain_one(tmp_path: Path) -> None:
    rows = [galaxy(n) for n in range(3)]
    plain = write_sweep(tmp_path / "a" / "sweep-a.fits", rows)
    packed = write_sweep(tmp_path / "b" / "sweep-a.fits.gz", rows)
    np.testing.assert_array_equal(chunks(plain)[0][1], chunks(packed)[0][1])


def write_photo_z(path: Path, objid: list[int], median: list[float]) -> Path:
    columns = [fits.Column("OBJID", "J", array=objid), fits.Column("Z_PHOT_MEDIAN", "E", array=median)]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path)
    return path


def test_redshifts_come_from_the_file_beside_the_sweep_and_minus_99_is_none(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep-a.fits", [galaxy(n) for n in range(3)])
    assert photo_z_file(sweep, None) is None
    other = write_photo_z(tmp_path / "sweep-a-pz.fits", [0, 1, 2], [0.5, -99.0, np.nan])
    assert photo_z_file(sweep, None) == other
    np.testing.assert_allclose(chunks(sweep, other)[0][2], [0.5, np.nan, np.nan])


def test_redshifts_come_from_the_sweep_itself_where_it_has_them(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep-a.fits", [galaxy(n, Z_PHOT_MEAN=0.4, Z_PHOT_MEDIAN=0.6) for n in range(2)])
    np.testing.assert_allclose(chunks(sweep)[0][2], [0.6, 0.6])


def test_redshifts_of_other_rows_are_an_error(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep-a.fits", [galaxy(n) for n in range(2)])
    with pytest.raises(InputError, match=r"\(3 rows\) does not match .*\(2 rows\) row by row"):
        chunks(sweep, write_photo_z(tmp_path / "longer-pz.fits", [0, 1, 2], [0.1, 0.2, 0.3]))
    with pytest.raises(InputError, match="does not match"):
        chunks(sweep, write_photo_z(tmp_path / "swapped-pz.fits", [1, 0], [0.1, 0.2]))
