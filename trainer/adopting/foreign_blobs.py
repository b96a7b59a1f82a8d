"""Pixels as the failed experiment kept them: an npz, some wrapped in gzip; passed on as bytes wherever our readers read them.

A blob is checked, never believed: sizes are bounded before anything is unpacked, nothing is unpickled. Images are (size, size)
in nMgy per pixel.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from schemas.array_codec import MAX_BLOB_BYTES, BlobError, decode_arrays, encode_stamp
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS

_GZIP_MARK = b"\x1f\x8b"
_GZIP_WRAPPER = 16 + zlib.MAX_WBITS
_LARGEST_SIDE = 1536
_NAMES = tuple(f"image_{band}" for band in BANDS)

Arrays = Mapping[str, npt.NDArray[np.generic]]


def adopt_blob(blob: bytes | None, size: int) -> tuple[bytes | None, Reason]:
    """The ``stamp_npz`` of a foreign blob and no reason, or None and why not.

    A blob of float32 images is passed on as it is, unwrapped where it came in gzip; other numbers are written as float32.
    """
    if blob is None:
        return None, Reason.PIXELS_UNREADABLE
    try:
        content = _unwrapped(blob)
        arrays = decode_arrays(content, max_side=_LARGEST_SIDE)
    except BlobError:
        return None, Reason.PIXELS_UNREADABLE
    reason = _fault(arrays, size)
    if reason:
        return None, reason
    if all(arrays[name].dtype == np.dtype("<f4") for name in _NAMES):
        return content, reason
    return encode_stamp({band: arrays[f"image_{band}"].astype("<f4") for band in BANDS}), reason


def _unwrapped(blob: bytes) -> bytes:
    """The blob without its gzip; raises BlobError where that is damaged or holds more than a blob may."""
    if not blob.startswith(_GZIP_MARK):
        return blob
    inflate = zlib.decompressobj(_GZIP_WRAPPER)
    try:
        content = inflate.decompress(blob, MAX_BLOB_BYTES)
    except zlib.error as error:
        raise BlobError(f"gzip of {len(blob)} bytes is damaged: {error}") from error
    if not inflate.eof:
        raise BlobError(f"gzip of {len(blob)} bytes is cut short, or unpacks to more than {MAX_BLOB_BYTES}")
    return content


def _fault(arrays: Arrays, size: int) -> Reason:
    """What is wrong with the images of a blob."""
    there = [name for name in _NAMES if name in arrays]
    if not there:
        return Reason.PIXELS_UNREADABLE
    if len(there) < len(_NAMES):
        return Reason.BAND_MISSING
    if any(arrays[name].shape != (size, size) for name in _NAMES):
        return Reason.OTHER_SIZE
    if not all(_is_finite(arrays[name]) for name in _NAMES):
        return Reason.NONFINITE_PIXELS
    return Reason(0)


def _is_finite(image: npt.NDArray[np.generic]) -> bool:
    """Whether every pixel is, also as float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        values = image.astype("<f4", copy=False)
        return bool(np.isfinite(values.sum()) or np.isfinite(values).all())  # a sum that is finite has finite terms
