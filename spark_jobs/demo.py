"""The job ``dhs demo``: the whole flow on a small drawn sky, each step the command that a person would type."""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from schemas.code_version import code_version
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import local_path
from schemas.run_record import FINISHED_NAME

JOB = "demo"
_FEWEST_BRICKS = 12  # fewer leave a split without a sky cell of its own

DESCRIPTION = """\
Run every step of the work on a sky that is drawn for it: survey bricks, hosts, source bank, population, plan, cutouts, stamps,
audit, gates, training, scores, evaluation, report. No survey data, no GPU, no installed Java; about ten minutes on two cores.
"""
EPILOG = """\
examples:
  dhs demo
  dhs demo --out output/larger --bricks 40

Each step is printed as the command that runs it, so that it can be copied, changed and run again. The same command again goes
on where it stopped. Where a gate on the stamps fails, nothing is trained on them: the demo stops there and names the gate. A
few gates say that so small a set does not support them. The last line names the report.
"""


@dataclass(frozen=True)
class Step:
    """One command of the demo, without the word ``dhs``, and what it is for."""

    purpose: str
    words: tuple[str, ...]


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs demo``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path("output") / f"demo-{code_version().partition('+')[2]}"
    parser.add_argument("--out", type=local_path, default=default, help="directory on disk for all (default: %(default)s)")
    parser.add_argument("--bricks", type=int, default=20, help="bricks of sky; 20 make some 2700 stamps (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of sky, plan and everything after (default: 1)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the steps in order and stop at the first that fails, with its exit code."""
    args = build_parser().parse_args(argv)
    if args.bricks < _FEWEST_BRICKS:
        raise InputError(f"--bricks {args.bricks}; wanted {_FEWEST_BRICKS} or more, so that every split gets hosts")
    steps, started = demo_steps(args.out, args.bricks, args.seed), time.monotonic()
    for number, step in enumerate(steps, 1):
        print(f"\n[{number}/{len(steps)}] {step.purpose}\n$ dhs {shlex.join(step.words)}", flush=True)
        command = [sys.executable, "-m", "spark_jobs.command_line", *step.words]
        code = subprocess.run(command, check=False).returncode
        if code != EXIT_DONE:
            print(f"dhs {JOB}: step {number}, dhs {step.words[0]}, ended with exit code {code}", file=sys.stderr)
            return code
    print()
    account(JOB, f"{summary(args.out)}; {(time.monotonic() - started) / 60:.1f} minutes; open the report in a browser:")
    print((args.out / "report.html").resolve())
    return EXIT_DONE


def demo_steps(out: Path, bricks: int, seed: int) -> list[Step]:
    """The commands in the order in which their outputs are needed, all below ``out``."""

    def at(name: str) -> str:
        return str(out / name)

    sky, hosts, bank, plan = at("sky"), at("hosts"), at("bank.h5"), at("plan")
    cutouts, stamps, scores, metrics = at("cutouts"), at("stamps"), at("scores"), at("metrics.json")
    drawn = ("--bricks", str(bricks), "--brick-size", "1000", "--hosts-per-brick", "40", "--seed", str(seed))
    drawn_from = ("--bank", bank, "--seed", str(seed), "--tasks", "20000")
    planned = ("--bank", bank, "--seed", str(seed), "--stamps-per-shard", "400")
    gated = ("--plan", plan, "--bank", bank, "--out", at("gates"))
    training = ("--out", at("training"), "--settings", "demo", "--seed", str(seed))
    scored = ("--checkpoint", at("training/best.pt"), "--split", "val", "test")
    shown = ("--scores", scores, "--metrics", metrics, "--checkpoint-log", at("training/log.jsonl"), "--gates", at("gates"))
    return [
        Step("Draw survey bricks and catalogues", ("mock-sky", "--out", sky, *drawn)),
        Step("Choose massive galaxies", ("select-hosts", "--sweeps", f"{sky}/sweep", "--out", hosts)),
        Step("Make a bank of source galaxies", ("source-bank", "--out", bank, "--procedural", "400", "--seed", str(seed))),
        Step(
            "Look at what would be made", ("population", "demo", "--hosts", hosts, *drawn_from, "--out", at("population.png"))
        ),
        Step("Plan what will be made", ("plan", "--recipe", "demo", "--hosts", hosts, *planned, "--out", plan)),
        Step("Cut the planned hosts out of the bricks", ("cut-hosts", "--hosts", plan, "--bricks", sky, "--out", cutouts)),
        Step("Make the stamps", ("inject", "--plan", plan, "--cutouts", cutouts, "--bank", bank, "--out", stamps)),
        Step("Check them", ("audit", "--stamps", stamps, "--plan", plan, "--bank", bank, "--json", at("audit.json"))),
        Step("Ask them what else than lensing could be learned", ("gate-data", "--stamps", stamps, *gated)),
        Step("Train a small network", ("train", "--stamps", stamps, *training)),
        Step("Score what it has not trained on", ("score", "--stamps", stamps, *scored, "--out", scores)),
        Step("Measure what it finds", ("evaluate", "--scores", scores, "--stamps", stamps, "--out", metrics)),
        Step("Write the report", ("report", "--stamps", stamps, "--plan", plan, *shown, "--out", at("report.html"))),
    ]


def summary(out: Path) -> str:
    """Stamps made and the AUC of the test split with its interval, read from what the steps wrote."""
    counts = json.loads((out / "stamps" / FINISHED_NAME).read_text())["counts"]
    test = json.loads((out / "metrics.json").read_text())["splits"]["test"]
    if test["auc"] is None:
        return f"{counts['made']} stamps; no test AUC ({test['why']})"
    value, low, high = (test["auc"][name] for name in ("value", "low", "high"))
    interval = "" if low is None else f" ({low:.3f} to {high:.3f})"
    return (
        f"{counts['made']} stamps; test AUC {value:.3f}{interval}, {test['n_positive']} lenses, {test['n_negative']} negatives"
    )


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
