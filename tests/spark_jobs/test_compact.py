"""``dhs compact``: the same rows and blobs in shards of one size, from our stamps and from anybody's Parquet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.content_hash import content_hash
from schemas.contract_files import read_table
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job
from schemas.locations import location
from schemas.run_record import FINISHED_NAME, read_run, run_files
from schemas.stamps import STAMP_INDEX, STAMPS
from spark_jobs import compact
from spark_jobs.transforms.compacting import pack_shard as packing
from spark_jobs.transforms.compacting.pack_plan import Shard, plan_shards
from spark_jobs.transforms.compacting.pack_shard import Packing, pack_shard
from tests.s3_store import BUCKET, S3Store
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from tests.trainer.tiny_training import spread_over_files

pytestmark = pytest.mark.spark


@pytest.fixture
def rings_directory(tmp_path: Path) -> StampsDirectory:
    return write_stamps_directory(tmp_path / "rings", {"val": 6}, size=16)


def run(*words: Any) -> int:
    return run_job("compact", compact.main, [str(word) for word in words])


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards one after the other without Spark, which another test shows to be the same."""
    monkeypatch.setattr(compact, "build_session", lambda job: None)
    monkeypatch.setattr(compact, "map_names", lambda spark, items, work, **_: [work(item) for item in items])


def write_foreign(root: Path, files: int, rows: int = 20, blob: int = 4000) -> Path:
    """Two folders of files with a blob, a wrapped one, a null one and a text."""
    rng = np.random.default_rng(5)
    for split in ("train", "test"):
        for n in range(files):
            blobs = [rng.bytes(blob) if row else None for row in range(rows)]
            names = [f"{split}-{n}-{row}" for row in range(rows)]
            table = pa.table({"task": names, "stamp_npz": pa.array(blobs, pa.binary()), "x": np.arange(rows) * 0.5})
            path = root / f"region_split={split}" / f"f-{n:03d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, row_group_size=7, use_dictionary=False, write_statistics=False)
    return root


def contents(root: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows by folder, in the order of files."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(root.rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            found.setdefault(path.parent.name, []).extend(file.read().to_pylist())
    return found


def test_stamps_become_other_stamps_with_the_same_rows_and_an_index_that_finds_them(
    spark: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_stamps_directory(tmp_path / "in", {"train": 40, "val": 6}, size=16)
    spread_over_files(source, "train", 8)
    assert run("--source", source.stamps, "--out", tmp_path / "out", "--target-mb", 1, "--rows-per-group", 32) == EXIT_DONE
    assert re.search(
        r"92 rows and 84 blobs \(0 MB\) of 9 files in 2 shards of .* read back and found the same", capsys.readouterr().out
    )
    files = run_files(tmp_path / "out", STAMPS, "split=")
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == [
        "split=train/part-00000.parquet",
        "split=val/part-00000.parquet",
    ]
    assert content_hash(files) == content_hash(run_files(source.stamps, STAMPS, "split="))
    with pq.ParquetFile(files[0]) as train:
        assert [train.metadata.row_group(n).num_rows for n in range(train.num_row_groups)] == [32, 32, 16]
        assert train.metadata.row_group(0).column(train.schema_arrow.names.index("stamp_npz")).compression == "UNCOMPRESSED"
    stamps = read_table(files[0], STAMPS, ["task_id"])["task_id"].to_pylist()
    for row in read_table(tmp_path / "out" / "index" / "split-train.parquet", STAMP_INDEX).to_pylist():
        assert row["file"] == "split=train/part-00000.parquet" and stamps[row["row"]] == row["task_id"]
    ours, theirs = read_run(tmp_path / "out"), read_run(source.stamps)
    assert (ours["recipe_hash"], ours["run_seed"], ours["recipe_name"]) == (
        theirs["recipe_hash"],
        theirs["run_seed"],
        "synthetic",
    )
    assert ours["counts"]["rows"] == 92


@pytest.mark.usefixtures("in_process")
def test_foreign_files_keep_folders_columns_types_and_order(tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", 30)
    assert run("--source", source, "--out", tmp_path / "out", "--target-mb", 1, "--rows-per-group", 64) == EXIT_DONE
    assert contents(tmp_path / "out") == contents(source)
    shards = sorted((tmp_path / "out").rglob("*.parquet"))
    sizes = [path.stat().st_size for path in shards]
    assert len(shards) == 2 * 2 and min(sizes) > 0.9 * 2**20 and max(sizes) < 1.6 * 2**20
    with pq.ParquetFile(shards[0]) as file:
        assert file.schema_arrow.types == [pa.string(), pa.binary(), pa.float64()]
        groups = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    assert set(groups[:-1]) == {64} and 0 < groups[-1] <= 64
    assert read_run(tmp_path / "out")["counts"] == {"rows": 1200, "blobs": 1140, "blob_bytes": 1140 * 4000}


@pytest.mark.usefixtures("in_process")
def test_one_huge_file_is_cut_at_its_row_groups(tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", 1, rows=1000)
    assert run("--source", source, "--out", tmp_path / "out", "--target-mb", 1) == EXIT_DONE
    assert contents(tmp_path / "out") == contents(source)
    assert len(list((tmp_path / "out/region_split=train").iterdir())) == 4


@pytest.mark.usefixtures("in_process")
def test_what_stands_is_read_back_and_kept_and_what_does_not_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_foreign(tmp_path / "in", 30)
    words = ("--source", source, "--out", tmp_path / "out", "--target-mb", 1)
    done: list[Shard] = []

    def broken(packed: Packing, shard: Shard) -> Any:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(shard)
        return pack_shard(packed, shard)

    with monkeypatch.context() as patch:
        patch.setattr(compact, "pack_shard", broken)
        with pytest.raises(KeyboardInterrupt):
            compact.main([str(word) for word in words])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}
    assert len(before) == 2 and not (tmp_path / "out" / FINISHED_NAME).exists()
    assert run(*words) == EXIT_DONE
    assert contents(tmp_path / "out") == contents(source)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert run(*words) == EXIT_DONE  # finished


@pytest.mark.usefixtures("in_process")
def test_a_shard_that_holds_something_else_is_an_error_and_nothing_half_written_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_foreign(tmp_path / "in", 3)

    def losing(writer: Any, waiting: list[pa.RecordBatch], rows: int, *, last: bool) -> list[pa.RecordBatch]:
        return flushed(writer, [batch.slice(1) for batch in waiting] if last else waiting, rows, last=last)

    flushed = packing._flushed
    with monkeypatch.context() as patch:
        patch.setattr(packing, "_flushed", losing)
        assert run("--source", source, "--out", tmp_path / "out") == EXIT_BAD_INPUT
    assert "its sources hold Tally(rows=60" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.parquet")) and not list((tmp_path / "out").rglob("*.unfinished"))
    assert run("--source", source, "--out", tmp_path / "out") == EXIT_DONE


@pytest.mark.usefixtures("in_process")
def test_in_s3_comes_the_same_as_on_disk(s3: S3Store, tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", 4)
    there = s3.put(source, "foreign")
    assert run("--source", there, "--out", tmp_path / "out") == EXIT_DONE
    assert contents(tmp_path / "out") == contents(source)
    packed = location(f"s3://{BUCKET}/packed")
    assert run("--source", there, "--out", packed) == EXIT_DONE
    files = read_run(tmp_path / "out")["files"]
    assert read_run(packed)["files"] == files
    s3.file_system().delete_file(f"{BUCKET}/packed/{FINISHED_NAME}")
    put = len(s3.requests())
    assert run("--source", there, "--out", packed) == EXIT_DONE  # read back, not written
    assert {path.partition("?")[0] for method, path in s3.requests()[put:] if method == "PUT"} == {
        f"{BUCKET}/packed/{FINISHED_NAME}"
    }
    assert read_run(packed)["files"] == files


@pytest.mark.usefixtures("in_process")
def test_what_cannot_be_packed_is_one_clear_error(
    rings_directory: StampsDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(*words: Any) -> str:
        assert run("--out", tmp_path / "out", *words) == EXIT_BAD_INPUT
        (line,) = capsys.readouterr().err.splitlines()
        return line

    (tmp_path / "empty").mkdir()
    assert "holds no Parquet file; wanted a directory of some" in error("--source", tmp_path / "empty")
    assert "--target-mb 0" in error("--source", tmp_path, "--target-mb", 0)
    mixed = write_foreign(tmp_path / "mixed", 2)
    other = mixed / "region_split=train" / "f-002.parquet"
    pq.write_table(pa.table({"task": ["a"], "stamp_npz": pa.array([b"x"]), "x": pa.array([1], pa.int64())}), other)
    assert "f-002.parquet" in (line := error("--source", mixed)) and "differ in x: double; wanted files of one schema" in line
    other.write_bytes(other.read_bytes()[:100])
    assert "f-002.parquet is not a readable Parquet file" in error("--source", mixed)
    (rings_directory.stamps / FINISHED_NAME).unlink()
    assert "holds an unfinished run" in error("--source", rings_directory.stamps)
    assert "is a finished run without stamps" in error("--source", rings_directory.plan)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("in_process")
def test_a_damaged_page_of_ours_is_an_error_that_names_the_file(
    rings_directory: StampsDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = run_files(rings_directory.stamps, STAMPS, "split=")
    blob = read_table(path, STAMPS, ["stamp_npz"])["stamp_npz"][0].as_py()
    content = bytearray(path.read_bytes())
    content[content.index(blob) + len(blob) // 2] ^= 1
    path.write_bytes(content)
    assert run("--source", rings_directory.stamps, "--out", tmp_path / "out") == EXIT_BAD_INPUT
    assert f"{path} is damaged" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_the_last_shard_is_not_left_small(tmp_path: Path) -> None:
    source = write_foreign(tmp_path, 10)
    footers = {path: pq.read_metadata(path) for path in sorted((source / "region_split=train").iterdir())}
    total = sum(path.stat().st_size for path in footers)
    shards = plan_shards("a", footers, int(total / 2.2))  # type: ignore[arg-type]
    assert len(shards) == 2 and sum(shard.rows for shard in shards) == 200
    assert [len(shard.pieces) for shard in plan_shards("a", footers, 10**9)] == [10]  # type: ignore[arg-type]
