"""The job ``dhs check-anchors``: is there a galaxy where each anchor should be? Asked before any figure is given."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from schemas.code_version import code_version
from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, account, run_job
from schemas.locations import Location, location
from schemas.run_record import FINISHED_NAME, RunIdentity, RunState, begin_run, finish_run_of_files, read_run

JOB = "check-anchors"
_DESCRIPTION = "Look on the pixels whether a galaxy stands at each anchor, and what random sky beside the anchors gives."
_EPILOG = """\
example:
  dhs check-anchors --anchors anchors --cutouts anchor_cutouts --random-sky random_cutouts --out integrity

made before it:
  dhs anchors --table slacs.cat --out anchors
  dhs anchors --random-sky anchors --out random_sky
  dhs cut-hosts --anchors anchors --bricks dr10/south --out anchor_cutouts
  dhs cut-hosts --anchors random_sky --bricks dr10/south --out random_cutouts

An anchor holds where the source nearest the stamp's centre lies within 1 arcsec of it, and the light within 3 arcsec agrees
with the catalogued r magnitude within 1 mag (where the list has none, r lies between 15 and 21.5). The set is refused, and the
exit code is 1, where more than 5 % of the anchors fail; it is not supported, exit code 1 too, where random sky may hold as
often. Cutouts of another origin serve as well: a cutouts table whose host_id is the anchor's name.
"""
PAGE = "integrity.html"


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs check-anchors``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--anchors", type=location, required=True, metavar="DIR", help="anchors table, by dhs anchors")
    add("--cutouts", type=location, required=True, metavar="DIR", help="cutouts of these anchors")
    add("--random-sky", type=location, required=True, metavar="DIR", help="cutouts of the random sky beside them")
    add(
        "--out",
        type=location,
        required=True,
        metavar="DIR",
        help=f"directory for integrity.parquet, {PAGE} and the run's record",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Check the set; 0 where it is accepted, 1 where it is not. Raises InputError for tables that do not belong together."""
    arguments = build_parser().parse_args(argv)
    inputs = {name: getattr(arguments, name) for name in ("anchors", "cutouts", "random_sky")}
    digests = {name: [entry["sha256"] for entry in read_run(path)["files"]] for name, path in inputs.items()}
    identity = RunIdentity(JOB, code_version("schemas", "trainer"), settings=digests)
    out: Location = arguments.out
    if (out / FINISHED_NAME).exists() and begin_run(out, identity) is RunState.FINISHED:
        counts = read_run(out)["counts"]
        account(JOB, f"{out} holds this run already, finished: {counts['verdict']}, {counts['why']}; nothing to do")
        return EXIT_DONE if counts["verdict"] == "accepted" else EXIT_BREACH
    return _check(inputs, identity, out)


def _check(inputs: dict[str, Location], identity: RunIdentity, out: Location) -> int:
    import pyarrow as pa

    from schemas.anchors import ANCHOR_INTEGRITY
    from schemas.contract_files import Provenance, write_table
    from trainer.anchor_integrity import TABLE, judge_anchors, judge_random_sky, read_cutouts, verdict_on
    from trainer.anchor_page import IntegrityInputs, render_integrity
    from trainer.anchor_rows import read_anchors

    listed = read_anchors(inputs["anchors"])
    cutouts, sky = read_cutouts(inputs["cutouts"]), read_cutouts(inputs["random_sky"])
    rows = judge_anchors(listed, cutouts, str(inputs["cutouts"]))
    control = judge_random_sky(listed, sky)
    verdict = verdict_on(rows, control)
    begin_run(out, identity)  # after all that may find the input unusable, so that a run of other inputs is not in the way
    table = pa.Table.from_pylist([*rows, *control], ANCHOR_INTEGRITY.arrow_schema())
    write_table(out / TABLE, table, ANCHOR_INTEGRITY, Provenance(identity.code_version))
    refused = [row for row in listed if row["reasons"]]
    page = render_integrity(IntegrityInputs(rows, control, refused, cutouts, sky, verdict, identity.code_version))
    commit_text(out / PAGE, page)
    counts = {"verdict": verdict.word, "why": verdict.why, "judged": verdict.anchors.judged, "holding": verdict.anchors.holding}
    counts |= {"random_sky_judged": verdict.control.judged, "random_sky_holding": verdict.control.holding}
    finish_run_of_files(out, identity, {out / TABLE: table.num_rows, out / PAGE: 0}, counts, {})
    share = verdict.anchors.share
    account(
        JOB,
        f"{verdict.word}: {verdict.why}; {verdict.anchors.holding} of {verdict.anchors.judged} hold "
        f"(95 % interval {share.low:.2f} to {share.high:.2f}), {len(rows) - verdict.anchors.judged} not judged, "
        f"{len(refused)} refused by the list; see {out / PAGE}",
    )
    return EXIT_DONE if verdict.accepted else EXIT_BREACH


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
