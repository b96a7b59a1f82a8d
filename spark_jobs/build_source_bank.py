"""Build a bank of source galaxies: unit-flux templates whose flux is light, from a catalogue or made up."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from tqdm import tqdm

from schemas.code_version import code_version
from schemas.file_commit import require_writable
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, local_path, location
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank, write_bank
from spark_jobs.transforms.bank.bank_template import Census, Template, keep_templates, size_agreement

JOB = "source-bank"
_SIZE_RANGE = (32, 512)

DESCRIPTION = """\
Build the bank of galaxies that will be lensed: templates of unit flux in HDF5, with magnitude, redshift, half-light radius
and signal to noise. Real stamps are segmented, neighbours left out, and nothing is deconvolved or clipped: light, not
rectified noise, carries the flux, and a template whose size disagrees with the catalogue's is rejected and counted.
"""
EPILOG = """\
examples:
  dhs source-bank --out bank.h5 --procedural 500
  dhs source-bank --out bank.h5 --real-galaxies real_galaxy_catalog_25.2.fits
  dhs source-bank --out bank.h5 --cosmos-parametric real_galaxy_catalog_25.2.fits

A COSMOS catalogue is what galsim_download_cosmos fetches; its *_fits.fits beside it gives redshifts and catalogue sizes.

exit code: 0 sizes agree with the catalogue's, or it gives none; 1 they do not: such a bank may be noise; 2 bad input.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs source-bank``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=location, required=True, help="HDF5 file to write, here or s3://")
    source = parser.add_mutually_exclusive_group()
    one_of = source.add_argument
    one_of("--real-galaxies", type=local_path, metavar="CATALOG.fits", help="real stamps on disk (GalSim's RealGalaxyCatalog)")
    one_of("--cosmos-parametric", type=local_path, metavar="CATALOG.fits", help="fits on disk (GalSim's COSMOSCatalog)")
    one_of("--procedural", type=int, metavar="N", help="N made-up galaxies: Sersic discs with knots (default: 500)")
    add("--image-dir", type=local_path, help="where on disk --real-galaxies has its stamps (default: beside the catalogue)")
    add("--max-templates", type=int, help="stop after so many templates (default: all)")
    add("--min-snr", type=float, default=15.0, help="least signal to noise of a template, white noise (default: 15)")
    add("--size", type=int, default=128, help="side of a template in pixels of 0.03 arcsec or coarser (default: 128)")
    add("--seed", type=int, default=1, help="seed of the made-up galaxies (default: 1)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Build the bank that the arguments ask for; one that stands already is left as it is."""
    args = build_parser().parse_args(argv)
    _check(args)
    settings = _settings(args)
    if args.out.exists():
        standing = open_bank(bank_on_disk(args.out))
        account(JOB, _standing(args.out, standing, settings))
        return _verdict(standing)
    census = Census()
    makers = _makers(args)
    kept = keep_templates(makers, census, min_snr=args.min_snr, max_templates=args.max_templates)
    write_bank(args.out, _with_progress(kept), args.size, settings, census)
    bank = open_bank(bank_on_disk(args.out))
    account(JOB, f"{census.text()}; {_sizes(bank)}; in {args.out}")
    return _verdict(bank)


def _makers(args: argparse.Namespace) -> Iterable[Callable[[], Template]]:
    if args.real_galaxies:
        from spark_jobs.transforms.bank.bank_from_real_galaxies import real_galaxy_makers

        return real_galaxy_makers(args.real_galaxies, args.image_dir, args.size)
    if args.cosmos_parametric:
        from spark_jobs.transforms.bank.bank_from_parametric import parametric_makers

        return parametric_makers(args.cosmos_parametric, args.size)
    from spark_jobs.transforms.bank.bank_from_procedural import procedural_makers

    return procedural_makers(_procedural(args), args.seed, args.size)


def _procedural(args: argparse.Namespace) -> int:
    return 500 if args.procedural is None else int(args.procedural)


def _check(args: argparse.Namespace) -> None:
    low, high = _SIZE_RANGE
    if not low <= args.size <= high:
        raise InputError(f"--size {args.size}; wanted {low} to {high} pixels")
    if args.max_templates is not None and args.max_templates < 1:
        raise InputError(f"--max-templates {args.max_templates}; wanted 1 or more")
    if args.image_dir is not None and args.real_galaxies is None:
        raise InputError("--image-dir goes with --real-galaxies only")
    require_writable(args.out)
    if args.out.is_dir():
        raise InputError(f"--out {args.out} is a directory; wanted the name of an HDF5 file")


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """What makes two banks the same bank."""
    if args.real_galaxies:
        source = {"real_galaxies": args.real_galaxies.name}
    elif args.cosmos_parametric:
        source = {"cosmos_parametric": args.cosmos_parametric.name}
    else:
        source = {"procedural": _procedural(args), "seed": args.seed}
    return source | {"max_templates": args.max_templates, "min_snr": args.min_snr, "size": args.size}


def _standing(out: Location, bank: SourceBank, settings: dict[str, Any]) -> str:
    """The account of a bank that is there; raises InputError where it is another one."""
    seen = {**json.loads(bank.attributes["settings"]), "code_version": bank.attributes["code_version"]}
    asked = {**settings, "code_version": code_version()}
    different = sorted(key for key in asked.keys() | seen.keys() if asked.get(key) != seen.get(key))
    if different:
        pairs = "; ".join(f"{key} was {seen.get(key)!r} and is now {asked.get(key)!r}" for key in different)
        raise InputError(f"{out} holds another bank: {pairs}. Choose another file, or remove this one.")
    return f"{out} holds this bank already: {len(bank)} templates; nothing to do"


def _sizes(bank: SourceBank) -> str:
    agreement = size_agreement(bank.half_light_radius_arcsec, bank.half_light_catalogue_arcsec)
    if agreement is None:
        return "the catalogue gives no half-light radii to compare with"
    return (
        f"half-light radius over catalogue's {agreement.median_ratio:.3f} +- {agreement.scatter:.3f} "
        f"({agreement.compared} compared{'' if agreement.passes else '; OUT OF TOLERANCE'})"
    )


def _verdict(bank: SourceBank) -> int:
    """Exit code 1 for a bank whose sizes do not agree with the catalogue's: noise, not light, may carry its flux."""
    agreement = size_agreement(bank.half_light_radius_arcsec, bank.half_light_catalogue_arcsec)
    return EXIT_DONE if agreement is None or agreement.passes else EXIT_BREACH


def _with_progress(templates: Iterator[Template]) -> Iterator[Template]:
    yield from tqdm(templates, desc="templates", unit="galaxy", disable=None)


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
