"""Processes killed while they work: the run ends, or goes on, with what the undisturbed one made."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from schemas.run_record import FINISHED_NAME
from tests.faults.disturbed_run import end, hash_of, left_behind, run_through, started, wait_for_writer
from tests.spark_jobs.small_plan import SmallRun

pytestmark = [pytest.mark.spark, pytest.mark.slow]


def test_a_worker_killed_in_the_middle_of_a_shard_costs_that_shard_only(small_run: SmallRun, tmp_path: Path) -> None:
    with started(small_run, tmp_path / "stamps") as job:
        os.kill(wait_for_writer(tmp_path / "stamps"), signal.SIGKILL)
        code, said = end(job)
    assert code == 0, said
    assert hash_of(tmp_path / "stamps") == hash_of(small_run.stamps)
    assert not left_behind(tmp_path / "stamps")


def test_a_driver_killed_leaves_whole_files_and_the_same_command_goes_on(small_run: SmallRun, tmp_path: Path) -> None:
    out = tmp_path / "stamps"
    with started(small_run, out):
        wait_for_writer(out)  # the block's end kills driver, JVM and workers
    assert not (out / FINISHED_NAME).exists()
    code, said = run_through(small_run, out)
    assert code == 0, said
    assert hash_of(out) == hash_of(small_run.stamps)
    assert not left_behind(out)
