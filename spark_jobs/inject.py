"""The job that makes the stamps: ray-traces each task's source, blurs it, adds it to the real pixels of its host."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance, read_table
from schemas.finished_files import FileEntry
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location, map_in_order, relative_path
from schemas.refusal_reasons import names_of
from schemas.run_record import (
    RunError,
    RunIdentity,
    RunState,
    begin_run,
    finish_run_of_entries,
    read_run,
    recorded_rows,
    run_files,
    standing_files,
)
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.tasks import TASKS
from spark_jobs.inject_inputs import check_inputs
from spark_jobs.plan_tasks import RECIPE_FILE
from spark_jobs.progress_log import Counting, ProgressLog
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.transforms.simulation.inject_shard import InjectSettings, ShardTask, inject_shard
from spark_jobs.transforms.simulation.stamp_index import write_index

JOB = "inject"
_EXAMPLE = """example:
  dhs inject --plan plan --cutouts cutouts --bank cosmos.h5 --out stamps
Every task of the plan becomes a row: made, or refused with its reasons and without pixels. A run that was broken off goes on
where it stopped when the same command is given again."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--plan", type=location, required=True, help="finished output of dhs plan; each place here may be s3://bucket/prefix")
    add("--cutouts", type=location, required=True, help="finished output of dhs cut-hosts over that plan")
    add("--out", type=location, required=True, help="directory for the stamps: split=train|val|test/ and index/")
    add("--bank", type=location, help="the source bank that the plan was made with, where its recipe draws from one")
    add("--partitions", type=int, metavar="N", help="Spark partitions (default: one a shard); the result is the same")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the stamps stand. Raises InputError or RunError for input that cannot be used."""
    arguments = build_parser().parse_args(argv)
    plan = read_run(arguments.plan)
    recipe = read_recipe(arguments.plan / RECIPE_FILE)
    check_inputs(arguments.plan, arguments.cutouts, arguments.bank, plan, recipe)
    if arguments.partitions is not None and arguments.partitions < 1:
        raise InputError(f"--partitions {arguments.partitions}; wanted 1 or more")
    out: Location = arguments.out.resolve()  # executors do not start where the driver does
    identity = RunIdentity(JOB, code_version(), recipe.recipe_hash, plan["run_seed"], _identity_settings(arguments, plan))
    state = begin_run(out, identity)
    if state is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished: {_summary(read_run(out)['counts'])}; nothing to do")
        return EXIT_DONE
    provenance = Provenance(code_version(), recipe.recipe_hash, plan["run_seed"], recipe.name)
    shards = _shards(arguments, out, recipe, standing_files(out, state))
    bank = arguments.bank.resolve() if arguments.bank else None
    work = partial(inject_shard, InjectSettings(recipe, bank, provenance, out, plan["settings"]["bank_sha256"]))
    begun = time.monotonic()
    log, counting = ProgressLog(out), Counting(lambda shard: list(shard.stamps.values()), STAMPS)
    spark, partitions = build_session(JOB), arguments.partitions
    sizes = recorded_rows(arguments.plan.resolve(), [shard.tasks for shard in shards])
    made = map_names(spark, shards, work, what="making stamps", partitions=partitions, log=log, counting=counting, sizes=sizes)
    seconds = time.monotonic() - begun
    index = _write_indexes(out, [path for shard in shards for path in shard.stamps.values()], provenance)
    counts = _counts([out / entry.path for entry in index])
    if counts["rows"] != plan["counts"]["tasks"]:
        raise RunError(f"the plan has {plan['counts']['tasks']} tasks and {out} has {counts['rows']} rows; wanted the same")
    header = {"recipe_name": recipe.name, "split_key": recipe.split.key, "took": log.took()}
    finish_run_of_entries(out, identity, [*(entry for entries in made for entry in entries), *index], counts, header)
    account(JOB, f"{_summary(counts)} in {seconds:.1f} s ({counts['rows'] / max(seconds, 1e-9):.0f} per s); written to {out}")
    return EXIT_DONE


def _shards(arguments: argparse.Namespace, out: Location, recipe: Recipe, standing: frozenset[str]) -> list[ShardTask]:
    """One entry a tasks file of the plan, with the stamps files that its splits ask for."""
    shards = []
    files: list[Location] = run_files(arguments.plan, TASKS, "tasks/")
    for tasks, splits in zip(files, map_in_order(_splits, files), strict=True):
        name = f"{tasks.stem}-{recipe.recipe_hash[:8]}.parquet"
        stamps = {split: out / f"split={split}" / name for split in SPLITS if split in splits}
        hosts, cutouts = (arguments.plan / "hosts" / tasks.name).resolve(), (arguments.cutouts / tasks.name).resolve()
        stands = all(relative_path(path, out) in standing for path in stamps.values())
        shards.append(ShardTask(tasks.resolve(), hosts, cutouts, stamps, stands))
    return shards


def _splits(tasks: Location) -> list[str]:
    splits: list[str] = read_table(tasks, TASKS, ["split"])["split"].unique().to_pylist()
    return splits


def _write_indexes(out: Location, files: Sequence[Location], provenance: Provenance) -> list[FileEntry]:
    """The index of each split that has stamps."""
    written = []
    for split in SPLITS:
        of_split = [path for path in files if path.parent.name == f"split={split}"]
        if of_split:
            written.append(write_index(out / "index" / f"split-{split}.parquet", of_split, out, provenance))
    return written


def _counts(index: Sequence[Location]) -> dict[str, Any]:
    """Rows, made and refused ones, by split and kind and by reason, read from the index."""
    made: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    rows = 0
    for path in index:
        table = read_table(path, STAMP_INDEX, ["split", "kind", "reasons"])
        for group in table.group_by(table.column_names).aggregate([([], "count_all")]).to_pylist():
            rows += group["count_all"]
            reasons.update(dict.fromkeys(names_of(group["reasons"]), group["count_all"]))
            made[f"{group['split']} {group['kind']}"] += 0 if group["reasons"] else group["count_all"]
    total = made.total()
    return {"rows": rows, "made": total, "refused": rows - total, "made_by_split_and_kind": dict(sorted(made.items()))} | {
        "refused_by_reason": dict(sorted(reasons.items()))
    }


def _summary(counts: dict[str, Any]) -> str:
    reasons = ", ".join(f"{name} {count}" for name, count in counts["refused_by_reason"].items())
    refused = f"{counts['refused']} refused" + (f" ({reasons})" if reasons else "")
    return f"{counts['rows']} tasks: {counts['made']} stamps made, {refused}"


def _identity_settings(arguments: argparse.Namespace, plan: dict[str, Any]) -> dict[str, Any]:
    """What makes two runs the same run: the plan's and the cutouts' content, and the bank."""
    tasks = {entry["path"]: entry["sha256"] for entry in plan["files"]}
    cutouts = {entry["path"]: entry["sha256"] for entry in read_run(arguments.cutouts)["files"]}
    return {"plan_sha256": tasks, "cutouts_sha256": cutouts, "bank_sha256": plan["settings"]["bank_sha256"]}


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
