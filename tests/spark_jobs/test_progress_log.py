"""The progress log: what a run says while it runs, what an earlier call said, and that it is counted once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.contract_files import Provenance, write_table
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import FINISHED_NAME, read_run
from spark_jobs import progress_log
from spark_jobs.progress_log import PROGRESS_NAME, Counting, ProgressLog, Tally
from spark_jobs.spark_map import map_names
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_plan import SmallRun, copy_of, make_stamps


def lines_of(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / PROGRESS_NAME).read_text().splitlines()]


def write_numbered(path: Path) -> str:
    """A hosts file of as many rows as its name says, of which one is masked."""
    import pyarrow as pa

    if path.stem == "0":
        raise InputError("a file of no rows")
    rows = [host_row(n, 1.0, 2.0, "a", reasons=0 if n else int(Reason.CATALOGUE_MASKED)) for n in range(int(path.stem))]
    write_table(path, pa.Table.from_pylist(rows, HOSTS.arrow_schema()), HOSTS, Provenance("test"))
    return path.name


def run(spark: Any, directory: Path, names: str) -> dict[str, Any]:
    log = ProgressLog(directory)
    paths = [directory / f"{name}.parquet" for name in names]
    map_names(spark, paths, write_numbered, what="writing", log=log, counting=Counting(lambda path: [path], HOSTS))
    return log.took()


@pytest.mark.spark
def test_rows_and_refusals_of_every_shard_are_in_the_last_line(spark: Any, tmp_path: Path) -> None:
    took = run(spark, tmp_path, "354")
    first, *_, last = lines_of(tmp_path)
    assert (first["state"], first["shards_done"], first["shards"], first["seconds_left"]) == ("running", 0, 3, None)
    assert (last["state"], last["shards_done"], last["rows_made"], last["seconds_left"]) == ("done", 3, 12, 0)
    assert last["refused"] == {"CATALOGUE_MASKED": 3}
    assert took["calls"] == 1
    assert took["last_call"]["rows_made"] == 12


@pytest.mark.spark
def test_a_second_call_appends_and_counts_what_stood_as_found(spark: Any, tmp_path: Path) -> None:
    run(spark, tmp_path, "35")
    before = (tmp_path / PROGRESS_NAME).read_text()
    (tmp_path / PROGRESS_NAME).write_text(before + '{"call": 1, "sta')  # killed in the middle of a line
    took = run(spark, tmp_path, "354")
    text = (tmp_path / PROGRESS_NAME).read_text()
    assert text.startswith(before)
    last = json.loads(text.splitlines()[-1])
    assert (last["call"], last["shards_done"], last["shards_found"], last["rows_made"]) == (2, 3, 2, 4)
    assert last["refused"] == {"CATALOGUE_MASKED": 3}
    assert took["calls"] == 2
    assert took["seconds"] >= json.loads(before.splitlines()[-1])["seconds"]


@pytest.mark.spark
def test_a_run_that_fails_says_so(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a file of no rows"):
        run(spark, tmp_path, "30")
    assert lines_of(tmp_path)[-1]["state"] == "failed"


def test_time_left_is_that_of_the_shards_that_were_made_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(progress_log.time, "monotonic", lambda: clock[0])
    log = ProgressLog(tmp_path)
    clock[0] = 10.0
    log.begin("making", 100)
    clock[0] = 40.0
    log.see(Tally(40, 20, 1000))
    last = lines_of(tmp_path)[-1]
    assert (last["rows_per_second"], last["seconds_left"], last["seconds"]) == (33.3, 90, 40.0)


@pytest.mark.spark
@pytest.mark.slow
def test_a_finished_run_counts_as_its_log_does_and_readers_pass_the_log_over(small_run: SmallRun, tmp_path: Path) -> None:
    for directory in (small_run.plan, small_run.cutouts, small_run.stamps):
        record, last = read_run(directory), lines_of(directory)[-1]
        assert last["state"] == "done"
        assert (
            last["shards_done"]
            == last["shards"]
            == len(list(directory.glob("**/shard-*.parquet"))) // (2 if directory == small_run.plan else 1)
        )
        assert record["took"]["last_call"]["rows_made"] == last["rows_made"] > 0
        assert last["refused"] == record["counts"].get("refused_by_reason", record["counts"]["refused"])
    out = copy_of(small_run.stamps, tmp_path / "stamps")
    (out / FINISHED_NAME).unlink()
    next(out.glob("split=*/*.parquet")).unlink()
    make_stamps(small_run, out)
    last = lines_of(out)[-1]
    assert (last["call"], last["shards"] - last["shards_found"]) == (2, 1)
    assert read_run(out)["files"] == read_run(small_run.stamps)["files"]
