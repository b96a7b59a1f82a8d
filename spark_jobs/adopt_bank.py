"""The job ``dhs adopt-bank``: a source bank of the failed experiment's layout → the source bank that all other jobs read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from schemas.code_version import code_version
from schemas.finished_files import file_sha256
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.scratch_files import on_disk
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank, write_bank
from spark_jobs.transforms.bank.bank_from_foreign import ForeignBank, foreign_templates, open_foreign
from spark_jobs.transforms.bank.bank_template import Census, Template

JOB = "adopt-bank"
_DESCRIPTION = """\
Bring a source bank that you already have into this project's format: HDF5 with images (n, side, side) of light, and the
attribute src_pixscale_arcsec. Images are taken as they are and divided by their sums; nothing is cleaned.
"""
_EPILOG = """\
example:
  dhs adopt-bank --bank cosmos_bank.h5 --out bank.h5

Images that are not finite, hold negative pixels or no light are left out and counted. Magnitudes and redshifts are not in such
a file: recipes that draw them from the bank cannot use it. The half-light radii are measured: where their median is about that
of an even square of the same side, the bank's light is noise.
"""
NEAR_EVEN = 0.85
"""Share of an even square's half-light radius above which the median image is told to be about as spread out."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs adopt-bank``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bank", type=location, required=True, metavar="FILE", help="HDF5 file to adopt, here or s3://")
    parser.add_argument("--out", type=location, required=True, metavar="FILE", help="HDF5 file to write, here or s3://")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the bank; one that stands already is left as it is. Raises InputError for what cannot be used."""
    args = build_parser().parse_args(argv)
    if args.out.is_dir():
        raise InputError(f"--out {args.out} is a directory; wanted the name of an HDF5 file")
    with on_disk(args.bank) as path:
        _adopt(path, args.out)
    return EXIT_DONE


def _adopt(path: Path, out: Location) -> None:
    foreign = open_foreign(path)
    settings: dict[str, Any] = {"adopted": path.name, "sha256": file_sha256(path)}
    if out.exists():
        bank = open_bank(bank_on_disk(out))
        _require_same(out, bank, settings)
        account(JOB, f"{out} holds this bank already: {len(bank)} templates; {_sizes(foreign, bank)}; nothing to do")
        return
    census = Census()
    write_bank(out, _with_progress(foreign, census), foreign.size_pix, settings, census)
    account(JOB, f"{census.text()}; {_sizes(foreign, open_bank(bank_on_disk(out)))}; in {out}")


def _require_same(out: Location, bank: SourceBank, settings: dict[str, Any]) -> None:
    seen = {**json.loads(bank.attributes["settings"]), "code_version": bank.attributes["code_version"]}
    if seen != settings | {"code_version": code_version()}:
        raise InputError(f"{out} holds another bank, of {seen}; choose another file, or remove this one")


def _sizes(foreign: ForeignBank, bank: SourceBank) -> str:
    median, even = float(np.median(bank.half_light_radius_arcsec)), foreign.even_square_radius_arcsec
    warning = "; ABOUT AS SPREAD OUT: its light may be noise" if median > NEAR_EVEN * even else ""
    return f"median half-light radius {median:.2f} arcsec where an even square has {even:.2f}{warning}"


def _with_progress(foreign: ForeignBank, census: Census) -> Iterator[Template]:
    yield from tqdm(foreign_templates(foreign, census), desc="images", total=foreign.images, unit="image", disable=None)


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
