"""Small sweep catalogues with the columns of data release 10, one luminous red galaxy a row unless told otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

_FORMATS = {"RELEASE": "I", "BRICKID": "J", "BRICKNAME": "8A", "OBJID": "J", "TYPE": "3A", "RA": "D", "DEC": "D"}
_FORMATS |= {f"{name}_{band}": "E" for name in ("FLUX", "MW_TRANSMISSION") for band in ("G", "R", "Z", "W1")}
_FORMATS |= {f"{name}_{band}": "E" for name in ("PSFSIZE", "PSFDEPTH") for band in "GRZ"}
_FORMATS |= {f"NOBS_{band}": "I" for band in "GRZ"}
_FORMATS |= {"SHAPE_R": "E", "SHAPE_E1": "E", "SHAPE_E2": "E", "SERSIC": "E", "MASKBITS": "J"}
EXTRA_FORMATS = {"BRICK_PRIMARY": "L", "Z_PHOT_MEDIAN": "E", "Z_PHOT_MEAN": "E"}

# More than 200 arcsec from the border of its sky cell (nside 128, nested).
RA, DEC = 150.1, 2.2


def flux(magnitude: float) -> float:
    """Nanomaggies of an AB magnitude."""
    return float(10 ** (0.4 * (22.5 - magnitude)))


def galaxy(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A catalogue row of a galaxy that passes the strictest cut (z 19.5, r - z 0.8, z - W1 1.8, no dust)."""
    row: dict[str, Any] = {"RELEASE": 10000, "BRICKID": 5, "BRICKNAME": "1500p022", "OBJID": number, "TYPE": "DEV"}
    row |= {"RA": RA + 0.001 * number, "DEC": DEC}  # 3.6 arcsec apart
    row |= {f"FLUX_{band}": flux(mag) for band, mag in {"G": 21.5, "R": 20.3, "Z": 19.5, "W1": 17.7}.items()}
    row |= {f"MW_TRANSMISSION_{band}": 1.0 for band in ("G", "R", "Z", "W1")}
    row |= {f"{name}_{band}": value for band in "GRZ" for name, value in (("PSFSIZE", 1.3), ("PSFDEPTH", 900.0), ("NOBS", 4))}
    row |= {"SHAPE_R": 1.1, "SHAPE_E1": 0.2, "SHAPE_E2": -0.1, "SERSIC": 4.0, "MASKBITS": 0}
    return row | changes


def write_sweep(path: Path, rows: Sequence[Mapping[str, Any]], *, without: Sequence[str] = ()) -> Path:
    """Write rows as a sweep file, ``without`` some columns; columns beyond the usual are taken from the rows."""
    extra = {name: kind for name, kind in EXTRA_FORMATS.items() if rows and name in rows[0]}
    formats = {name: kind for name, kind in (_FORMATS | extra).items() if name not in without}
    columns = [
        fits.Column(name=name, format=kind, array=np.array([row[name] for row in rows], dtype=_numpy_type(kind)))
        for name, kind in formats.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(path, overwrite=True)
    return path


def _numpy_type(kind: str) -> str:
    return f"U{kind[:-1]}" if kind.endswith("A") else {"I": "i2", "J": "i4", "E": "f4", "D": "f8", "L": "?"}[kind]
