"""How hosts become shards: which stand together, and what a Spark worker writes for each bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract_files import Provenance, read_table, write_entry
from schemas.finished_files import FileEntry, describe_file
from schemas.hosts import HOSTS
from schemas.locations import Location
from schemas.survey import BANDS
from schemas.tasks import TASKS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank
from spark_jobs.transforms.simulation.plan_shard import plan_shard
from spark_jobs.transforms.simulation.task_counts import COUNTED, TaskCounts, count_tasks
from spark_jobs.transforms.simulation.used_hosts import HostRows, host_splits, read_host_rows


@dataclass(frozen=True)
class PlanTask:
    """One shard: where its hosts' rows lie, the hosts and the tasks file to write, and brick-mean PSF widths where the recipe
    wants them. What an earlier call of the job wrote stands."""

    shard: int
    rows: HostRows
    hosts: Location
    tasks: Location
    brick_fwhm: Mapping[str, tuple[float, ...]]
    hosts_stand: bool = False
    tasks_stand: bool = False


@dataclass(frozen=True)
class PlannedShard:
    """What the record of the run says of a shard's two files, and what its tasks are."""

    hosts: FileEntry
    tasks: FileEntry
    counts: TaskCounts


@dataclass(frozen=True)
class PlanSettings:
    """What every shard is planned with, and the directory that it is planned for."""

    recipe: Recipe
    run_seed: int
    bank: Location | None
    provenance: Provenance
    out: Location
    bank_sha256: str | None = None


def shard_hosts(recipe: Recipe, hosts: pa.Table, hosts_per_shard: int) -> list[pa.Table]:
    """Bundles of hosts of neighbouring sky cells, in the order of the cells; of one split each where cells decide the split."""
    order = pc.sort_indices(hosts, sort_keys=[("cell", "ascending"), ("host_id", "ascending")])
    ordered = hosts.take(order)
    if recipe.split.key == "task_id":
        groups = [ordered] if ordered.num_rows else []
    else:
        splits = host_splits(recipe, ordered)
        found, first = np.unique(splits, return_index=True)
        groups = [ordered.filter(pa.array(splits == split)) for split in found[np.argsort(first)]]
    return [group.slice(start, hosts_per_shard) for group in groups for start in range(0, group.num_rows, hosts_per_shard)]


def brick_mean_fwhm(hosts: pa.Table) -> dict[str, tuple[float, ...]]:
    """Mean catalogue PSF width of each brick's hosts, one a band, arcsec; a brick without one in some band is left out."""
    names = [f"psf_fwhm_catalogue_{band}_arcsec" for band in BANDS]
    means = hosts.select(["brickname", *names]).group_by("brickname").aggregate([(name, "mean") for name in names])
    rows = zip(means["brickname"].to_pylist(), *(means[f"{name}_mean"].to_pylist() for name in names), strict=True)
    return {brick: tuple(widths) for brick, *widths in rows if None not in widths}


def write_shard(settings: PlanSettings, task: PlanTask) -> PlannedShard:
    """Write the hosts and the tasks of one shard, or read what stands of them."""
    if task.hosts_stand:
        hosts = describe_file(task.hosts, settings.out)
    else:
        hosts = write_entry(task.hosts, read_host_rows(task.rows), HOSTS, settings.provenance, settings.out)
    if task.tasks_stand:
        tasks = describe_file(task.tasks, settings.out)
        return PlannedShard(hosts, tasks, count_tasks(task.shard, read_table(task.tasks, TASKS, COUNTED)))
    bank = _bank(settings.bank, settings.bank_sha256) if settings.bank else None
    rows = read_table(task.hosts, HOSTS)
    table = plan_shard(settings.recipe, settings.run_seed, task.shard, rows, bank, task.brick_fwhm)
    tasks = write_entry(task.tasks, table, TASKS, settings.provenance, settings.out)
    return PlannedShard(hosts, tasks, count_tasks(task.shard, table))


@lru_cache(maxsize=2)
def _bank(place: Location, sha256: str | None) -> SourceBank:
    return open_bank(bank_on_disk(place, sha256))
