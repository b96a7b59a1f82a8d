"""How hosts become shards: which are used, which stand together, and what a Spark worker writes for each bundle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract_files import Provenance, read_table, write_entry
from schemas.finished_files import FileEntry, describe_file
from schemas.hosts import HOSTS
from schemas.locations import Location
from schemas.refusal_reasons import names_of
from schemas.survey import BANDS
from schemas.tasks import TASKS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank
from spark_jobs.transforms.simulation.plan_shard import host_split, plan_shard


@dataclass(frozen=True)
class PlanTask:
    """One shard: the hosts file that stands, the tasks file to write, and brick-mean PSF widths where the recipe wants them.

    ``stands`` where an earlier call of the job wrote the tasks.
    """

    shard: int
    hosts: Location
    tasks: Location
    brick_fwhm: Mapping[str, tuple[float, ...]]
    stands: bool = False


@dataclass(frozen=True)
class PlanSettings:
    """What every shard is planned with, and the directory that it is planned for."""

    recipe: Recipe
    run_seed: int
    bank: Location | None
    provenance: Provenance
    out: Location
    bank_sha256: str | None = None


def usable_hosts(recipe: Recipe, hosts: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """Hosts that the recipe uses, and how many rows each reason left out (a row counts under each of its own)."""
    left_out: Counter[str] = Counter()
    for entry in hosts["reasons"].value_counts().to_pylist():
        for name in names_of(entry["values"]):
            left_out[name] += entry["counts"]
    bit = 1 << (int(recipe.hosts.lrg_cut[1:]) - 1)
    fine = pc.equal(hosts["reasons"], 0)
    in_cut = pc.not_equal(pc.bit_wise_and(hosts["lrg_cuts"], bit), 0)
    bright = pc.fill_null(pc.less_equal(hosts["mag_r"], recipe.hosts.faintest_r), False)
    left_out[f"not in LRG cut {recipe.hosts.lrg_cut}"] = int(pc.sum(pc.and_(fine, pc.invert(in_cut))).as_py() or 0)
    left_out[f"fainter than r {recipe.hosts.faintest_r}"] = int(pc.sum(pc.and_not(pc.and_(fine, in_cut), bright)).as_py() or 0)
    used = hosts.filter(pc.and_(pc.and_(fine, in_cut), bright))
    return used, {name: count for name, count in sorted(left_out.items()) if count}


def shard_hosts(recipe: Recipe, hosts: pa.Table, hosts_per_shard: int) -> list[pa.Table]:
    """Bundles of hosts of neighbouring sky cells, in the order of the cells; of one split each where cells decide the split."""
    order = pc.sort_indices(hosts, sort_keys=[("cell", "ascending"), ("host_id", "ascending")])
    ordered = hosts.take(order)
    if recipe.split.key == "task_id":
        groups = [ordered] if ordered.num_rows else []
    else:
        splits = host_splits(recipe, ordered)
        groups = [ordered.filter(pa.array(splits == split)) for split in dict.fromkeys(splits.tolist())]
    return [group.slice(start, hosts_per_shard) for group in groups for start in range(0, group.num_rows, hosts_per_shard)]


def host_splits(recipe: Recipe, hosts: pa.Table) -> npt.NDArray[np.str_]:
    """Split of each host; a cell is hashed once, however many hosts it has."""
    pairs = list(zip(hosts["cell"].to_pylist(), hosts["in_anchor_cell"].to_pylist(), strict=True))
    splits = {pair: host_split(recipe, *pair) for pair in set(pairs)}
    return np.array([splits[pair] for pair in pairs], dtype=str)


def brick_mean_fwhm(hosts: pa.Table) -> dict[str, tuple[float, ...]]:
    """Mean catalogue PSF width of each brick's hosts, one a band, arcsec; a brick without one in some band is left out."""
    names = [f"psf_fwhm_catalogue_{band}_arcsec" for band in BANDS]
    means = hosts.select(["brickname", *names]).group_by("brickname").aggregate([(name, "mean") for name in names])
    rows = zip(means["brickname"].to_pylist(), *(means[f"{name}_mean"].to_pylist() for name in names), strict=True)
    return {brick: tuple(widths) for brick, *widths in rows if None not in widths}


def write_tasks(settings: PlanSettings, task: PlanTask) -> FileEntry:
    """Write the tasks of one shard, or read those that stand; what the record of the run says of them."""
    if task.stands:
        return describe_file(task.tasks, settings.out)
    bank = _bank(settings.bank, settings.bank_sha256) if settings.bank else None
    table = plan_shard(settings.recipe, settings.run_seed, task.shard, read_table(task.hosts, HOSTS), bank, task.brick_fwhm)
    return write_entry(task.tasks, table, TASKS, settings.provenance, settings.out)


@lru_cache(maxsize=2)
def _bank(place: Location, sha256: str | None) -> SourceBank:
    return open_bank(bank_on_disk(place, sha256))
