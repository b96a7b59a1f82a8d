"""A galaxy catalogue in FITS, gzipped or not, with the companion files that lie beside it under derived names."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from schemas.job_entry import InputError

_LARGEST_REDSHIFT = 20.0


def read_catalogue(path: Path) -> dict[str, Any]:
    """Columns of the first table by lower-case name; raises InputError where the file is absent or no whole table."""
    if not path.is_file():
        raise InputError(f"catalogue {path} is not there")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
            with fits.open(path, memmap=False) as hdus:
                tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
                if not tables or len(tables[0].data) == 0:
                    raise InputError(f"catalogue {path} holds no table with rows; wanted GalSim's RealGalaxyCatalog format")
                return {name.lower(): np.array(tables[0].data[name]) for name in tables[0].columns.names}
    except (OSError, EOFError, TypeError, AstropyUserWarning, fits.VerifyError) as error:
        raise InputError(f"catalogue {path} is truncated or not a FITS table: {error}") from error


def companion(path: Path, suffix: str) -> Path:
    """The file ``<stem><suffix>.fits[.gz]`` that goes with a catalogue ``<stem>.fits[.gz]``."""
    stem, dot, ending = path.name.partition(".fits")
    return path.with_name(f"{stem}{suffix}{dot}{ending}")


def read_companion(path: Path, suffix: str, rows: int) -> dict[str, Any]:
    """The companion's columns, empty where there is none; raises InputError where its rows are not the catalogue's."""
    beside = companion(path, suffix)
    if not beside.is_file():
        return {}
    columns = read_catalogue(beside)
    seen = len(next(iter(columns.values())))
    if seen != rows:
        raise InputError(f"{beside} has {seen} rows and {path} {rows}; wanted the same galaxies in the same order")
    return columns


def require_columns(path: Path, columns: Mapping[str, Any], wanted: tuple[str, ...]) -> None:
    """Raise InputError that names the columns a catalogue lacks."""
    lacking = [name.upper() for name in wanted if name not in columns]
    if lacking:
        raise InputError(f"{path} lacks the columns {', '.join(lacking)}; wanted GalSim's RealGalaxyCatalog format")


def require_band(path: Path, columns: Mapping[str, Any], wanted: str) -> None:
    """Raise InputError where the catalogue says that its magnitudes are of another band."""
    others = sorted({str(name).strip() for name in columns.get("band", ())} - {wanted})
    if others:
        raise InputError(f"{path} holds magnitudes in {', '.join(others)}; wanted {wanted}, the band of a bank's magnitudes")


def number(columns: Mapping[str, Any], name: str, row: int) -> float:
    """A number of a row; NaN where the column is not there or the value not finite."""
    if name not in columns:
        return math.nan
    value = float(columns[name][row])
    return value if math.isfinite(value) else math.nan


def known_redshift(columns: Mapping[str, Any], row: int) -> float:
    """``zphot`` of a row, NaN where it is not known: catalogues write -99, 0 or 99 there."""
    redshift = number(columns, "zphot", row)
    return redshift if 0 < redshift < _LARGEST_REDSHIFT else math.nan


def id_prefix(path: Path) -> str:
    """How identities of a catalogue begin: ``aegis`` for AEGIS files, else ``cosmos``."""
    return "aegis" if path.name.lower().startswith("aegis") else "cosmos"
