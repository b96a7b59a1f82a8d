"""The stand-in's lenses as anchors: a table of lenses, their cutouts, and cutouts of random sky beside them.

    python deploy/proof/standin_anchors.py --sky standin --count 200 --out standin-anchors

Real lenses come as anchors and cutouts, so what reads those (dhs check-anchors, dhs autopsy, dhs score --cutouts) reads these.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from standin_contaminants import Scene
from standin_galaxies import draw_host
from standin_identity import Identity, generator
from standin_settings import Settings
from standin_stamp import field_of, noisy, scene_light

from schemas.anchors import ANCHORS, LENS_CLASS
from schemas.array_codec import decode_stamp, encode_arrays
from schemas.code_version import code_version
from schemas.contract import Contract
from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run, read_run, run_files
from schemas.stamps import STAMPS
from schemas.survey import BANDS

JOB = "standin-anchors"
DIRECTORIES = ("anchors", "anchor_cutouts", "random_sky_cutouts")
_ASIDE_DEG = 0.05
_REFERENCE = "stand-in for the sky"

Row = dict[str, Any]


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog="standin_anchors.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sky", type=Path, required=True, help="stand-in that standin_sky.py has finished")
    parser.add_argument("--count", type=int, default=200, help="lenses to take, the first of the sky (default 200)")
    parser.add_argument("--out", type=Path, required=True, help=f"directory for {', '.join(DIRECTORIES)}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the three tables, those that do not stand yet."""
    args = build_parser().parse_args(argv)
    if args.count < 1:
        raise InputError(f"--count {args.count}; wanted 1 lens or more")
    record = read_run(args.sky)
    settings = Settings()
    if record["recipe_hash"] != settings.recipe_hash:
        raise InputError(f"{args.sky} is of settings {record['recipe_hash']}; this code's stand-in has {settings.recipe_hash}")
    lenses = list(_lenses(args.sky, args.count))
    asked = {"count": args.count, "sky": [entry["sha256"] for entry in record["files"]]}
    tables: Mapping[str, tuple[Contract, list[Row]]] = {
        "anchors": (ANCHORS, [_anchor(row) for row in lenses]),
        "anchor_cutouts": (CUTOUTS, [_cutout(row) for row in lenses]),
        "random_sky_cutouts": (CUTOUTS, [_random_sky(settings, row, number) for number, row in enumerate(lenses)]),
    }
    for name, (contract, rows) in tables.items():
        _write(
            args.out / name,
            contract,
            rows,
            RunIdentity(f"{JOB}/{name}", code_version(), settings.recipe_hash, settings.seed, asked),
        )
    account(JOB, f"{len(lenses)} lenses of {args.sky} as anchors, with as many places of random sky, in {args.out}")
    return EXIT_DONE


def _lenses(sky: Path, count: int) -> Iterator[Row]:
    """The first lenses of the sky, in the order of its files."""
    for path in run_files(sky, STAMPS, "split=test/"):
        table = read_table(path, STAMPS)
        for row in table.filter(pc.equal(table["label"], 1)).to_pylist():
            if count:
                yield row
                count -= 1


def _anchor(row: Mapping[str, Any]) -> Row:
    names = ("ra_deg", "dec_deg", "theta_e_arcsec", "z_lens", "z_source")
    told: Row = dict.fromkeys(ANCHORS.names) | {name: row[name] for name in names} | {"mag_r": row["mag_raw_r"]}
    told |= {"name": row["host_id"], "object_class": LENS_CLASS, "label": 1, "discovery": "unknown", "tier": "drawn"}
    return told | {"reference": _REFERENCE, "reasons": 0, "remark": ""}


def _cutout(row: Mapping[str, Any]) -> Row:
    return _cutout_of(row, decode_stamp(row["stamp_npz"]), row["dec_deg"])


def _random_sky(settings: Settings, row: Mapping[str, Any], number: int) -> Row:
    """A place without a galaxy some arc minutes from a lens: its neighbours are a field's, its sky is its own."""
    identity = Identity("random-sky", number)
    place = field_of(settings, identity)
    host = draw_host(generator(settings.seed, identity.name, "host"), settings.parent)
    images = noisy(settings, place, scene_light(settings, place, Scene(()), host))
    conditions = {f"psf_fwhm_{band}_arcsec": seen.fwhm_arcsec for band, seen in place.conditions.items()}
    conditions |= {f"psf_depth_{band}_mag": seen.depth_mag for band, seen in place.conditions.items()}
    conditions |= {f"sky_sigma_{band}_nmgy": seen.sky_sigma_nmgy for band, seen in place.conditions.items()}
    middle = {"x_centre_pix": settings.size_pix // 2, "y_centre_pix": settings.size_pix // 2}
    dec = row["dec_deg"] + (_ASIDE_DEG if row["dec_deg"] < 0 else -_ASIDE_DEG)
    return _cutout_of({**row, **conditions, **middle}, images, dec)


def _cutout_of(row: Mapping[str, Any], images: np.ndarray[Any, Any], dec_deg: float) -> Row:
    shape = images.shape[1:]
    arrays = {f"image_{band}": plane.astype(np.float32) for band, plane in zip(BANDS, images, strict=True)}
    arrays |= {f"invvar_{band}": np.full(shape, row[f"sky_sigma_{band}_nmgy"] ** -2, np.float32) for band in BANDS}
    told: Row = {name: row.get(name) for name in CUTOUTS.names} | {"bands": "".join(BANDS), "dec_deg": dec_deg, "reasons": 0}
    return told | {"cutout_npz": encode_arrays(arrays | {"maskbits": np.zeros(shape, np.int32)})}


def _write(directory: Path, contract: Contract, rows: list[Row], identity: RunIdentity) -> None:
    if begin_run(directory, identity) is RunState.FINISHED:
        return
    path = directory / f"{contract.name}.parquet"
    provenance = Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, "standin")
    write_table(path, pa.Table.from_pylist(rows, contract.arrow_schema()), contract, provenance)
    finish_run(directory, identity, [path], {"usable": len(rows)}, {"recipe_name": "standin"})


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
