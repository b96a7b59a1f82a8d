"""The job that makes one stamp again, from recipe, plan, cutouts and bank, and compares it with the one that stands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.code_version import code_version
from schemas.finished_files import file_sha256
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.runs_there import FoundRun, runs_there
from schemas.stamps import STAMPS
from schemas.task_search import find_task, stamp_row
from spark_jobs.plan_tasks import RECIPE_FILE
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank
from spark_jobs.transforms.simulation.replay_task import ACROSS_MACHINES, differences, pixel_difference, replayed_row

JOB = "replay"
_EXAMPLE = """example:
  dhs replay 03f2a91c run                                  run/ holds plan, cutouts, stamps and the bank
  dhs replay 03f2a91c stamps plan cutouts --bank bank.h5       each of them may be s3://bucket/prefix

exit code: 0 every column and every byte of the pixels is the same; 1 something differs, and is named; 2 bad input.
No Spark is needed. Pixels may differ by a millionth of the sky's noise on another family of processors."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("task", metavar="TASK_ID", help="the stamp's task_id, or its first 6 characters or more")
    directories = "stamps, their plan and cutouts, or a folder that holds them; in S3 each of the three itself"
    add("directories", nargs="+", metavar="DIRECTORY", help=directories)
    bank = "the source bank (default: the one of the right content in a DIRECTORY on disk; of those in S3 none is sought)"
    add("--bank", type=location, metavar="FILE", help=bank)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Make one stamp again; 0 where it is the same, 1 where a column differs."""
    arguments = build_parser().parse_args(argv)
    runs = runs_there(arguments.directories)
    task = find_task(arguments.task, runs)
    name, settings = task.index["task_id"], task.run.record.get("settings", {})
    plan = _made_from(runs, task.run, settings.get("plan_sha256"), "plan", "dhs plan")
    cutouts = _made_from(runs, task.run, settings.get("cutouts_sha256"), "cutouts", "dhs cut-hosts")
    bank = _bank(arguments, settings.get("bank_sha256"))
    recipe = read_recipe(plan / RECIPE_FILE)
    if recipe.recipe_hash != task.index["recipe_hash"]:
        raise InputError(
            f"{plan / RECIPE_FILE} has hash {recipe.recipe_hash}; task {name} was made with {task.index['recipe_hash']}"
        )
    stands = stamp_row(task.run, task.index)
    made_again = replayed_row(task.index, plan, cutouts, recipe, open_bank(bank) if bank else None)
    return _tell(name, task.run, stands, made_again)


def _tell(name: str, run: FoundRun, stands: dict[str, Any], made_again: dict[str, Any]) -> int:
    """Print what differs; the exit code."""
    differ = differences(stands, made_again)
    sys.stdout.writelines(f"  {d.column}: stands {d.stands}; made again {d.made_again}\n" for d in differ)
    made_by, code = run.record.get("code_version"), code_version()
    by = f"code {code}" if made_by == code else f"made by code {made_by}, made again by {code}"
    if not differ:
        pixels = f"{len(stands['stamp_npz'])} bytes of pixels" if stands["stamp_npz"] else "refused alike, no pixels"
        account(JOB, f"task {name} of {run.name} is the same in all {len(STAMPS.names)} columns ({pixels}); {by}")
        return EXIT_DONE
    largest = pixel_difference(stands, made_again)
    how = "" if largest is None else f"; pixels differ by at most {largest:.2g} of the sky's noise"
    if largest is not None and 0 < largest <= ACROSS_MACHINES:
        how += ", as on another family of processors"
    columns = ", ".join(d.column for d in differ)
    account(JOB, f"task {name} of {run.name} differs in {len(differ)} of {len(STAMPS.names)} columns: {columns}{how}; {by}")
    return EXIT_BREACH


def _made_from(runs: Sequence[FoundRun], stamps: FoundRun, wanted: dict[str, str] | None, what: str, job: str) -> Location:
    """The directory, among the runs, of the very files that the stamps were made from."""
    if wanted is None:
        raise InputError(f"the record of {stamps.directory} does not say which {what} it was made from: only dhs inject's can")
    for run in runs:
        if {entry["path"]: entry["sha256"] for entry in run.record["files"]} == wanted:
            return run.directory
    names = ", ".join(run.name for run in runs)
    raise InputError(f"the {what} that {stamps.directory} was made from is none of {names}; wanted that output of {job} too")


def _bank(arguments: argparse.Namespace, wanted: str | None) -> Path | None:
    """The source bank, by its content; None where the stamps were made without one."""
    if wanted is None:
        return None
    folders = [folder for folder in map(location, arguments.directories) if isinstance(folder, Path) and folder.is_dir()]
    beside = [path for folder in folders for path in sorted(folder.glob("*.h5"))]
    candidates = [bank_on_disk(arguments.bank)] if arguments.bank else beside
    for path in candidates:
        if path.is_file() and file_sha256(path) == wanted:
            return path
    seen = ", ".join(map(str, [arguments.bank] if arguments.bank else beside)) or "no *.h5 in the directories"
    raise InputError(
        f"the stamps were made with the bank whose SHA-256 begins {wanted[:12]}; seen {seen}; wanted --bank FILE.h5"
    )


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
