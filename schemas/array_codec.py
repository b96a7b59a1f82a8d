"""How arrays become the bytes of one npz blob: deterministic to write, bounded and pickle-free to read.

A blob is a zip archive of ``.npy`` members, stored without compression, that ``numpy.load(allow_pickle=False)`` reads.
A reader must not trust it: sizes and headers are checked before anything is allocated.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from schemas.stored_zip import stored_zip
from schemas.survey import BANDS

MAX_BLOB_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 16
_NPY_HEADER_BYTES = 1024
_NPY_PREAMBLE = 10  # magic, version, length of the header


class BlobError(ValueError):
    """A blob is not the npz that its contract says; the text says what was seen."""


def encode_arrays(arrays: Mapping[str, npt.NDArray[np.generic]]) -> bytes:
    """The npz bytes of named arrays. The same arrays give the same bytes."""
    members = {}
    for name, array in arrays.items():
        values = np.asarray(array, order="C")
        if values.dtype.hasobject:
            raise ValueError(f"array {name!r} holds {values.dtype}; wanted numbers")
        members[f"{name}.npy"] = _npy_header(values.dtype.str, values.shape) + values.tobytes()
    return stored_zip(members)


def decode_arrays(blob: bytes, *, max_side: int = 4096) -> dict[str, npt.NDArray[np.generic]]:
    """Named arrays of an npz blob, each at most two-dimensional with sides up to ``max_side``.

    Raises BlobError for anything that is not a plain npz of numeric arrays within the bounds: never unpickles, and never
    allocates more than ``max_side``² elements for one member.
    """
    if len(blob) > MAX_BLOB_BYTES:
        raise BlobError(f"blob of {len(blob)} bytes; at most {MAX_BLOB_BYTES} are accepted")
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            members = archive.infolist()
            if not 1 <= len(members) <= MAX_MEMBERS:
                raise BlobError(f"npz with {len(members)} members; wanted 1 to {MAX_MEMBERS}")
            return {_member_name(info): _read_member(archive, info, max_side) for info in members}
    except BlobError:
        raise
    # Damaged archives also raise zlib.error, RuntimeError (a flag says encrypted) and ValueError (offsets that point nowhere).
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BlobError(f"blob of {len(blob)} bytes is not a readable npz: {error}") from error


def encode_stamp(images: Mapping[str, npt.NDArray[np.float32]]) -> bytes:
    """The ``stamp_npz`` blob: float32 arrays ``image_<band>`` of shape (size, size), nMgy per pixel."""
    return encode_arrays({f"image_{band}": np.asarray(image, dtype=np.float32) for band, image in images.items()})


def decode_stamp(blob: bytes, *, bands: tuple[str, ...] = BANDS, max_side: int = 512) -> npt.NDArray[np.float32]:
    """The bands of a ``stamp_npz`` blob as one float32 array (band, size, size), nMgy per pixel.

    Raises BlobError where a band is absent, not float32, not square, or not the size of the others.
    """
    arrays = decode_arrays(blob, max_side=max_side)
    absent = [band for band in bands if f"image_{band}" not in arrays]
    if absent:
        raise BlobError(f"stamp holds {sorted(arrays)}; wanted image_{', image_'.join(absent)} too")
    images = [arrays[f"image_{band}"] for band in bands]
    shapes = {image.shape for image in images}
    shape = images[0].shape
    if len(shapes) != 1 or len(shape) != 2 or shape[0] != shape[1]:
        raise BlobError(f"stamp arrays of shape {sorted(shapes)}; wanted one square shape for all bands")
    kinds = sorted({str(image.dtype) for image in images})
    if kinds != ["float32"]:
        raise BlobError(f"stamp arrays of type {', '.join(kinds)}; wanted float32")
    return np.stack(images).astype(np.float32, copy=False)


def _member_name(info: zipfile.ZipInfo) -> str:
    if not info.filename.endswith(".npy"):
        raise BlobError(f"npz member {info.filename[:80]!r}; wanted a name that ends in .npy")
    return info.filename[: -len(".npy")]


def _read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_side: int) -> npt.NDArray[np.generic]:
    """One member, its header read and judged before its data."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BlobError(f"npz member {info.filename[:80]!r} has compression {info.compress_type}; wanted stored or deflated")
    limit = max_side * max_side * 8 + _NPY_HEADER_BYTES
    if info.file_size > limit:
        raise BlobError(f"npz member {info.filename[:80]!r} unpacks to {info.file_size} bytes; at most {limit} are accepted")
    with archive.open(info) as member:
        payload = member.read(limit + 1)
    if len(payload) != info.file_size:
        raise BlobError(f"npz member {info.filename[:80]!r} has {len(payload)} bytes; its entry says {info.file_size}")
    try:
        shape, fortran, dtype, start = _read_header(payload)
    # The header is Python text: what it raises depends on where its parser, tokenizer or dtype reader stumbles; a dtype of
    # another age is a warning, which is an error where a program says so.
    except (ValueError, TypeError, LookupError, SyntaxError, tokenize.TokenError, DeprecationWarning) as error:
        raise BlobError(f"npz member {info.filename[:80]!r} is not an npy array: {error}") from error
    sides_fit = all(type(side) is int and 0 <= side <= max_side for side in shape)
    if dtype.kind not in "fiu" or fortran or len(shape) > 2 or not sides_fit:
        raise BlobError(
            f"npz member {info.filename[:80]!r} is {dtype} of shape {shape}; wanted numbers, sides up to {max_side}"
        )
    count = math.prod(shape)
    if len(payload) - start != count * dtype.itemsize:
        raise BlobError(f"npz member {info.filename[:80]!r}: {len(payload) - start} bytes of data for shape {shape}")
    return np.frombuffer(payload, dtype=dtype, count=count, offset=start).reshape(shape)


def _read_header(member: bytes) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Shape, order and type that an npy header states, and where it ends; parsed once for all members that begin alike."""
    if len(member) < _NPY_PREAMBLE or member[6:8] != b"\x01\x00":
        version = np.lib.format.read_magic(io.BytesIO(member))  # raises where it is no npy at all
        raise BlobError(f"npy format {version}; wanted (1, 0)")
    length = _NPY_PREAMBLE + int.from_bytes(member[8:10], "little")
    return _parse_header(member[:length])


@lru_cache(maxsize=256)
def _parse_header(header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    stream = io.BytesIO(header)
    np.lib.format.read_magic(stream)
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=_NPY_HEADER_BYTES)
    return shape, fortran, dtype, stream.tell()


@lru_cache(maxsize=256)
def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()
