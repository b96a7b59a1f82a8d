"""Whether the bytes that came are the FITS file that was asked for, whole and as it was written.

The checksums of a compressed image are those of its table (DATASUM and CHECKSUM of the HDU as stored), so nothing is
decompressed. astropy says where the HDUs lie; their bytes are summed as they came, since astropy sums the header that it
understood, in which a flipped bit of the padding is gone. It tells of damage through warnings, whose filters belong to the
whole process: one thread at a time looks.
"""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.fetching.http_answers import AbsentError
from spark_jobs.transforms.fetching.wanted_file import CubeAsked, WantedFile

_ONE_AT_A_TIME = threading.Lock()
_FITS = b"SIMPLE  ="
_ALL_ONES = 0xFFFFFFFF
_READ_AT_ONCE = 2880 * 1024
_OFF_CENTRE_PIX = 1.0
_SHOWN = 40


class DamagedFileError(ValueError):
    """The bytes are not what was asked for; the text says what was seen."""


def check_file(path: Path, wanted: WantedFile) -> bool:
    """Whether checksums vouch for the file: False where an HDU with data carries none.

    Raises DamagedFileError for a file that is no FITS file, truncated, or against its checksums, and for a cutout of other
    bands, another size or another place. Raises AbsentError for a cutout without a single pixel of sky in it.
    """
    with open(path, "rb") as stream:
        begin = stream.read(_SHOWN)
    if not begin.startswith(_FITS):
        raise DamagedFileError(f"no FITS file: it begins with {begin.decode('ascii', 'replace')!r}")
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with fits.open(path, memmap=False, disable_image_compression=True) as hdus:
                vouched = _check_units(list(hdus), path)
                if wanted.cube is not None:
                    _check_cube(hdus[0], wanted.cube)
                elif len(hdus) < 2 or not hdus[1].fileinfo()["datSpan"]:
                    raise DamagedFileError("no pixels behind the primary HDU")
        except (DamagedFileError, AbsentError, MemoryError):
            raise
        except Exception as error:  # each damage has its own error in astropy
            raise DamagedFileError(f"no readable FITS file ({type(error).__name__}: {error})") from error
    return vouched


def _check_units(units: list[Any], path: Path) -> bool:
    """Whether every HDU with data carries a sum; each sum that is there is held against the bytes as they came."""
    size = path.stat().st_size
    vouched = True
    with open(path, "rb") as stream:
        for number, unit in enumerate(units):
            place = unit.fileinfo()
            begin, end = place["datLoc"], place["datLoc"] + place["datSpan"]
            if end > size:
                raise DamagedFileError(f"truncated: HDU {number} ends at byte {end}, the file at {size}")
            header, data = (_sum(stream, *part) for part in ((place["hdrLoc"], begin), (begin, end)))
            cards = {name: str(unit.header.get(name, "")).strip() for name in ("DATASUM", "CHECKSUM")}
            agree = {"DATASUM": cards["DATASUM"] == str(data), "CHECKSUM": _fold(header + data) == _ALL_ONES}
            for name, card in cards.items():
                if card and not agree[name]:
                    raise DamagedFileError(f"HDU {number} is not what its {name} says")
            vouched &= begin == end or any(cards.values())
        stream.seek(end)
        if stream.read(8) == b"XTENSION":
            raise DamagedFileError(f"the header of HDU {len(units)} cannot be read")
    return vouched


def _sum(stream: BinaryIO, begin: int, end: int) -> int:
    """The 32-bit ones' complement sum of bytes of a file (FITS standard 4.0, appendix J); HDUs fill blocks of 2880 bytes."""
    total = 0
    stream.seek(begin)
    while begin < end:
        block = stream.read(min(_READ_AT_ONCE, end - begin))
        begin += len(block)
        total += int(np.frombuffer(block, ">u4").sum(dtype=np.uint64))
    return _fold(total)


def _fold(total: int) -> int:
    while total > _ALL_ONES:
        total = (total & _ALL_ONES) + (total >> 32)
    return total


def _check_cube(unit: Any, asked: CubeAsked) -> None:
    header = unit.header
    if header.get("OVERLAP", True) is False:
        raise AbsentError("outside the survey's coverage")
    if unit.shape != asked.shape:
        raise DamagedFileError(f"a cutout of shape {unit.shape}; wanted {asked.shape}")
    bands = str(header.get("BANDS", "".join(asked.bands))).strip()
    if bands != "".join(asked.bands):
        raise DamagedFileError(f"a cutout of bands {bands!r}; wanted {''.join(asked.bands)!r}")
    if not np.asarray(unit.data).any():
        raise AbsentError("outside the survey's coverage: every pixel is zero")
    _check_place(header, asked)


def _check_place(header: Any, asked: CubeAsked) -> None:
    """A cutout without a WCS says nothing about its place, and is believed."""
    if "CTYPE1" not in header:
        return
    x, y = WCS(header).celestial.all_world2pix(asked.ra_deg, asked.dec_deg, 0)
    middle = (asked.size - 1) / 2
    off = float(np.hypot(x - middle, y - middle))
    if not off <= _OFF_CENTRE_PIX:
        raise DamagedFileError(
            f"a cutout whose centre is {off * PIXEL_SCALE_ARCSEC:.1f} arcsec from {asked.ra_deg:.5f}, {asked.dec_deg:.5f}"
        )
