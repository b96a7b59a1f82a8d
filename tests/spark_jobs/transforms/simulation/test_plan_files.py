"""How hosts become shards: who is used and why not, who stands together, and what is written once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.contract_files import Provenance, read_table, write_table
from schemas.finished_files import describe_file
from schemas.hosts import HOSTS
from schemas.refusal_reasons import Reason
from schemas.tasks import TASKS
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.simulation.plan_files import (
    PlanSettings,
    PlanTask,
    brick_mean_fwhm,
    shard_hosts,
    write_shard,
)
from spark_jobs.transforms.simulation.plan_shard import host_split, plan_shard, tasks_per_host
from spark_jobs.transforms.simulation.used_hosts import HostRows, find_used_hosts, read_host_rows, usable_hosts
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_lenses import recipe_with

FRACTIONS = {"train": 0.4, "val": 0.3, "test": 0.3}


def host_table(*changes: dict[str, Any]) -> pa.Table:
    """One host for each set of changes."""
    rows = [host_row(n, 59.0, -30.0, "0591m305", **change) for n, change in enumerate(changes)]
    return pa.Table.from_pylist(rows, HOSTS.arrow_schema())


def test_only_fine_hosts_of_the_cut_and_bright_enough_are_used_and_every_other_is_counted() -> None:
    two = int(Reason.CATALOGUE_MASKED | Reason.NEAR_KNOWN_LENS)
    faults = [{"reasons": two}, *[{"reasons": int(Reason.CATALOGUE_MASKED)}] * 2, {"lrg_cuts": 0b11000}, {"lrg_cuts": 0}]
    faults += [{"mag_r": 20.01}, {"mag_r": None}, {"mag_r": 22.0, "lrg_cuts": 0}]
    hosts = host_table({}, *faults, {"mag_r": 20.0}, {"lrg_cuts": 0b00100})
    used, left_out = usable_hosts(read_recipe("realistic"), hosts)  # cut v3, r up to 20
    assert used["host_id"].to_pylist() == ["9010-1-0", "9010-1-9", "9010-1-10"]
    assert left_out == {"CATALOGUE_MASKED": 3, "NEAR_KNOWN_LENS": 1, "fainter than r 20.0": 2, "not in LRG cut v3": 3}


def test_no_host_is_left_out_for_a_reason_that_no_host_has() -> None:
    used, left_out = usable_hosts(read_recipe("realistic"), host_table({}, {}))
    assert (used.num_rows, left_out) == (2, {})
    used, left_out = usable_hosts(read_recipe("realistic"), host_table())
    assert (used.num_rows, left_out) == (0, {})


def test_hosts_found_file_by_file_are_those_of_the_whole_table_and_say_where_their_rows_lie(tmp_path: Path) -> None:
    hosts = host_table(*({"mag_r": 19.0 + n % 3, "reasons": int(n == 4) * int(Reason.CATALOGUE_MASKED)} for n in range(12)))
    files = [tmp_path / name for name in ("a.parquet", "b.parquet", "c.parquet")]
    for path, part in zip(files, (hosts.slice(0, 5), hosts.slice(5, 0), hosts.slice(5)), strict=True):
        write_table(path, part, HOSTS, Provenance("test"))
    used, left_out = usable_hosts(read_recipe("realistic"), hosts)
    found = find_used_hosts(read_recipe("realistic"), files)
    assert (found.seen, found.left_out) == (12, left_out)
    assert found.keys["host_id"].to_pylist() == used["host_id"].to_pylist()
    assert read_host_rows(found.rows_of(found.keys)).equals(read_table_like(used))


def read_table_like(hosts: pa.Table) -> pa.Table:
    """Rows as the contract has them, without a file's metadata."""
    return pa.Table.from_pylist(hosts.to_pylist(), HOSTS.arrow_schema())


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_shards_are_neighbours_of_one_split_and_hold_every_host_once(size: int) -> None:
    recipe = recipe_with("realistic", split={"key": "host_cell", "fractions": FRACTIONS})
    hosts = host_table(*({"cell": (7 * n) % 13, "in_anchor_cell": (7 * n) % 13 == 5} for n in range(40)))
    shards = shard_hosts(recipe, hosts, size)
    assert sorted(host for shard in shards for host in shard["host_id"].to_pylist()) == sorted(hosts["host_id"].to_pylist())
    for shard in shards:
        who = list(zip(shard["cell"].to_pylist(), shard["in_anchor_cell"].to_pylist(), strict=True))
        assert len({host_split(recipe, *pair) for pair in who}) == 1
        assert who == sorted(who)
        assert shard.num_rows <= size
    assert shard_hosts(recipe, hosts.take(list(range(40))[::-1]), size) == shards  # whatever the order of the catalogue


def test_hosts_whose_tasks_split_one_by_one_are_bundled_by_cell_only() -> None:
    hosts = host_table(*({"cell": 50 - n} for n in range(11)))
    shards = shard_hosts(read_recipe("gen5"), hosts, 4)
    assert [shard.num_rows for shard in shards] == [4, 4, 3]
    assert [cell for shard in shards for cell in shard["cell"].to_pylist()] == list(range(40, 51))
    assert shard_hosts(read_recipe("gen5"), hosts.slice(0, 0), 4) == []


def test_a_brick_s_mean_width_is_the_mean_of_its_hosts_band_by_band() -> None:
    def widths(g: float | None, r: float | None, z: float | None, brick: str) -> dict[str, Any]:
        named = zip("grz", (g, r, z), strict=True)
        return {"brickname": brick, **{f"psf_fwhm_catalogue_{band}_arcsec": width for band, width in named}}

    rows = [widths(1.0, 1.2, 1.4, "a"), widths(2.0, None, 1.8, "a"), widths(1.5, 1.5, 1.5, "b"), widths(1.0, None, 1.0, "c")]
    means = brick_mean_fwhm(host_table(*rows))
    assert sorted(means) == ["a", "b"]
    assert means["a"] == pytest.approx((1.5, 1.2, 1.6))


def test_a_shard_s_hosts_and_tasks_are_written_once_and_described_where_they_stand(tmp_path: Path) -> None:
    recipe, provenance = read_recipe("gen5"), Provenance("test")
    hosts, widths = host_table(*({} for _ in range(6))), {"0591m305": (1.4, 1.3, 1.2)}
    files = (tmp_path / "a.parquet", tmp_path / "b.parquet")
    for path, part in zip(files, (hosts.slice(0, 2), hosts.slice(2)), strict=True):
        write_table(path, part, HOSTS, provenance)
    rows = HostRows(files, np.array([1, 0, 1], np.int32), np.array([3, 1, 0], np.int32))
    task = PlanTask(3, rows, tmp_path / "hosts" / "shard.parquet", tmp_path / "tasks" / "shard.parquet", widths)
    written = write_shard(PlanSettings(recipe, 5, None, provenance, tmp_path), task)
    assert (written.hosts, written.tasks) == (describe_file(task.hosts, tmp_path), describe_file(task.tasks, tmp_path))
    assert read_table(task.hosts, HOSTS)["host_id"].to_pylist() == ["9010-1-5", "9010-1-1", "9010-1-2"]
    assert read_table(task.tasks, TASKS).equals(plan_shard(recipe, 5, 3, hosts.take([5, 1, 2]), None, widths))
    assert written.counts.rows == 12
    before = task.tasks.read_bytes()
    another = PlanSettings(recipe, 6, None, provenance, tmp_path)  # another seed would write another file
    assert write_shard(another, replace(task, hosts_stand=True, tasks_stand=True)) == written
    assert task.tasks.read_bytes() == before
    assert [path.name for path in task.tasks.parent.iterdir()] == ["shard.parquet"]


@pytest.mark.parametrize(("replicates", "largest"), [(1, 26), (5, 20), (25, 50)])
def test_crowded_bricks_and_hosts_of_many_tasks_make_no_shard_longer_than_asked_or_than_one_host(
    replicates: int, largest: int
) -> None:
    split = {"key": "host_cell", "fractions": FRACTIONS}
    recipe = recipe_with("gen5", split=split, tasks={"replicates": replicates, "controls": "paired", "max_tasks": 10**6})
    bricks = ["crowded"] * 50 + [f"even-{n}" for n in range(10)]  # 50 times the others'
    hosts = host_table(*({"brickname": brick, "cell": n // 40} for n, brick in enumerate(bricks)))
    shards = shard_hosts(recipe, hosts, max(1, int(26 // tasks_per_host(recipe))))
    widths = dict.fromkeys(bricks, (1.4, 1.3, 1.2))
    sizes = [round(shard.num_rows * tasks_per_host(recipe)) for shard in shards]
    assert plan_shard(recipe, 1, 0, shards[0], None, widths).num_rows == sizes[0]
    assert max(sizes) <= largest
    assert sum(sizes) == 60 * 2 * replicates
