"""The fast way from a stamp's npz bytes to pixels: the writer's layout is known, so its parts are looked up, not parsed.

``schemas.array_codec`` writes every blob of one size with the same bytes but for pixels and checksums. Here the other bytes
are compared with those of a template, the checksums are verified, and the pixels are copied straight out. A blob with any
other layout, for example one that ``numpy.savez`` wrote, goes to the general decoder.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from schemas.array_codec import BlobError, decode_stamp, encode_stamp
from schemas.survey import BANDS

_LOCAL_HEADER_BYTES = 30
_LOCAL_CRC_AT = 14
_CENTRAL_CRC_AT = 16


@dataclass(frozen=True)
class BlobLayout:
    """Where things lie in a blob of one stamp size: members, pixels as (start, stop); which bytes never vary."""

    size: int
    length: int
    members: tuple[tuple[int, int], ...]
    pixels: tuple[tuple[int, int], ...]
    crc_at: tuple[int, ...]
    fixed_at: npt.NDArray[np.intp]
    fixed: npt.NDArray[np.uint8]


def decode_into(blob: bytes | memoryview, pixels: npt.NDArray[np.float32]) -> None:
    """Write the pixels of a ``stamp_npz`` blob into ``pixels`` (band, size, size), nMgy.

    Raises BlobError for a blob that is not a stamp of that size, that fails its checksum, or whose pixels are not finite.
    """
    layout = layout_of(pixels.shape[-1])
    raw = np.frombuffer(blob, np.uint8)
    if len(raw) == layout.length and np.array_equal(raw[layout.fixed_at], layout.fixed):
        for member, place, crc_at, target in zip(layout.members, layout.pixels, layout.crc_at, pixels, strict=True):
            if zlib.crc32(raw[slice(*member)].data) != int.from_bytes(raw[crc_at : crc_at + 4].tobytes(), "little"):
                raise BlobError(f"stamp of {len(raw)} bytes fails its checksum: a byte has changed since it was written")
            target[...] = raw[slice(*place)].view("<f4").reshape(layout.size, layout.size)
    else:
        image = decode_stamp(bytes(blob))
        if image.shape != pixels.shape:
            raise BlobError(f"stamp of shape {image.shape}; wanted {pixels.shape}")
        pixels[...] = image
    if not np.isfinite(pixels).all():
        raise BlobError("stamp holds NaN or infinite pixels")


@lru_cache(maxsize=8)
def layout_of(size: int) -> BlobLayout:
    """The layout that the codec writes for stamps of ``size`` pixels, read off a blank one."""
    template = encode_stamp({band: np.zeros((size, size), np.float32) for band in BANDS})
    raw = np.frombuffer(template, np.uint8)
    members, pixels, crc_at = [], [], []
    variable = np.zeros(len(raw), bool)
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        central = archive.start_dir
        for info in archive.infolist():
            start = info.header_offset + _LOCAL_HEADER_BYTES + len(info.filename)
            stop = start + info.file_size
            members.append((start, stop))
            pixels.append((stop - 4 * size * size, stop))
            crc_at.append(info.header_offset + _LOCAL_CRC_AT)
            for place, length in ((pixels[-1][0], 4 * size * size), (crc_at[-1], 4), (central + _CENTRAL_CRC_AT, 4)):
                variable[place : place + length] = True
            central += len(info.FileHeader(None)) - _LOCAL_HEADER_BYTES + 46
    fixed_at = np.flatnonzero(~variable)
    return BlobLayout(size, len(raw), tuple(members), tuple(pixels), tuple(crc_at), fixed_at, raw[fixed_at])
