"""The command ``dhs``: names every job, and imports the one that was asked for.

A GPU host has no Spark and an executor has no torch, so nothing is imported before a job is named.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from schemas.code_version import RELEASE
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_DONE, run_job

COMMANDS: dict[str, tuple[str, str]] = {
    "mock-sky": ("spark_jobs.mock_sky", "draw survey bricks and catalogues to practise on"),
    "fetch": ("spark_jobs.fetch", "bring bricks or cutouts in from a survey's server"),
    "anchors": ("trainer.anchors", "bring a list of real lenses or contaminants in, and random sky beside it"),
    "adopt": ("trainer.adopt", "bring in stamps, anchors or a checkpoint that you already have"),
    "adopt-bank": ("spark_jobs.adopt_bank", "bring in a source bank that you already have"),
    "select-hosts": ("spark_jobs.select_hosts", "choose massive galaxies from sweep catalogues"),
    "source-bank": ("spark_jobs.build_source_bank", "make a bank of source galaxies from HST images or fits"),
    "population": ("spark_jobs.population", "draw what a recipe would make, as a picture to decide by"),
    "plan": ("spark_jobs.plan_tasks", "draw what will be made, without pixels"),
    "cut-hosts": ("spark_jobs.cut_hosts", "cut the planned hosts out of the survey's bricks"),
    "inject": ("spark_jobs.inject", "make the stamps"),
    "emr": ("spark_jobs.emr", "run a job on many machines, checked and priced first"),
    "compact": ("spark_jobs.compact", "pack stamps, or anybody's Parquet, into shards of one size"),
    "audit": ("spark_jobs.audit", "check a stamps directory against its contract and plan, or ask it one question"),
    "show": ("trainer.show", "show one stamp: picture, parameters, host, pair"),
    "replay": ("spark_jobs.replay", "make one stamp again and compare the bytes"),
    "gate-data": ("trainer.gate_data", "ask the stamps for shortcuts, before a GPU is paid for"),
    "fetch-stamps": ("trainer.fetch_stamps", "copy finished stamps from S3, checksums verified"),
    "train": ("trainer.train", "train the network"),
    "score": ("trainer.score", "score stamps with a checkpoint"),
    "check-anchors": ("trainer.check_anchors", "see a galaxy at each anchor before any figure is believed"),
    "evaluate": ("trainer.evaluate", "AUC and recall at fixed false positive rates, with intervals"),
    "gate-model": ("trainer.gate_model", "ask a trained network whether what it sees is lensing"),
    "stimuli": ("spark_jobs.stimuli", "make lenses again with one thing changed, to ask a network about"),
    "autopsy": ("trainer.autopsy", "what a network learned, and why real lenses look different to it"),
    "completeness": ("trainer.completeness", "the share of lenses found, over what decides it"),
    "select": ("trainer.select_candidates", "rank a scored sample, with a page of pictures"),
    "report": ("trainer.report", "write one HTML page about a run"),
    "demo": ("spark_jobs.demo", "the main steps on a small drawn sky"),
}


def usage() -> str:
    """What ``dhs --help`` prints."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {meaning}" for name, (_, meaning) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: dhs COMMAND [arguments]      dhs COMMAND --help teaches one of them",
            "",
            "Training data for finding strong gravitational lenses, the network trained on it, the proof of what it learned.",
            "In the order of the work:",
            *lines,
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one job; its exit code is the command's: 0 done, 1 a check found a breach, 2 bad input."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help"):
        sys.stdout.write(usage() + "\n")
        return EXIT_DONE if words else EXIT_BAD_INPUT
    if words[0] == "--version":
        sys.stdout.write(f"darkhaloscope {RELEASE}\n")
        return EXIT_DONE
    if words[0] not in COMMANDS:
        sys.stderr.write(f"dhs: error: no command {words[0]!r}; wanted one of {', '.join(COMMANDS)}\n")
        return EXIT_BAD_INPUT
    module_name, _ = COMMANDS[words[0]]
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        extra = "train" if module_name.startswith("trainer") else "spark,sky,audit"
        sys.stderr.write(
            f"dhs {words[0]}: error: the package {error.name!r} is not installed here; "
            f"try: pip install 'darkhaloscope[{extra}]'\n"
        )
        return EXIT_BAD_INPUT
    return run_job(words[0], module.main, words[1:])


if __name__ == "__main__":
    raise SystemExit(main())
