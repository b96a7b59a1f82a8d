"""The records beside a run's data: begun, resumed, finished, and never mixed with another run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.contract_files import write_table
from schemas.finished_files import describe_file, file_sha256
from schemas.run_record import (
    RunError,
    RunIdentity,
    RunState,
    begin_run,
    finish_run,
    finish_run_of_files,
    read_run,
    recorded_rows,
    run_files,
)
from tests.schemas.small_table import MADE_BY, SHELF, shelf_table

IDENTITY = RunIdentity("inject", "0.1.0+abc", "5ca1ab1e", 7, {"size": 64, "bands": ("g", "r")})


def shelf_run(directory: Path) -> list[Path]:
    """A finished run of two files, with 3 and 5 rows."""
    begin_run(directory, IDENTITY)
    paths = [directory / name for name in ("split=train/b.parquet", "a.parquet")]
    for path, rows in zip(paths, (3, 5), strict=True):
        write_table(path, shelf_table(rows), SHELF, MADE_BY)
    finish_run(directory, IDENTITY, paths, {"refused": 2}, {"recipe_name": "synthetic"})
    return paths


def test_a_run_is_fresh_then_unfinished_then_finished(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "run"
    assert begin_run(directory, IDENTITY) is RunState.FRESH
    assert begin_run(directory, IDENTITY) is RunState.UNFINISHED
    finish_run(directory, IDENTITY, [], {}, {})
    assert begin_run(directory, IDENTITY) is RunState.FINISHED
    assert sorted(entry.name for entry in directory.iterdir()) == ["_run.json", "_started.json"]


def test_what_was_asked_stands_beside_the_data(tmp_path: Path) -> None:
    begin_run(tmp_path, IDENTITY)
    assert json.loads((tmp_path / "_started.json").read_text()) == {
        "job": "inject",
        "code_version": "0.1.0+abc",
        "recipe_hash": "5ca1ab1e",
        "run_seed": 7,
        "settings": {"size": 64, "bands": ["g", "r"]},
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"job": "plan"}, "job was 'inject' and is now 'plan'"),
        ({"code_version": "0.1.0+def"}, r"code_version was '0\.1\.0\+abc' and is now '0\.1\.0\+def'"),
        ({"recipe_hash": "0"}, "recipe_hash was '5ca1ab1e' and is now '0'"),
        ({"run_seed": 8}, "run_seed was 7 and is now 8"),
        ({"run_seed": None}, "run_seed was 7 and is now None"),
        ({"settings": {"size": 96, "bands": ("g", "r")}}, "settings was .*64.* and is now .*96.*"),
        ({"settings": {}}, "settings was .*64.* and is now {}"),
    ],
)
@pytest.mark.parametrize("finished", [False, True])
def test_a_run_that_differs_in_anything_is_refused_with_both_values(
    tmp_path: Path, change: dict[str, Any], told: str, finished: bool
) -> None:
    begin_run(tmp_path, IDENTITY)
    if finished:
        finish_run(tmp_path, IDENTITY, [], {}, {})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(RunError, match=f"holds another run: {told}. Choose another directory"):
        begin_run(tmp_path, replace(IDENTITY, **change))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_every_difference_is_named(tmp_path: Path) -> None:
    begin_run(tmp_path, IDENTITY)
    with pytest.raises(RunError, match=r"recipe_hash was .*; run_seed was 7 and is now 8"):
        begin_run(tmp_path, replace(IDENTITY, run_seed=8, recipe_hash="0"))


def test_a_directory_with_files_of_no_run_is_left_alone_and_an_empty_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"holds files but no _started\.json: it is not a directory that this job may fill"):
        begin_run(tmp_path, IDENTITY)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    assert begin_run(tmp_path / "empty", IDENTITY) is RunState.FRESH


def test_the_record_counts_rows_from_footers_and_lists_files_in_order(tmp_path: Path) -> None:
    late, early = shelf_run(tmp_path)
    record = read_run(tmp_path)
    assert (record["rows"], record["counts"], record["recipe_name"], record["run_seed"]) == (8, {"refused": 2}, "synthetic", 7)
    assert [(entry["path"], entry["rows"]) for entry in record["files"]] == [("a.parquet", 5), ("split=train/b.parquet", 3)]
    assert [entry["bytes"] for entry in record["files"]] == [early.stat().st_size, late.stat().st_size]
    assert record["files"][0]["sha256"] == hashlib.sha256(early.read_bytes()).hexdigest() == file_sha256(early)
    assert describe_file(late, tmp_path).path == "split=train/b.parquet"
    assert record["finished_utc"].endswith("+00:00")


def test_a_record_over_files_that_are_not_parquet_takes_the_writers_counts(tmp_path: Path) -> None:
    begin_run(tmp_path, IDENTITY)
    for name in ("y.fits", "x.fits"):
        (tmp_path / name).write_bytes(name.encode())
    record = finish_run_of_files(tmp_path, IDENTITY, {tmp_path / "y.fits": 4, tmp_path / "x.fits": 6}, {"bricks": 2}, {})
    assert json.loads(json.dumps(record)) == read_run(tmp_path)
    assert [(e["path"], e["rows"], e["bytes"]) for e in record["files"]] == [("x.fits", 6, 6), ("y.fits", 4, 6)]
    assert record["rows"] == 10


def test_an_absent_and_an_unfinished_run_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"holds no run: _run\.json is not there\. Run \(or run again\) the job that fills it"):
        read_run(tmp_path)
    begin_run(tmp_path, IDENTITY)
    with pytest.raises(RunError, match="holds an unfinished run"):
        read_run(tmp_path)


def test_readers_take_the_files_of_the_record_and_look_at_nothing_else(tmp_path: Path) -> None:
    late, early = shelf_run(tmp_path)
    write_table(tmp_path / "stray.parquet", shelf_table(2), SHELF, MADE_BY)
    assert run_files(tmp_path, SHELF) == [early, late]
    assert run_files(tmp_path, SHELF, under="split=train/") == [late]
    assert run_files(tmp_path, SHELF, under="split=test/") == []


def test_the_record_says_how_many_rows_each_file_has(tmp_path: Path) -> None:
    paths = shelf_run(tmp_path)
    assert recorded_rows(tmp_path, paths) == [3, 5] and recorded_rows(tmp_path, paths[::-1]) == [5, 3]


def test_a_file_that_is_gone_or_holds_other_rows_than_recorded_is_noticed(tmp_path: Path) -> None:
    late, early = shelf_run(tmp_path)
    write_table(early, shelf_table(4), SHELF, MADE_BY)
    with pytest.raises(RunError, match=r"a\.parquet has 4 rows; the record of the run says 5"):
        run_files(tmp_path, SHELF)
    early.unlink()
    with pytest.raises(RunError, match=r"a\.parquet is in the record of the run but not on disk"):
        run_files(tmp_path, SHELF)
    assert run_files(tmp_path, SHELF, under="split=") == [late]
