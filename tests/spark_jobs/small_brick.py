"""Small bricks in the survey's layout: same names, HDUs, WCS, RICE tiles and units, fewer pixels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.wcs import WCS

from schemas.survey import PIXEL_SCALE_ARCSEC

BRICK = "0591m305"
RA, DEC = 59.1800643086817, -30.5
SIDE = 360
SIGMA = {"g": 0.002, "r": 0.0025, "z": 0.008}
FWHM = {"g": 1.4, "r": 1.3, "z": 1.2}


def brick_header(ra: float = RA, dec: float = DEC, side: int = SIDE) -> fits.Header:
    """The WCS of a brick of the survey, ``side`` pixels wide."""
    header = fits.Header()
    scale = PIXEL_SCALE_ARCSEC / 3600
    for key, value in {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec}.items():
        header[key] = value
    for key, value in {"CRPIX1": side / 2 + 0.5, "CRPIX2": side / 2 + 0.5, "CD1_1": -scale, "CD2_2": scale}.items():
        header[key] = value
    header["CD1_2"] = header["CD2_1"] = 0.0
    header["BUNIT"] = "nanomaggy"
    return header


def sky_of(x: float, y: float, ra: float = RA, dec: float = DEC, side: int = SIDE) -> tuple[float, float]:
    """Position in degrees of a pixel coordinate (from 0) of the brick."""
    found = WCS(brick_header(ra, dec, side)).wcs_pix2world([[x, y]], 0)[0]
    return float(found[0]), float(found[1])


def noise_planes(bands: str = "grz", side: int = SIDE) -> dict[str, npt.NDArray[np.generic]]:
    """White noise with its inverse variance, an empty mask and a PSF plane that grows by 0.001 arcsec a pixel along x."""
    rng = np.random.default_rng(11)
    planes: dict[str, npt.NDArray[np.generic]] = {"maskbits": np.zeros((side, side), dtype=np.int16)}
    for band in bands:
        planes[f"image-{band}"] = rng.normal(0, SIGMA[band], (side, side)).astype(np.float32)
        planes[f"invvar-{band}"] = np.full((side, side), SIGMA[band] ** -2, dtype=np.float32)
        planes[f"psfsize-{band}"] = (FWHM[band] + 0.001 * np.arange(side) * np.ones((side, 1))).astype(np.float32)
    return planes


def plane_path(root: Path, plane: str, brick: str = BRICK) -> Path:
    """Where the survey keeps a plane of a brick."""
    return root / "coadd" / brick[:3] / brick / f"legacysurvey-{brick}-{plane}.fits.fz"


def write_brick(
    root: Path, planes: Mapping[str, npt.NDArray[np.generic]], header: fits.Header | None = None, brick: str = BRICK
) -> Path:
    """Write planes by name (``image-g``, ``maskbits``) below ``root``; returns ``root``."""
    for name, pixels in planes.items():
        path = plane_path(root, name, brick)
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"quantize_level": 16.0, "quantize_method": 2, "dither_seed": 5} if pixels.dtype.kind == "f" else {}
        hdu = fits.CompImageHDU(
            pixels, header or brick_header(side=pixels.shape[0]), compression_type="RICE_1", tile_shape=(100, 100), **options
        )
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path, overwrite=True)
    return root
