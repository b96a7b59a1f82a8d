"""The fast way from a stamp's npz bytes to pixels: the writer's layout is known, so its parts are looked up, not parsed.

``schemas.array_codec`` writes every blob of one size with the same bytes but for pixels and checksums. Here the other bytes
are compared with those of a template, the checksums are verified, and the pixels are copied straight out, all rows of a row
group at once. A blob with any other layout, for example one that ``numpy.savez`` wrote, goes to the general decoder.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

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


def decode_rows(
    blobs: pa.BinaryArray,
    rows: npt.NDArray[np.integer],
    pixels: npt.NDArray[np.float32],
    targets: npt.NDArray[np.integer] | None = None,
    decode: Callable[[bytes], npt.NDArray[np.float32]] = decode_stamp,
) -> dict[int, str]:
    """Write the pixels of some rows' ``stamp_npz`` blobs into ``pixels`` (stamp, band, size, size), nMgy, at ``targets``.

    ``targets`` (default: one after another) says which stamp of ``pixels`` each row becomes. Answers with what is wrong with a
    blob by its target, whose pixels are then zero: null, no stamp of that size, a checksum that fails. Pixels that are not
    finite are ``not_finite``'s to find.
    """
    places = np.arange(len(rows)) if targets is None else targets
    layout = layout_of(pixels.shape[-1])
    offsets = np.frombuffer(blobs.buffers()[1], np.int32)[blobs.offset : blobs.offset + len(blobs) + 1]
    faults: dict[int, str] = {}
    copied = np.zeros(len(rows), bool)
    if set(np.unique(np.diff(offsets)).tolist()) <= {0, layout.length}:  # nulls take no room: the others stand side by side
        data = np.frombuffer(blobs.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]].reshape(-1, layout.length)
        there = np.flatnonzero(offsets[rows + 1] > offsets[rows])
        number = (offsets[rows[there]] - offsets[0]) // layout.length
        copied[there] = _copy(layout, data, number, places[there], pixels, faults)
    for n in np.flatnonzero(~copied).tolist():
        _decode_slowly(blobs[int(rows[n])], int(places[n]), pixels, faults, decode)
    for target in faults:
        pixels[target] = 0
    return faults


def not_finite(pixels: npt.NDArray[np.float32]) -> list[int]:
    """Which stamps of ``pixels`` (stamp, band, size, size) hold NaN or infinite values."""
    with np.errstate(over="ignore", invalid="ignore"):
        sums = pixels.sum(axis=(1, 2, 3))  # one pass; a sum that is finite has finite terms
    return [n for n in np.flatnonzero(~np.isfinite(sums)).tolist() if not np.isfinite(pixels[n]).all()]


def _copy(
    layout: BlobLayout,
    data: npt.NDArray[np.uint8],
    place: npt.NDArray[np.integer],
    targets: npt.NDArray[np.integer],
    pixels: npt.NDArray[np.float32],
    faults: dict[int, str],
) -> npt.NDArray[np.bool_]:
    """Copy the pixels of blobs laid out as the writer does; says which were: copied, or found to fail their checksum."""
    in_a_row = len(place) > 0 and np.array_equal(place, np.arange(place[0], place[0] + len(place)))
    raw = data[place[0] : place[0] + len(place)] if in_a_row else data[place]
    known: npt.NDArray[np.bool_] = (raw[:, layout.fixed_at] == layout.fixed).all(axis=1)
    as_bytes = pixels.view(np.uint8).reshape(len(pixels), len(BANDS), 4 * layout.size**2)
    stored = [raw[:, at : at + 4].copy().view("<u4")[:, 0] for at in layout.crc_at]
    source, target = (raw, targets) if known.all() else (raw[known], targets[known])
    for band, (start, stop) in enumerate(layout.pixels):
        as_bytes[target, band] = source[:, start:stop]
    for n in np.flatnonzero(known).tolist():
        if any(zlib.crc32(raw[n, slice(*member)].data) != crc[n] for member, crc in zip(layout.members, stored, strict=True)):
            faults[int(targets[n])] = f"stamp of {layout.length} bytes fails its checksum: a byte has changed since it was made"
    return known


def _decode_slowly(
    blob: pa.BinaryScalar,
    n: int,
    pixels: npt.NDArray[np.float32],
    faults: dict[int, str],
    decode: Callable[[bytes], npt.NDArray[np.float32]],
) -> None:
    """One blob of any layout, by the general decoder of its table."""
    buffer = blob.as_buffer()
    if buffer is None:
        faults[n] = "the row is not refused, and its blob is null"
        return
    try:
        image = decode(buffer.to_pybytes())
    except BlobError as error:
        faults[n] = str(error)
        return
    if image.shape == pixels.shape[1:]:
        pixels[n] = image
    else:
        faults[n] = f"stamp of shape {image.shape}; wanted {pixels.shape[1:]}"


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
