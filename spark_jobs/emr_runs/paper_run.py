"""The whole run on paper: plan, cut-hosts and inject of millions of tasks, from the benchmarks' figures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.job_entry import InputError
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.cost_figures import Costs, Figure
from spark_jobs.emr_runs.cost_model import HOUR, Prediction, Workers, busy_seconds, cluster_workers, predict, workers_until
from spark_jobs.emr_runs.prediction_text import price_lines, size
from spark_jobs.emr_runs.workload import Counts, cut_hosts_work, inject_work, plan_work

TASKS, BRICKS, STAMPS_PER_SHARD = 10_648_570, 133_163, 5000
"""The failed experiment's run (rows in its files, bricks of its hosts), and the plan's own size of a shard."""
TASKS_PER_HOST = 2.82
_GROWTH = re.compile(r"inject, local\[(\d+)\]: (\d+) rows, .* in ([\d.]+) s")


@dataclass(frozen=True)
class PaperRun:
    """How large the run is."""

    tasks: int = TASKS
    bricks: int = BRICKS
    tasks_per_host: float = TASKS_PER_HOST
    stamps_per_shard: int = STAMPS_PER_SHARD
    quantised: bool = False
    split_by_task: bool = False

    def __post_init__(self) -> None:
        for name in ("tasks", "bricks", "tasks_per_host", "stamps_per_shard"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name.replace('_', ' ')} {getattr(self, name)}; wanted more than 0")

    @property
    def hosts(self) -> int:
        """Galaxies that are cut."""
        return round(self.tasks / self.tasks_per_host)

    @property
    def shards(self) -> int:
        """Units of work, each with its files."""
        return -(-self.tasks // self.stamps_per_shard)


def paper_predictions(run: PaperRun, settings: ClusterSettings, costs: Costs) -> list[Prediction]:
    """The three jobs in their order, each on workers of its own cluster."""
    figures, workers = costs.figures, cluster_workers(settings, costs)
    plan_bytes, cutouts = run.tasks * figures.of("plan_row_bytes"), run.hosts * figures.of("cutout_bytes")
    counts = Counts(run.tasks, run.hosts, run.bricks, run.shards, 0.0, run.quantised, run.split_by_task)
    return [
        predict(plan_work(_reading(counts, run.hosts * figures.of("host_row_bytes")), figures), workers, costs),
        predict(cut_hosts_work(_reading(counts, plan_bytes), figures), workers, costs),
        predict(inject_work(_reading(counts, plan_bytes + cutouts), figures), workers, costs),
    ]


def with_benchmark(costs: Costs, output: Path) -> Costs:
    """The costs with the stamps a second that a run of ``bench_inject.py`` printed; InputError where it printed none."""
    if not output.is_file():
        raise InputError(f"benchmark output {output} is not there; wanted what tests/benchmarks/bench_inject.py printed")
    found = _GROWTH.search(output.read_text(encoding="utf-8", errors="replace"))
    if not found:
        raise InputError(f"{output} has no line 'inject, local[N]: ... rows, ... in ... s'; wanted bench_inject.py's output")
    cores, rows, seconds = int(found[1]), int(found[2]), float(found[3])
    if not (cores and rows and seconds):
        raise InputError(f"{output} says {rows} rows on {cores} cores in {seconds} s; wanted more than 0 of each")
    figure = costs.figures.inject_tasks_per_core_second
    changed: Figure = figure.model_copy(update={"value": rows / seconds / cores, "source": f"{output.name}: {found[0]}"})
    return costs.model_copy(update={"figures": costs.figures.model_copy(update={"inject_tasks_per_core_second": changed})})


def paper_lines(run: PaperRun, predictions: Sequence[Prediction], costs: Costs, region: str | None) -> list[str]:
    """The table, and what saturates first."""
    workers = predictions[0].workers
    return [
        f"{run.tasks} tasks on {run.hosts} hosts in {run.bricks} bricks, {run.shards} shards; {workers.count} x {workers.kind}",
        "",
        "| job | hours | instance-hours | USD | read | written | GET | PUT | LIST | waits most for | first to saturate |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *(_row(prediction, costs) for prediction in predictions),
        _sum(predictions),
        "",
        *_saturation(predictions, workers, costs),
        f"Keeping all of it: {sum(one.stored_usd_month for one in predictions):.2f} USD a month.",
        *price_lines(costs, region),
    ]


def _reading(counts: Counts, size_in: float) -> Counts:
    return Counts(counts.tasks, counts.hosts, counts.bricks, counts.shards, size_in, counts.quantised, counts.split_by_task)


def _row(one: Prediction, costs: Costs) -> str:
    work = one.work
    first, until = workers_until(work, one.workers, costs.figures)
    return (
        f"| {work.job} | {one.hours:.2f} | {one.instance_hours:.1f} | {one.total_usd:.2f} | {size(work.bytes_read)} | "
        f"{size(work.bytes_written)} | {work.gets} | {work.puts} | {work.lists + work.brick_lists} | {one.longest_part} | "
        f"{first}, at {until} workers |"
    )


def _sum(predictions: Sequence[Prediction]) -> str:
    work = [one.work for one in predictions]
    return (
        f"| all | {sum(one.hours for one in predictions):.2f} | {sum(one.instance_hours for one in predictions):.1f} | "
        f"{sum(one.total_usd for one in predictions):.2f} | {size(sum(one.bytes_read for one in work))} | "
        f"{size(sum(one.bytes_written for one in work))} | {sum(one.gets for one in work)} | {sum(one.puts for one in work)} | "
        f"{sum(one.lists + one.brick_lists for one in work)} | | |"
    )


def _saturation(predictions: Sequence[Prediction], workers: Workers, costs: Costs) -> list[str]:
    """Which resource holds up the whole run, and what listing takes."""
    busy: dict[str, float] = {}
    for one in predictions:
        for name, seconds in busy_seconds(one.work, workers, costs.figures).items():
            busy[name] = busy.get(name, 0.0) + seconds
    first = max(busy, key=lambda name: busy[name])
    times = ", ".join(f"{name} {seconds / HOUR:.2f} h" for name, seconds in sorted(busy.items(), key=lambda part: -part[1]))
    listing = sum(one.work.lists for one in predictions) * costs.figures.of("s3_answer_seconds")
    return [
        f"First to saturate: {first} ({times}).",
        f"Listing: {listing:.1f} s for what the run writes; each brick's own folder is listed by the worker that cuts from it.",
    ]
