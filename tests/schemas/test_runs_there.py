"""Runs among the directories that a person names: themselves, or those that stand in them; never a half-finished one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from schemas.run_record import FINISHED_NAME, RunError
from schemas.runs_there import FoundRun, runs_there, unfinished_there
from tests.s3_store import S3Store
from tests.schemas.small_table import SHELF
from tests.schemas.test_run_record import shelf_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two finished runs, one unfinished, a file and an empty folder."""
    for name in ("b", "a", "half"):
        shelf_run(tmp_path / name)
    (tmp_path / "half" / FINISHED_NAME).unlink()
    (tmp_path / "empty").mkdir()
    (tmp_path / "bank.h5").write_text("no run")
    return tmp_path


def names(runs: list[FoundRun]) -> list[str]:
    return [run.name for run in runs]


def test_a_run_is_found_itself_and_a_folder_stands_for_the_finished_runs_in_it(folder: Path) -> None:
    assert names(runs_there([folder / "b"])) == ["b"]
    assert names(runs_there([folder])) == ["a", "b"]
    assert names(runs_there([str(folder / "b"), folder])) == ["b", "a"]
    assert names(runs_there([folder, folder])) == ["a", "b"]


def test_a_run_is_named_after_its_directory_however_it_is_reached(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder / "a")
    assert names(runs_there([Path()])) == ["a"]


def test_runs_of_one_name_are_told_apart_by_their_paths(folder: Path) -> None:
    shutil.copytree(folder / "a", folder / "empty" / "a")
    found = runs_there([folder / "a", folder / "empty" / "a", folder / "b"])
    assert names(found) == [str(folder / "a"), str(folder / "empty" / "a"), "b"]


def test_a_run_says_what_it_holds_and_hands_out_its_files(folder: Path) -> None:
    (run,) = runs_there([folder / "a"])
    assert run.record["run_seed"] == 7
    assert run.holds("split=train/") and not run.holds("index/")
    assert run.files(SHELF, "split=") == [folder / "a" / "split=train" / "b.parquet"]


def test_an_unfinished_run_that_is_named_is_refused_and_one_inside_a_folder_is_left_out_and_told(folder: Path) -> None:
    with pytest.raises(RunError, match=rf"half holds an unfinished run: {FINISHED_NAME} is not there"):
        runs_there([folder / "half"])
    assert unfinished_there([folder, folder / "a"]) == ["half"]
    assert unfinished_there([folder / "bank.h5"]) == []


def test_a_directory_without_a_run_and_one_that_is_not_there_are_refused(folder: Path) -> None:
    with pytest.raises(RunError, match=r"empty holds no finished run: _run\.json is neither in it nor in a folder of it"):
        runs_there([folder / "empty"])
    for absent in (folder / "nowhere", folder / "bank.h5"):
        with pytest.raises(
            RunError, match=r"is not a directory; wanted a finished run \(with _run\.json\) or a folder of runs"
        ):
            runs_there([absent])


def test_a_run_in_s3_is_found_where_it_is_named(s3: S3Store, folder: Path) -> None:
    (run,) = runs_there([s3.put(folder / "a", "there/a")])
    assert run.name == "a"
    assert [str(path) for path in run.files(SHELF, "a.")] == ["s3://darkhaloscope/there/a/a.parquet"]
    with pytest.raises(RunError, match=r"there holds no run: _run\.json is not there; in S3 each run is named itself"):
        runs_there(["s3://darkhaloscope/there"])
