"""A path that leads out of a run's directory, by a link or by two dots, is neither written through nor read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.run_record import FINISHED_NAME, RunError, RunIdentity, RunState, begin_run, run_files
from schemas.stamps import STAMPS
from tests.synthetic_stamps import StampsDirectory

JOB = RunIdentity("inject", "1")


def test_a_link_out_of_the_directory_is_not_written_through(tmp_path: Path) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    begin_run(out, JOB)
    (out / "split=train").symlink_to(elsewhere)
    with pytest.raises(RunError, match=r"split=train is a link to .*elsewhere, out of the directory that is filled"):
        begin_run(out, JOB)
    (out / "split=train").unlink()
    (out / "index").mkdir()
    (out / "index" / "split-train.parquet").symlink_to(elsewhere / "file")  # leads nowhere yet, and out all the same
    with pytest.raises(RunError, match=r"split-train.parquet is a link"):
        begin_run(out, JOB)


def test_a_directory_that_is_itself_a_link_to_a_larger_disk_is_filled(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "out").symlink_to(disk)
    assert begin_run(tmp_path / "out", JOB) is RunState.FRESH
    (disk / "a").mkdir()
    (disk / "b").symlink_to(disk / "a")
    assert begin_run(tmp_path / "out", JOB) is RunState.UNFINISHED


@pytest.mark.parametrize("path", ["../plan/tasks/shard-00000.parquet", "split=train/../../x.parquet", "/etc/passwd"])
def test_a_record_that_names_a_file_elsewhere_is_not_followed(
    stamps_directory: StampsDirectory, tmp_path: Path, path: str
) -> None:
    record = json.loads((stamps_directory.stamps / FINISHED_NAME).read_text())
    record["files"][0]["path"] = path
    (tmp_path / FINISHED_NAME).write_text(json.dumps(record))
    with pytest.raises(RunError, match=r"the record of the run names '.*'; wanted files below the directory"):
        run_files(tmp_path, STAMPS)
