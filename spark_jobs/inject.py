"""The job that makes the stamps: ray-traces each task's source, blurs it, adds it to the real pixels of its host."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance, read_table
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.refusal_reasons import names_of
from schemas.run_record import RunError, RunIdentity, RunState, begin_run, finish_run, read_run, run_files
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX
from schemas.tasks import TASKS
from spark_jobs.inject_inputs import check_inputs
from spark_jobs.plan_tasks import RECIPE_FILE
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
    add("--plan", type=Path, required=True, help="finished output of dhs plan")
    add("--cutouts", type=Path, required=True, help="finished output of dhs cut-hosts over that plan")
    add("--out", type=Path, required=True, help="directory for the stamps: split=train|val|test/ and index/")
    add("--bank", type=Path, help="the source bank that the plan was made with, where its recipe draws from one")
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
    out: Path = arguments.out.resolve()  # executors do not start where the driver does
    identity = RunIdentity(JOB, code_version(), recipe.recipe_hash, plan["run_seed"], _identity_settings(arguments, plan))
    if begin_run(out, identity) is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished: {_summary(read_run(out)['counts'])}; nothing to do")
        return EXIT_DONE
    provenance = Provenance(code_version(), recipe.recipe_hash, plan["run_seed"], recipe.name)
    shards = _shards(arguments, out, recipe)
    bank = arguments.bank.resolve() if arguments.bank else None
    work = partial(inject_shard, InjectSettings(recipe, bank, provenance))
    begun = time.monotonic()
    map_names(build_session(JOB), shards, work, what="making stamps", partitions=arguments.partitions)
    seconds = time.monotonic() - begun
    files = [path for shard in shards for path in shard.stamps.values()]
    index = _write_indexes(out, files, provenance)
    counts = _counts(index)
    if counts["rows"] != plan["counts"]["tasks"]:
        raise RunError(f"the plan has {plan['counts']['tasks']} tasks and {out} has {counts['rows']} rows; wanted the same")
    header = {"recipe_name": recipe.name, "split_key": recipe.split.key}
    finish_run(out, identity, [*files, *index], counts, header)
    account(JOB, f"{_summary(counts)} in {seconds:.1f} s ({counts['rows'] / max(seconds, 1e-9):.0f} per s); written to {out}")
    return EXIT_DONE


def _shards(arguments: argparse.Namespace, out: Path, recipe: Recipe) -> list[ShardTask]:
    """One entry a tasks file of the plan, with the stamps files that its splits ask for."""
    shards = []
    for tasks in run_files(arguments.plan, TASKS, "tasks/"):
        splits = read_table(tasks, TASKS, ["split"])["split"].unique().to_pylist()
        name = f"{tasks.stem}-{recipe.recipe_hash[:8]}.parquet"
        stamps = {split: out / f"split={split}" / name for split in SPLITS if split in splits}
        hosts, cutouts = (arguments.plan / "hosts" / tasks.name).resolve(), (arguments.cutouts / tasks.name).resolve()
        shards.append(ShardTask(tasks.resolve(), hosts, cutouts, stamps))
    return shards


def _write_indexes(out: Path, files: Sequence[Path], provenance: Provenance) -> list[Path]:
    """The index of each split that has stamps."""
    written = []
    for split in SPLITS:
        of_split = [path for path in files if path.parent.name == f"split={split}"]
        if of_split:
            written.append(out / "index" / f"split-{split}.parquet")
            write_index(written[-1], of_split, out, provenance)
    return written


def _counts(index: Sequence[Path]) -> dict[str, Any]:
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
