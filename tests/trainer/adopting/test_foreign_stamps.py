"""What a directory of foreign stamps holds is known before a pixel is read; what is wrong with it is one sentence."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.job_entry import InputError
from tests.trainer.adopting.foreign_files import stamp_row, write_file, write_foreign
from trainer.adopting.foreign_stamps import NEEDED, find_stamps, host_names


def small(root: Path, name: str = "region_split=train/part.parquet", **other: object) -> Path:
    return write_file(root / name, [stamp_row(n, "train", 8, **other) for n in range(6)])


def test_files_come_in_the_order_of_their_paths_with_splits_and_rows(tmp_path: Path) -> None:
    write_foreign(tmp_path, {"val": 4, "train": 6}, size=8, files=2)
    files = find_stamps(tmp_path)
    assert [(file.number, file.split, file.rows) for file in files] == [
        (0, "train", 3),
        (1, "train", 3),
        (2, "val", 2),
        (3, "val", 2),
    ]
    assert "region_id" in files[0].left and "manifest_00" in files[0].left
    assert not set(files[0].left) & set(files[0].columns)
    assert len(files[0].left) + len(files[0].columns) == 57


def test_partitions_may_lie_deeper_and_other_files_are_passed_by(tmp_path: Path) -> None:
    small(tmp_path, "run=3/region_split=test/brick=7/part.parquet")
    for name in ("_SUCCESS", ".part.parquet.crc", "_started.json", "notes.txt"):
        (tmp_path / "run=3" / name).write_text("x")
    assert [file.split for file in find_stamps(tmp_path)] == ["test"]


def test_a_file_that_changed_has_another_mark_and_one_that_did_not_has_the_same(tmp_path: Path) -> None:
    path = small(tmp_path)
    when = path.stat().st_mtime_ns
    before = find_stamps(tmp_path)[0].mark
    assert find_stamps(tmp_path)[0].mark == before
    small(tmp_path, ra=11.0)
    os.utime(path, ns=(when, when))
    changed = find_stamps(tmp_path)[0].mark
    assert changed != before
    os.utime(path, ns=(when, when + 1))
    assert find_stamps(tmp_path)[0].mark != changed


def test_hosts_are_linked_across_files_and_splits(tmp_path: Path) -> None:
    small(tmp_path, ra=20.0, dec=3.0)
    small(tmp_path, "region_split=val/part.parquet", ra=20.0 + 0.3 / 3600, dec=3.0)
    names = host_names(find_stamps(tmp_path)).of(np.array([20.0, 20.0 + 0.3 / 3600]), np.array([3.0, 3.0]))
    assert names == ["J20.0000000+3.0000000"] * 2


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere is not a directory; wanted one that holds region_split=train, val, test"):
        find_stamps(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["part.parquet", "split=train/part.parquet", "region_split=holdout/part.parquet"])
def test_a_file_outside_the_partitions_is_named(tmp_path: Path, name: str) -> None:
    small(tmp_path)
    small(tmp_path, name)
    with pytest.raises(
        InputError, match=rf"Parquet files outside, the first {re.escape(name)}; wanted every stamps file below"
    ):
        find_stamps(tmp_path)


def test_a_directory_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "region_split=train").mkdir()
    with pytest.raises(InputError, match="holds no Parquet file; wanted every stamps file below one of region_split=train"):
        find_stamps(tmp_path)


def test_tables_without_a_row(tmp_path: Path) -> None:
    path = small(tmp_path)
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    with pytest.raises(InputError, match="holds 1 Parquet files without a row; wanted stamps"):
        find_stamps(tmp_path)


@pytest.mark.parametrize("absent", NEEDED)
def test_a_column_that_is_needed_and_not_there_is_named(tmp_path: Path, absent: str) -> None:
    path = small(tmp_path)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns([absent]), path)
    with pytest.raises(InputError, match=rf"part\.parquet has 56 columns and lacks {absent}; wanted task_id, brickname, ra"):
        find_stamps(tmp_path)


@pytest.mark.parametrize(
    ("name", "values", "told"),
    [("ra", pa.array(["1"] * 6), "string; wanted numbers"), ("stamp_npz", pa.array([1] * 6), "int64; wanted bytes")],
)
def test_a_column_of_another_type_is_named(tmp_path: Path, name: str, values: pa.Array, told: str) -> None:
    path = small(tmp_path)
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.set_column(table.column_names.index(name), name, values), path)
    with pytest.raises(InputError, match=f"column {name} is {told}"):
        find_stamps(tmp_path)


@pytest.mark.parametrize("kept", [0, 3, 5000])
def test_a_truncated_file_is_told_from_a_table(tmp_path: Path, kept: int) -> None:
    path = small(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"part\.parquet is truncated or not a Parquet file: "):
        find_stamps(tmp_path)
