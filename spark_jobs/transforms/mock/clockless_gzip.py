"""How gzip is kept from writing the time of day into a file, so that the same content gives the same bytes."""

from __future__ import annotations

import gzip
import io

import numpy as np
from astropy.io import fits

_GZIP_MAGIC = b"\x1f\x8b"
_CLOCK = slice(4, 8)
"""Bytes of a gzip member that hold its modification time; zero means none (RFC 1952)."""


def fits_bytes(units: list[fits.hdu.base.ExtensionHDU], *, gzipped: bool = False) -> bytes:
    """The bytes of a FITS file of these units behind an empty primary one, free of the clock in every gzipped tile."""
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(stream)
    content = _without_clock(stream.getvalue())
    return gzip.compress(content, mtime=0) if gzipped else content


def _without_clock(content: bytes) -> bytes:
    """Zero the clock of every gzip member in the heaps of compressed images."""
    cleaned = bytearray(content)
    with fits.open(io.BytesIO(content), disable_image_compression=True, memmap=False) as hdus:
        for hdu in hdus[1:]:
            if "ZIMAGE" not in hdu.header:
                continue
            start, rows = hdu.fileinfo()["datLoc"], hdu.header["NAXIS2"]
            heap = start + hdu.header.get("THEAP", hdu.header["NAXIS1"] * rows)
            # astropy gives the columns in the machine's byte order; the file's is big-endian.
            table = np.frombuffer(content, hdu.columns.dtype.newbyteorder(">"), count=rows, offset=start)
            names = [name for name in ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA") if name in hdu.columns.names]
            for length, offset in np.concatenate([table[name] for name in names]):
                member = heap + int(offset)
                if length and content[member : member + 2] == _GZIP_MAGIC:
                    cleaned[member + _CLOCK.start : member + _CLOCK.stop] = bytes(4)
    return bytes(cleaned)
