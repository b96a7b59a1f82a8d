"""One task among finished runs: found by its name or the beginning of it, with its pair and its pixels, or told why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.contract import ContractError
from schemas.job_entry import InputError
from schemas.run_record import FINISHED_NAME, read_run
from schemas.runs_there import FoundRun, runs_there
from schemas.stamps import STAMP_INDEX
from schemas.task_search import check_task_id, find_task, matching_rows, partners, stamp_row
from tests.s3_store import S3Store
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """300 pairs in train, more than one row group, and 3 in test; read only."""
    return write_stamps_directory(tmp_path_factory.mktemp("search"), {"train": 300, "test": 3}, size=8, refused_pairs=1)


@pytest.fixture(scope="module")
def runs(made: StampsDirectory) -> list[FoundRun]:
    return runs_there([made.plan, made.stamps])


def name_of(shard: int, pair: int, label: int) -> str:
    return f"{shard:04d}{pair:08d}{label:020d}"


@pytest.mark.parametrize(("shard", "pair", "label"), [(0, 0, 1), (0, 299, 0), (0, 130, 1), (1, 2, 0)])
def test_any_task_is_found_in_whichever_run_and_split_it_is(runs: list[FoundRun], shard: int, pair: int, label: int) -> None:
    task = find_task(name_of(shard, pair, label), runs)
    assert task.run.name == "stamps"
    assert task.index["task_id"] == name_of(shard, pair, label)
    assert task.index["split"] == ("train", "test")[shard]
    (other,) = partners(task)
    assert other["task_id"] == name_of(shard, pair, 1 - label)
    row = stamp_row(task.run, task.index)
    assert row["task_id"] == task.index["task_id"]
    assert (row["stamp_npz"] is None) == bool(task.index["reasons"])


def test_the_beginning_of_a_name_is_enough_where_only_one_task_has_it(runs: list[FoundRun]) -> None:
    whole = name_of(1, 2, 1)
    assert find_task(whole, runs).index["task_id"] == whole
    with pytest.raises(
        InputError, match=rf"6 rows have a task_id that begins with 000100: {name_of(1, 0, 1)} in stamps, .*wanted one"
    ):
        find_task("000100", runs)


def test_a_whole_name_is_meant_where_it_is_also_the_beginning_of_another(made: StampsDirectory, tmp_path: Path) -> None:
    stamps = Path(shutil.copytree(made.stamps, tmp_path / "stamps"))
    path = stamps / "index" / "split-test.parquet"
    table = pq.ParquetFile(path).read()
    tasks = table["task_id"].to_pylist()
    tasks[:3] = ["abcdef", "abcdef9", "fedcba98"]
    changed = table.set_column(0, table.schema.field(0), [tasks])
    pq.write_table(changed, path)
    assert find_task("abcdef", runs_there([stamps])).index["task_id"] == "abcdef"
    assert find_task("abcdef9", runs_there([stamps])).index["task_id"] == "abcdef9"
    assert find_task("fedcba9", runs_there([stamps])).index["task_id"] == "fedcba98"


def test_an_unknown_task_is_told_with_where_it_was_looked_for(runs: list[FoundRun]) -> None:
    with pytest.raises(InputError, match=f"no task {'e' * 32} among the 606 rows of stamps"):
        find_task("e" * 32, runs)


def test_directories_without_stamps_are_told_so(made: StampsDirectory) -> None:
    with pytest.raises(
        InputError, match="none of the directories holds stamps; wanted one that dhs inject or dhs adopt filled"
    ):
        find_task("e" * 32, runs_there([made.plan]))


@pytest.mark.parametrize("text", ["", "abcde", "a" * 65, "../../etc/passwd", "abc def", "abcdef'", "abcdef\n", "äääääää"])
def test_what_is_no_name_of_a_task_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no task_id; wanted one such as 03f2a91c, its first 6 characters or more"):
        check_task_id(text)


def test_a_task_without_a_pair_has_no_partners(made: StampsDirectory, tmp_path: Path) -> None:
    stamps = Path(shutil.copytree(made.stamps, tmp_path / "stamps"))
    path = stamps / "index" / "split-test.parquet"
    table = pq.ParquetFile(path).read()
    column = table.schema.get_field_index("pair_id")
    pq.write_table(table.set_column(column, table.schema.field(column), pa.nulls(table.num_rows, pa.string())), path)
    assert partners(find_task(name_of(1, 2, 1), runs_there([stamps]))) == []


def test_an_index_that_points_at_another_task_or_file_is_a_breach(runs: list[FoundRun]) -> None:
    task = find_task(name_of(0, 5, 1), runs)
    with pytest.raises(ContractError, match=rf"row 3 is not task {name_of(0, 5, 1)}, which the index places there"):
        stamp_row(task.run, task.index | {"row": 3})
    with pytest.raises(ContractError, match="row 9999 is not task"):
        stamp_row(task.run, task.index | {"row": 9999})
    for file in ("split=train/other.parquet", "../plan/tasks/shard-00000.parquet", "split="):
        with pytest.raises(ContractError, match="which is not a file of the run"):
            stamp_row(task.run, task.index | {"file": file})


def test_a_damaged_index_is_told_with_its_file(made: StampsDirectory, tmp_path: Path) -> None:
    stamps = Path(shutil.copytree(made.stamps, tmp_path / "stamps"))
    path = stamps / "index" / "split-train.parquet"
    with pq.ParquetFile(path) as file:
        start = (
            file.metadata.row_group(0).column(0).dictionary_page_offset or file.metadata.row_group(0).column(0).data_page_offset
        )
    content = bytearray(path.read_bytes())
    content[start + 40 : start + 60] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(ContractError, match=r"split-train\.parquet, row group 0: "):
        find_task("e" * 32, runs_there([stamps]))


def test_rows_are_taken_in_order_and_by_the_beginning_of_a_column(made: StampsDirectory) -> None:
    path = made.stamps / "index" / "split-train.parquet"
    rows = list(matching_rows(path, STAMP_INDEX, "host_id", "9010-0-29"))
    assert [row["host_id"] for row in rows] == [
        f"9010-0-{n}" for n in (29, 290, 291, 292, 293, 294, 295, 296, 297, 298, 299) for _ in "ab"
    ]


def test_a_task_is_found_in_s3_too(s3: S3Store, made: StampsDirectory) -> None:
    far = runs_there([s3.put(made.stamps, "searched/stamps")])
    task = find_task(name_of(1, 1, 1), far)
    near = find_task(name_of(1, 1, 1), runs_there([made.stamps]))
    assert stamp_row(task.run, task.index) == stamp_row(near.run, near.index)


def test_a_file_that_the_record_names_and_nobody_has_is_told(made: StampsDirectory, tmp_path: Path) -> None:
    stamps = Path(shutil.copytree(made.stamps, tmp_path / "stamps"))
    record = read_run(stamps)
    record["files"][0]["path"] = "index/gone.parquet"
    (stamps / FINISHED_NAME).write_text(json.dumps(record))
    with pytest.raises(RuntimeError, match=r"gone\.parquet is in the record of the run but not on disk"):
        find_task("e" * 32, runs_there([stamps]))
