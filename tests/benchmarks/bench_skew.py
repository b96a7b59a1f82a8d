"""Does skew stretch a run? A brick with 50 times the mean number of hosts, and a host with 500 tasks, against an even sky.

    python tests/benchmarks/bench_skew.py [--bricks 110] [--hosts 4700] [--repeats 3]

The same total of hosts and tasks three times: spread evenly over small bricks; 50 times the mean in one; and the even plan
with 500 tasks of one host in the place of 500 of others. Seconds of plan, cut-hosts and inject at local[2], medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from schemas.contract_files import Provenance, read_table, write_table  # noqa: E402
from schemas.hosts import HOSTS  # noqa: E402
from schemas.run_record import RunIdentity, begin_run, finish_run, read_run, run_files  # noqa: E402
from schemas.survey import PIXEL_SCALE_ARCSEC  # noqa: E402
from schemas.tasks import TASKS  # noqa: E402
from spark_jobs import build_source_bank, cut_hosts, inject, mock_sky, plan_tasks, select_hosts  # noqa: E402
from spark_jobs.recipe import read_recipe  # noqa: E402
from spark_jobs.session import build_session  # noqa: E402
from spark_jobs.transforms.bank.bank_file import open_bank  # noqa: E402
from spark_jobs.transforms.mock.brick_tiling import Brick  # noqa: E402
from spark_jobs.transforms.simulation.plan_shard import plan_shard, tasks_per_host  # noqa: E402
from tests.benchmarks.bench_plan import run  # noqa: E402
from tests.benchmarks.drawn_hosts import host_rows  # noqa: E402

BRICK_PIX, MARGIN_PIX, CROWDING, TASKS_OF_ONE = 400, 40, 50, 500


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bricks", type=int, default=110, help="more than 50")
    parser.add_argument("--hosts", type=int, default=4700, help="hosts on all of them")
    parser.add_argument("--stamps-per-shard", type=int, default=500, help="as dhs plan has it; in production some thousands")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median is taken")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        build_session("bench", "local[2]")
        names = prepare(root, arguments.bricks, arguments.hosts)
        taken: dict[tuple[str, str], list[float]] = {}
        for number in range(arguments.repeats):  # side by side, so that a busy minute falls on all of them
            for name in names:
                for job, seconds in once(root, name, number, arguments.stamps_per_shard).items():
                    key = ("one host", "inject") if job == "inject of one host" else (name, job)
                    taken.setdefault(key, []).append(seconds)
        print(f"load: {os.getloadavg()[0]:.1f}\n")
        print("| sky | tasks | largest shard | plan, s | cut-hosts, s | inject, s (least to most) | a task, over even |")
        print("|---|---|---|---|---|---|---|")
        even = 0.0
        for name in (*names, "one host"):
            counts = read_run(root / f"plan-{name}-0")["counts"]
            tasks, largest = counts["tasks"], counts["shards"]["largest"]
            jobs = [taken.get((name, job)) for job in ("plan", "cut")]
            cells = " | ".join(f"{statistics.median(several):.2f}" if several else "" for several in jobs)
            inject = taken[name, "inject"]
            a_task = statistics.median(inject) / tasks
            even = even or a_task
            spread = f"{statistics.median(inject):.2f} ({min(inject):.2f} to {max(inject):.2f})"
            print(f"| {name} | {tasks} | {largest} | {cells} | {spread} | {a_task / even - 1:+.1%} |")


def prepare(root: Path, bricks: int, hosts: int) -> list[str]:
    """Bricks, a bank, and two hosts directories over the same bricks."""
    sky = root / "sky"
    run(mock_sky, "--out", sky, "--bricks", bricks, "--brick-size", BRICK_PIX, "--hosts-per-brick", 4)
    run(select_hosts, "--sweeps", sky / "sweep", "--out", root / "pattern")
    run(build_source_bank, "--out", root / "bank.h5", "--procedural", 200)
    pattern = pa.concat_tables([read_table(path, HOSTS) for path in run_files(root / "pattern", HOSTS)])
    pattern = pattern.filter(pc.equal(pattern["reasons"], 0))
    inner = [inner_part(brick) for brick in mock_sky.default_bricks(bricks)]
    crowded = np.full(bricks, (hosts - CROWDING * hosts // bricks) // (bricks - 1))
    crowded[bricks // 2] = hosts - crowded[0] * (bricks - 1)
    for name, counts in (("even", np.full(bricks, hosts // bricks)), ("crowded brick", crowded)):
        identity, out = RunIdentity("drawn-hosts", "bench"), root / f"hosts-{name}"
        begin_run(out, identity)
        rows = host_rows(np.random.default_rng(3), pattern, inner, counts, 0.0)
        write_table(out / "sweep.parquet", rows, HOSTS, Provenance("bench"))
        finish_run(out, identity, [out / "sweep.parquet"], {}, {})
    return ["even", "crowded brick"]


def inner_part(brick: Brick) -> Brick:
    """The brick's own middle, as far as its pixels reach."""
    half = (BRICK_PIX / 2 - MARGIN_PIX) * PIXEL_SCALE_ARCSEC / 3600
    wide = half / np.cos(np.radians(brick.dec))
    return replace(brick, ra1=brick.ra - wide, ra2=brick.ra + wide, dec1=brick.dec - half, dec2=brick.dec + half)


def once(root: Path, name: str, number: int, shard: int) -> dict[str, float]:
    """Seconds of each job on one sky; after the even one, those of inject where one of its hosts has 500 tasks."""
    plan, cutouts, bank = root / f"plan-{name}-{number}", root / f"cutouts-{name}-{number}", ("--bank", root / "bank.h5")
    planned = ("--recipe", "realistic", "--hosts", root / f"hosts-{name}", *bank, "--stamps-per-shard", shard, "--out", plan)
    made = partial(run, inject, "--cutouts", cutouts, *bank)
    taken = {
        "plan": seconds(partial(run, plan_tasks, *planned)),
        "cut": seconds(partial(run, cut_hosts, "--hosts", plan, "--bricks", root / "sky", "--out", cutouts)),
        "inject": seconds(partial(made, "--plan", plan, "--out", root / f"stamps-{name}-{number}")),
    }
    if name == "even":
        plan = with_one_busy_host(plan, root / f"plan-one host-{number}", root / "bank.h5")
        taken["inject of one host"] = seconds(partial(made, "--plan", plan, "--out", root / f"stamps-one host-{number}"))
    return taken


def with_one_busy_host(plan: Path, out: Path, bank: Path) -> Path:
    """The plan with 500 tasks of one host more, in its own shard, and as many tasks of other shards less."""
    record, recipe = read_run(plan), read_recipe(plan / plan_tasks.RECIPE_FILE)
    hosts, tasks = (run_files(plan, table, under) for table, under in ((HOSTS, "hosts/"), (TASKS, "tasks/")))
    middle = len(tasks) // 2
    replicates = round(TASKS_OF_ONE / tasks_per_host(recipe))
    often = recipe.model_copy(update={"tasks": recipe.tasks.model_copy(update={"replicates": replicates})})
    more = plan_shard(often, record["run_seed"], middle, read_table(hosts[middle], HOSTS).slice(0, 1), open_bank(bank), {})
    place = more.column_names.index("recipe_hash")
    same = pa.array([recipe.recipe_hash]).take(pa.array(np.zeros(more.num_rows, int)))
    more = more.set_column(place, TASKS["recipe_hash"].arrow_field, same)
    identity = RunIdentity("plan", record["code_version"], record["recipe_hash"], record["run_seed"], record["settings"])
    begin_run(out, identity)
    (out / plan_tasks.RECIPE_FILE).write_bytes((plan / plan_tasks.RECIPE_FILE).read_bytes())
    files, sizes, left = [], [], more.num_rows
    for number, (hosts_file, tasks_file) in enumerate(zip(hosts, tasks, strict=True)):
        table = read_table(tasks_file, TASKS)
        if number == middle:
            table = pa.concat_tables([table, more])
        else:
            less = min(left, -(-more.num_rows // (len(tasks) - 1)))
            table, left = table.slice(0, table.num_rows - less), left - less
        files += [out / "hosts" / hosts_file.name, out / "tasks" / tasks_file.name]
        write_table(files[-2], read_table(hosts_file, HOSTS), HOSTS, Provenance("bench"))
        write_table(files[-1], table, TASKS, Provenance("bench", recipe.recipe_hash, record["run_seed"], recipe.name))
        sizes.append(table.num_rows)
    counts = record["counts"] | {"tasks": sum(sizes), "shards": {"largest": max(sizes)}}
    finish_run(out, identity, files, counts, {"recipe_name": recipe.name, "split_key": recipe.split.key})
    return out


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
