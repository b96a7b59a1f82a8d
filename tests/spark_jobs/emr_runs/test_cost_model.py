"""The cost of a run: with the work, against the workers, limited by what these do not shorten; nothing unknown is guessed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schemas.job_entry import InputError
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.cost_figures import Costs
from spark_jobs.emr_runs.cost_model import (
    Workers,
    busy_seconds,
    cluster_workers,
    listing_seconds,
    predict,
    serverless_workers,
    workers_until,
)
from spark_jobs.emr_runs.deployment_files import read_settings
from spark_jobs.emr_runs.prediction_text import prediction_lines, size
from spark_jobs.emr_runs.workload import (
    Counts,
    Workload,
    compact_work,
    cut_hosts_work,
    inject_work,
    plan_work,
    select_hosts_work,
)

CLUSTER = read_settings(ClusterSettings, "cluster.yaml")
COSTS = read_settings(Costs, "costs.yaml")
FIGURES = COSTS.figures
WORK = Workload("inject", 1000, "tasks", 1000, 1e5, 4e11, 6e11, 55_000, 7_000, 2)
HASHING = 6e11 / 0.98e9
"""Core seconds of the workers that describe what they write."""
FOUR = Workers(4, 8, 0.25, {"EC2": 2.0}, 5, 10.0, "m5.2xlarge")


def changed(folder: Path, text: str) -> Costs:
    path = folder / "costs.yaml"
    path.write_text(text)
    return read_settings(Costs, "costs.yaml", path)


def test_what_each_resource_would_take_alone_is_work_over_rate() -> None:
    busy = busy_seconds(WORK, FOUR, FIGURES)
    assert busy["computing"] == pytest.approx((1e5 + HASHING) / (32 * 0.6) * 1.15)
    assert busy["network"] == pytest.approx(1e12 / (4 * 0.25e9))
    assert busy["S3 GET limit"] == pytest.approx(10)
    assert busy["S3 PUT limit"] == pytest.approx(2)
    assert busy["driver"] == listing_seconds(WORK, FIGURES) == pytest.approx(0.4)


def test_twice_the_workers_halve_what_they_share_and_nothing_else() -> None:
    one, two = (busy_seconds(WORK, replace(FOUR, count=count), FIGURES) for count in (4, 8))
    for name in ("computing", "network"):
        assert two[name] == pytest.approx(one[name] / 2)
    for name in ("S3 GET limit", "S3 PUT limit", "driver"):
        assert two[name] == one[name]


def test_a_few_shards_keep_no_more_cores_busy_than_they_are() -> None:
    few = busy_seconds(replace(WORK, shards=8), FOUR, FIGURES)
    assert few["computing"] == pytest.approx((1e5 + HASHING) / (8 * 0.6) * 1.15)
    assert few["network"] == pytest.approx(1e12 / 0.25e9)  # eight tasks may lie on one worker


def test_the_money_is_the_hours_times_the_prices_and_the_requests() -> None:
    run = predict(WORK, FOUR, COSTS)
    assert run.hours == pytest.approx(sum(run.seconds.values()) / 3600)
    assert run.instance_hours == pytest.approx(5 * run.hours)
    assert run.usd["EC2"] == pytest.approx(2.0 * run.hours)
    assert run.usd["S3 requests"] == pytest.approx(7002 * 0.005 / 1000 + 55_000 * 0.0004 / 1000)
    assert run.total_usd == pytest.approx(sum(run.usd.values()))
    assert run.stored_usd_month == pytest.approx(600 * 0.023)
    assert run.seconds["start of the workers"] == 600
    assert run.seconds["start of Spark and kernels"] == pytest.approx(90 + 25 / 0.6)
    assert run.seconds["S3 request limits"] == 0
    assert run.longest_part == "computing"


def test_a_job_without_kernels_does_not_wait_for_them() -> None:
    assert predict(replace(WORK, starts_kernels=False), FOUR, COSTS).seconds["start of Spark and kernels"] == 90


def test_request_limits_hold_a_run_up_where_they_ask_for_more_than_the_work() -> None:
    busy = busy_seconds(WORK, FOUR, FIGURES)
    many = replace(WORK, gets=round(5500 * (busy["computing"] + busy["network"] + 100)))
    assert predict(many, FOUR, COSTS).seconds["S3 request limits"] == pytest.approx(100, abs=0.01)


def test_the_first_to_saturate_is_what_more_workers_do_not_shorten() -> None:
    work = replace(WORK, shards=10**6)
    first, until = workers_until(work, FOUR, FIGURES)
    busy = busy_seconds(work, replace(FOUR, count=until), FIGURES)
    more = busy_seconds(work, replace(FOUR, count=until + 1), FIGURES)
    assert first == "S3 GET limit"
    assert busy["computing"] + busy["network"] >= busy[first] > more["computing"] + more["network"]


def test_a_cluster_is_its_workers_and_a_leader_at_their_prices() -> None:
    workers = cluster_workers(CLUSTER, COSTS)
    assert (workers.count, workers.vcpus, workers.instances) == (35, 8, 36)
    assert workers.gigabytes_per_second == 2.5 / 8
    assert workers.hourly_usd["on demand"] == pytest.approx(0.192 + 2 * 0.384)
    assert workers.hourly_usd["spot task workers"] == pytest.approx(33 * 0.154)
    assert workers.hourly_usd["EMR"] == pytest.approx(0.048 + 35 * 0.096)
    assert workers.hourly_usd["disks"] == pytest.approx(36 * 64 * 0.08 / 730)
    bought = CLUSTER.model_copy(update={"fleet": CLUSTER.fleet.model_copy(update={"task_market": "on_demand"})})
    assert cluster_workers(bought, COSTS).hourly_usd["on demand task workers"] == pytest.approx(33 * 0.384)


def test_an_instance_without_a_price_is_refused_and_a_price_may_be_given(tmp_path: Path) -> None:
    fleet = CLUSTER.fleet.model_copy(update={"worker_types": ("m5.2xlarge", "m6i.2xlarge")})
    with pytest.raises(InputError, match=r"costs have no price of m6i\.2xlarge \(they have m5\.xlarge, m5\.2xlarge\)"):
        cluster_workers(CLUSTER.model_copy(update={"fleet": fleet}), COSTS)
    priced = changed(tmp_path, "prices: {instance_hour: {m6i.2xlarge: {on_demand: 1.0, spot: 0.5, emr: 0.2}}}")
    hourly = cluster_workers(CLUSTER.model_copy(update={"fleet": fleet}), priced).hourly_usd
    assert hourly["spot task workers"] == pytest.approx(33 * 0.5)  # the dearest of the types


def test_serverless_is_paid_by_vcpu_memory_and_disk_beyond_twenty() -> None:
    workers = serverless_workers(CLUSTER, COSTS)
    assert (workers.count, workers.vcpus, workers.instances) == (70, 4, 71)
    assert workers.hourly_usd == pytest.approx(
        {"vCPU": 71 * 4 * 0.052624, "memory": 71 * 16 * 0.0057785, "disk": 71 * 20 * 0.000111}
    )


def test_the_work_of_a_plan_and_of_stamps_goes_with_tasks() -> None:
    counts = Counts(tasks=97_500, hosts=6400, shards=20, input_bytes=1e9)
    plan, stamps = plan_work(counts, FIGURES), inject_work(counts, FIGURES)
    assert plan.core_seconds == pytest.approx(97_500 / 6150) and plan.bytes_written == pytest.approx(97_500 * 219)
    assert stamps.core_seconds == pytest.approx(100) and stamps.bytes_written == pytest.approx(97_500 * 46_600)
    assert (stamps.bytes_read, stamps.gets, stamps.puts, stamps.lists) == (1e9, 100 + 80, 20 * (4 + 2), 1)
    assert (plan.item, stamps.item, plan.at_most, stamps.at_most) == ("tasks", "tasks", True, False)
    assert inject_work(replace(counts, quantised=True), FIGURES).bytes_written == pytest.approx(97_500 * 9370)
    assert inject_work(replace(counts, split_by_task=True), FIGURES).puts == 60 * (2 + 2)
    assert plan.puts == 40  # small files: one each


@pytest.mark.parametrize(("hosts", "a_band"), [(100, 0.24), (10, 0.024), (1000, 0.33)])
def test_a_brick_is_read_in_tiles_where_that_is_cheaper_than_its_planes(hosts: int, a_band: float) -> None:
    work = cut_hosts_work(Counts(hosts=hosts * 5, bricks=5), FIGURES)
    assert work.core_seconds == pytest.approx(5 * 3 * a_band)
    assert work.bytes_read == pytest.approx(5 * 98e6) and work.bytes_written == pytest.approx(hosts * 5 * 111_000)
    assert (work.gets, work.brick_lists, work.lists) == (2 * 50 + 1, 5, 1) and not work.starts_kernels


def test_what_nobody_measured_is_not_predicted(tmp_path: Path) -> None:
    counts = Counts(shards=2, input_bytes=1e9)
    assert select_hosts_work(counts, FIGURES).core_seconds == pytest.approx(1000 / 130)
    unknown = "{value: null, measured: false, source: nobody looked at it}"
    figures = changed(tmp_path, f"figures: {{select_megabytes_per_core_second: {unknown}}}").figures
    with pytest.raises(InputError, match=r"there is no figure select_megabytes_per_core_second \(nobody looked at it\)"):
        select_hosts_work(counts, figures)


def test_the_work_of_packing_goes_with_bytes_in_and_out_again() -> None:
    work = compact_work(Counts(shards=4, files=2500, input_bytes=1.39e9), FIGURES)
    assert work.core_seconds == pytest.approx(10) and (work.bytes_read, work.bytes_written) == (1.39e9, 1.39e9)
    assert work.gets == 467 + 2 * 2500 and work.puts == 4 * (6 + 2) and work.lists == 3 + 1
    assert (work.items, work.item, work.starts_kernels) == (4, "shards", False)


@pytest.mark.parametrize(
    "figure", ["{measured: true, value: null}", "{measured: true}", "{value: -1}", "{value: .nan}", "{source: ''}"]
)
def test_a_figure_that_says_more_than_it_has_is_refused(figure: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"figures\.brick_megabytes"):
        changed(tmp_path, f"figures: {{brick_megabytes: {figure}}}")


def test_a_prediction_is_read_with_its_counts_hours_money_and_what_is_not_measured() -> None:
    text = "\n".join(prediction_lines(predict(WORK, FOUR, COSTS), COSTS, "eu-central-1"))
    assert "work: 1000 tasks in 1000 shards; reads 400 GB, writes 600 GB; S3 requests: 55000 GET, 7000 PUT, 2 LIST" in text
    assert "on 4 x m5.2xlarge" in text and "instance-hours" in text and " USD (EC2 " in text
    assert "prices: us-east-1, 2026-11-28; your region is eu-central-1, whose prices differ" in text
    assert "not measured, but assumed or published: " in text and "vcpu_share_of_core" in text
    assert "inject_tasks_per_core_second" not in text
    assert "at most 1000 tasks" in prediction_lines(predict(replace(WORK, at_most=True), FOUR, COSTS), COSTS, None)[0]
    assert "whose prices differ" not in "\n".join(prediction_lines(predict(WORK, FOUR, COSTS), COSTS, "us-east-1"))


def test_bytes_are_said_in_the_unit_that_fits() -> None:
    assert [size(count) for count in (12, 3.2e6, 4e9, 1.306e13)] == ["12 bytes", "3.2 MB", "4 GB", "13.1 TB"]
