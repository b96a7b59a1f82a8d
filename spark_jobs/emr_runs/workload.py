"""How much work a job is: core seconds, bytes, requests; a pure function of counts and measured figures.

Units: seconds of one core of the benchmarks' machine, bytes, requests. ``items`` are what the job counts by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from spark_jobs.emr_runs.cost_figures import Figures

BANDS = 3
FILES_PER_TASKS_FILE = 3
"""A shard of a recipe that splits by task has a file in each split."""
MB, GB = 1e6, 1e9


@dataclass(frozen=True)
class Workload:
    """One job's work, start left out."""

    job: str
    items: int
    item: str
    shards: int
    core_seconds: float
    bytes_read: float
    bytes_written: float
    gets: int
    puts: int
    lists: int
    brick_lists: int = 0
    """Listings by the workers, of each brick's own folder; ``lists`` are the driver's."""
    starts_kernels: bool = True
    at_most: bool = False
    """Whether counts are upper ends: the true ones are known when the job has run."""


@dataclass(frozen=True)
class Counts:
    """What is known of a run before it: rows, files and bytes of its inputs, and the shards that it makes."""

    tasks: int = 0
    hosts: int = 0
    bricks: int = 0
    shards: int = 1
    input_bytes: float = 0.0
    quantised: bool = False
    split_by_task: bool = False
    files: int = 0


def plan_work(counts: Counts, figures: Figures) -> Workload:
    """Hosts tables in, a hosts and a tasks file a shard out."""
    written = counts.tasks * figures.of("plan_row_bytes")
    return Workload(
        job="plan",
        items=counts.tasks,
        item="tasks",
        shards=counts.shards,
        core_seconds=counts.tasks / figures.of("plan_tasks_per_core_second"),
        bytes_read=2 * counts.input_bytes,  # the driver reads the hosts whole, then each worker its shard's
        bytes_written=written,
        gets=4 * counts.shards,
        puts=_puts(written, 2 * counts.shards, figures),
        lists=_lists(2 * counts.shards, figures),
        at_most=True,
    )


def cut_hosts_work(counts: Counts, figures: Figures) -> Workload:
    """Every object of every brick in, a cutout a host out. Tiles or planes, whichever is cheaper for the mean brick."""
    written = counts.hosts * figures.of("cutout_bytes")
    a_brick = min(figures.of("plane_core_seconds"), counts.hosts / max(counts.bricks, 1) * figures.of("tile_core_seconds"))
    return Workload(
        job="cut-hosts",
        items=counts.hosts,
        item="hosts",
        shards=counts.shards,
        core_seconds=counts.bricks * BANDS * a_brick,
        bytes_read=counts.bricks * figures.of("brick_megabytes") * MB + counts.input_bytes,
        bytes_written=written,
        gets=2 * math.ceil(counts.bricks * figures.of("objects_per_brick")) + counts.shards,
        puts=_puts(written, counts.shards, figures),
        lists=_lists(counts.shards, figures),
        brick_lists=counts.bricks,
        starts_kernels=False,
        at_most=True,
    )


def inject_work(counts: Counts, figures: Figures) -> Workload:
    """Cutouts and tasks in, a stamp a task out."""
    written = counts.tasks * figures.of("quantised_stamp_bytes" if counts.quantised else "stamp_bytes")
    files = counts.shards * (FILES_PER_TASKS_FILE if counts.split_by_task else 1)
    return Workload(
        job="inject",
        items=counts.tasks,
        item="tasks",
        shards=counts.shards,
        core_seconds=counts.tasks / figures.of("inject_tasks_per_core_second"),
        bytes_read=counts.input_bytes,
        bytes_written=written,
        gets=math.ceil(counts.hosts / figures.of("rows_per_get")) + 4 * counts.shards,
        puts=_puts(written, files, figures),
        lists=_lists(files, figures),
    )


def select_hosts_work(counts: Counts, figures: Figures) -> Workload:
    """Sweeps in, a hosts file a sweep out."""
    return Workload(
        job="select-hosts",
        items=counts.shards,
        item="sweeps",
        shards=counts.shards,
        core_seconds=counts.input_bytes / MB / figures.of("select_megabytes_per_core_second"),
        bytes_read=counts.input_bytes,
        bytes_written=0.0,
        gets=2 * counts.shards,
        puts=2 * counts.shards,
        lists=_lists(counts.shards, figures),
        starts_kernels=False,
    )


def compact_work(counts: Counts, figures: Figures) -> Workload:
    """Every byte in, and out again."""
    group_bytes = figures.of("rows_per_get") * figures.of("stamp_bytes")
    return Workload(
        job="compact",
        items=counts.shards,
        item="shards",
        shards=counts.shards,
        core_seconds=counts.input_bytes / MB / figures.of("compact_megabytes_per_core_second"),
        bytes_read=counts.input_bytes,
        bytes_written=counts.input_bytes,
        gets=math.ceil(counts.input_bytes / group_bytes) + 2 * counts.files,  # its footer by the driver, and by a worker
        puts=_puts(counts.input_bytes, counts.shards, figures),
        lists=_lists(counts.files, figures) + _lists(counts.shards, figures),
        starts_kernels=False,
    )


WORK = {
    "plan": plan_work,
    "cut-hosts": cut_hosts_work,
    "inject": inject_work,
    "select-hosts": select_hosts_work,
    "compact": compact_work,
}


def _puts(size: float, files: int, figures: Figures) -> int:
    """Requests of ``files`` uploads of one size: one each, or of larger ones the parts, and two to begin and end each."""
    parts = math.ceil(size / max(files, 1) / (figures.of("upload_part_megabytes") * MB))
    return files if parts <= 1 else files * (parts + 2)


def _lists(files: int, figures: Figures) -> int:
    """Pages of one listing of the output, as resuming takes it."""
    return math.ceil(max(files, 1) / figures.of("keys_per_listing"))
