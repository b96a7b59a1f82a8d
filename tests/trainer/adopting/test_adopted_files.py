"""The pass over foreign files: whole files or none, finished ones left alone, as many rows out as in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from schemas.contract_files import ROWS_PER_GROUP_WITH_BLOBS, Provenance, read_table
from schemas.finished_files import describe_file
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.stamps import STAMP_INDEX, STAMPS
from tests.trainer.adopting.foreign_files import blob_of, images_of, stamp_row, write_file, write_foreign
from trainer.adopting import adopted_files
from trainer.adopting.adopted_files import Adoption, adopt_file, adopt_files, count_rows
from trainer.adopting.foreign_stamps import find_stamps
from trainer.adopting.one_host import HostNames
from trainer.adopting.stamp_columns import AdoptionRules

SIZE = 8


def adoption(out: Path) -> Adoption:
    return Adoption(out, AdoptionRules(SIZE), Provenance("test", "hash", None, "adopted"))


def test_every_file_becomes_one_and_the_index_says_where_each_row_is(tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", {"train": 12, "test": 7}, SIZE, files=2)
    files = find_stamps(source)
    work = adoption(tmp_path / "out")
    written = adopt_files(work, files, workers=1)
    assert [entry.path for entry in written] == [
        *("split=test/adopted-00000.parquet", "split=test/adopted-00001.parquet"),
        *("split=train/adopted-00002.parquet", "split=train/adopted-00003.parquet"),
        *("index/split-train.parquet", "index/split-test.parquet"),
    ]
    assert written == [describe_file(tmp_path / "out" / entry.path, tmp_path / "out") for entry in written]
    for index in written[4:]:
        for row in read_table(tmp_path / "out" / index.path, STAMP_INDEX).to_pylist():
            there = read_table(tmp_path / "out" / row["file"], STAMPS).slice(row["row"], 1).to_pylist()[0]
            assert there["task_id"] == row["task_id"] and there["reasons"] == row["reasons"]
    assert count_rows(work, files).usable == {"train": {"control": 6, "lens": 6}, "test": {"control": 3, "lens": 4}}


def test_rows_keep_their_order_over_batches_and_row_groups(tmp_path: Path) -> None:
    rows = [stamp_row(n, "train", SIZE) for n in range(ROWS_PER_GROUP_WITH_BLOBS + 44)]
    rows[-1]["task_id"] = None
    write_file(tmp_path / "in" / "region_split=train" / "part.parquet", rows, row_group_size=100)
    (file,) = find_stamps(tmp_path / "in")
    work = adoption(tmp_path / "out")
    assert adopt_file(work, HostNames({}), file).rows == len(rows)
    table = read_table(work.target(file), STAMPS)
    assert table["task_id"].to_pylist() == [*(row["task_id"] for row in rows[:-1]), f"unnamed-0-{len(rows) - 1}"]
    assert pq.ParquetFile(work.target(file)).metadata.row_group(0).num_rows == ROWS_PER_GROUP_WITH_BLOBS


def test_several_workers_write_what_one_does(tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", {"train": 6}, SIZE, files=2)
    files = find_stamps(source)
    one, two = adoption(tmp_path / "one"), adoption(tmp_path / "two")
    adopt_files(one, files, workers=1)
    adopt_files(two, files, workers=2)
    for file in files:
        assert one.target(file).read_bytes() == two.target(file).read_bytes()


def test_a_finished_file_is_not_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_foreign(tmp_path / "in", {"train": 6}, SIZE, files=3)
    files = find_stamps(source)
    work = adoption(tmp_path / "out")
    written = adopt_files(work, files, workers=1)
    whole = [work.target(file).read_bytes() for file in files]
    work.target(files[1]).unlink()
    opened: list[Path] = []
    really = adopted_files.open_stamps
    monkeypatch.setattr(adopted_files, "open_stamps", lambda path: opened.append(path) or really(path))
    monkeypatch.setattr(adopted_files, "host_names", lambda files: pytest.fail("hosts were looked for again"))
    assert adopt_files(work, files, workers=1) == written
    assert opened == [files[1].path]
    assert [work.target(file).read_bytes() for file in files] == whole


def test_damage_in_the_middle_of_a_file_leaves_no_file_and_names_it(tmp_path: Path) -> None:
    path = write_file(tmp_path / "in" / "region_split=val" / "part.parquet", [stamp_row(n, "val", SIZE) for n in range(20)])
    raw = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(0).data_page_offset
    raw[start : start + 12] = b"\xff" * 12
    path.write_bytes(raw)
    work = adoption(tmp_path / "out")
    (file,) = find_stamps(tmp_path / "in")
    with pytest.raises(InputError, match=r"part\.parquet is damaged: "):
        adopt_file(work, HostNames({}), file)
    assert not list((tmp_path / "out").rglob("*.parquet")) and not list((tmp_path / "out").rglob("*.unfinished"))


def test_reasons_are_counted_and_nothing_is_lost(tmp_path: Path) -> None:
    rows = [stamp_row(n, "train", SIZE) for n in range(10)]
    rows[0]["stamp_npz"] = rows[1]["stamp_npz"] = blob_of({"r": images_of(0, SIZE)["r"]})
    rows[2] |= {"cutout_ok": 0, "ra": None}
    write_file(tmp_path / "in" / "region_split=train" / "part.parquet", rows)
    files = find_stamps(tmp_path / "in")
    work = adoption(tmp_path / "out")
    adopt_files(work, files, workers=1)
    counts = count_rows(work, files)
    assert (counts.rows, counts.refused) == (10, 3)
    assert counts.reasons == {"BAND_MISSING": 2, "POSITION_UNREADABLE": 1, "SAID_UNUSABLE": 1}
    assert counts.usable == {"train": {"control": 4, "lens": 3}}
    table = read_table(work.target(files[0]), STAMPS)
    assert np.flatnonzero(table["reasons"].to_numpy() & int(Reason.BAND_MISSING)).tolist() == [0, 1]


def test_fewer_rows_than_the_source_has_are_an_error_with_both_numbers(tmp_path: Path) -> None:
    files = find_stamps(write_foreign(tmp_path / "in", {"train": 6}, SIZE))
    work = adoption(tmp_path / "out")
    adopt_files(work, files, workers=1)
    more = [type(file)(file.path, file.number, file.split, file.rows + 1, file.columns, file.left, file.mark) for file in files]
    with pytest.raises(InputError, match="7 rows in and 6 out; wanted as many"):
        count_rows(work, more)
    work.target(files[0]).unlink()
    with pytest.raises(InputError, match="6 rows were read and its footer says 7; wanted as many"):
        adopt_file(work, HostNames({}), more[0])
    assert not work.target(files[0]).exists()
