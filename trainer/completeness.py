"""The job ``dhs completeness``: scores and the stamps' index → the selection function of the finder, table and page."""

from __future__ import annotations

import argparse
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.code_version import code_version
from schemas.completeness import COMPLETENESS
from schemas.contract_files import Provenance, read_table, write_table
from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX
from schemas.tasks import ACCEPTANCE

EXAMPLE = """\
examples:
  dhs completeness --scores scores --stamps stamps --out completeness
  dhs completeness --scores scores --stamps stamps --out completeness --threshold 4.2

Lenses refused for what they are (too faint, off the stamp) count as not found; accidents of the survey (masked pixels, missing
bricks) are left out of the share, and columns hold it with them and of rendered stamps alone too. Draws that the plan refused
are counted but their parameters are not stored: quote the completeness of a recipe with accept: none.
"""
_REFUSED_DRAWS = tuple(column.name for column in ACCEPTANCE if column.name.startswith("n_refused_"))


@dataclass(frozen=True)
class Threshold:
    """The logit from which on a lens is found, and where it comes from in words."""

    logit: float
    origin: str
    supported: bool


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs completeness``."""
    parser = argparse.ArgumentParser(
        prog="dhs completeness",
        description="Measure the share of lenses found at a frozen threshold, over what decides it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scores", type=location, required=True, help="scores of dhs score")
    parser.add_argument("--stamps", type=location, required=True, help="stamps directory that was scored")
    parser.add_argument("--out", type=location, required=True, help="directory for completeness.parquet and completeness.html")
    parser.add_argument("--split", default="test", choices=SPLITS, help="split to measure on (default: test)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--fpr", type=float, default=1e-3, help="false positive rate that sets the threshold (default: 1e-3)")
    which.add_argument("--threshold", type=float, metavar="LOGIT", help="a threshold known beforehand, instead of --fpr")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table and the page."""
    args = build_parser().parse_args(argv)
    if args.threshold is None and not 0 < args.fpr <= 1:
        raise InputError(f"--fpr is {args.fpr}; wanted above 0 and at most 1")
    if args.threshold is not None and not math.isfinite(args.threshold):
        raise InputError(f"--threshold is {args.threshold}; wanted a finite logit")
    from trainer.completeness_maps import count_bins, lens_rows
    from trainer.scored_rows import add_conditions, read_scores
    from trainer.stamp_catalogue import stamps_origin

    origin = stamps_origin(args.stamps)
    identity = _identity(args, origin)
    every = add_conditions(read_scores(args.scores), args.stamps)
    scores = every.filter(pc.equal(every["split"], args.split))
    if not scores.num_rows:
        raise InputError(f"{args.scores} holds no scores of the {args.split} split; wanted dhs score --split {args.split}")
    threshold = choose_threshold(scores, args.fpr, args.threshold)
    index = _index(args.stamps, args.split)
    rows = lens_rows(index, scores, threshold.logit)
    if not len(rows.rendered):
        raise InputError(f"the {args.split} split of {args.stamps} holds no lens; wanted at least one")
    if begin_run(args.out, identity) is RunState.FINISHED:
        account("completeness", f"{args.out} holds this run, finished; nothing to do")
        return EXIT_DONE
    bins = count_bins(rows, args.split, threshold.logit)
    notes = _notes(index, scores, threshold)
    counts = {name: int(np.sum(flags)) for name, flags in vars(rows).items() if name != "values"} | {"drawn": len(rows.found)}
    path = args.out / "completeness.parquet"
    table = pa.Table.from_pylist(bins, COMPLETENESS.arrow_schema())
    name = str(origin["recipe_name"] or "")
    write_table(path, table, COMPLETENESS, Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, name))
    commit_text(args.out / "completeness.html", _page(bins, counts, notes, name, args.split, threshold))
    finish_run(args.out, identity, [path], counts, {"threshold": threshold.logit, "threshold_supported": threshold.supported})
    account(
        "completeness",
        f"{counts['found']} of {counts['offered']} lenses offered ({counts['rendered']} rendered, "
        f"{counts['drawn']} drawn rows) found in {args.split}; {' '.join(notes)}",
    )
    return EXIT_DONE


def choose_threshold(scores: pa.Table, fpr: float, logit: float | None) -> Threshold:
    """The given logit, or the lowest at which the share of these negatives found is within ``fpr``."""
    if logit is not None:
        return Threshold(logit, "given beforehand", supported=True)
    from trainer.intervals import Interval
    from trainer.metrics import RateAtFpr, WeightedRoc
    from trainer.scored_rows import scored_rows

    rows = scored_rows(scores)
    if not rows.n_negative or not rows.n_positive:
        raise InputError(f"{rows.n_negative} negatives and {rows.n_positive} lenses have a score; wanted both, or --threshold")
    level = WeightedRoc(rows.logits, rows.labels).threshold(fpr)
    rate = RateAtFpr(fpr, Interval(math.nan, math.nan, math.nan), level, rows.n_distinct_negative)
    kinds, counts = np.unique(rows.kinds[~rows.lens], return_counts=True)
    told = ", ".join(f"{count} {kind}" for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True))
    words = f"set by a false positive rate of {fpr:g} on {rate.n_negative} distinct negatives ({told})"
    return Threshold(level, words, rate.supported)


def _index(stamps: Location, split: str) -> pa.Table:
    from schemas.run_record import run_files
    from trainer.completeness_maps import INDEX_COLUMNS

    columns = (*INDEX_COLUMNS, "n_drawn", *_REFUSED_DRAWS)
    parts = [read_table(path, STAMP_INDEX, columns) for path in run_files(stamps, STAMP_INDEX, under="index/")]
    table = pa.concat_tables(parts)
    return table.filter(pc.equal(table["split"], split))


def _notes(index: pa.Table, scores: pa.Table, threshold: Threshold) -> list[str]:
    """What the reader must know before quoting a share."""
    notes = [f"Threshold: logit {threshold.logit:.4g}, {threshold.origin}."]
    if "control" in scores["kind"].to_pylist() and threshold.origin.startswith("set"):
        notes.append("Paired controls are among these negatives: they stand for no search, so on the sky the rate is another.")
    if not threshold.supported:
        notes.append("UNSUPPORTED: fewer than 10 false positives are expected, so the threshold itself is uncertain.")
    unreadable = int(np.isnan(scores["logit"].to_numpy()).sum())
    if unreadable:
        notes.append(f"{unreadable} stamps could not be read; lenses among them count as not found.")
    lenses = index.filter(pc.equal(index["label"], 1))
    refused = {name: int(pc.sum(lenses[name]).as_py() or 0) for name in _REFUSED_DRAWS}
    if any(refused.values()):
        drawn = int(pc.sum(lenses["n_drawn"]).as_py() or 0)
        why = ", ".join(f"{name.removeprefix('n_refused_')} {n}" for name, n in refused.items() if n)
        notes.append(
            f"WARNING: the plan made {drawn} draws and refused {sum(refused.values())} of them ({why}), whose parameters "
            "are not stored, so completeness holds for accepted draws alone; quote that of a recipe with accept: none."
        )
    return notes


def _page(
    bins: Sequence[dict[str, Any]], counts: dict[str, int], notes: Sequence[str], recipe: str, split: str, threshold: Threshold
) -> str:
    from trainer.completeness_maps import EDGES, share_columns
    from trainer.figures_completeness import MAPS, completeness_map, profile
    from trainer.report_page import environment

    totals = []
    for name, words in (("offered", "lenses offered"), ("rendered", "stamps rendered"), ("drawn", "all drawn rows")):
        low, share, high = (share_columns("s", counts["found"], counts[name])[key] for key in ("s_low", "s", "s_high"))
        told = "fewer than 10" if share is None else f"{share:.3f} ({low:.3f} to {high:.3f})"
        totals.append((words, counts[name], counts["found"], told))
    return (
        environment()
        .get_template("completeness.html.j2")
        .render(
            recipe=recipe or "unnamed recipe",
            split=split,
            threshold=f"{threshold.logit:.4g}",
            notes=notes,
            totals=totals,
            profiles=[profile(bins, name) for name in EDGES],
            maps=[completeness_map(bins, x, y) for x, y in MAPS],
        )
    )


def _identity(args: argparse.Namespace, origin: dict[str, Any]) -> RunIdentity:
    records = {
        name: hashlib.sha256((place / FINISHED_NAME).read_bytes()).hexdigest()[:16] if (place / FINISHED_NAME).exists() else ""
        for name, place in (("scores_record", args.scores), ("stamps_record", args.stamps))
    }
    settings = records | {
        "split": args.split,
        "threshold": args.threshold,
        "fpr": None if args.threshold is not None else args.fpr,
    }
    code = code_version("schemas", "trainer")
    return RunIdentity("completeness", code, str(origin["recipe_hash"] or ""), origin["run_seed"], settings)


if __name__ == "__main__":
    raise SystemExit(run_job("completeness", main))
