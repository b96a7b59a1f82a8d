"""A catalogue of galaxies is read whole or refused with the file's name, what was seen and what is wanted."""

from __future__ import annotations

import gzip
import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.catalogue_rows import (
    companion,
    id_prefix,
    known_redshift,
    number,
    read_catalogue,
    read_companion,
    require_band,
    require_columns,
)


def write(path: Path, rows: int = 3) -> Path:
    Table({"IDENT": np.arange(rows), "Mag": np.linspace(22, 24, rows)}).write(path)
    return path


def test_columns_come_by_lower_case_name_plain_or_gzipped(tmp_path: Path) -> None:
    plain = write(tmp_path / "c.fits")
    packed = tmp_path / "c.fits.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    for path in (plain, packed):
        columns = read_catalogue(path)
        assert list(columns) == ["ident", "mag"]
        assert columns["mag"].tolist() == [22, 23, 24]


def test_a_catalogue_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"catalogue .*absent\.fits is not there"):
        read_catalogue(tmp_path / "absent.fits")


def test_a_catalogue_without_rows_or_without_a_table_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "image.fits")
    for path in (write(tmp_path / "empty.fits", rows=0), tmp_path / "image.fits"):
        with pytest.raises(InputError, match=rf"{path.name} holds no table with rows; wanted GalSim's RealGalaxyCatalog"):
            read_catalogue(path)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.55, 0.8])
@pytest.mark.parametrize("packed", [False, True])
def test_a_truncated_catalogue_is_refused_wherever_it_ends(tmp_path: Path, share: float, packed: bool) -> None:
    content = write(tmp_path / "whole.fits", rows=2000).read_bytes()
    content = gzip.compress(content) if packed else content
    path = tmp_path / ("cut.fits.gz" if packed else "cut.fits")
    path.write_bytes(content[: int(share * len(content))])
    warnings.simplefilter("ignore")  # astropy only warns of a table that ends early; that must be enough
    with pytest.raises(InputError, match=r"cut\.fits.* (is truncated or not a FITS table|holds no table)"):
        read_catalogue(path)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.fits").write_text("these are notes\n" * 500)
    with pytest.raises(InputError, match=r"notes\.fits is truncated or not a FITS table"):
        read_catalogue(tmp_path / "notes.fits")


@pytest.mark.parametrize(("name", "beside"), [("a_25.2.fits", "a_25.2_fits.fits"), ("a.fits.gz", "a_fits.fits.gz")])
def test_the_companion_lies_beside_under_a_derived_name(name: str, beside: str) -> None:
    assert companion(Path("folder") / name, "_fits") == Path("folder") / beside


def test_an_absent_companion_is_empty_and_one_of_other_length_is_refused_with_both_numbers(tmp_path: Path) -> None:
    catalogue = write(tmp_path / "c.fits")
    assert read_companion(catalogue, "_fits", 3) == {}
    write(tmp_path / "c_fits.fits", rows=4)
    assert len(read_companion(catalogue, "_fits", 4)["mag"]) == 4
    with pytest.raises(InputError, match=r"c_fits\.fits has 4 rows and .*c\.fits 3; wanted the same galaxies"):
        read_companion(catalogue, "_fits", 3)


def test_columns_that_lack_are_named() -> None:
    require_columns(Path("c.fits"), {"ident": 1, "mag": 2}, ("ident", "mag"))
    with pytest.raises(InputError, match=r"c\.fits lacks the columns MAG, ZPHOT; wanted GalSim's"):
        require_columns(Path("c.fits"), {"ident": 1}, ("ident", "mag", "zphot"))


def test_magnitudes_of_another_band_are_refused() -> None:
    require_band(Path("c.fits"), {"band": np.array(["F814W ", "F814W"])}, "F814W")
    require_band(Path("c.fits"), {}, "F814W")
    with pytest.raises(InputError, match=r"c\.fits holds magnitudes in F606W; wanted F814W"):
        require_band(Path("c.fits"), {"band": np.array(["F814W", "F606W"])}, "F814W")


@pytest.mark.parametrize(("value", "seen"), [(1.5, 1.5), (0, 0.0), (math.nan, math.nan), (math.inf, math.nan)])
def test_a_number_that_is_not_finite_or_not_there_is_not_known(value: float, seen: float) -> None:
    assert number({"a": np.array([9.0, value])}, "a", 1) == pytest.approx(seen, nan_ok=True)
    assert math.isnan(number({"a": np.array([9.0, value])}, "b", 1))


def test_a_redshift_that_stands_for_not_known_is_not_known() -> None:
    columns = {"zphot": np.array([1.5, 0.0, -99.0, 99.0, math.nan])}
    assert [known_redshift(columns, row) for row in range(5)] == pytest.approx([1.5, *[math.nan] * 4], nan_ok=True)


@pytest.mark.parametrize(("name", "prefix"), [("AEGIS_F814w_catalog.fits", "aegis"), ("real_galaxy.fits.gz", "cosmos")])
def test_identities_say_the_field(name: str, prefix: str) -> None:
    assert id_prefix(Path("aegis_folder") / name) == prefix
