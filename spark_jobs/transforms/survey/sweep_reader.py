"""A sweep or Tractor catalogue in FITS, read a chunk of rows at a time, with what its release calls the columns.

Releases differ: DR8 has SHAPEDEV_* and SHAPEEXP_* where DR9 and later have SHAPE_* and SERSIC; some files lack PSFSIZE_*,
PSFDEPTH_* or BRICK_PRIMARY. What may be absent is null in the hosts; anything else that is absent is an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.survey import BANDS

ROWS_PER_CHUNK = 200_000
FLUX_BANDS = (*BANDS, "w1")
_UPPER = tuple(band.upper() for band in BANDS)
REQUIRED = (
    *("RELEASE", "BRICKID", "BRICKNAME", "OBJID", "TYPE", "RA", "DEC", "MASKBITS"),
    *(f"FLUX_{band}" for band in (*_UPPER, "W1")),
    *(f"MW_TRANSMISSION_{band}" for band in (*_UPPER, "W1")),
    *(f"NOBS_{band}" for band in _UPPER),
)
ONE_SHAPE = ("SHAPE_R", "SHAPE_E1", "SHAPE_E2")
TWO_SHAPES = tuple(f"SHAPE{model}_{part}" for model in ("DEV", "EXP") for part in ("R", "E1", "E2"))


@dataclass(frozen=True)
class SweepRows:
    """Some rows of a catalogue: columns by their FITS name, in native byte order."""

    records: Any
    z_phot: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.records)

    def has(self, name: str) -> bool:
        """Whether the catalogue has a column."""
        return name in _column_names(self.records)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A column as float64; NaN throughout where the catalogue lacks it."""
        if not self.has(name):
            return np.full(len(self), np.nan)
        return np.asarray(self.records[name], dtype=np.float64)

    def integers(self, name: str) -> npt.NDArray[np.int64]:
        """A column as int64."""
        return np.asarray(self.records[name], dtype=np.int64)

    def texts(self, name: str) -> npt.NDArray[np.str_]:
        """A column as text without its padding."""
        return np.char.strip(np.asarray(self.records[name], dtype=np.str_))

    def where(self, wanted: npt.NDArray[np.bool_]) -> SweepRows:
        """The rows where ``wanted`` is true."""
        return SweepRows(self.records[wanted], self.z_phot[wanted])


def photo_z_file(sweep: Location, folder: Location | None) -> Location | None:
    """The ``-pz.fits`` file that goes with a sweep, in ``folder`` or beside it; None where there is none."""
    path = (folder or sweep.parent) / f"{sweep.name.partition('.fits')[0]}-pz.fits"
    return path if path.is_file() else None


def count_rows(sweep: Path) -> int:
    """Number of rows that the catalogue's header gives."""
    with _open_table(sweep) as table:
        return int(table.header["NAXIS2"])


def read_chunks(
    sweep: Path, photo_z: Path | None, z_phot_columns: Sequence[str], rows: int = ROWS_PER_CHUNK
) -> Iterator[SweepRows]:
    """All rows of a catalogue, ``rows`` at a time; uncompressed files are mapped, so memory stays flat.

    Raises InputError for a file that is truncated, is no FITS table, or lacks a column that a host needs.
    """
    with _open_table(sweep) as table:
        _check_columns(sweep, _column_names(table.data))
        redshifts = _redshifts(sweep, table.data, photo_z, z_phot_columns)
        for start in range(0, len(table.data), rows):
            records = table.data[start : start + rows]
            z_phot = np.full(len(records), np.nan) if redshifts is None else redshifts[start : start + rows]
            yield SweepRows(records, z_phot)


@contextmanager
def _open_table(path: Path) -> Iterator[Any]:
    """The first table of a FITS file, whole or refused: a truncated one is an error here, never a shorter catalogue."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
            # Opened here, since astropy leaves a file open whose header it cannot read.
            with open(path, "rb") as stream, fits.open(stream, memmap=path.suffix == ".fits") as hdus:
                tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
                if not tables:
                    raise InputError(f"{path} holds no table; wanted a sweep or Tractor catalogue")
                yield tables[0]
    except (OSError, EOFError, TypeError, AstropyUserWarning, fits.VerifyError) as error:
        raise InputError(f"{path} is truncated or not a FITS catalogue: {error}") from error


def _column_names(records: Any) -> list[str]:
    return [str(name).upper() for name in records.dtype.names]


def _check_columns(sweep: Path, names: Sequence[str]) -> None:
    absent = [name for name in REQUIRED if name not in names]
    if not set(ONE_SHAPE) <= set(names) and not set(TWO_SHAPES) <= set(names):
        absent.append("SHAPE_R, SHAPE_E1, SHAPE_E2 (or SHAPEDEV_* and SHAPEEXP_*)")
    if absent:
        raise InputError(f"{sweep} lacks the columns {', '.join(absent)}; wanted a sweep of release 8 or later")


def _redshifts(sweep: Path, records: Any, photo_z: Path | None, wanted: Sequence[str]) -> npt.NDArray[np.float64] | None:
    """Photometric redshift of every row, NaN where the catalogue gives none (it writes -99); None without a column."""
    if photo_z is None:
        return _redshift_column(records, wanted)
    with _open_table(photo_z) as table:
        identity = [name for name in ("RELEASE", "BRICKID", "OBJID") if name in _column_names(table.data)]
        if len(table.data) != len(records) or not all(np.array_equal(table.data[name], records[name]) for name in identity):
            raise InputError(f"{photo_z} ({len(table.data)} rows) does not match {sweep} ({len(records)} rows) row by row")
        values = _redshift_column(table.data, wanted)
    if values is None:
        raise InputError(f"{photo_z} has none of the columns {', '.join(wanted)}")
    return values


def _redshift_column(records: Any, wanted: Sequence[str]) -> npt.NDArray[np.float64] | None:
    present = [name for name in wanted if name in _column_names(records)]
    if not present:
        return None
    values = np.asarray(records[present[0]], dtype=np.float64)
    return np.where(np.isfinite(values) & (values >= 0), values, np.nan)
