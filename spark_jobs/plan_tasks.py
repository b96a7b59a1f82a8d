"""The job that plans a run: which hosts are used, what is made of each, in which split and shard; no pixels are touched."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.file_commit import commit_bytes, commit_text
from schemas.finished_files import file_sha256
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_entries, read_run, run_files, standing_files
from schemas.split_rule import SPLITS
from schemas.tasks import TASKS
from spark_jobs.progress_log import Counting, ProgressLog
from spark_jobs.recipe import Recipe, packaged_recipes, read_recipe
from spark_jobs.recipe_priors import BankLight
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank
from spark_jobs.transforms.simulation.plan_files import PlanSettings, PlanTask, brick_mean_fwhm, shard_hosts, write_shard
from spark_jobs.transforms.simulation.plan_shard import tasks_per_host
from spark_jobs.transforms.simulation.task_counts import counts_csv, counts_text, sum_up
from spark_jobs.transforms.simulation.used_hosts import UsedHosts, find_used_hosts

JOB = "plan"
STAMPS_PER_SHARD = 5000
RECIPE_FILE = "recipe.yaml"
COUNTS_FILE = "counts.csv"
_EXAMPLE = """example:
  dhs plan --recipe realistic --hosts hosts --bank cosmos.h5 --out plan --seed 1
The plan says how many stamps will be made before anything is paid for; cut-hosts then cuts its hosts, inject makes its tasks.
5000 stamps of 64 pixels in three bands are a file of about 250 MB."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--recipe", required=True, help=f"a YAML file, or one that comes with the package: {', '.join(packaged_recipes())}")
    add(
        "--hosts",
        type=location,
        required=True,
        help="finished output of select-hosts; each place here may be s3://bucket/prefix",
    )
    add("--out", type=location, required=True, help="directory for the plan: hosts/, tasks/ and the recipe")
    add("--bank", type=location, help="source bank (HDF5) of dhs source-bank, where the recipe draws its sources from one")
    add("--seed", type=int, default=1, help="seed of the run, 0 or more; every draw is keyed by it (default: %(default)s)")
    add("--stamps-per-shard", type=int, default=STAMPS_PER_SHARD, metavar="N", help="about this many (default: %(default)s)")
    add("--max-tasks", type=int, metavar="N", help="refuse to plan more than this (default: the recipe's max_tasks)")
    add("--partitions", type=int, metavar="N", help="Spark partitions (default: one a shard); the result is the same")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the plan stands. Raises InputError or RunError for input that cannot be used."""
    arguments = build_parser().parse_args(argv)
    recipe = read_recipe(arguments.recipe)
    _check(arguments, recipe)
    out: Location = arguments.out.resolve()  # executors do not start where the driver does
    bank, bank_sha256 = _bank(arguments, recipe)
    identity = RunIdentity(JOB, code_version(), recipe.recipe_hash, arguments.seed, _identity_settings(arguments, bank_sha256))
    used = find_used_hosts(recipe, run_files(arguments.hosts, HOSTS))
    _guard(recipe, used, arguments.max_tasks)
    state = begin_run(out, identity)
    if state is RunState.FINISHED:
        account(JOB, f"{out} holds this plan already, finished: {read_run(out)['counts']['tasks']} tasks; nothing to do")
        return EXIT_DONE
    provenance = Provenance(code_version(), recipe.recipe_hash, arguments.seed, recipe.name)
    commit_bytes(out / RECIPE_FILE, recipe.as_yaml().encode("utf-8"))
    shards = _shards(recipe, used, out, arguments.stamps_per_shard, standing_files(out, state))
    work = partial(write_shard, PlanSettings(recipe, arguments.seed, bank, provenance, out, bank_sha256))
    log, counting = ProgressLog(out), Counting(lambda shard: [shard.tasks], TASKS, lambda shard: shard.tasks_stand)
    spark, partitions = build_session(JOB), arguments.partitions
    planned = map_names(spark, shards, work, what="planning shards", partitions=partitions, log=log, counting=counting)
    in_order = sorted((shard.counts for shard in planned), key=lambda counts: counts.shard)
    commit_text(out / COUNTS_FILE, counts_csv(in_order))
    counts = sum_up(in_order) | {"hosts": used.keys.num_rows, "hosts_left_out": used.left_out}
    header = {"recipe_name": recipe.name, "split_key": recipe.split.key, "took": log.took()}
    entries = [entry for shard in planned for entry in (shard.hosts, shard.tasks)]
    finish_run_of_entries(out, identity, entries, counts, header)
    sys.stdout.write(counts_text(counts))
    account(JOB, f"{_summary(counts)}; {len(shards)} shards; written to {out}")
    return EXIT_DONE


def _check(arguments: argparse.Namespace, recipe: Recipe) -> None:
    """Everything that can be wrong with the call, before anything is written."""
    if arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed}; wanted 0 or more")
    for option in ("stamps_per_shard", "max_tasks", "partitions"):
        given = getattr(arguments, option)
        if given is not None and given < 1:
            raise InputError(f"--{option.replace('_', '-')} {given}; wanted 1 or more")
    if isinstance(recipe.priors.source_light, BankLight) and arguments.bank is None:
        raise InputError(f"recipe {recipe.name} draws its sources from a bank and none was given; wanted --bank FILE.h5")
    read_run(arguments.hosts)


def _bank(arguments: argparse.Namespace, recipe: Recipe) -> tuple[Location | None, str | None]:
    """The bank for the workers and the hash of its bytes; InputError for one that the recipe draws from and cannot."""
    if arguments.bank is None:
        return None, None
    here = bank_on_disk(arguments.bank)
    if isinstance(recipe.priors.source_light, BankLight):
        open_bank(here)
    return arguments.bank.resolve(), file_sha256(here)


def _guard(recipe: Recipe, hosts: UsedHosts, max_tasks: int | None) -> None:
    """Stop before anything is paid for: nothing to make, or more than allowed."""
    used = hosts.keys.num_rows
    if not used:
        reasons = ", ".join(f"{name} {count}" for name, count in hosts.left_out.items()) or "the table is empty"
        raise InputError(f"none of {hosts.seen} hosts can be used by recipe {recipe.name}: {reasons}")
    each, limit = tasks_per_host(recipe), max_tasks or recipe.tasks.max_tasks
    tasks = math.ceil(used * each)
    if tasks > limit:
        raise InputError(
            f"{used} hosts with {each:.3g} tasks each make about {tasks} tasks; at most {limit} are allowed. "
            "Choose fewer hosts or replicates, or raise --max-tasks."
        )


def _shards(recipe: Recipe, used: UsedHosts, out: Location, stamps: int, standing: frozenset[str]) -> list[PlanTask]:
    """What is to be done of each shard, neighbours on the sky after each other whatever their split: they share files."""
    means = brick_mean_fwhm(used.keys) if recipe.psf.width == "brick_mean" else {}
    planned = []
    for number, keys in enumerate(shard_hosts(recipe, used.keys, max(1, int(stamps // tasks_per_host(recipe))))):
        name = f"shard-{number:05d}.parquet"
        here = {brick: means[brick] for brick in keys["brickname"].unique().to_pylist() if brick in means} if means else {}
        stand = (f"hosts/{name}" in standing, f"tasks/{name}" in standing)
        shard = PlanTask(number, used.rows_of(keys), out / "hosts" / name, out / "tasks" / name, here, *stand)
        planned.append((keys["cell"][0].as_py(), number, shard))
    return [shard for *_, shard in sorted(planned, key=lambda place: place[:2])]


def _summary(counts: dict[str, Any]) -> str:
    splits = dict.fromkeys(SPLITS, 0)
    for group, count in counts["by_split_and_kind"].items():
        splits[group.split(" ")[0]] += count
    kinds = ", ".join(f"{name} {count}" for name, count in splits.items())
    draws = f"{counts['n_drawn']} draws" if counts.get("n_drawn") else "no draws"
    return f"{counts['tasks']} tasks on {counts['hosts']} hosts ({kinds}); {counts['refused']} refused already; {draws}"


def _identity_settings(arguments: argparse.Namespace, bank_sha256: str | None) -> dict[str, Any]:
    hosts = {entry["path"]: entry["sha256"] for entry in read_run(arguments.hosts)["files"]}
    return {
        "hosts_sha256": hosts,
        "bank_sha256": bank_sha256,
        "stamps_per_shard": arguments.stamps_per_shard,
    }


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
