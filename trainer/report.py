"""Job: one self-contained HTML file that shows what was made and what a network says of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_page import render_report

_DESCRIPTION = "Write one self-contained HTML file that shows what was made and what a network says of it."
_EPILOG = """\
examples:
  dhs report --stamps run/stamps --plan run/plan --out report.html
  dhs report --stamps run/stamps --plan run/plan --scores run/scores --metrics run/metrics.json \\
             --checkpoint-log run/checkpoint/log.jsonl --out report.html

Only --stamps is needed; a section whose input is not given says so. The file holds its pictures and asks nothing of the
network: it can be mailed. Pixels are read only of the stamps that are shown.
"""
_MOST_EXAMPLES = 500


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs report``."""
    parser = argparse.ArgumentParser(
        prog="dhs report", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stamps", type=Path, required=True, metavar="DIR", help="stamps directory that dhs inject filled")
    parser.add_argument("--plan", type=Path, metavar="DIR", help="its plan: tasks planned and draws refused on the way")
    parser.add_argument("--scores", type=Path, metavar="DIR", help="scores of these stamps, by dhs score")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="metrics.json, by dhs evaluate")
    parser.add_argument("--checkpoint-log", type=Path, metavar="FILE", help="log.jsonl of the training")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="HTML file to write")
    parser.add_argument("--examples", type=int, default=12, metavar="N", help="stamps a gallery shows (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report."""
    arguments = build_parser().parse_args(argv)
    if not 1 <= arguments.examples <= _MOST_EXAMPLES:
        raise InputError(f"--examples is {arguments.examples}; wanted 1 to {_MOST_EXAMPLES}")
    paths = ReportPaths(arguments.stamps, arguments.plan, arguments.scores, arguments.metrics, arguments.checkpoint_log)
    page = render_report(read_inputs(paths), arguments.examples)
    commit_text(arguments.out, page)
    account("report", f"{arguments.out} ({len(page) / 1e6:.1f} MB)")
    return EXIT_DONE


if __name__ == "__main__":
    raise SystemExit(run_job("report", main))
