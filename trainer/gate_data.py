"""The job ``dhs gate-data``: stamps → gates, each with its interval and verdict, before a GPU is paid for."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.finished_files import size_and_sha256
from schemas.job_entry import InputError, run_job
from schemas.locations import Location, location
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run_of_files
from schemas.split_rule import SPLITS
from trainer.thread_waiting import wait_asleep

if TYPE_CHECKING:
    from trainer.gates.data_gates import GatedData

JOB = "gate-data"
DESCRIPTION = """\
Ask of stamps what would make a network learn something other than lensing: can lenses be told from others by metadata, missing
values, hosts, core, outer annulus, profile, normalisation; are arcs as bright as known ones, on the pixels as stated, about
their galaxies, blurred by the stated PSF; are units and centres right; is the source bank made of galaxies; do splits share
hosts, cells or images. No GPU; four minutes for 20 000 stamps.
"""
EPILOG = """\
examples:
  dhs gate-data --stamps stamps --plan plan --bank bank.h5 --out gates
  dhs gate-data --stamps stamps --split val --most 20000 --out gates-val

Writes gates.html (lights, and the picture behind each verdict), gates.json and gates.parquet. A gate fails where its whole 95 %
interval lies outside what is harmless, passes where all of it lies within what is tolerated, and otherwise says that it is not
supported. With --plan the hosts' sizes are compared too, with --bank the sources that the arcs are made of.

exit code: 0 no gate fails; 1 a gate fails; 2 there is nothing here to ask.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs gate-data``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stamps", type=location, required=True, help="stamps directory that dhs inject has finished")
    parser.add_argument("--plan", type=location, help="its plan: sizes of the hosts (default: sizes are not compared)")
    parser.add_argument("--bank", type=location, help="its source bank (default: the bank's gates say nothing)")
    parser.add_argument("--out", type=location, required=True, help="directory for gates.html, gates.json, gates.parquet")
    parser.add_argument("--split", default="train", choices=SPLITS, help="split to ask (default: %(default)s)")
    parser.add_argument(
        "--most",
        type=int,
        default=200_000,
        metavar="N",
        help="stamps to look at; of more, whole hosts are drawn by a hash of their name (default: %(default)s)",
    )
    parser.add_argument("--draws", type=int, default=500, help="bootstrap draws behind each interval (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="seed of draws, folds and bootstrap (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, judge, write; returns 1 where a gate fails."""
    args = build_parser().parse_args(argv)
    if args.draws < 1 or args.seed < 0 or args.most < 1:
        wanted = "wanted at least one draw and one stamp, and a seed that is not negative"
        raise InputError(f"--draws {args.draws} --most {args.most} --seed {args.seed}; {wanted}")
    wait_asleep()
    from trainer.gates.data_gates import gather_data
    from trainer.gates.gate_run import close_gates
    from trainer.stamp_catalogue import stamps_origin

    origin = stamps_origin(args.stamps)
    identity = _identity(args, origin)
    if begin_run(args.out, identity) is not RunState.FINISHED:
        data = gather_data(args.stamps, args.split, args.plan, args.most, args.seed, args.bank)
        files = write_gates(args, data, identity, str(origin["recipe_name"] or ""))
        finish_run_of_files(args.out, identity, files, {"stamps": len(data.stamps.cells)}, {"stamps": str(args.stamps)})
    return close_gates(JOB, args.out)


def write_gates(args: argparse.Namespace, data: GatedData, identity: RunIdentity, recipe: str) -> dict[Location, int]:
    """Judge and write the three files; answers with the gates in each."""
    from trainer.gates.class_scores import Chance
    from trainer.gates.data_gates import data_gates
    from trainer.gates.gate_run import write_all
    from trainer.gates.gates_page import DATA_HEADING

    drawn, usable = len(data.stamps.cells), data.stamps.usable
    of: dict[str, Any] = {**identity.settings, "recipe_hash": identity.recipe_hash, "stamps": drawn, "usable": usable}
    facts = {"recipe": recipe or "unnamed", "split": args.split, "stamps": f"{drawn:,} of {usable:,}"}
    facts |= {"code": identity.code_version, "seed": str(args.seed)}
    provenance = Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, recipe)
    return write_all(args.out, data_gates(data, Chance(args.draws, args.seed)), DATA_HEADING, facts, of, provenance)


def _identity(args: argparse.Namespace, origin: dict[str, Any]) -> RunIdentity:
    records = {"stamps_record": args.stamps} | ({"plan_record": args.plan} if args.plan else {})
    settings: dict[str, Any] = {
        name: hashlib.sha256((directory / FINISHED_NAME).read_bytes()).hexdigest()[:16] for name, directory in records.items()
    }
    if args.bank:
        settings["bank_sha256"] = _bank_hash(args.bank)
    settings |= {"split": args.split, "most": args.most, "draws": args.draws, "seed": args.seed}
    return RunIdentity(JOB, code_version("schemas", "trainer"), str(origin["recipe_hash"] or ""), origin["run_seed"], settings)


def _bank_hash(bank: Location) -> str:
    if not bank.is_file():
        raise InputError(f"source bank {bank} is not there; make one with dhs source-bank")
    return size_and_sha256(bank)[1]


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
