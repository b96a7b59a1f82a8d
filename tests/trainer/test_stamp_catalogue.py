"""The catalogue of a split: what is kept, without reading a pixel, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from schemas.contract import ContractError
from schemas.contract_files import Provenance, read_table, write_table
from schemas.job_entry import InputError
from schemas.run_record import FINISHED_NAME, RunError
from schemas.stamps import STAMP_INDEX
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.tiny_training import COLUMNS, refinish, rewrite_stamps, small_stamps
from trainer.stamp_catalogue import load_catalogue


def test_refused_rows_are_left_out_and_counted(stamps_directory: StampsDirectory) -> None:
    catalogue = load_catalogue(stamps_directory.stamps, "train", COLUMNS)
    assert (catalogue.samples, catalogue.refused, catalogue.size_pix) == (76, 4, 64)
    assert (catalogue.count(1), catalogue.count(0)) == (38, 38)
    assert catalogue.first_sample[-1] == catalogue.samples == catalogue.group_sizes.sum()


def test_no_blob_is_read(stamps_directory: StampsDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    original = pq.ParquetFile.read_row_group

    def spy(self: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(kwargs["columns"])
        return original(self, *args, **kwargs)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", spy)
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", None)
    load_catalogue(stamps_directory.stamps, "val", COLUMNS, measure=True)
    assert asked and not any("stamp_npz" in columns for columns in asked)


def test_rows_are_placed_in_their_row_groups_across_several(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, train_pairs=200, size=8)
    catalogue = load_catalogue(directory.stamps, "train", COLUMNS)
    assert catalogue.group_sizes.tolist() == [256, 142]  # 400 rows in groups of 256, the last two rows refused
    assert catalogue.row_in_group[256:258].tolist() == [0, 1]


def test_an_index_in_another_order_gives_the_same_catalogue(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    before = load_catalogue(directory.stamps, "train", COLUMNS)
    path = directory.stamps / "index" / "split-train.parquet"
    table = read_table(path, STAMP_INDEX)
    write_table(path, table.take(np.random.default_rng(2).permutation(table.num_rows)), STAMP_INDEX, Provenance("test"))
    refinish(directory)
    after = load_catalogue(directory.stamps, "train", COLUMNS)
    assert np.array_equal(before.row_in_group, after.row_in_group) and np.array_equal(before.labels, after.labels)


def test_an_index_that_names_a_row_twice_breaks_the_contract(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    path = directory.stamps / "index" / "split-train.parquet"
    table = read_table(path, STAMP_INDEX)
    rows = [0, 0, *range(2, table.num_rows)]
    write_table(path, table.take(rows), STAMP_INDEX, Provenance("test"))
    refinish(directory)
    with pytest.raises(ContractError, match=r"48 rows that name 47 stamps; the stamps files have 48"):
        load_catalogue(directory.stamps, "train", COLUMNS)


def test_an_unfinished_directory_is_refused_and_says_what_to_run(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    (directory.stamps / FINISHED_NAME).unlink()
    with pytest.raises(RunError, match=r"unfinished run.*Run \(or run again\)"):
        load_catalogue(directory.stamps, "train", COLUMNS)


def test_a_split_without_usable_stamps_is_refused(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    rewrite_stamps(directory, "val", lambda row: row | {"reasons": 4096, "stamp_npz": None})
    with pytest.raises(InputError, match=r"split 'val' .* has 16 rows, all refused"):
        load_catalogue(directory.stamps, "val", COLUMNS)
    with pytest.raises(InputError, match=r"split 'night' was asked for; wanted one of train, val, test"):
        load_catalogue(directory.stamps, "night", COLUMNS)


def test_stamps_of_two_sizes_are_refused(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    rewrite_stamps(directory, "train", lambda row: row | {"size_pix": 8 + row["label"]})
    with pytest.raises(InputError, match=r"stamps of 8, 9 pixels; wanted one size"):
        load_catalogue(directory.stamps, "train", COLUMNS)


def test_statistics_are_those_of_the_kept_rows(tmp_path: Path) -> None:
    directory = small_stamps(tmp_path, size=8)
    rewrite_stamps(directory, "train", lambda row: row | {"psf_fwhm_r_arcsec": 99.0} if row["reasons"] else row)
    statistics = load_catalogue(directory.stamps, "train", COLUMNS, measure=True).metadata_statistics
    assert statistics is not None
    assert statistics.mean[0] == pytest.approx(np.mean([1.25 + 0.001 * n for n in range(23)]), abs=1e-12)
