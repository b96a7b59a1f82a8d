"""The experiment: the failed recipe and the realistic one side by side, on one drawn sky and on one that another engine drew.

    python deploy/proof/prove.py --out output/proof

Each step is printed as the command that runs it. The same command again goes on where it stopped. The last line names the page.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from proof_page import write_page
from proof_steps import HERE, Places, Size, Step, proof_steps

from schemas.code_version import code_version
from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, account, run_job

JOB = "proof"
STEPS = "steps.json"
PAGE = "proof.html"
EPILOG = """\
Both recipes get one sky, one network, one training, three seeds. Every network is judged on both test sets and on a stand-in
for the sky that lenstronomy drew, with lenses, sources, PSF and contaminants of its own; nothing is tuned on it. No data, no
GPU. On two cores it took 54 minutes (28 November 2026), 23 of which were trainings.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the proof."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0], epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path("output") / f"proof-{code_version().partition('+')[2]}"
    size = Size()
    parser.add_argument("--out", type=Path, default=default, help="directory for everything (default: %(default)s)")
    parser.add_argument("--bricks", type=int, default=size.bricks, help="bricks of sky (default: %(default)s)")
    parser.add_argument("--lenses", type=int, default=size.lenses, help="lenses of the stand-in (default: %(default)s)")
    parser.add_argument("--negatives", type=int, default=size.negatives, help="its negatives (default: %(default)s)")
    parser.add_argument("--settings", type=Path, default=size.settings, help="training settings (default: training.yaml here)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the steps in order, stop at the first that fails, write the page."""
    args = build_parser().parse_args(argv)
    out: Path = args.out.resolve()
    size = Size(args.bricks, args.lenses, args.negatives, args.settings)
    out.mkdir(parents=True, exist_ok=True)
    steps, started = proof_steps(out, size), time.monotonic()
    for number, step in enumerate(steps, 1):
        code = _run(step, f"[{number}/{len(steps)}]", out)
        if code != EXIT_DONE and not (step.breach and code == EXIT_BREACH):
            print(f"proof: step {number}, {step.purpose}, ended with exit code {code}", file=sys.stderr)
            return code
    came_out = write_page(Places(out), size, out / PAGE)
    print()
    account(JOB, f"{came_out}; {(time.monotonic() - started) / 60:.1f} minutes; open the page in a browser:")
    print(out / PAGE)
    return EXIT_DONE


def _run(step: Step, number: str, out: Path) -> int:
    """Run one command and note how long it took; the longest time is kept, since a finished step that is run again is quick."""
    shown = f"python {step.program}" if step.program else "dhs"
    print(f"\n{number} {step.purpose}\n$ {shown} {shlex.join(step.words)}", flush=True)
    program = [str(HERE / step.program)] if step.program else ["-m", "spark_jobs.command_line"]
    begun = time.monotonic()
    code = subprocess.run([sys.executable, *program, *step.words], check=False).returncode
    notes = out / STEPS
    seconds = json.loads(notes.read_text()) if notes.exists() else {}
    seconds[step.purpose] = max(seconds.get(step.purpose, 0.0), round(time.monotonic() - begun, 1))
    commit_text(notes, json.dumps(seconds, indent=1) + "\n")
    return code


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
