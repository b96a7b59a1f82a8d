"""The job that turns sweep catalogues into the hosts table: LRG cuts, masks, known lenses, sky cells, duplicates."""

from __future__ import annotations

import argparse
import hashlib
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
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run, read_run
from schemas.survey import DEFAULT_STAMP_SIZE_PIX, PIXEL_SCALE_ARCSEC
from spark_jobs.band_choice import parse_bands
from spark_jobs.progress_log import Counting, ProgressLog
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.survey_settings import DEFAULT_SURVEY, load_survey
from spark_jobs.transforms.refusal_counts import count_refusals, refusals_text
from spark_jobs.transforms.sky_positions import sky_cells, unit_vectors
from spark_jobs.transforms.survey.duplicate_hosts import duplicate_rows
from spark_jobs.transforms.survey.host_files import HostFileTask, SweepAccount, SweepTask, write_hosts, write_part
from spark_jobs.transforms.survey.host_rows import HostSelection
from spark_jobs.transforms.survey.known_lenses import read_positions
from spark_jobs.transforms.survey.sweep_reader import photo_z_file

JOB = "select-hosts"
WORK = "_work"
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
    add("--sweeps", nargs="+", type=Path, required=True, help="sweep FITS files, or folders of sweep-*.fits")
    add("--out", type=Path, required=True, help="directory for the hosts, one Parquet file a sweep")
    add("--survey", default=DEFAULT_SURVEY, help="survey by name, or a YAML file (default: %(default)s)")
    add("--cut", help="LRG cut that a galaxy must pass, v1 (strictest) to v5 (default: the survey's widest)")
    add("--known-lenses", type=Path, help="CSV with ra_deg, dec_deg: lenses and candidates of any grade; never hosts")
    add(
        "--anchors",
        type=Path,
        help="the same, or anchors.parquet: lenses for testing, never hosts; their sky cells never train",
    )
    add("--known-radius", type=float, metavar="ARCSEC", help="distance from a known lens that refuses (default: survey's, 10)")
    add("--require-bands", default="grz", help="bands that need exposures and a positive flux (default: %(default)s)")
    add("--photo-z", type=Path, metavar="DIR", help="folder of sweep-*-pz.fits (default: beside each sweep, where it is)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the hosts stand. Raises InputError for catalogues or lists that cannot be used."""
    arguments = build_parser().parse_args(argv)
    sweeps = find_sweeps(arguments.sweeps)
    selection = _selection(arguments)
    out: Path = arguments.out.resolve()  # executors do not start where the driver does
    identity = RunIdentity(JOB, code_version(), settings=_settings(arguments, selection, sweeps))
    if begin_run(out, identity) is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished: {read_run(out)['rows']} rows; nothing to do")
        return EXIT_DONE
    tasks = [SweepTask(path, photo_z_file(path, arguments.photo_z), out / WORK / _file_name(path)) for path in sweeps]
    spark, provenance = build_session(JOB), Provenance(code_version())
    log, parts_counted = ProgressLog(out), Counting(lambda task: [task.part], HOSTS)
    work = partial(write_part, selection, provenance)
    read = map_names(spark, tasks, work, what="reading sweeps", log=log, counting=parts_counted)
    _refuse_unreadable(read)
    parts = [task.part for task in tasks]
    again = duplicate_rows(parts, selection.survey.duplicate_radius_arcsec)
    files = [out / part.name for part in parts]
    final = [HostFileTask(*names) for names in zip(parts, files, again, strict=True)]
    counted = Counting(lambda task: [task.hosts], HOSTS)
    map_names(spark, final, partial(write_hosts, provenance), what="writing hosts", log=log, counting=counted)
    refusals = count_refusals(files, HOSTS)
    counts = {"sweep_rows": sum(sweep.sweep_rows for sweep in read), "refused": refusals.by_reason, "usable": refusals.usable}
    record = finish_run(out, identity, files, counts, {"took": log.took()})
    shutil.rmtree(out / WORK, ignore_errors=True)
    account(
        JOB,
        f"{counts['sweep_rows']} catalogue rows in {len(sweeps)} sweeps; {record['rows']} hosts of cut {selection.cut}: "
        f"{refusals_text(refusals)}; written to {out}",
    )
    return EXIT_DONE


def find_sweeps(given: Sequence[Path]) -> list[Path]:
    """The sweep files that are named, or lie in named folders, in the order of their names; InputError where none is."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = [file for file in path.glob("sweep-*.fits*") if "-pz.fits" not in file.name]
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


def _file_name(sweep: Path) -> str:
    return f"{sweep.name.partition('.fits')[0]}.parquet"


def _selection(arguments: argparse.Namespace) -> HostSelection:
    survey = load_survey(arguments.survey)
    cut = arguments.cut or survey.lrg_cuts[-1].name
    survey.cut_number(cut)  # an unknown name is an error before anything is read
    radius = survey.known_lens_radius_arcsec if arguments.known_radius is None else arguments.known_radius
    if not radius > 0:
        raise InputError(f"--known-radius {radius} arcsec; wanted a positive distance")
    nothing = np.empty((0, 2))
    known = read_positions(arguments.known_lenses) if arguments.known_lenses else nothing
    anchors = read_positions(arguments.anchors) if arguments.anchors else nothing
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


def _settings(arguments: argparse.Namespace, selection: HostSelection, sweeps: Sequence[Path]) -> dict[str, Any]:
    """What makes two runs the same run: settings and inputs, the inputs by content where they are small."""
    lists = {"known_lenses": arguments.known_lenses, "anchors": arguments.anchors}
    redshifts = [photo_z_file(path, arguments.photo_z) for path in sweeps]
    return {
        "survey": selection.survey.model_dump(mode="json"),
        "cut": selection.cut,
        "bands": "".join(selection.bands),
        "known_radius_arcsec": selection.known_radius_arcsec,
        **{name: hashlib.sha256(path.read_bytes()).hexdigest() if path else None for name, path in lists.items()},
        "sweep_bytes": {path.name: path.stat().st_size for path in sweeps},
        "photo_z_bytes": {path.name: path.stat().st_size for path in redshifts if path},
    }


def _refuse_unreadable(read: Sequence[SweepAccount]) -> None:
    errors = [sweep.error for sweep in read if sweep.error]
    if errors:
        more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
        raise InputError(f"{len(errors)} of {len(read)} sweeps cannot be used: {'; '.join(errors[:5])}{more}")


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
