"""The job ``dhs select``: scores of a sample → galaxies by falling score, as a table and as a page with pictures."""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.candidates import CANDIDATES
from schemas.code_version import code_version
from schemas.contract_files import Provenance, write_table
from schemas.cutouts import CUTOUTS
from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import location
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run, read_run
from schemas.stamps import STAMP_INDEX

EXAMPLE = """\
examples:
  dhs select --scores scores --cutouts cutouts --out candidates
  dhs select --scores scores --stamps stamps --split test --top 100 --out candidates

Give --cutouts for real galaxies that dhs score --cutouts has scored, --stamps for simulated ones. candidates.csv and
candidates.parquet hold every galaxy, candidates.html the first ones with pictures.
"""
_MOST_SHOWN = 5000


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs select``."""
    parser = argparse.ArgumentParser(
        prog="dhs select",
        description="Rank the galaxies of a scored sample and show the first of them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scores", type=location, required=True, help="scores directory that dhs score has finished")
    sample = parser.add_mutually_exclusive_group(required=True)
    sample.add_argument("--stamps", type=location, help="the stamps that were scored")
    sample.add_argument("--cutouts", type=location, help="the cutouts that were scored")
    parser.add_argument("--out", type=location, required=True, help="directory for the table and the page")
    parser.add_argument("--split", help="split of the scores (default: parent for cutouts, test for stamps)")
    parser.add_argument("--kind", nargs="+", help="kinds to rank, for example control (default: all)")
    parser.add_argument("--top", type=int, default=500, help="galaxies to show with pictures (default: %(default)s)")
    parser.add_argument("--layer", default="ls-dr10", help="layer of the survey's viewer to link to (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Rank, look up, draw."""
    args = build_parser().parse_args(argv)
    if not 1 <= args.top <= _MOST_SHOWN:
        raise InputError(f"--top is {args.top}; wanted 1 to {_MOST_SHOWN}")
    from trainer.candidates import kinds_in_words, ranked_galaxies, rows_as_csv

    split = args.split or ("test" if args.cutouts is None else "parent")
    scores = _scores(args, split)
    identity = _identity(args, split)
    candidates, pictures = _candidates(args, ranked_galaxies(scores))
    if begin_run(args.out, identity) is RunState.FINISHED:
        account("select", f"{args.out} holds this run, finished; nothing to do")
        return EXIT_DONE
    shown = candidates.filter(pc.is_valid(candidates["rank"])).slice(0, args.top)
    unread = candidates["rank"].null_count
    notes = [f"Without a score, because their pixels could not be read: {unread}. They end the table."] if unread else []
    notes += _simulated(args, scores)
    page = _page(pictures(shown), candidates, kinds_in_words(scores), f"{split} split of the scores", notes)
    path = args.out / "candidates.parquet"
    write_table(path, candidates, CANDIDATES, Provenance(identity.code_version, identity.recipe_hash, identity.run_seed))
    commit_text(args.out / "candidates.csv", _csv(rows_as_csv(candidates)))
    commit_text(args.out / "candidates.html", page)
    finish_run(args.out, identity, [path], {"galaxies": candidates.num_rows, "shown": shown.num_rows, "unread": unread}, {})
    account(
        "select",
        f"{candidates.num_rows} galaxies ranked ({kinds_in_words(scores)}), {shown.num_rows} shown, {unread} without a score; "
        f"{args.out / 'candidates.html'} ({len(page) / 1e6:.1f} MB)",
    )
    return EXIT_DONE


def _scores(args: argparse.Namespace, split: str) -> pa.Table:
    """The rows to rank; raises InputError where there are none."""
    from trainer.scored_rows import read_scores

    scores = read_scores(args.scores)
    there = scores.filter(pc.equal(scores["split"], split))
    if args.kind:
        there = there.filter(pc.is_in(there["kind"], value_set=pa.array(args.kind, pa.string())))
    if not there.num_rows:
        of = f" of kind {', '.join(args.kind)}" if args.kind else ""
        splits = ", ".join(sorted(set(scores["split"].to_pylist())))
        raise InputError(f"{args.scores} holds no score{of} of the {split} split; it holds {splits}")
    return there


def _candidates(args: argparse.Namespace, galaxies: pa.Table) -> tuple[pa.Table, Any]:
    """The candidates table, and what draws rows of it."""
    from trainer.candidate_pictures import candidate_examples, cutout_images
    from trainer.candidates import placed, read_places
    from trainer.gallery import read_images

    if args.cutouts is not None:
        places = read_places(args.cutouts, CUTOUTS, "", "host_id", galaxies["host_id"])

        def of_cutouts(shown: pa.Table) -> Any:
            return candidate_examples(shown, cutout_images(args.cutouts, shown["host_id"].to_pylist()), "host_id")

        return placed(galaxies, places, "host_id", args.layer), of_cutouts
    places = read_places(args.stamps, STAMP_INDEX, "index/", "task_id", galaxies["task_id"], ("file", "row"))

    def of_stamps(shown: pa.Table) -> Any:
        rows = places.filter(pc.is_in(places["task_id"], value_set=shown["task_id"].combine_chunks()))
        where = [(row["file"], row["row"], row["task_id"]) for row in rows.to_pylist()]
        return candidate_examples(shown, read_images(args.stamps, where), "task_id")

    return placed(galaxies, places, "task_id", args.layer), of_stamps


def _simulated(args: argparse.Namespace, scores: pa.Table) -> list[str]:
    """What must be said where the sample is no sample of the sky."""
    if args.cutouts is not None:
        return []
    words = "These are stamps of a simulation, with as many lenses as its recipe asks for: no sample of the sky."
    if "control" in scores["kind"].to_pylist():
        words += " Paired controls are the hosts of its lenses and stand for no search."
    return [words]


def _page(examples: Any, candidates: pa.Table, ranked: str, sample: str, notes: Sequence[str]) -> str:
    from trainer.report_page import environment

    hashes = sorted(set(candidates["checkpoint_hash"].to_pylist()))
    template = environment().get_template("candidates.html.j2")
    galaxies = f"{candidates.num_rows:,}"
    return template.render(
        examples=examples, galaxies=galaxies, ranked=ranked, sample=sample, notes=notes, checkpoint=", ".join(hashes)
    )


def _csv(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _identity(args: argparse.Namespace, split: str) -> RunIdentity:
    sample = args.cutouts if args.cutouts is not None else args.stamps
    made = read_run(sample)
    records = {"scores": args.scores, "sample": sample}
    settings = {name: hashlib.sha256((place / FINISHED_NAME).read_bytes()).hexdigest()[:16] for name, place in records.items()}
    asked = {"split": split, "kind": args.kind, "top": args.top, "layer": args.layer}
    code = code_version("schemas", "trainer")
    return RunIdentity("select", code, str(made.get("recipe_hash") or ""), made.get("run_seed"), settings | asked)


if __name__ == "__main__":
    raise SystemExit(run_job("select", main))
