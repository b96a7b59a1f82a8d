"""The whole run on paper: three jobs that hand on what they write, a benchmark's own figure, and what saturates first."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.job_entry import InputError
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.cost_figures import Costs
from spark_jobs.emr_runs.deployment_files import DEPLOYMENT, read_settings
from spark_jobs.emr_runs.paper_run import TASKS_PER_HOST, PaperRun, paper_lines, paper_predictions, with_benchmark
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.simulation.plan_shard import tasks_per_host

CLUSTER = read_settings(ClusterSettings, "cluster.yaml")
COSTS = read_settings(Costs, "costs.yaml")
RUN = PaperRun()


def test_the_run_is_the_failed_experiments_in_shards_of_the_plan() -> None:
    assert (RUN.tasks, RUN.bricks, RUN.shards) == (10_648_570, 133_163, 2130)
    assert PaperRun(tasks=5000).shards == 1 and PaperRun(tasks=5001).shards == 2
    assert tasks_per_host(read_recipe("realistic")) == pytest.approx(TASKS_PER_HOST, abs=0.01)


def test_each_job_reads_what_the_one_before_wrote() -> None:
    plan, cut, inject = (one.work for one in paper_predictions(RUN, CLUSTER, COSTS))
    assert (plan.job, cut.job, inject.job) == ("plan", "cut-hosts", "inject")
    assert cut.bytes_read == pytest.approx(133_163 * 98e6 + plan.bytes_written)
    assert inject.bytes_read == pytest.approx(plan.bytes_written + cut.bytes_written)
    assert inject.bytes_written == pytest.approx(10_648_570 * 46_600)


def test_ten_times_the_tasks_take_ten_times_the_work() -> None:
    small, large = (paper_predictions(PaperRun(tasks, tasks // 80), CLUSTER, COSTS) for tasks in (10**6, 10**7))
    for one, ten in zip(small, large, strict=True):
        assert ten.work.core_seconds == pytest.approx(10 * one.work.core_seconds, rel=1e-3)
        assert ten.work.bytes_written == pytest.approx(10 * one.work.bytes_written, rel=1e-3)


def test_the_table_names_hours_money_requests_listing_and_what_saturates() -> None:
    predictions = paper_predictions(RUN, CLUSTER, COSTS)
    lines = paper_lines(RUN, predictions, COSTS, None)
    text = "\n".join(lines)
    assert lines[0].endswith("2130 shards; 35 x m5.2xlarge")
    assert [line.split(" | ")[0] for line in lines if line.startswith("| ") and "job" not in line] == [
        "| plan",
        "| cut-hosts",
        "| inject",
        "| all",
    ]
    assert f"| all | {sum(one.hours for one in predictions):.2f} |" in text
    assert f" {sum(one.total_usd for one in predictions):.2f} | 13.5 TB |" in text
    assert "First to saturate: network (network 0." in text
    assert "Listing: 2.2 s for what the run writes" in text


def test_a_benchmarks_output_replaces_the_figure(tmp_path: Path) -> None:
    output = tmp_path / "bench.txt"
    output.write_text("select-hosts ...\ninject, local[2]: 8129 rows, 7800 made, in 4.00 s: 2032 rows/s\nthe same shards\n")
    costs = with_benchmark(COSTS, output)
    assert costs.figures.inject_tasks_per_core_second.value == pytest.approx(8129 / 4 / 2)
    assert "bench.txt: inject, local[2]" in costs.figures.inject_tasks_per_core_second.source
    assert COSTS.figures.inject_tasks_per_core_second.value == 975
    assert costs.figures.plan_tasks_per_core_second == COSTS.figures.plan_tasks_per_core_second
    before, after = (paper_predictions(RUN, CLUSTER, one)[2].work.core_seconds for one in (COSTS, costs))
    assert after / before == pytest.approx(975 / (8129 / 8))


def test_the_line_that_is_looked_for_is_the_one_that_the_benchmark_prints() -> None:
    source = (DEPLOYMENT.parents[1] / "tests" / "benchmarks" / "bench_inject.py").read_text()
    assert "\"inject, local[2]: {counts['rows']} rows, {counts['made']} made, in {whole:.2f} s: {rate:.0f} rows/s\"" in source


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing of the kind", r"has no line 'inject, local\[N\]"),
        (
            "inject, local[2]: 0 rows, 0 made, in 4.00 s: 0 rows/s",
            "says 0 rows on 2 cores in 4.0 s; wanted more than 0 of each",
        ),
    ],
)
def test_an_output_without_the_figure_is_told(text: str, told: str, tmp_path: Path) -> None:
    output = tmp_path / "bench.txt"
    output.write_text(text)
    with pytest.raises(InputError, match=told):
        with_benchmark(COSTS, output)
    with pytest.raises(InputError, match=r"benchmark output .*none\.txt is not there"):
        with_benchmark(COSTS, tmp_path / "none.txt")


@pytest.mark.parametrize("name", ["tasks", "bricks", "tasks_per_host", "stamps_per_shard"])
def test_a_run_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=rf"{name.replace('_', ' ')} 0; wanted more than 0"):
        PaperRun(**{name: 0})
    with pytest.raises(InputError, match="wanted more than 0"):
        PaperRun(tasks_per_host=float("nan"))


def test_the_readme_shows_the_table_that_the_figures_give() -> None:
    table = [line for line in paper_lines(RUN, paper_predictions(RUN, CLUSTER, COSTS), COSTS, None) if line.startswith("| ")]
    readme = (DEPLOYMENT / "README.md").read_text()
    assert all(line in readme for line in table)
