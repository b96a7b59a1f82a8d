"""How a brick becomes files: the survey's names, headers, WCS and compression, each file there whole or not at all.

Compression follows legacypipe: images RICE with a fixed step of 1e-4 nMgy, inverse variance RICE with a step of a
sixteenth of its own scatter, both dithered so that exact zeros stay zero; PSF sizes GZIP without loss; masks HCOMPRESS;
tiles of 100 x 100 pixels.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS

from schemas.file_commit import commit_bytes
from schemas.survey import PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG
from spark_jobs.transforms.mock.brick_tiling import Brick
from spark_jobs.transforms.mock.clockless_gzip import fits_bytes

TILE = (100, 100)
_DITHER = 2  # SUBTRACTIVE_DITHER_2: zeros are kept exactly
_IMAGE_STEP_NMGY = 1e-4
_INVVAR_STEPS_PER_SCATTER = 16.0
_DITHER_SEEDS = 10000

Kind = str
_PRODUCT: Mapping[Kind, tuple[str, str, str]] = {
    "image": ("image", "nanomaggy", "AB mag = 22.5 - 2.5*log10(nanomaggy)"),
    "invvar": ("wtmap", "1/nanomaggy^2", "Ivar of ABmag=22.5-2.5*log10(nmgy)"),
    "psfsize": ("psfsize", "arcsec", "Effective PSF size"),
    "maskbits": ("maskbits", "", ""),
}


def brick_folder(root: Path, brickname: str) -> Path:
    """Where a brick's files lie below the survey's root."""
    return Path(root) / "coadd" / brickname[:3] / brickname


def brick_file(root: Path, brickname: str, kind: Kind, band: str = "") -> Path:
    """A brick's file, for example ``image`` of band ``g``; ``maskbits`` has no band."""
    suffix = f"-{band}" if band else ""
    return brick_folder(root, brickname) / f"legacysurvey-{brickname}-{kind}{suffix}.fits.fz"


def brick_wcs_header(brick: Brick, size_pix: int) -> fits.Header:
    """The TAN projection of a brick: centred on it, x to the west, 0.262 arcsec."""
    step = PIXEL_SCALE_ARCSEC / 3600
    header = fits.Header()
    header["CTYPE1"] = ("RA---TAN", "TANgent plane")
    header["CTYPE2"] = ("DEC--TAN", "TANgent plane")
    header["CRVAL1"] = (brick.ra, "Reference RA")
    header["CRVAL2"] = (brick.dec, "Reference Dec")
    header["CRPIX1"] = ((size_pix + 1) / 2, "Reference x")
    header["CRPIX2"] = ((size_pix + 1) / 2, "Reference y")
    header["CD1_1"] = (-step, "CD matrix")
    header["CD1_2"] = (0.0, "CD matrix")
    header["CD2_1"] = (0.0, "CD matrix")
    header["CD2_2"] = (step, "CD matrix")
    header["EQUINOX"] = 2000.0
    return header


def brick_wcs(brick: Brick, size_pix: int) -> WCS:
    """The same projection as an astropy WCS."""
    return WCS(brick_wcs_header(brick, size_pix))


def write_plane(path: Path, plane: npt.NDArray[np.generic], brick: Brick, kind: Kind, band: str = "") -> None:
    """Write one band of one product, data in HDU 1."""
    header = _header(brick, len(plane), kind, band)
    commit_bytes(path, fits_bytes([_compressed(np.asarray(plane, np.float32), header, kind, path.name)]))


def write_masks(path: Path, maskbits: npt.NDArray[np.int32], brick: Brick) -> None:
    """Write the MASKBITS plane in HDU 1, and the empty WISE masks behind it as DR10 does."""
    header = _header(brick, len(maskbits), "maskbits", "")
    units = [fits.CompImageHDU(maskbits, header, name="MASKBITS", compression_type="HCOMPRESS_1", tile_shape=TILE)]
    empty = np.zeros(maskbits.shape, np.uint8)
    for name in ("WISEM1", "WISEM2"):
        units.append(fits.CompImageHDU(empty, header, name=name, compression_type="HCOMPRESS_1", tile_shape=TILE))
    commit_bytes(path, fits_bytes(units))


def _compressed(plane: npt.NDArray[np.float32], header: fits.Header, kind: Kind, identity: str) -> fits.CompImageHDU:
    if kind == "psfsize":
        return fits.CompImageHDU(plane, header, compression_type="GZIP_1", tile_shape=TILE, quantize_level=0.0)
    return fits.CompImageHDU(
        plane,
        header,
        compression_type="RICE_1",
        tile_shape=TILE,
        # A negative level is a fixed step in the plane's own unit, a positive one a share of each tile's scatter.
        quantize_level=-_IMAGE_STEP_NMGY if kind == "image" else _INVVAR_STEPS_PER_SCATTER,
        quantize_method=_DITHER,
        dither_seed=1 + zlib.crc32(identity.encode()) % _DITHER_SEEDS,
    )


def _header(brick: Brick, size_pix: int, kind: Kind, band: str) -> fits.Header:
    header = fits.Header()
    header["SURVEY"] = ("MOCK", "Drawn sky in the layout of the Legacy Surveys")
    header["BRICKNAM"] = (brick.name, "LegacySurvey brick RRRr[pm]DDd")
    header["BRICKID"] = (brick.brick_id, "LegacySurvey brick id")
    header["RAMIN"] = (brick.ra1, "Brick RA min")
    header["RAMAX"] = (brick.ra2, "Brick RA max")
    header["DECMIN"] = (brick.dec1, "Brick Dec min")
    header["DECMAX"] = (brick.dec2, "Brick Dec max")
    header["BRICKRA"] = (brick.ra, "[deg] Brick center")
    header["BRICKDEC"] = (brick.dec, "[deg] Brick center")
    if band:
        header["FILTER"] = band
        header["FILTERX"] = band
    header.update(brick_wcs_header(brick, size_pix))
    product, unit, comment = _PRODUCT[kind]
    header["IMTYPE"] = (kind, "LegacySurvey image type")
    header["PRODTYPE"] = (product, "NOAO image type")
    if kind == "image":
        header["MAGZERO"] = (ZEROPOINT_MAG, "Magnitude zeropoint")
    if unit:
        header["BUNIT"] = (unit, comment)
    return header
