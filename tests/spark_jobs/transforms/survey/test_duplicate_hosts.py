"""The same object again: the first identity stays, across files, and refused rows do not count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.contract_files import Provenance, write_table
from schemas.hosts import HOSTS
from spark_jobs.transforms.sky_positions import unit_vectors
from spark_jobs.transforms.survey.duplicate_hosts import duplicate_rows, later_of_pairs
from tests.spark_jobs.small_hosts import host_row

ARCSEC = 1 / 3600


def write_part(path: Path, rows: list[tuple[str, float, int]]) -> Path:
    """Rows as (identity, declination in arcsec, reasons)."""
    content = [host_row(0, 30.0, dec * ARCSEC, "0300p000", host_id=name, reasons=why) for name, dec, why in rows]
    write_table(path, pa.Table.from_pylist(content, HOSTS.arrow_schema()), HOSTS, Provenance("test"))
    return path


def found(parts: list[Path]) -> list[list[int]]:
    return [rows.tolist() for rows in duplicate_rows(parts, 0.5)]


def test_of_one_object_in_two_files_the_lower_identity_stays_by_number_not_by_text(tmp_path: Path) -> None:
    first = write_part(tmp_path / "a.parquet", [("10000-20-3", 0.0, 0), ("10000-20-4", 100.0, 0), ("9010-9-1", 200.0, 0)])
    second = write_part(tmp_path / "b.parquet", [("10000-5-100", 0.4, 0), ("10000-5-7", 100.6, 0), ("10000-1-1", 200.3, 0)])
    assert found([first, second]) == [[0], [2]]
    assert found([second, first]) == [[2], [0]]


def test_the_middle_of_a_chain_goes_and_its_end_stays(tmp_path: Path) -> None:
    part = write_part(tmp_path / "a.parquet", [("1-1-1", 0.0, 0), ("1-1-2", 0.4, 0), ("1-1-3", 0.8, 0)])
    assert found([part]) == [[1]]


def test_a_refused_row_makes_no_other_row_a_duplicate(tmp_path: Path) -> None:
    part = write_part(tmp_path / "a.parquet", [("1-1-1", 0.0, 4), ("1-1-2", 0.1, 0)])
    assert found([part]) == [[]]


def test_the_very_same_row_in_two_files_is_kept_once(tmp_path: Path) -> None:
    parts = [write_part(tmp_path / f"{name}.parquet", [("1-1-1", 0.0, 0)]) for name in "ab"]
    assert found(parts) == [[], [0]]


def test_files_without_rows_and_no_files_have_no_duplicates(tmp_path: Path) -> None:
    assert found([write_part(tmp_path / f"{name}.parquet", []) for name in "ab"]) == [[], []]
    assert found([]) == []


def test_what_stays_is_apart_and_what_goes_is_near_something_that_stays() -> None:
    rng = np.random.default_rng(2)
    n = 400
    ra, dec = rng.uniform(0, 8, n) * ARCSEC, rng.uniform(0, 8, n) * ARCSEC
    positions, order = unit_vectors(ra, dec), rng.permutation(n)
    gone = later_of_pairs(positions, order, 0.5)
    separation = np.degrees(np.linalg.norm(positions[:, None] - positions, axis=-1)) * 3600
    near = (separation < 0.5) & ~np.eye(n, dtype=bool)
    stays = np.setdiff1d(np.arange(n), gone)
    assert 0 < len(gone) < n
    assert not near[np.ix_(stays, stays)].any()
    assert all((near[i, stays] & (order[stays] < order[i])).any() for i in gone)
