"""Job: one self-contained HTML file that shows what was made and what a network says of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from schemas.file_commit import commit_text, require_writable
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import location
from trainer.anchor_scores import AnchorPaths
from trainer.report_inputs import ReportPaths, read_inputs
from trainer.report_page import render_report

_DESCRIPTION = "Write one self-contained HTML file that shows what was made and what a network says of it."
_EPILOG = """\
examples:
  dhs report --stamps run/stamps --plan run/plan --out report.html
  dhs report --stamps run/stamps --plan run/plan --scores run/scores --metrics run/metrics.json \\
             --checkpoint-log run/checkpoint/log.jsonl --gates run/gates run/model_gates \\
             --completeness run/completeness --out report.html
  dhs report --stamps run/stamps --metrics run/metrics.json --anchors anchors --anchor-cutouts anchor_cutouts \\
             --integrity integrity --anchor-scores anchor_scores --random-sky-scores random_scores --out report.html

Only --stamps is needed; a section whose input is not given says so. All inputs must be of one run and one network. Real lenses
get a figure only where dhs check-anchors accepted the set; of a refused one the report lists what is wrong. The file holds its
pictures and asks nothing of the network: it can be mailed. Pixels are read only of the stamps that are shown.
"""
_MOST_EXAMPLES = 500


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs report``."""
    parser = argparse.ArgumentParser(
        prog="dhs report", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stamps", type=location, required=True, metavar="DIR", help="stamps directory that dhs inject filled")
    parser.add_argument("--plan", type=location, metavar="DIR", help="its plan: tasks planned and draws refused on the way")
    parser.add_argument("--scores", type=location, metavar="DIR", help="scores of these stamps, by dhs score")
    parser.add_argument("--metrics", type=location, metavar="FILE", help="metrics.json, by dhs evaluate")
    parser.add_argument("--checkpoint-log", type=location, metavar="FILE", help="log.jsonl of the training")
    parser.add_argument("--gates", type=location, nargs="+", default=[], metavar="DIR", help="dhs gate-data, dhs gate-model")
    parser.add_argument(
        "--completeness", type=location, metavar="DIR", help="completeness of these stamps, by dhs completeness"
    )
    real = parser.add_argument_group("real lenses", "the first four together, of one set")
    real.add_argument("--anchors", type=location, metavar="DIR", help="anchors table, by dhs anchors")
    real.add_argument("--anchor-cutouts", type=location, metavar="DIR", help="their cutouts, by dhs cut-hosts --anchors")
    real.add_argument("--anchor-scores", type=location, metavar="DIR", help="scores of these, by dhs score --cutouts")
    real.add_argument("--integrity", type=location, metavar="DIR", help="what dhs check-anchors found on them")
    real.add_argument("--random-sky-scores", type=location, metavar="DIR", help="scores of the random sky beside them")
    parser.add_argument("--out", type=location, required=True, metavar="FILE", help="HTML file to write")
    parser.add_argument("--examples", type=int, default=12, metavar="N", help="stamps a gallery shows (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report."""
    arguments = build_parser().parse_args(argv)
    if not 1 <= arguments.examples <= _MOST_EXAMPLES:
        raise InputError(f"--examples is {arguments.examples}; wanted 1 to {_MOST_EXAMPLES}")
    require_writable(arguments.out)
    given = arguments
    paths = ReportPaths(given.stamps, given.plan, given.scores, given.metrics, given.checkpoint_log)
    paths = replace(paths, anchors=anchor_paths(given), gates=tuple(given.gates), completeness=given.completeness)
    page = render_report(read_inputs(paths), arguments.examples)
    commit_text(arguments.out, page)
    account("report", f"{arguments.out} ({len(page) / 1e6:.1f} MB)")
    return EXIT_DONE


def anchor_paths(arguments: argparse.Namespace) -> AnchorPaths | None:
    """Where the real lenses lie; None where none were asked for, InputError where a part is lacking."""
    needed = ("anchors", "anchor_cutouts", "anchor_scores", "integrity")
    given = [getattr(arguments, name) for name in needed]
    lacking = [f"--{name.replace('_', '-')}" for name, path in zip(needed, given, strict=True) if path is None]
    if len(lacking) == len(needed) and arguments.random_sky_scores is None:
        return None
    if lacking:
        raise InputError(f"real lenses were asked for without {', '.join(lacking)}; wanted all four directories of one set")
    anchors, cutouts, scores, integrity = given
    return AnchorPaths(anchors, cutouts, scores, integrity, arguments.random_sky_scores)


if __name__ == "__main__":
    raise SystemExit(run_job("report", main))
