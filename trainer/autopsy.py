"""The job ``dhs autopsy``: any checkpoint, stamps and anchors → one page of what the network learned, and from what."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from schemas.code_version import code_version
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_files
from schemas.split_rule import SPLITS
from trainer.committee import DEFAULT_RULE, RULES, committee_hash
from trainer.matching_runs import record_hash
from trainer.thread_waiting import wait_asleep

if TYPE_CHECKING:
    from trainer.autopsies.all_parts import Bodies, RealSky
    from trainer.scored_files import Member

JOB = "autopsy"
DESCRIPTION = """\
Look at a network, the stamps that it was trained on and real lenses side by side: recall with intervals and what chance gives,
central brightness, sky, normalisation, light by radius, correlations of the score, the score against the arc's signal to noise,
the ring test, the highest and lowest scores with pictures. Where two sets differ in brightness it says which of units,
processing, position and population the pixels support, and how it knows. Beside each figure stands the failed experiment's.
"""
EPILOG = """\
examples:
  dhs autopsy --checkpoint training/best.pt --stamps stamps --out autopsy
  dhs autopsy --checkpoint adopted/checkpoint.pt --stamps adopted/stamps --anchors adopted/anchors \\
      --anchor-cutouts adopted/cutouts --integrity integrity --random-sky-cutouts sky_cutouts --out autopsy

Writes autopsy.html and autopsy.json. Anchors are compared whether or not dhs check-anchors accepted them, since what is wrong
with a set is seen by looking at it; recall is given of an accepted set alone. What dhs adopt made is read like anything else.

exit code: 0 the page is written; 2 there is nothing here to look at.
"""
_REAL = ("anchors", "anchor_cutouts", "integrity")


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs autopsy``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--checkpoint", type=location, nargs="+", required=True, help="best.pt of dhs train or dhs adopt, one or several")
    add("--combine", choices=RULES, default=DEFAULT_RULE, help="rule of a committee (default: %(default)s)")
    add("--stamps", type=location, required=True, help="stamps directory that dhs inject or dhs adopt has finished")
    add("--out", type=location, required=True, help="directory for autopsy.html and autopsy.json")
    add("--anchors", type=location, help="output of dhs anchors: the table of real lenses")
    add("--anchor-cutouts", type=location, help="their cutouts; wanted with --anchors")
    add("--integrity", type=location, help="output of dhs check-anchors, whatever it said; wanted with --anchors")
    add("--random-sky-cutouts", type=location, help="cutouts of dhs anchors --random-sky: what chance gives")
    add("--split", default="test", choices=SPLITS, help="split of the stamps to look at (default: %(default)s)")
    add("--most", type=int, default=4000, metavar="N", help="stamps to hold in memory, 50 kB each (default: %(default)s)")
    add("--draws", type=int, default=500, help="bootstrap draws behind each interval (default: %(default)s)")
    add("--seed", type=int, default=1, help="seed of draws and bootstrap (default: %(default)s)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Read, judge, measure, write."""
    args = build_parser().parse_args(argv)
    _check(args)
    wait_asleep()
    from trainer.autopsies.all_parts import read_bodies
    from trainer.autopsies.autopsy_files import closing_line
    from trainer.devices import choose_device
    from trainer.judge import NetworkJudge
    from trainer.score import load_members, require_trained_size
    from trainer.stamp_catalogue import stamps_origin

    device = choose_device(args.device)
    members = load_members(args.checkpoint, device)
    origin = stamps_origin(args.stamps)
    identity = _identity(args, members, origin)
    require_trained_size(args.stamps, args.split, members)
    if begin_run(args.out, identity) is not RunState.FINISHED:
        judge, real = NetworkJudge(members, args.combine, device), _real_sky(args)
        bodies = read_bodies(args.stamps, args.split, args.most, args.seed, judge, real)
        files = _write(args, judge, bodies, real, identity, str(origin["recipe_name"] or ""))
        counts = {one.name: len(one.logits) for one in bodies.present}
        finish_run_of_files(args.out, identity, files, counts, {"stamps": str(args.stamps)})
    account(JOB, closing_line(args.out))
    return EXIT_DONE


def _check(args: argparse.Namespace) -> None:
    if args.draws < 1 or args.seed < 0 or args.most < 1:
        seen = f"--draws {args.draws} --most {args.most} --seed {args.seed}"
        raise InputError(f"{seen}; wanted a draw and a stamp or more, and a seed of 0 or more")
    given = [name for name in _REAL if getattr(args, name) is not None]
    if (given and len(given) < len(_REAL)) or (args.random_sky_cutouts is not None and not given):
        lacking = ", ".join(f"--{name.replace('_', '-')}" for name in _REAL if name not in given)
        raise InputError(f"real lenses were given without {lacking}; wanted all of them or none")


def _real_sky(args: argparse.Namespace) -> RealSky | None:
    from trainer.autopsies.all_parts import RealSky

    if args.anchors is None:
        return None
    return RealSky(args.anchors, args.anchor_cutouts, args.integrity, args.random_sky_cutouts)


def _write(
    args: argparse.Namespace, judge: Any, bodies: Bodies, real: RealSky | None, identity: RunIdentity, recipe: str
) -> dict[Location, int]:
    from trainer.autopsies.all_parts import autopsy_parts
    from trainer.autopsies.autopsy_files import write_autopsy
    from trainer.gates.class_scores import Chance

    trained = sorted({member.checkpoint.origin.recipe_name or "an unnamed recipe" for member in judge.members})
    facts = {"checkpoint": str(identity.settings["checkpoint"]), "trained on": ", ".join(trained)}
    facts |= {"stamps": f"{recipe or 'unnamed'}, split {args.split}"}
    facts |= {one.name: f"{len(one.logits):,}" for one in bodies.present}
    facts |= {"code": identity.code_version, "seed": str(args.seed)}
    of: dict[str, Any] = {**identity.settings, "recipe_hash": identity.recipe_hash}
    return write_autopsy(args.out, autopsy_parts(judge, bodies, real, Chance(args.draws, args.seed)), facts, of)


def _identity(args: argparse.Namespace, members: Sequence[Member], origin: dict[str, Any]) -> RunIdentity:
    settings: dict[str, Any] = {name: getattr(args, name) for name in ("split", "most", "draws", "seed")}
    for name in (*_REAL, "random_sky_cutouts"):
        given: Location | None = getattr(args, name)
        settings[f"{name}_record"] = record_hash(given) if given else None
    settings |= {"stamps_record": record_hash(args.stamps)}
    settings |= {"checkpoint": committee_hash([one.digest for one in members], args.combine)}
    return RunIdentity(JOB, code_version("schemas", "trainer"), str(origin["recipe_hash"] or ""), origin["run_seed"], settings)


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
