"""The job ``dhs adopt``: stamps, anchors or a checkpoint of the failed experiment's layout → what all other jobs read."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.finished_files import file_sha256, size_and_sha256
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, InputError, account, run_job
from schemas.locations import files_below, local_path, location
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_entries, read_run
from schemas.split_rule import SPLITS

JOB = "adopt"
_DESCRIPTION = """\
Bring what you already have into this project's tables: stamps below region_split=train, val, test; a folder of FITS cubes of
known lenses; a torch checkpoint (ConvNeXt-Tiny with a metadata fusion head). After it gates, scores and reports run on them.
"""
_EPILOG = """\
examples:
  dhs adopt --stamps phase4_stamps --out stamps
  dhs adopt --anchors anchor_cutouts --catalogue anchors.csv --out known
  dhs adopt --checkpoint best.pt --out adopted.pt
then:
  dhs gate-data --stamps stamps --out gates
  dhs score --stamps stamps --checkpoint adopted.pt --out scores
  dhs score --cutouts known/cutouts --checkpoint adopted.pt --out known-scores

Stamps: pixels are passed on as bytes and checked; each row is kept, those that cannot be used without pixels and with a reason.
The same command again goes on where it was stopped. Rows within 0.5 arcsec are one host. psfdepth is an AB magnitude.
Anchors: --out holds anchors/ and cutouts/; a cube's name is the anchor's. The list may have psfsize_r (arcsec) and psfdepth_r
(AB mag); without them a network is told the usual conditions. Inverse variances are made from the outer pixels' scatter.
Checkpoint: layers are found by shape; normalised by outer MAD, clipped at 10; told PSF width (arcsec) and depth (AB mag).

exit code: 0 done; 1 no row can be used; 2 there is nothing here to adopt.
"""
_OF_STAMPS, _OF_ANCHORS = ("depth", "arc_snr", "workers"), ("catalogue", "columns", "bands")
_OF_CHECKPOINTS = ("activation", "metadata_linear", "metadata_first")


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs adopt``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    one_of = parser.add_mutually_exclusive_group(required=True).add_argument
    one_of("--stamps", type=local_path, metavar="DIR", help="Parquet files below region_split=train, val, test")
    one_of("--anchors", type=local_path, metavar="DIR", help="FITS cubes (band, y, x) in nanomaggies, one an object")
    one_of("--checkpoint", type=location, metavar="FILE", help="torch file with model, opt and args")
    add = parser.add_argument
    add("--out", type=location, required=True, help="directory; for a checkpoint the file to write")
    add("--size", type=int, default=64, help="pixels of a side (default: %(default)s)")
    add("--depth", choices=("mag", "invvar"), help="with --stamps: what psfdepth is (default: mag, AB)")
    add("--arc-snr", choices=("peak", "matched"), help="with --stamps: arc_snr is of a pixel, or of all (default: peak)")
    add("--workers", type=int, help="with --stamps: files at a time (default: by cores)")
    add("--catalogue", type=location, metavar="FILE", help="with --anchors: list of names and positions, as dhs anchors reads")
    add("--columns", type=location, metavar="YAML", help="with --catalogue: what its columns are, as dhs anchors has it")
    add("--bands", help="with --anchors: order of the planes where a header does not say it (default: grz)")
    add("--activation", choices=("relu", "gelu"), help="with --checkpoint: of the head (default: as its args say, else relu)")
    add(
        "--metadata-linear", action="store_true", default=None, help="with --checkpoint: no activation ends the metadata branch"
    )
    add("--metadata-first", action="store_true", default=None, help="with --checkpoint: the head joins metadata, then features")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Adopt one thing. Raises InputError for what cannot be used."""
    args = build_parser().parse_args(argv)
    of = {"stamps": _OF_STAMPS, "anchors": _OF_ANCHORS, "checkpoint": _OF_CHECKPOINTS}
    (what,) = (name for name in of if getattr(args, name) is not None)
    foreign = [name for other, names in of.items() if other != what for name in names if getattr(args, name) is not None]
    if foreign:
        raise InputError(f"--{foreign[0].replace('_', '-')} was given with --{what}, which it does not belong to; see --help")
    if not 8 <= args.size <= 512 or (args.workers is not None and args.workers < 1):
        raise InputError(f"--size {args.size} --workers {args.workers}; wanted 8 to 512 pixels, and one worker or more")
    return {"stamps": _adopt_stamps, "anchors": _adopt_anchors, "checkpoint": _adopt_checkpoint}[what](args)


def _adopt_stamps(args: argparse.Namespace) -> int:
    from trainer.adopting.adopted_files import Adoption, adopt_files, count_rows
    from trainer.adopting.foreign_stamps import find_stamps
    from trainer.adopting.stamp_columns import RECIPE_NAME, AdoptionRules

    files = find_stamps(args.stamps)
    rules = AdoptionRules(args.size, args.depth or "mag", args.arc_snr or "peak")
    sources = {file.path.relative_to(args.stamps).as_posix(): file.mark for file in files}
    code = code_version("schemas", "trainer")
    identity = RunIdentity(JOB, code, rules.recipe_hash, None, {"rules": rules.words(), "size": rules.size, "sources": sources})
    state = begin_run(args.out, identity)
    adoption = Adoption(args.out, rules, Provenance(code, rules.recipe_hash, None, RECIPE_NAME))
    started = time.monotonic()
    if state is not RunState.FINISHED:
        written = adopt_files(adoption, files, args.workers or os.cpu_count() or 1)
        counts = count_rows(adoption, files)
        header = {"recipe_name": RECIPE_NAME, "columns": _columns(files)}
        finish_run_of_entries(args.out, identity, written, _counted(counts), header)
    seconds = time.monotonic() - started
    record = read_run(args.out)["counts"]
    pace = "it stood already, finished" if state is RunState.FINISHED else f"{record['rows'] / max(seconds, 1e-3):.0f} rows/s"
    account(JOB, _told(record, len(files), read_run(args.out)["columns"], f"{pace}; in {args.out}"))
    return EXIT_DONE if record["rows"] > record["refused"] else EXIT_BREACH


def _columns(files: Sequence[Any]) -> dict[str, list[str]]:
    """Columns that were read, that are not there, and that have no place in the contract."""
    from trainer.adopting.foreign_stamps import OPTIONAL, PARTITION

    there = {name for file in files for name in file.columns} - {PARTITION}
    left = sorted({name for file in files for name in file.left})
    return {"read": sorted(there), "absent": sorted(set(OPTIONAL) - there), "left": left}


def _counted(counts: Any) -> dict[str, Any]:
    return {"rows": counts.rows, "usable": counts.usable, "refused": counts.refused, "reasons": counts.reasons}


def _told(counts: dict[str, Any], files: int, columns: dict[str, list[str]], rest: str) -> str:
    usable = {split: counts["usable"][split] for split in SPLITS if split in counts["usable"]}
    splits = "; ".join(
        f"{split} {', '.join(f'{count} {kind}' for kind, count in kinds.items()) or 'none'}" for split, kinds in usable.items()
    )
    reasons = ", ".join(f"{name} {count}" for name, count in counts["reasons"].items())
    return (
        f"{counts['rows']} rows of {files} files: {counts['rows'] - counts['refused']} usable ({splits}), "
        f"{counts['refused']} refused{f' ({reasons})' if reasons else ''}; {len(columns['read'])} columns read, "
        f"{len(columns['left'])} left, named in _run.json; absent: {', '.join(columns['absent']) or 'none'}; {rest}"
    )


def _adopt_anchors(args: argparse.Namespace) -> int:
    import pyarrow as pa

    from schemas.anchors import ANCHORS
    from schemas.contract_files import write_entry
    from schemas.cutouts import CUTOUTS
    from trainer.adopting.foreign_anchors import adopt_anchors, listed_anchors
    from trainer.adopting.foreign_cubes import names_of_files
    from trainer.anchor_tables import load_columns

    if args.columns is not None and args.catalogue is None:
        raise InputError("--columns describes a list given with --catalogue; wanted both")
    listed, conditions = listed_anchors(args.catalogue, load_columns(args.columns)) if args.catalogue else ([], {})
    found = adopt_anchors(args.anchors, listed, conditions, args.size, args.bands or "grz")
    sources = {path.name: file_sha256(path) for path in names_of_files(args.anchors)}
    settings: dict[str, Any] = {"cubes": sources, "size": args.size, "bands": args.bands or "grz"}
    settings |= {"invvar": "1 / (1.4826 MAD of the pixels farther than a quarter of the stamp from its middle)^2"}
    settings |= {"catalogue": size_and_sha256(args.catalogue)[1] if args.catalogue else "", "columns": str(args.columns or "")}
    identity = RunIdentity(JOB, code_version("schemas", "trainer"), settings=settings)
    if files_below(args.out) and not files_below(args.out / "anchors"):
        raise InputError(f"{args.out} holds files of something else; wanted an empty directory, or that of this run")
    for name, contract, rows in (("anchors", ANCHORS, found.anchors), ("cutouts", CUTOUTS, found.cutouts)):
        if begin_run(args.out / name, identity) is not RunState.FINISHED:
            table = args.out / name / f"{name}.parquet"
            provenance = Provenance(identity.code_version)
            entry = write_entry(
                table, pa.Table.from_pylist(rows, contract.arrow_schema()), contract, provenance, args.out / name
            )
            finish_run_of_entries(
                args.out / name, identity, [entry], {"refused": sum(bool(row["reasons"]) for row in rows)}, {}
            )
    account(JOB, f"{_of_cubes(found)}; in {args.out}/anchors and {args.out}/cutouts")
    return EXIT_DONE


def _of_cubes(found: Any) -> str:
    """The account of adopted anchors."""
    from collections import Counter

    from schemas.refusal_reasons import names_of

    refused = Counter(name for row in found.cutouts for name in names_of(row["reasons"]))
    told = sum(row["psf_depth_r_mag"] is not None for row in found.cutouts)
    usable = sum(not row["reasons"] for row in found.cutouts)
    reasons = ", ".join(f"{name} {count}" for name, count in sorted(refused.items()))
    refusals = f"{len(found.cutouts) - usable} refused{f' ({reasons})' if reasons else ''}"
    return (
        f"{len(found.cutouts)} cubes: {usable} usable, {refusals}; "
        f"{told} with a known depth; {len(found.without_file)} of the list without a cube, {len(found.unlisted)} cubes not in "
        "the list; what is wrong stands in the remarks"
    )


def _adopt_checkpoint(args: argparse.Namespace) -> int:
    from trainer.adopting.foreign_checkpoint import HeadReading, adopt_checkpoint
    from trainer.checkpoint import save_checkpoint

    if args.out.is_dir():
        raise InputError(f"--out {args.out} is a directory; wanted the name of a file")
    if args.out.resolve() == args.checkpoint.resolve():
        raise InputError(f"--out {args.out} is the checkpoint itself; wanted another file")
    reading = HeadReading(args.activation, not args.metadata_linear, bool(args.metadata_first))
    adopted = adopt_checkpoint(args.checkpoint, reading, args.size)
    digest = save_checkpoint(args.out, adopted)
    weights = sum(tensor.numel() for tensor in adopted.network.state_dict().values())
    settings = adopted.settings.network
    last = "ends" if settings.metadata_activated else "does not end"
    first = "metadata, then image features" if args.metadata_first else "image features, then metadata"
    account(
        JOB,
        f"ConvNeXt-Tiny with a fusion head, {weights} weights, as {digest} in {args.out}. Assumed, for shapes do not say it: "
        f"{settings.head_activation} in the head, the metadata branch {last} in one, joined {first}",
    )
    return EXIT_DONE


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
