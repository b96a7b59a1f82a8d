"""The job that brings survey data in: coadd bricks, or cutouts at positions, from the servers in a survey's YAML.

Polite and patient: one rate for each host, Retry-After honoured, back-off where a server stumbles, a cut-off file continued.
A file gets its name once it is whole and agrees with the checksums that it carries.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from schemas.job_entry import EXIT_BREACH, EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, S3Location, local_path, location
from schemas.run_record import RunError
from schemas.survey import BANDS, DEFAULT_STAMP_SIZE_PIX
from spark_jobs.band_choice import parse_bands
from spark_jobs.survey_settings import DEFAULT_SURVEY, load_survey
from spark_jobs.transforms.fetching.brick_urls import bricks_of_hosts, count_files, files_of_bricks, read_brick_names
from spark_jobs.transforms.fetching.cutout_urls import cutout_files, read_named_positions
from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.fetch_file import FetchTools, Outcome
from spark_jobs.transforms.fetching.fetch_files import FetchAccount, fetch_files
from spark_jobs.transforms.fetching.fetch_journal import FetchJournal, sole_fetch
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.fetch_target import DiskTarget, FetchTarget
from spark_jobs.transforms.fetching.http_client import HttpClient
from spark_jobs.transforms.fetching.s3_target import S3Target
from spark_jobs.transforms.fetching.wanted_file import WantedFile

JOB = "fetch"
_SIZES = range(8, 513)
_EXAMPLE = """examples:
  dhs fetch bricks --hosts plan --out dr10/south
  dhs fetch bricks --names bricks.txt --bands gz --out dr10/south --per-second 2
  dhs fetch bricks --hosts plan --out s3://bucket/dr10/south
  dhs fetch cutouts --positions anchors.csv --size 64 --out cubes
  dhs fetch cutouts --positions anchors --out cubes            # anchors: what dhs anchors wrote
Given again, the command goes on: what stands is not asked for again, nor what the server said it has not (--ask-again forgets
that). What is known of each file stands in _fetch.jsonl beside the data. Into S3 a file goes once it is whole and checked, in
one upload; until then it lies in a folder below --scratch. Exit code 1 where some failed."""
_BRICKS = """Planes of coadd bricks in the survey's own layout, as cut-hosts reads them: image, invvar and psfsize of each
band, and maskbits, below OUT/coadd/<first three digits>/<brick>/."""
_CUTOUTS = """FITS cubes (band, y, x) in nanomaggies from the survey's cutout service, one a row, named after the row; of a
single band (y, x). A position outside the survey's coverage counts as absent."""

_POSITIONS = "table with name, ra_deg and dec_deg, or finished output of anchors: those that it did not refuse"


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=raw)
    what = parser.add_subparsers(dest="what", metavar="bricks|cutouts", required=True)
    bricks = what.add_parser("bricks", help="coadd bricks by name or by hosts", description=_BRICKS, formatter_class=raw)
    names = bricks.add_mutually_exclusive_group(required=True)
    names.add_argument("--names", type=location, metavar="TXT", help="bricks, one a line")
    names.add_argument(
        "--hosts", type=location, metavar="DIR", help="finished plan or output of select-hosts: the bricks of its hosts"
    )
    cutouts = what.add_parser("cutouts", help="cubes at positions", description=_CUTOUTS, formatter_class=raw)
    cutouts.add_argument("--positions", type=location, required=True, metavar="CSV|DIR", help=_POSITIONS)
    cutouts.add_argument(
        "--size", type=int, default=DEFAULT_STAMP_SIZE_PIX, metavar="PIX", help="side of a cutout (default: %(default)s)"
    )
    for part in (bricks, cutouts):
        _add_shared(part)
    return parser


def _add_shared(parser: argparse.ArgumentParser) -> None:
    add, limits = parser.add_argument, FetchLimits()
    add("--out", type=location, required=True, help="directory to fill, or s3://bucket/prefix")
    add("--scratch", type=local_path, metavar="DIR", help="for unfinished files on their way to S3 (default: the system's own)")
    add("--bands", default="".join(BANDS), help="bands to fetch (default: %(default)s)")
    add("--survey", default=DEFAULT_SURVEY, help="survey by name, or a YAML file with its addresses (default: %(default)s)")
    add("--ask-again", action="store_true", help="forget what the server said it has not")
    add("--at-once", type=int, default=limits.at_once, metavar="N", help="requests under way (default: %(default)s)")
    add("--per-second", type=float, default=limits.per_second, metavar="N", help="requests to a host (default: %(default)s)")
    add("--attempts", type=int, default=limits.attempts, metavar="N", help="of each file (default: %(default)s)")
    add("--timeout-seconds", type=float, default=limits.timeout_seconds, metavar="S", help="of silence (default: %(default)s)")
    add(
        "--longest-wait-seconds",
        type=float,
        default=limits.longest_wait_seconds,
        metavar="S",
        help="for a server that asks for patience (default: %(default)s)",
    )
    add("--max-megabytes", type=float, default=limits.max_megabytes, metavar="MB", help="of a file (default: %(default)s)")


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch what is not there yet; 0 when all that exists stands, 1 when some failed. Raises InputError or RunError."""
    arguments = build_parser().parse_args(argv)
    limits = FetchLimits(**{field.name: getattr(arguments, field.name) for field in fields(FetchLimits)})
    wanted, count, asked = _bricks(arguments) if arguments.what == "bricks" else _cutouts(arguments)
    return _fetch(arguments, limits, wanted, count, asked)


def _bricks(arguments: argparse.Namespace) -> tuple[Iterable[WantedFile], int, dict[str, Any]]:
    """What is wanted, how many files that are, and what the directory holds from then on."""
    bands = parse_bands(arguments.bands)
    url = _address(arguments.survey, "coadd_url")
    bricks = read_brick_names(arguments.names) if arguments.names else bricks_of_hosts(arguments.hosts)
    return files_of_bricks(url, bricks, bands), count_files(len(bricks), bands), {"what": "bricks", "url": url}


def _cutouts(arguments: argparse.Namespace) -> tuple[Iterable[WantedFile], int, dict[str, Any]]:
    bands = parse_bands(arguments.bands)
    if arguments.size not in _SIZES:
        raise InputError(f"--size {arguments.size} pix; wanted {_SIZES.start} to {_SIZES.stop - 1}")
    url, layer = (_address(arguments.survey, name) for name in ("cutout_url", "cutout_layer"))
    wanted = cutout_files(url, layer, read_named_positions(arguments.positions), bands, arguments.size)
    asked = {"what": "cutouts", "url": url, "layer": layer, "bands": "".join(bands), "size_pix": arguments.size}
    return wanted, len(wanted), asked


def _address(survey: str, name: str) -> str:
    address: str | None = getattr(load_survey(survey).downloads, name)
    if not address:
        raise InputError(f"survey {survey} has no downloads.{name}; wanted one in its YAML, such as legacy_dr10 has")
    return address


def _fetch(
    arguments: argparse.Namespace, limits: FetchLimits, wanted: Iterable[WantedFile], count: int, asked: Mapping[str, Any]
) -> int:
    out: Location = arguments.out
    clock = FetchClock()
    target = S3Target(out, arguments.scratch, clock) if isinstance(out, S3Location) else DiskTarget(out)
    tools = FetchTools(target, HttpClient(limits, clock), limits, clock)
    with sole_fetch(target.folder):
        target.begin()
        journal = FetchJournal(target.folder, asked, forget_absent=arguments.ask_again, of=out)
        if arguments.what == "cutouts":
            _refuse_other_places(out, target, list(wanted), journal)
        try:
            result = fetch_files(tools, wanted, count, journal)
        finally:
            target.publish()
    account(JOB, f"{result.text()}{_hint(result)}; in {out}")
    return EXIT_DONE if result.complete else EXIT_BREACH


def _refuse_other_places(out: Location, target: FetchTarget, wanted: Sequence[WantedFile], journal: FetchJournal) -> None:
    """A name that stands for another position already would be two objects in one file."""
    for one in wanted:
        known = journal.entries.get(one.path)
        if known is None or known.url == one.url or known.bytes is None or target.bytes_of(one.path) is None:
            continue
        raise RunError(f"{out / one.path} is of another position; wanted another name for this one, or another directory")


def _hint(result: FetchAccount) -> str:
    if result.asked and result.outcomes[Outcome.ABSENT] == result.asked:
        return " (nothing of it exists there: is the survey's address right? --ask-again forgets the answers)"
    return "" if result.complete else "; the same command goes on"


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
