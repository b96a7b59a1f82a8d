"""The job that turns sweep catalogues into the hosts table: LRG cuts, masks, known lenses, sky cells, duplicates."""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, S3Location, files_below, location, map_in_order, size_of
from schemas.object_upload import delete_objects
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_entries, read_run, standing_files
from schemas.scratch_files import on_disk
from schemas.survey import DEFAULT_STAMP_SIZE_PIX, PIXEL_SCALE_ARCSEC
from spark_jobs.band_choice import parse_bands
from spark_jobs.progress_log import Counting, ProgressLog
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.survey_settings import DEFAULT_SURVEY, load_survey
from spark_jobs.transforms.refusal_counts import count_refusals, refusals_text
from spark_jobs.transforms.sky_positions import Floats, sky_cells, unit_vectors
from spark_jobs.transforms.survey.duplicate_hosts import duplicate_rows
from spark_jobs.transforms.survey.host_files import HostFileTask, SweepAccount, SweepTask, write_hosts, write_part
from spark_jobs.transforms.survey.host_rows import HostSelection
from spark_jobs.transforms.survey.known_lenses import read_positions
from spark_jobs.transforms.survey.sweep_reader import photo_z_file

JOB = "select-hosts"
WORK = "_work"
_SWEEP = re.compile(r"sweep-(?!.*-pz\.fits).*\.fits")
_EXAMPLE = """example:
  dhs select-hosts --sweeps dr10/south/sweep/10.1 --out hosts --cut v3 \\
      --known-lenses all_candidates.csv --anchors slacs_bells.csv
Every galaxy that passes the cut keeps its row; the column 'reasons' says why one may not be used (0: it may)."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sweeps", nargs="+", type=location, required=True, help="sweep FITS files, or folders of them; here or s3://")
    add("--out", type=location, required=True, help="directory for the hosts, one Parquet file a sweep")
    add("--survey", default=DEFAULT_SURVEY, help="survey by name, or a YAML file (default: %(default)s)")
    add("--cut", help="LRG cut that a galaxy must pass, v1 (strictest) to v5 (default: the survey's widest)")
    add("--known-lenses", type=location, help="CSV with ra_deg, dec_deg: lenses and candidates of any grade; never hosts")
    add(
        "--anchors",
        type=location,
        help="the same, or anchors.parquet: lenses for testing, never hosts; their sky cells never train",
    )
    add("--known-radius", type=float, metavar="ARCSEC", help="distance from a known lens that refuses (default: survey's, 10)")
    add("--require-bands", default="grz", help="bands that need exposures and a positive flux (default: %(default)s)")
    add("--photo-z", type=location, metavar="DIR", help="folder of sweep-*-pz.fits (default: beside each sweep, where it is)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the hosts stand. Raises InputError for catalogues or lists that cannot be used."""
    arguments = build_parser().parse_args(argv)
    sweeps = find_sweeps(arguments.sweeps)
    redshifts = map_in_order(partial(photo_z_file, folder=arguments.photo_z), sweeps)
    selection = _selection(arguments)
    out: Location = arguments.out.resolve()  # executors do not start where the driver does
    identity = RunIdentity(JOB, code_version(), settings=_settings(arguments, selection, sweeps, redshifts))
    state = begin_run(out, identity)
    if state is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished: {read_run(out)['rows']} rows; nothing to do")
        return EXIT_DONE
    standing, names = standing_files(out, state), [_file_name(path) for path in sweeps]
    parts = [out / WORK / name for name in names]
    read_before = [f"{WORK}/{name}" in standing for name in names]
    tasks = [SweepTask(*task) for task in zip(sweeps, redshifts, parts, read_before, strict=True)]
    spark, provenance = build_session(JOB), Provenance(code_version())
    log, parts_counted = ProgressLog(out), Counting(lambda task: [task.part], HOSTS, lambda task: task.stands)
    work = partial(write_part, selection, provenance)
    read = map_names(spark, tasks, work, what="reading sweeps", log=log, counting=parts_counted)
    _refuse_unreadable(read)
    again = duplicate_rows(parts, selection.survey.duplicate_radius_arcsec)
    files = [out / name for name in names]
    final = [HostFileTask(*task, task[1].name in standing) for task in zip(parts, files, again, strict=True)]
    counted = Counting(lambda task: [task.hosts], HOSTS, lambda task: task.stands)
    written = map_names(spark, final, partial(write_hosts, provenance), what="writing hosts", log=log, counting=counted)
    refusals = count_refusals(files, HOSTS)
    counts = {"sweep_rows": sum(sweep.sweep_rows for sweep in read), "refused": refusals.by_reason, "usable": refusals.usable}
    record = finish_run_of_entries(out, identity, written, counts, {"took": log.took()})
    _remove_work(out / WORK)
    account(
        JOB,
        f"{counts['sweep_rows']} catalogue rows in {len(sweeps)} sweeps; {record['rows']} hosts of cut {selection.cut}: "
        f"{refusals_text(refusals)}; written to {out}",
    )
    return EXIT_DONE


def _remove_work(folder: Location) -> None:
    if isinstance(folder, S3Location):
        delete_objects(list(files_below(folder)))
    else:
        shutil.rmtree(folder, ignore_errors=True)


def find_sweeps(given: Sequence[Location]) -> list[Location]:
    """The sweep files that are named, or lie in named folders, in the order of their names; InputError where none is."""
    found: list[Location] = []
    for path in given:
        if path.is_dir():
            beside = path.iterdir() if isinstance(path, Path) else files_below(path)
            inside = [file for file in beside if file.parent == path and _SWEEP.match(file.name)]
            if not inside:
                raise InputError(f"folder {path} holds no sweep-*.fits file")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(f"sweep {path} is not there")
    names = [_file_name(path) for path in found]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputError(f"sweeps of the same name would share a hosts file: {', '.join(repeated)}")
    return sorted((path.resolve() for path in found), key=lambda path: path.name)


def _file_name(sweep: Location) -> str:
    return f"{sweep.name.partition('.fits')[0]}.parquet"


def _selection(arguments: argparse.Namespace) -> HostSelection:
    survey = load_survey(arguments.survey)
    cut = arguments.cut or survey.lrg_cuts[-1].name
    survey.cut_number(cut)  # an unknown name is an error before anything is read
    radius = survey.known_lens_radius_arcsec if arguments.known_radius is None else arguments.known_radius
    if not radius > 0:
        raise InputError(f"--known-radius {radius} arcsec; wanted a positive distance")
    nothing = np.empty((0, 2))
    known, anchors = (_positions(place) if place else nothing for place in (arguments.known_lenses, arguments.anchors))
    # An anchor is a known lens too: as a host it would be a test image with two lenses in it.
    everything = np.concatenate([known, anchors])
    return HostSelection(
        survey=survey,
        cut=cut,
        bands=parse_bands(arguments.require_bands),
        known_lenses=unit_vectors(everything[:, 0], everything[:, 1]),
        known_radius_arcsec=radius,
        anchor_cells=frozenset(sky_cells(anchors[:, 0], anchors[:, 1]).tolist()),
        border_arcsec=DEFAULT_STAMP_SIZE_PIX * PIXEL_SCALE_ARCSEC,
    )


def _positions(place: Location) -> Floats:
    with on_disk(place) as path:
        return read_positions(path)


def _settings(
    arguments: argparse.Namespace,
    selection: HostSelection,
    sweeps: Sequence[Location],
    redshifts: Sequence[Location | None],
) -> dict[str, Any]:
    """What makes two runs the same run: settings and inputs, the inputs by content where they are small."""
    lists = {"known_lenses": arguments.known_lenses, "anchors": arguments.anchors}
    beside = [path for path in redshifts if path]
    return {
        "survey": selection.survey.model_dump(mode="json"),
        "cut": selection.cut,
        "bands": "".join(selection.bands),
        "known_radius_arcsec": selection.known_radius_arcsec,
        **{name: hashlib.sha256(path.read_bytes()).hexdigest() if path else None for name, path in lists.items()},
        "sweep_bytes": {path.name: size for path, size in zip(sweeps, map_in_order(size_of, sweeps), strict=True)},
        "photo_z_bytes": {path.name: size for path, size in zip(beside, map_in_order(size_of, beside), strict=True)},
    }


def _refuse_unreadable(read: Sequence[SweepAccount]) -> None:
    errors = [sweep.error for sweep in read if sweep.error]
    if errors:
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        raise InputError(f"{len(errors)} of {len(read)} sweeps cannot be used: {'; '.join(errors[:5])}{more}")


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
