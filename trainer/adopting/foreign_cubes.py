"""A FITS cube of one object: its bands in our order, where it lies on the sky, and what is wrong with it, in words.

Legend: images (band, y, x) in nMgy per pixel, bands g, r, z; positions in degrees, pixels at integers from 0.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.refusal_reasons import Reason
from schemas.survey import BANDS

SUFFIXES = (".fits", ".fit", ".fits.gz", ".fits.fz")
_NANOMAGGIES = ("nanomaggy", "nanomaggies", "nmgy", "nanomaggy/pix", "nanomaggies/pixel", "nanomaggy/pixel", "nmgy/pix")

Image = npt.NDArray[np.float32]


class CubeError(ValueError):
    """A file is not the cube that was wanted; the text says what was seen, ``reason`` is its bit."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True)
class Cube:
    """Images of one object, and the WCS of its header, None where that has none of the sky."""

    images: Image
    wcs: Any

    @property
    def middle_deg(self) -> tuple[float, float] | None:
        """Right ascension and declination of the middle of the image."""
        if self.wcs is None:
            return None
        middle = (self.images.shape[-1] - 1) / 2
        ra, dec = self.wcs.all_pix2world(middle, middle, 0)
        return float(ra), float(dec)

    def place_of(self, ra_deg: float, dec_deg: float) -> tuple[float, float]:
        """(x, y) of a position; the middle of the image where there is no WCS."""
        if self.wcs is None:
            return ((self.images.shape[-1] - 1) / 2,) * 2
        x, y = self.wcs.wcs_world2pix(ra_deg, dec_deg, 0)
        return float(x), float(y)


def read_cube(path: Path, size: int, bands: str) -> Cube:
    """The cube of a file, bands put into our order; ``bands`` is the order where its header does not say one.

    Raises CubeError for no FITS, another shape, other bands, another unit, pixels that are not finite or all the same.
    """
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=False) as hdus:
                found = [(np.array(hdu.data), hdu.header) for hdu in hdus if _is_cube(hdu)]
                shapes = [hdu.shape for hdu in hdus if getattr(hdu, "is_image", False)]
    except (OSError, EOFError, TypeError, ValueError, IndexError, fits.VerifyError) as error:
        raise CubeError(Reason.PIXELS_UNREADABLE, f"not a FITS file, or cut short: {_line(error)}") from error
    if not found:
        raise CubeError(Reason.OTHER_SIZE, f"images of shape {shapes}; wanted one cube ({len(bands)}, {size}, {size})")
    data, header = found[0]
    _check_unit(header)
    order = bands_of(header) or tuple(bands)
    if data.shape[1:] != (size, size):
        wanted = f"wanted ({len(order)}, {size}, {size}): cut it anew, or say --size"
        raise CubeError(Reason.OTHER_SIZE, f"a cube of shape {data.shape}; {wanted}")
    absent = [band for band in BANDS if band not in order]
    if absent or len(order) != len(data):
        seen = f"{len(data)} planes for the bands {', '.join(order)}"
        raise CubeError(Reason.BAND_MISSING, f"{seen}; wanted g, r and z among them, one plane each")
    images = data[[order.index(band) for band in BANDS]].astype(np.float32)
    if not np.isfinite(images).all():
        raise CubeError(Reason.NONFINITE_PIXELS, f"{int((~np.isfinite(images)).sum())} pixels are not finite")
    return Cube(images, _sky_of(header))


def bands_of(header: Any) -> tuple[str, ...]:
    """The bands as a header says them: BANDS ('grz' or 'g,r,z'), or BAND0, BAND1, ...; nothing where it says none."""
    text = str(header.get("BANDS", "")).strip()
    if text:
        return tuple(part for part in (re.split(r"[,;\s]+", text) if re.search(r"[,;\s]", text) else text) if part)
    numbered = sorted((int(key[4:]), str(header[key]).strip()) for key in header if re.fullmatch(r"BAND\d", key))
    return tuple(band for _, band in numbered)


def _is_cube(hdu: Any) -> bool:
    return bool(getattr(hdu, "is_image", False)) and len(hdu.shape) == 3


def _check_unit(header: Any) -> None:
    unit = str(header.get("BUNIT", "")).strip()
    if unit and unit.lower().replace(" ", "") not in _NANOMAGGIES:
        raise CubeError(Reason.UNIT_UNEXPECTED, f"BUNIT is {unit!r}; wanted nanomaggies per pixel")


def _sky_of(header: Any) -> Any:
    """The celestial part of a header's WCS, or None."""
    from astropy.wcs import WCS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wcs = WCS(header)
            return wcs.celestial if wcs.has_celestial else None
        except (ValueError, TypeError, KeyError, MemoryError):  # what wcslib makes of half a header
            return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]


def names_of_files(folder: Path) -> Sequence[Path]:
    """The FITS files of a folder by name."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(SUFFIXES))
