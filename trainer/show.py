"""The job ``dhs show``: one task_id → its picture, parameters, host and pair, and the command that makes it again."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import location
from schemas.runs_there import FoundRun, runs_there
from schemas.task_search import FoundTask, find_task, partners, stamp_row
from trainer.shown_task import described, draw_task

JOB = "show"
_EXAMPLE = """examples:
  dhs show 03f2a91c run/stamps
  dhs show 03f2a91c run --out arc.png              run/ holds the stamps; any folder of finished runs will do

A refused task has no picture; its reasons are told. dhs replay makes a stamp again and compares it."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs show``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("task", metavar="TASK_ID", help="the stamp's task_id, or its first 6 characters or more")
    add("directories", nargs="+", metavar="DIRECTORY", help="finished runs, or folders that hold some; in S3 each run itself")
    add("--out", type=location, metavar="FILE.png", help="the picture (default: the task_id with .png, here)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Find, describe, draw; returns 0."""
    arguments = build_parser().parse_args(argv)
    if arguments.out and arguments.out.suffix != ".png":
        raise InputError(f"--out {arguments.out}; wanted a file ending in .png")
    task = find_task(arguments.task, runs_there(arguments.directories))
    pair = partners(task)
    row = stamp_row(task.run, task.index)
    sys.stdout.write(described(row, pair))
    sys.stdout.write(_origin(task, arguments.directories))
    where = f"row {task.index['row']} of {task.run.directory}/{task.index['file']}"
    if row["stamp_npz"] is None:
        account(JOB, f"{row['task_id']} is refused and has no picture; {where}")
        return EXIT_DONE
    out = arguments.out or Path(f"{row['task_id']}.png")
    draw_task(row, _partner(task.run, row, pair), out)
    account(JOB, f"{row['task_id']}: {where}; picture in {out.resolve()}")
    return EXIT_DONE


def _origin(task: FoundTask, directories: Sequence[str]) -> str:
    """What made the run, and the command that makes the stamp again."""
    record = task.run.record
    words = ("recipe_name", "recipe_hash", "run_seed", "code_version", "finished_utc")
    made = "".join(f"  {name:<28} {record[name]}\n" for name in words if record.get(name) not in (None, ""))
    again = shlex.join(["dhs", "replay", task.index["task_id"], *map(str, directories)])
    settings = record.get("settings", {})
    if not settings.get("plan_sha256"):
        return f"made by\n{made}to make it again\n  not possible: {task.run.name} was not made by dhs inject here\n"
    wanted, bank = "plan and cutouts", ""
    if settings.get("bank_sha256"):
        folders = [place for place in map(location, directories) if isinstance(place, Path)]
        if any(any(folder.glob("*.h5")) for folder in folders):
            wanted = "plan, cutouts and the right bank"
        else:
            bank = " --bank BANK.h5"
    return f"made by\n{made}to make it again ({wanted} among the directories)\n  {again}{bank}\n"


def _partner(run: FoundRun, row: dict[str, Any], pair: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The made row of the pair's other label, pixels included, where there is one."""
    found = [other for other in pair if other["label"] != row["label"] and not other["reasons"]]
    return stamp_row(run, found[0]) if found else None


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
