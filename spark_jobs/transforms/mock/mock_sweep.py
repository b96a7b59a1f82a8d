"""The catalogues of a mock sky: sweep files as in DR9 and DR10, and the photometric redshifts that lie beside them.

The catalogue repeats the truth, behind the dust and without measurement error, so that what is drawn can be held against
it; FLUX_IVAR and PSFDEPTH say how well the survey would have measured. Columns that the mock does not model are zero, as
the survey leaves them where it has nothing to say. Fluxes nMgy, inverse variances nMgy^-2, angles arcsec or degrees.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from schemas.file_commit import commit_bytes
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.mock.brick_fits_writer import brick_file, brick_wcs
from spark_jobs.transforms.mock.brick_tiling import Brick
from spark_jobs.transforms.mock.clockless_gzip import fits_bytes
from spark_jobs.transforms.mock.mock_conditions import (
    EXTINCTION,
    conditions_of,
    exposures_at,
    fwhm_at,
    moffat_power,
    sky_invvar_at,
    transmission,
)
from spark_jobs.transforms.mock.mock_maskbits import ALLMASK, is_primary
from spark_jobs.transforms.mock.mock_population import Objects, objects_of
from spark_jobs.transforms.mock.mock_settings import MockSky
from spark_jobs.transforms.survey.sweep_columns import PHOTO_Z_COLUMNS, SWEEP_COLUMNS

RELEASE = 10000
_LEAST_SIGNAL_TO_NOISE = 5.0
_W1_DEPTH_IVAR = 2.2  # a row of a real sweep at the ecliptic: 5 sigma at AB 21.2
_UNKNOWN = -99.0
_PHOTO_Z_SCATTER = 0.02  # over 1 + z, for red galaxies (Zhou et al. 2021)
_PHOTO_Z_SCATTER_FIELD = 0.06


def sweep_name(brick: Brick) -> str:
    """The sweep file that holds a brick's centre: boxes of 10 x 5 degrees, for example ``sweep-150p000-160p005``."""
    ra, dec = 10 * math.floor(brick.ra / 10), 5 * math.floor(brick.dec / 5)
    return f"sweep-{ra:03d}{_signed(dec)}-{ra + 10:03d}{_signed(dec + 5)}"


def write_sweep(root: Path, name: str, bricks: Sequence[Brick], mock: MockSky) -> dict[Path, int]:
    """Write a sweep of drawn bricks and its photometric redshifts; returns the rows of each file.

    The bricks' maskbits files must stand: MASKBITS is read from them at each object.
    """
    tables = [_brick_tables(root, brick, mock) for brick in sorted(bricks, key=lambda brick: brick.brick_id)]
    sweep, photo_z = (np.concatenate(parts) for parts in zip(*tables, strict=True))
    paths = [root / "sweep" / f"{name}.fits", root / "sweep" / f"{name}-pz.fits"]
    for path, table in zip(paths, (sweep, photo_z), strict=True):
        write_fits_table(path, table)
    return {path: len(sweep) for path in paths}


def write_fits_table(path: Path, table: npt.NDArray[np.void]) -> None:
    """One table in HDU 1 of a FITS file, gzipped where the name ends in .gz; there whole or not at all."""
    commit_bytes(path, fits_bytes([fits.BinTableHDU(table)], gzipped=path.suffix == ".gz"))


def sweep_rows(objects: Objects, brick: Brick, mock: MockSky, maskbits: npt.NDArray[np.int32]) -> npt.NDArray[np.void]:
    """The sweep's row of every object of a brick, detected or not; ``maskbits`` is the brick's plane."""
    conditions = conditions_of(mock, brick.name)
    rows = _empty(len(objects), SWEEP_COLUMNS)
    rows["RELEASE"], rows["BRICKID"], rows["BRICKNAME"] = RELEASE, brick.brick_id, brick.name
    rows["OBJID"], rows["TYPE"], rows["EBV"] = np.arange(len(objects)), objects["type"], conditions.ebv_mag
    rows["RA"], rows["DEC"] = brick_wcs(brick, mock.brick_size_pix).all_pix2world(objects["x"], objects["y"], 0)
    rows["MASKBITS"] = maskbits[_pixel(objects["y"], maskbits), _pixel(objects["x"], maskbits)]
    for column, value in (("SHAPE_R", "shape_r"), ("SHAPE_E1", "e1"), ("SHAPE_E2", "e2"), ("SERSIC", "sersic")):
        rows[column] = objects[value]
    for band in EXTINCTION:
        rows[f"MW_TRANSMISSION_{band.upper()}"] = transmission(band, conditions.ebv_mag)
    dust = transmission("w1", conditions.ebv_mag)
    rows["FLUX_W1"], rows["FLUX_IVAR_W1"], rows["PSFDEPTH_W1"] = objects["flux_w1"] * dust, _W1_DEPTH_IVAR, _W1_DEPTH_IVAR
    rows["NOBS_W1"] = 100
    for band in mock.bands:
        _fill_band(rows, objects, mock, brick.name, band)
    return rows


def photo_z_rows(objects: Objects, brick: Brick, mock: MockSky) -> npt.NDArray[np.void]:
    """The photometric redshift of every object: the truth with the survey's scatter; -99 for stars."""
    rows = _empty(len(objects), PHOTO_Z_COLUMNS)
    rows["RELEASE"], rows["BRICKID"], rows["OBJID"] = RELEASE, brick.brick_id, np.arange(len(objects))
    scatter = np.where(objects["population"] == "host", _PHOTO_Z_SCATTER, _PHOTO_Z_SCATTER_FIELD) * (1 + objects["redshift"])
    z = np.maximum(objects["redshift"] + scatter * generator(mock.seed, brick.name, "photo-z").standard_normal(len(rows)), 0.01)
    columns = {"MEAN": z, "MEDIAN": z, "STD": scatter, "L68": z - scatter, "U68": z + scatter}
    columns |= {"L95": z - 2 * scatter, "U95": z + 2 * scatter}
    star = objects["population"] == "star"
    for name, values in columns.items():
        rows[f"Z_PHOT_{name}"] = np.where(star, _UNKNOWN, values)
    rows["Z_SPEC"] = _UNKNOWN
    return rows


def _brick_tables(root: Path, brick: Brick, mock: MockSky) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void]]:
    """Sweep and redshift rows of one brick: its primary objects that are detected in some band."""
    maskbits = fits.getdata(brick_file(root, brick.name, "maskbits"), 1)
    objects = objects_of(mock, brick.name)
    rows = sweep_rows(objects, brick, mock, maskbits)
    signal = [rows[f"FLUX_{b}"] * np.sqrt(rows[f"PSFDEPTH_{b}"]) for b in ("G", "R", "Z")]
    kept = (np.max(signal, axis=0) > _LEAST_SIGNAL_TO_NOISE) & is_primary(brick, rows["RA"], rows["DEC"])
    return rows[kept], photo_z_rows(objects, brick, mock)[kept]


def _fill_band(rows: npt.NDArray[np.void], objects: Objects, mock: MockSky, brickname: str, band: str) -> None:
    """Columns of one drawn band; a band that is not drawn keeps the zeros that the survey writes without exposures."""
    conditions = conditions_of(mock, brickname)
    settings, size, name = conditions.bands[band], conditions.size_pix, band.upper()
    x, y = objects["x"], objects["y"]
    fwhm = fwhm_at(settings, x, y, size)
    power = np.array([moffat_power(width) for width in fwhm])
    depth = sky_invvar_at(settings, x, y, size) * power
    rows[f"FLUX_{name}"] = objects[f"flux_{band}"] * transmission(band, conditions.ebv_mag)
    rows[f"PSFSIZE_{name}"], rows[f"PSFDEPTH_{name}"] = fwhm, depth
    # The survey's standard galaxy is a round exponential of 0.45 arcsec: its light fills a wider area.
    rows[f"GALDEPTH_{name}"] = depth * fwhm**2 / (fwhm**2 + (2 * 0.45) ** 2)
    rows[f"FLUX_IVAR_{name}"] = depth * fwhm**2 / (fwhm**2 + (2 * objects["shape_r"]) ** 2)
    rows[f"NOBS_{name}"] = exposures_at(settings, x, y, size)
    rows[f"RCHISQ_{name}"], rows[f"FRACIN_{name}"] = 1.0, 1.0
    rows[f"ALLMASK_{name}"] = (rows["MASKBITS"] & ALLMASK[band]) > 0


def _empty(count: int, columns: Mapping[str, str]) -> npt.NDArray[np.void]:
    return np.zeros(count, [(name, kind) for name, kind in columns.items()])


def _pixel(position: npt.NDArray[np.float64], plane: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    return np.clip(np.floor(position + 0.5).astype(np.int64), 0, len(plane) - 1)


def _signed(dec: int) -> str:
    return f"{'p' if dec >= 0 else 'm'}{abs(dec):03d}"
