"""The job that makes stimuli for ``dhs gate-model``: some of a plan's lenses rendered again with one thing changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from tqdm import tqdm

from schemas.code_version import code_version
from schemas.contract_files import Provenance, TableWriter, read_table, row_batches
from schemas.cutouts import CUTOUTS
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_entries, read_run, run_files
from schemas.split_rule import SPLITS
from schemas.stimuli import STIMULI
from schemas.survey import BANDS
from schemas.tasks import TASKS
from spark_jobs.inject_inputs import check_inputs
from spark_jobs.physics.keyed_uniforms import text_key
from spark_jobs.plan_tasks import RECIPE_FILE
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank
from spark_jobs.transforms.simulation.make_stamp import StampMaker
from spark_jobs.transforms.simulation.render_stimuli import stimuli_of, stimulus_maker

JOB = "stimuli"
FILE = "stimuli.parquet"
_EXAMPLE = """example:
  dhs stimuli --plan plan --cutouts cutouts --bank cosmos.h5 --out stimuli
  dhs gate-model --stamps stamps --checkpoint training/best.pt --stimuli stimuli --out model_gates
Of each lens: its host, itself, the same source behind 0.7, 0.5, 0.3, 0.15 and 0 of its Einstein radius, the source without a
lens but as bright as its arc, and the source at half to twice its size. Nothing is refused for being faint."""

Row = dict[str, Any]


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--plan", type=location, required=True, help="finished output of dhs plan; each place here may be s3://")
    add("--cutouts", type=location, required=True, help="finished output of dhs cut-hosts over that plan")
    add("--bank", type=location, help="the source bank that the plan was made with, where its recipe draws from one")
    add("--out", type=location, required=True, help=f"directory for {FILE}")
    add("--split", default="test", choices=SPLITS, help="split whose lenses are made again (default: %(default)s)")
    add("--lenses", type=int, default=300, metavar="N", help="lenses to make again, one a host (default: %(default)s)")
    add("--seed", type=int, default=1, help="seed of the choice of hosts (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the stimuli stand. Raises InputError or RunError for input that cannot be used."""
    args = build_parser().parse_args(argv)
    if args.lenses < 1 or args.seed < 0:
        raise InputError(f"--lenses {args.lenses} --seed {args.seed}; wanted a lens or more and a seed of 0 or more")
    plan, recipe = read_run(args.plan), read_recipe(args.plan / RECIPE_FILE)
    check_inputs(args.plan, args.cutouts, args.bank, plan, recipe)
    tasks = chosen_lenses(args.plan, args.split, args.lenses, args.seed)
    if not tasks:
        raise InputError(f"{args.plan} has no lens in split {args.split!r}; wanted a plan that has")
    identity = RunIdentity(JOB, code_version(), recipe.recipe_hash, plan["run_seed"], _settings(args, plan))
    if begin_run(args.out, identity) is RunState.FINISHED:
        account(JOB, f"{args.out} holds this run already, finished; nothing to do")
        return EXIT_DONE
    maker = stimulus_maker(recipe, open_bank(bank_on_disk(args.bank)) if args.bank else None)
    provenance = Provenance(identity.code_version, recipe.recipe_hash, plan["run_seed"], recipe.name)
    counts = {"lenses": 0, "rows": 0, "refused": 0}
    with TableWriter(args.out / FILE, STIMULI, provenance) as writer:
        for rows in tqdm(_rows(args, maker, tasks), total=len(tasks), desc="lenses", disable=None):
            writer.add_rows(rows)
            counts["lenses"] += 1
            counts["rows"] += len(rows)
            counts["refused"] += sum(bool(row["reasons"]) for row in rows)
    finish_run_of_entries(
        args.out, identity, [writer.entry(args.out)], counts, {"recipe_name": recipe.name, "size_pix": recipe.size_pix}
    )
    account(JOB, "{lenses} lenses: {rows} stimuli, {refused} refused; ".format(**counts) + str(args.out / FILE))
    return EXIT_DONE


def chosen_lenses(plan: Location, split: str, count: int, seed: int) -> dict[str, Row]:
    """A lens task of each of at most ``count`` hosts, by host_id: hosts by hash, of a host the first task by name."""
    first: dict[str, Row] = {}
    for path in run_files(plan, TASKS, "tasks/"):
        for task in read_table(path, TASKS).to_pylist():
            if task["split"] == split and task["kind"] == "lens" and not task["reasons"]:
                standing = first.get(task["host_id"])
                if standing is None or task["task_id"] < standing["task_id"]:
                    first[task["host_id"]] = task
    kept = sorted(first, key=lambda host: text_key(f"{seed}:{host}"))[:count]
    return {host: first[host] for host in kept}


def _rows(args: argparse.Namespace, maker: StampMaker, tasks: dict[str, Row]) -> Iterator[list[Row]]:
    """The stimuli of each lens, shard by shard, in the order of the cutouts; hosts without a cutout are left out."""
    for path in run_files(args.plan, TASKS, "tasks/"):
        hosts = {host["host_id"]: host for host in read_table(args.plan / "hosts" / path.name, HOSTS).to_pylist()}
        wanted = hosts.keys() & tasks.keys()
        for batch in row_batches(args.cutouts / path.name, CUTOUTS):
            for cutout in batch.to_pylist():
                host = cutout["host_id"]
                if host in wanted:
                    yield stimuli_of(maker, tasks[host], cutout, {band: hosts[host][f"mag_raw_{band}"] for band in BANDS})


def _settings(args: argparse.Namespace, plan: Row) -> dict[str, Any]:
    cutouts = {entry["path"]: entry["sha256"] for entry in read_run(args.cutouts)["files"]}
    of = {"plan_sha256": {entry["path"]: entry["sha256"] for entry in plan["files"]}, "cutouts_sha256": cutouts}
    return of | {name: getattr(args, name) for name in ("split", "lenses", "seed")}


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
