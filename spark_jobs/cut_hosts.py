"""The job that cuts the planned hosts out of the survey's bricks: pixels, noise, mask, PSF and centre of each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from typing import Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.cutouts import CUTOUTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, files_below, location, relative_path
from schemas.run_record import (
    FINISHED_NAME,
    RunIdentity,
    RunState,
    begin_run,
    finish_run_of_entries,
    read_run,
    recorded_rows,
)
from schemas.survey import BANDS, DEFAULT_STAMP_SIZE_PIX
from spark_jobs.band_choice import parse_bands
from spark_jobs.progress_log import Counting, ProgressLog
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.survey_settings import DEFAULT_SURVEY, SurveySettings, load_survey
from spark_jobs.transforms.refusal_counts import count_refusals, refusals_text
from spark_jobs.transforms.survey.anchor_hosts import finished_anchor_files
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings
from spark_jobs.transforms.survey.bricks_there import require_a_brick
from spark_jobs.transforms.survey.cutout_files import CutoutAccount, CutoutTask, write_cutouts
from spark_jobs.transforms.survey.host_files import finished_host_files
from spark_jobs.transforms.survey.spoiled_bricks import spoiled_bricks

JOB = "cut-hosts"
_SIZES = range(8, 513)
_FAULTS_KEPT = 100
_EXAMPLE = """example:
  dhs cut-hosts --hosts plan --bricks dr10/south --out cutouts
  dhs cut-hosts --anchors anchors --bricks dr10/south --out anchor_cutouts
Usable anchors are cut under their own names. A host over a brick's edge, on masked or uncovered pixels, or of a brick that is
missing or broken keeps its row, without pixels; the column 'reasons' says why, and 'spoiled_bricks' in _run.json names every
brick whose own files cost hosts: fetch those again and cut into another directory. Where not one of the bricks is there, the
folder is taken for a mistake and nothing is begun. A brick without a maskbits plane counts as
unmasked, and the account names how many."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--hosts", type=location, help="finished plan, or finished output of select-hosts")
    given.add_argument("--anchors", type=location, help="finished output of anchors: real lenses, or random sky beside them")
    add(
        "--bricks",
        type=location,
        required=True,
        help="folder that holds coadd/, or the brick files; here or s3://bucket/prefix",
    )
    add("--out", type=location, required=True, help="directory for the cutouts, one Parquet file a hosts file, same name")
    add("--size", type=int, default=DEFAULT_STAMP_SIZE_PIX, metavar="PIX", help="side of a stamp (default: %(default)s)")
    add("--bands", default="".join(BANDS), help="bands to cut, all of which a brick must have (default: %(default)s)")
    add("--survey", default=DEFAULT_SURVEY, help="survey by name, or a YAML file (default: %(default)s)")
    add("--max-masked-fraction", type=float, metavar="F", help="masked share of a stamp, 0 to 1 (default: survey's, 0.2)")
    add("--whole-plane-above", type=int, metavar="N", help="hosts in a brick that make it worth decoding (default: survey's)")
    add("--partitions", type=int, metavar="N", help="Spark partitions (default: one a hosts file); the result is the same")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the cutouts stand. Raises InputError or RunError for input that cannot be used."""
    arguments = build_parser().parse_args(argv)
    settings = _cutout_settings(arguments)
    given = arguments.anchors or arguments.hosts
    hosts: list[Location] = finished_anchor_files(given) if arguments.anchors else finished_host_files(given)
    out: Location = arguments.out.resolve()  # executors do not start where the driver does
    standing = {relative_path(path, out) for path in files_below(out)}
    tasks = [CutoutTask(path, out / path.name, given == arguments.anchors, path.name in standing) for path in hosts]
    if not all(task.stands for task in tasks):  # before the run is begun: else a wrong path is part of it
        require_a_brick(settings.bricks, sorted(tasks, key=lambda task: task.stands))
    identity = RunIdentity(JOB, code_version(), settings=_identity_settings(settings, given))
    if begin_run(out, identity) is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished: {read_run(out)['rows']} rows; nothing to do")
        return EXIT_DONE
    work = partial(write_cutouts, settings, Provenance(code_version()))
    log, counting = ProgressLog(out), Counting(lambda task: [task.cutouts], CUTOUTS, lambda task: task.stands)
    spark, partitions = build_session(JOB), arguments.partitions
    sizes = recorded_rows(given.resolve(), hosts)
    bricks = map_names(spark, tasks, work, what="cutting hosts", partitions=partitions, log=log, counting=counting, sizes=sizes)
    _finish(out, identity, bricks, log)
    return EXIT_DONE


def _finish(out: Location, identity: RunIdentity, bricks: Sequence[CutoutAccount], log: ProgressLog) -> None:
    files = [entry.file for entry in bricks]
    written = [out / file.path for file in files]
    refusals, spoiled = count_refusals(written, CUTOUTS), spoiled_bricks(written)
    seen = {brick for entry in bricks for brick in entry.bricks}
    unmasked = sorted({brick for entry in bricks for brick in entry.without_maskbits})
    faults = [fault for entry in bricks for fault in entry.faults]
    counts = {
        "refused": refusals.by_reason,
        "usable": refusals.usable,
        "bricks": len(seen),
        "bricks_without_maskbits": len(unmasked),
        "spoiled_bricks": spoiled,
        "faults": faults[:_FAULTS_KEPT],  # in words, of the files written by this call
    }
    record = finish_run_of_entries(out, identity, files, counts, {"took": log.took()})
    mask_note = f"; {len(unmasked)} bricks have no maskbits plane and count as unmasked" if unmasked else ""
    fault_note = _spoiled_text(spoiled) + (f", first: {faults[0]}" if spoiled and faults else "")
    text = f"{record['rows']} hosts in {len(seen)} bricks: {refusals_text(refusals)}{mask_note}{fault_note}"
    account(JOB, f"{text}; written to {out}")


def _spoiled_text(spoiled: dict[str, list[str]]) -> str:
    """How many bricks' files cost hosts, as a clause of the account; the record names every one."""
    by_reason = ", ".join(f"{name} {len(bricks)}" for name, bricks in spoiled.items())
    number = len({brick for bricks in spoiled.values() for brick in bricks})
    return f"; {number} bricks are spoiled ({by_reason}), all named in {FINISHED_NAME}" if spoiled else ""


def _cutout_settings(arguments: argparse.Namespace) -> CutoutSettings:
    if arguments.size not in _SIZES:
        raise InputError(f"--size {arguments.size} pix; wanted {_SIZES.start} to {_SIZES.stop - 1}")
    if arguments.partitions is not None and arguments.partitions < 1:
        raise InputError(f"--partitions {arguments.partitions}; wanted 1 or more")
    if not arguments.bricks.is_dir():
        raise InputError(f"--bricks {arguments.bricks} is not a folder; wanted the one that holds coadd/ or the brick files")
    survey = _with_limits(load_survey(arguments.survey), arguments)
    return CutoutSettings(arguments.bricks.resolve(), survey, arguments.size, parse_bands(arguments.bands))


def _with_limits(survey: SurveySettings, arguments: argparse.Namespace) -> SurveySettings:
    """The survey with the limits of the command line, checked like those of the file."""
    names = ("max_masked_fraction", "whole_plane_above")
    given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
    content = survey.model_dump()
    try:
        return SurveySettings.model_validate(content | {"cutouts": content["cutouts"] | given})
    except ValueError as error:
        raise InputError(f"limits {given} of the command line cannot be used: {error}") from error


def _identity_settings(settings: CutoutSettings, hosts: Location) -> dict[str, Any]:
    """What makes two runs the same run; how pixels are read and how work is spread do not change the result."""
    survey = settings.survey.model_dump(mode="json")
    del survey["cutouts"]["whole_plane_above"]
    hashes = {entry["path"]: entry["sha256"] for entry in read_run(hosts)["files"] if not entry["path"].startswith("tasks/")}
    asked = {"size_pix": settings.size, "bands": "".join(settings.bands), "bricks": str(settings.bricks)}
    return {"survey": survey, **asked, "hosts_sha256": hashes}


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
