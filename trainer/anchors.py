"""The job ``dhs anchors``: a list of real lenses (or of what looks like them) → the anchors table; or random sky beside one."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from schemas.anchors import ANCHORS
from schemas.code_version import code_version
from schemas.contract_files import Provenance, write_table
from schemas.finished_files import size_and_sha256
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.refusal_reasons import names_of
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run, read_run
from trainer.anchor_rows import Row, anchor_rows, random_sky_rows, read_anchors
from trainer.anchor_tables import load_columns, read_anchor_table

JOB = "anchors"
_DESCRIPTION = "Bring a list of real lenses or contaminants into the anchors table, or make its random-sky control."
_EPILOG = """\
examples:
  dhs anchors --table lenscat.csv --out anchors
  dhs anchors --table slacs.cat --columns slacs.yaml --out anchors
  dhs anchors --random-sky anchors --out random_sky

A list is a CSV file, a table in columns with a commented header (.cat, .txt, .dat), or FITS, VOTable, ECSV. Columns are found
by the names that lists use (ra_deg, RA, RAJ2000, zd, theta_Ein ...). Other names, units, and what holds for all rows:

  columns: {name: Lens, ra: RAJ2000, dec: DEJ2000, theta_e: bSIE, z_lens: zL, z_source: zS, mag_r: rmag,
            discovery: how, tier: grade, reference: bib, object_class: type}
  units: {ra: hour, dec: deg, theta_e: arcsec}            # ra: deg, hour or sexagesimal; theta_e: arcsec, mas or deg
  same_for_all: {discovery: spectroscopy, tier: confident, reference: "Auger et al. 2009", object_class: lens}

Sexagesimal positions (10:42:30.1 +12:03:04) are hours and degrees. Plain right ascensions all below 24 need their unit said.
Every row is kept: one without a position, named or placed like an earlier one (within 2 arcsec), or away from the position in
its own name (SDSSJ0737+3216) is refused, and the columns 'reasons' and 'remark' say why.
"""
_TABLE = "anchors.parquet"


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs anchors``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--table", type=location, metavar="FILE", help="list of lenses or contaminants")
    given.add_argument("--random-sky", type=location, metavar="DIR", help="anchors, by this job: move each 2 to 6 arcmin away")
    parser.add_argument("--columns", type=location, metavar="YAML", help="what the list's columns are (with --table)")
    parser.add_argument(
        "--out", type=location, required=True, metavar="DIR", help=f"directory for {_TABLE} and the run's record"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table; 0 when it stands. Raises InputError for a list that cannot be used."""
    arguments = build_parser().parse_args(argv)
    if arguments.random_sky and arguments.columns:
        raise InputError("--columns describes a list given with --table; --random-sky takes a table of this job")
    rows, source = _random_sky(arguments.random_sky) if arguments.random_sky else _listed(arguments.table, arguments.columns)
    out: Location = arguments.out
    identity = RunIdentity(JOB, code_version("schemas", "trainer"), settings=source)
    if begin_run(out, identity) is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished: {read_run(out)['rows']} rows; nothing to do")
        return EXIT_DONE
    write_table(out / _TABLE, pa.Table.from_pylist(rows, ANCHORS.arrow_schema()), ANCHORS, Provenance(identity.code_version))
    refused = Counter(name for row in rows for name in names_of(row["reasons"]))
    usable = [row for row in rows if not row["reasons"]]
    counts = {"usable": len(usable), "refused": dict(sorted(refused.items()))}
    finish_run(out, identity, [out / _TABLE], counts, {})
    reasons = ", ".join(f"{name} {count}" for name, count in sorted(refused.items()))
    kinds = _counted(usable, "object_class")
    how = "" if arguments.random_sky else f"; found by {_counted(usable, 'discovery')}"
    account(
        JOB,
        f"{len(rows)} rows: {len(usable)} usable ({kinds}){how}; {len(rows) - len(usable)} refused"
        f"{f' ({reasons})' if reasons else ''}; written to {out}",
    )
    return EXIT_DONE


def _listed(table: Location, columns: Location | None) -> tuple[list[Row], dict[str, Any]]:
    mapping = load_columns(columns)
    read = read_anchor_table(table, mapping)
    rows = anchor_rows(read, table.name, mapping.units.theta_e)
    return rows, {"table": table.name, "table_sha256": size_and_sha256(table)[1], "columns": mapping.model_dump(mode="json")}


def _random_sky(anchors: Location) -> tuple[list[Row], dict[str, Any]]:
    rows = random_sky_rows(read_anchors(anchors))
    if not rows:
        raise InputError(f"{anchors} has no usable anchor to move; wanted at least one row without reasons")
    return rows, {"random_sky_of": [entry["sha256"] for entry in read_run(anchors)["files"]]}


def _counted(rows: Sequence[Row], column: str) -> str:
    """Values of a column with their numbers, most frequent first."""
    counted = sorted(Counter(row[column] for row in rows).items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{value} {count}" for value, count in counted) or "none"


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
