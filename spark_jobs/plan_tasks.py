"""The job that plans a run: which hosts are used, what is made of each, in which split and shard; no pixels are touched."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from schemas.code_version import code_version
from schemas.contract_files import Provenance, read_table, write_entry
from schemas.file_commit import commit_bytes
from schemas.finished_files import FileEntry, describe_file, file_sha256
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, each_in_order, location, map_in_order, relative_path
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_entries, read_run, run_files, standing_files
from schemas.tasks import TASKS
from spark_jobs.recipe import Recipe, packaged_recipes, read_recipe
from spark_jobs.recipe_priors import BankLight
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank
from spark_jobs.transforms.simulation.plan_files import (
    PlanSettings,
    PlanTask,
    brick_mean_fwhm,
    shard_hosts,
    usable_hosts,
    write_tasks,
)
from spark_jobs.transforms.simulation.plan_shard import tasks_per_host

JOB = "plan"
STAMPS_PER_SHARD = 5000
RECIPE_FILE = "recipe.yaml"
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
    files: list[Location] = run_files(arguments.hosts, HOSTS)
    hosts = pa.concat_tables(map_in_order(partial(read_table, contract=HOSTS), files))
    used, left_out = usable_hosts(recipe, hosts)
    _guard(recipe, used.num_rows, hosts.num_rows, left_out, arguments.max_tasks)
    state = begin_run(out, identity)
    if state is RunState.FINISHED:
        account(JOB, f"{out} holds this plan already, finished: {read_run(out)['counts']['tasks']} tasks; nothing to do")
        return EXIT_DONE
    provenance = Provenance(code_version(), recipe.recipe_hash, arguments.seed, recipe.name)
    standing = standing_files(out, state)
    planned = _shards(recipe, used, out, arguments.stamps_per_shard, standing)
    written = _write_hosts(planned, out, provenance, standing)
    commit_bytes(out / RECIPE_FILE, recipe.as_yaml().encode("utf-8"))
    shards = [shard for shard, _ in planned]
    work = partial(write_tasks, PlanSettings(recipe, arguments.seed, bank, provenance, out, bank_sha256))
    written += map_names(build_session(JOB), shards, work, what="planning shards", partitions=arguments.partitions)
    counts = _counts([shard.tasks for shard in shards]) | {"hosts": used.num_rows, "hosts_left_out": left_out}
    header = {"recipe_name": recipe.name, "split_key": recipe.split.key}
    finish_run_of_entries(out, identity, written, counts, header)
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


def _guard(recipe: Recipe, used: int, seen: int, left_out: dict[str, int], max_tasks: int | None) -> None:
    """Stop before anything is paid for: nothing to make, or more than allowed."""
    if not used:
        reasons = ", ".join(f"{name} {count}" for name, count in left_out.items()) or "the table is empty"
        raise InputError(f"none of {seen} hosts can be used by recipe {recipe.name}: {reasons}")
    each, limit = tasks_per_host(recipe), max_tasks or recipe.tasks.max_tasks
    tasks = math.ceil(used * each)
    if tasks > limit:
        raise InputError(
            f"{used} hosts with {each:.3g} tasks each make about {tasks} tasks; at most {limit} are allowed. "
            "Choose fewer hosts or replicates, or raise --max-tasks."
        )


def _shards(
    recipe: Recipe, used: pa.Table, out: Location, stamps: int, standing: frozenset[str]
) -> list[tuple[PlanTask, pa.Table]]:
    """What is to be done of each shard, and its hosts."""
    means = brick_mean_fwhm(used) if recipe.psf.width == "brick_mean" else {}
    planned = []
    for number, table in enumerate(shard_hosts(recipe, used, max(1, int(stamps // tasks_per_host(recipe))))):
        name = f"shard-{number:05d}.parquet"
        here = {brick: means[brick] for brick in table["brickname"].unique().to_pylist() if brick in means}
        shard = PlanTask(number, out / "hosts" / name, out / "tasks" / name, here, f"tasks/{name}" in standing)
        planned.append((shard, table))
    return planned


def _write_hosts(
    planned: Sequence[tuple[PlanTask, pa.Table]], out: Location, provenance: Provenance, standing: frozenset[str]
) -> list[FileEntry]:
    """Write each shard's hosts file where it does not stand."""
    tables = {shard.hosts: table for shard, table in planned}

    def written(path: Location) -> FileEntry:
        if relative_path(path, out) in standing:
            return describe_file(path, out)
        return write_entry(path, tables[path], HOSTS, provenance, out)

    return map_in_order(written, tables)


def _counts(files: Sequence[Location]) -> dict[str, Any]:
    """Tasks by split and kind, refused ones, and draws made and refused, read from the files."""
    kinds: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    columns = ["split", "kind", "reasons", *(c for c in TASKS.names if c.startswith("n_"))]
    for table in each_in_order(partial(read_table, contract=TASKS, columns=columns), files):
        kinds.update(
            f"{split} {kind}" for split, kind in zip(table["split"].to_pylist(), table["kind"].to_pylist(), strict=True)
        )
        sums["refused"] += sum(1 for reason in table["reasons"].to_pylist() if reason)
        for name in (c for c in table.column_names if c.startswith("n_")):
            sums[name] += sum(value for value in table[name].to_pylist() if value is not None)
    return {"tasks": kinds.total(), "by_split_and_kind": dict(sorted(kinds.items())), **dict(sorted(sums.items()))}


def _summary(counts: dict[str, Any]) -> str:
    kinds = ", ".join(f"{name} {count}" for name, count in counts["by_split_and_kind"].items())
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
