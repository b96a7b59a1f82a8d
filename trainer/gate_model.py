"""The job ``dhs gate-model``: a trained network and stamps with pairs → gates on what the network looks at."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.job_entry import InputError, run_job
from schemas.locations import Location, location
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_files
from schemas.split_rule import SPLITS
from trainer.committee import DEFAULT_RULE, RULES, committee_hash
from trainer.matching_runs import record_hash
from trainer.thread_waiting import wait_asleep

if TYPE_CHECKING:
    from trainer.judge import NetworkJudge
    from trainer.model_gates.all_gates import Questioned
    from trainer.scored_files import Member

JOB = "gate-model"
DESCRIPTION = """\
Ask of a trained network whether what it sees is lensing: one thing about an image is changed, and its answer should follow, or
should not. Arc taken away, arc given to the control, core hidden, arcs made faint, turned, shifted, blurred, conditions
permuted; rings on galaxies, the same source without its lens, patches hidden, hard negatives, real lenses. Wanted are stamps
with pairs (controls: paired), of a split that it was not trained on.
"""
EPILOG = """\
examples:
  dhs gate-model --stamps stamps --checkpoint training/best.pt --out model_gates
  dhs gate-model --stamps stamps --checkpoint best.pt --integrity integrity --anchor-cutouts anchor_cutouts --out gates_real
  dhs gate-model --stamps stamps --checkpoint training/best.pt --stimuli stimuli --out model_gates_stimuli
  dhs gate-model --stamps other_stamps --split val --checkpoint a/best.pt b/best.pt --combine mean-probability --out gates_ab

Writes gates.html (lights, and the picture behind each verdict), gates.json and gates.parquet. An image is called a lens above
the logit that --fpr of the split's negatives pass, or ten of them where that is more. A gate fails where its whole interval
(95 %) lies outside what is harmless, passes where all of it lies within what is tolerated, and is else not supported.

exit code: 0 no gate fails; 1 a gate fails; 2 there is nothing here to ask.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs gate-model``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--stamps", type=location, required=True, help="stamps directory that dhs inject has finished, with pairs")
    add("--checkpoint", type=location, nargs="+", required=True, help="best.pt of dhs train, one or several")
    add("--combine", choices=RULES, default=DEFAULT_RULE, help="rule of a committee (default: %(default)s)")
    add("--out", type=location, required=True, help="directory for gates.html, gates.json, gates.parquet")
    add("--split", default="test", choices=SPLITS, help="split to ask about (default: %(default)s)")
    add("--most", type=int, default=4000, metavar="N", help="stamps to hold in memory, 50 kB each (default: %(default)s)")
    add("--fpr", type=float, default=0.01, help="false positive rate of the threshold (default: %(default)s)")
    add("--integrity", type=location, help="accepted output of dhs check-anchors: real lenses to hold injected ones against")
    add("--anchor-cutouts", type=location, help="the cutouts that it judged; wanted with --integrity")
    add(
        "--stimuli",
        type=location,
        help="output of dhs stimuli: lenses of the same plan rendered again with one thing changed",
    )
    add("--draws", type=int, default=500, help="bootstrap draws behind each interval (default: %(default)s)")
    add("--seed", type=int, default=1, help="seed of draws and bootstrap (default: %(default)s)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, judge, write; returns 1 where a gate fails."""
    args = build_parser().parse_args(argv)
    if args.draws < 1 or args.seed < 0 or args.most < 1 or not 0 < args.fpr < 1:
        seen = f"--draws {args.draws} --most {args.most} --seed {args.seed} --fpr {args.fpr}"
        raise InputError(f"{seen}; wanted a draw and a stamp or more, a seed of 0 or more, a rate between 0 and 1")
    if (args.integrity is None) != (args.anchor_cutouts is None):
        raise InputError("one of --integrity and --anchor-cutouts was given; wanted both or neither")
    wait_asleep()
    from trainer.devices import choose_device
    from trainer.gates.gate_run import close_gates
    from trainer.judge import NetworkJudge
    from trainer.score import load_members, require_trained_size
    from trainer.stamp_catalogue import stamps_origin

    device = choose_device(args.device)
    members = load_members(args.checkpoint, device)
    origin = stamps_origin(args.stamps)
    identity = _identity(args, members, origin)
    require_trained_size(args.stamps, args.split, members)
    if begin_run(args.out, identity) is not RunState.FINISHED:
        judge = NetworkJudge(members, args.combine, device)
        asked = _question(args, judge)
        files = _write(args, asked, members, identity, str(origin["recipe_name"] or ""))
        counts = {"stamps": len(asked.judged.logits), "pairs": len(asked.pairs.rows)}
        finish_run_of_files(args.out, identity, files, counts, {"stamps": str(args.stamps)})
    return close_gates(JOB, args.out)


def _question(args: argparse.Namespace, judge: NetworkJudge) -> Questioned:
    from trainer.model_gates.all_gates import question
    from trainer.model_gates.real_lenses import read_real_lenses
    from trainer.model_gates.stimuli import read_stimuli

    asked = question(judge, args.stamps, args.split, args.most, args.seed, args.fpr)
    size = asked.judged.stamps.catalogue.size_pix
    if args.stimuli is not None:
        asked = replace(asked, stimuli=read_stimuli(args.stimuli, judge, size))
    if args.integrity is None:
        return asked
    return replace(asked, real=read_real_lenses(args.integrity, args.anchor_cutouts, judge.columns, size))


def _write(
    args: argparse.Namespace, asked: Questioned, members: Sequence[Member], identity: RunIdentity, recipe: str
) -> dict[Location, int]:
    """Judge and write the three files; answers with the gates in each."""
    from trainer.gates.class_scores import Chance
    from trainer.gates.gate_run import write_all
    from trainer.gates.gates_page import MODEL_HEADING
    from trainer.model_gates.all_gates import model_gates

    threshold = asked.threshold
    trained = sorted({member.checkpoint.origin.recipe_name or "an unnamed recipe" for member in members})
    facts = {"checkpoint": str(identity.settings["checkpoint"]), "trained on": ", ".join(trained)}
    facts |= {"asked about": f"{recipe or 'unnamed'}, split {args.split}", "pairs": f"{len(asked.pairs.rows):,}"}
    facts |= {
        "called a lens above": f"logit {threshold.logit:.2f}: {threshold.false_positive_rate:.2%} of "
        f"{threshold.n_negative:,} negatives"
    }
    facts |= {"code": identity.code_version, "seed": str(args.seed)}
    of: dict[str, Any] = {**identity.settings, "recipe_hash": identity.recipe_hash, "threshold": vars(threshold)}
    provenance = Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, recipe)
    return write_all(args.out, model_gates(asked, Chance(args.draws, args.seed)), MODEL_HEADING, facts, of, provenance)


def _identity(args: argparse.Namespace, members: Sequence[Member], origin: dict[str, Any]) -> RunIdentity:
    record = record_hash(args.stamps)
    settings: dict[str, Any] = {name: getattr(args, name) for name in ("split", "most", "fpr", "draws", "seed")}
    for name in ("integrity", "anchor_cutouts", "stimuli"):
        given: Location | None = getattr(args, name)
        settings[f"{name}_record"] = record_hash(given) if given else None
    settings |= {"stamps_record": record, "checkpoint": committee_hash([one.digest for one in members], args.combine)}
    return RunIdentity(JOB, code_version("schemas", "trainer"), str(origin["recipe_hash"] or ""), origin["run_seed"], settings)


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
