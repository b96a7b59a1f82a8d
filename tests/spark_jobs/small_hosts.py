"""Hosts under contract without a catalogue: one row a position, in a finished run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.code_version import code_version
from schemas.contract_files import Provenance, write_table
from schemas.hosts import HOSTS
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.survey import BANDS


def host_row(number: int, ra: float, dec: float, brick: str, **changes: Any) -> dict[str, Any]:
    """A usable host at a position; ``changes`` replaces columns."""
    row: dict[str, Any] = {"host_id": f"9010-1-{number}", "ra_deg": ra, "dec_deg": dec, "brickname": brick, "cell": 7}
    row |= {"morphology": "DEV", "shape_r_arcsec": 1.0, "shape_e1": 0.1, "shape_e2": 0.0, "sersic_n": 4.0, "maskbits": 0}
    row |= {"z_phot": None, "lrg_cuts": 31, "in_anchor_cell": False, "reasons": 0}
    for band in (*BANDS, "w1"):
        row |= {f"flux_{band}_nmgy": 30.0, f"mw_transmission_{band}": 0.95, f"mag_{band}": 18.8}
    for band in BANDS:
        row |= {f"nobs_{band}": 4, f"psf_fwhm_catalogue_{band}_arcsec": 1.9, f"mag_raw_{band}": 18.8}
        row |= {f"psf_depth_{band}_mag": 24.0}
    return row | changes


def write_hosts_run(directory: Path, files: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """A finished run with the named hosts files (``hosts/shard-00000.parquet``); returns the directory."""
    identity = RunIdentity("test-hosts", code_version())
    begin_run(directory, identity)
    for name, rows in files.items():
        table = pa.Table.from_pylist([dict(row) for row in rows], HOSTS.arrow_schema())
        write_table(directory / name, table, HOSTS, Provenance(code_version()))
    finish_run(directory, identity, [directory / name for name in files], {}, {})
    return directory
