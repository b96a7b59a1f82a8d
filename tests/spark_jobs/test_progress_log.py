"""The progress log: what a run says while it runs, what an earlier call said, and that it is counted once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.contract_files import Provenance, write_table
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import Location, location
from schemas.refusal_reasons import Reason
from schemas.run_record import FINISHED_NAME, read_run
from spark_jobs import progress_log
from spark_jobs.progress_log import PROGRESS_NAME, Counting, ProgressLog, Tally
from spark_jobs.spark_map import map_names
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_plan import SmallRun, copy_of, make_stamps


def lines_of(directory: Location) -> list[dict[str, Any]]:
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
    standing = [path for path in paths if path.exists()]
    counting = Counting(lambda path: [path], HOSTS, lambda path: path in standing)
    map_names(spark, paths, write_numbered, what="writing", log=log, counting=counting)
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
    cut_off, *lines = text[len(before) :].splitlines()
    assert cut_off == '{"call": 1, "sta'
    assert [json.loads(line)["shards_done"] for line in lines][:1] == [0]
    last = json.loads(lines[-1])
    assert (last["call"], last["shards_done"], last["shards_found"], last["rows_made"]) == (2, 3, 2, 4)
    assert last["refused"] == {"CATALOGUE_MASKED": 3}
    assert took["calls"] == 2
    assert took["seconds"] >= json.loads(before.splitlines()[-1])["seconds"]


@pytest.mark.spark
def test_a_run_that_fails_says_so(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a file of no rows"):
        run(spark, tmp_path, "30")
    assert lines_of(tmp_path)[-1]["state"] == "failed"


class Clock:
    """Stands for the log's ``time``; of everybody else the clock goes on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time that the log sees."""
    seen = Clock()
    monkeypatch.setattr(progress_log, "time", seen)
    return seen


def test_time_left_is_that_of_the_shards_that_were_made_now(tmp_path: Path, clock: Clock) -> None:
    log = ProgressLog(tmp_path)
    clock.seconds = 10.0
    log.begin("making", 100)
    clock.seconds = 40.0
    log.see(Tally(40, 20, 1000))
    last = lines_of(tmp_path)[-1]
    assert (last["rows_per_second"], last["seconds_left"], last["seconds"]) == (33.3, 90, 40.0)
    assert (last["shards_done"], last["shards_found"], last["rows_made"]) == (40, 20, 1000)
    assert datetime.now(UTC) - datetime.fromisoformat(last["utc"]) < timedelta(minutes=1)


def test_a_line_comes_every_ten_seconds_and_at_the_end_and_a_stage_begins_at_nothing(tmp_path: Path, clock: Clock) -> None:
    log = ProgressLog(tmp_path)
    log.begin("reading", 2)
    for seconds in (4.0, 9.9, 10.0, 12.0, 19.9, 20.5):
        clock.seconds = seconds
        log.see(Tally(1, 0, int(seconds)))
    clock.seconds = 21.0
    log.see(Tally(2, 0, 40))
    log.end("done")
    log.begin("writing", 3)
    lines = lines_of(tmp_path)
    assert [line["seconds"] for line in lines] == [0.0, 10.0, 20.5, 21.0, 21.0]
    assert [line["rows_made"] for line in lines] == [0, 10, 20, 40, 0]
    assert [line["state"] for line in lines] == ["running"] * 3 + ["done", "running"]
    assert [(line["stage"], line["shards"]) for line in lines[-2:]] == [("reading", 2), ("writing", 3)]
    clock.seconds = 31.0
    log.see(Tally(1, 0, 5))
    assert log.took() == {"calls": 1, "seconds": 31.0, "last_call": {"rows_made": 5, "rows_per_second": 0.5}}


def test_a_row_refused_for_two_reasons_counts_under_both(tmp_path: Path) -> None:
    log = ProgressLog(tmp_path)
    log.begin("making", 2)
    both, one = int(Reason.MASKED_PIXELS | Reason.PSF_UNKNOWN), int(Reason.PSF_UNKNOWN)
    log.see(Tally(1, 0, 9, {both: 3}) + Tally(1, 0, 9, {both: 1, one: 5}))
    log.end("done")
    assert lines_of(tmp_path)[-1]["refused"] == {"MASKED_PIXELS": 4, "PSF_UNKNOWN": 9}


def test_seconds_of_earlier_calls_are_each_counted_once(tmp_path: Path, clock: Clock) -> None:
    for _ in range(3):
        log, begun = ProgressLog(tmp_path), clock.seconds
        log.begin("making", 1)
        clock.seconds = begun + 12.0
        log.see(Tally())
        log.end("failed")
        clock.seconds += 100.0  # between the calls
    assert log.call == 3
    assert ProgressLog(tmp_path).took()["seconds"] == 36.0


def test_in_s3_the_whole_log_is_put_each_minute_and_at_the_end(s3: S3Store, clock: Clock) -> None:
    directory = location(f"s3://{BUCKET}/log")
    log = ProgressLog(directory)
    log.begin("making", 9)
    seen = []
    for seconds in (10.0, 59.0, 70.0, 81.0, 120.0, 131.0, 142.0):
        clock.seconds = seconds
        log.see(Tally(1, 0, 1))
        seen.append(len(lines_of(directory)) if log.path.exists() else 0)
    assert seen == [0, 0, 4, 4, 4, 7, 7]
    log.end("done")
    assert [line["state"] for line in lines_of(directory)] == ["running"] * 8 + ["done"]
    first = log.path.read_text()
    again = ProgressLog(directory)
    again.begin("making", 9)
    again.end("failed")
    assert again.path.read_text().startswith(first)
    assert [(line["call"], line["state"]) for line in lines_of(directory)[9:]] == [(2, "running"), (2, "failed")]


def test_a_store_that_takes_no_log_costs_no_run_and_the_next_line_takes_the_lost_ones_along(s3: S3Store, clock: Clock) -> None:
    directory = location(f"s3://{BUCKET}/kept")
    log = ProgressLog(directory)
    log.begin("making", 2)
    clock.seconds = 61.0
    with s3.refusing_everybody():
        log.see(Tally(1, 0, 3))
    assert not log.path.exists()
    log.end("done")
    assert [line["rows_made"] for line in lines_of(directory)] == [0, 3, 3]


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
