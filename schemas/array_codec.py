"""How arrays become the bytes of one npz blob: deterministic to write, bounded and pickle-free to read.

A blob is a zip archive of ``.npy`` members that ``numpy.load(allow_pickle=False)`` reads; only the integers of a quantised
stamp are deflated. A reader must not trust it: sizes and headers are checked before anything is allocated.
"""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from schemas.quantised_stamp import NAMES, quantised, restored
from schemas.stored_zip import read_stored_zip, stored_zip
from schemas.survey import BANDS

MAX_BLOB_BYTES = 16 * 1024 * 1024
MAX_MEMBERS = 16
_NPY_HEADER_BYTES = 1024
_NPY_PREAMBLE = 10  # magic, version, length of the header


class BlobError(ValueError):
    """A blob is not the npz that its contract says; the text says what was seen."""


@dataclass(frozen=True)
class Quantisation:
    """What makes integers of a stamp: the step of each band in nMgy, and the place of its dithers, from its identity."""

    steps: tuple[float, ...]
    place: int


def encode_arrays(arrays: Mapping[str, npt.NDArray[np.generic]], strategies: Mapping[str, int] | None = None) -> bytes:
    """The npz bytes of named arrays. The same arrays give the same bytes.

    ``strategies`` names the arrays to deflate, each with zlib's strategy.
    """
    members = {}
    for name, array in arrays.items():
        values = np.asarray(array, order="C")
        if values.dtype.hasobject:
            raise ValueError(f"array {name!r} holds {values.dtype}; wanted numbers")
        members[f"{name}.npy"] = _npy_header(values.dtype.str, values.shape) + values.tobytes()
    return stored_zip(members, {f"{name}.npy": strategy for name, strategy in (strategies or {}).items()})


def decode_arrays(blob: bytes, *, max_side: int = 4096) -> dict[str, npt.NDArray[np.generic]]:
    """Named arrays of an npz blob, each at most two-dimensional with sides up to ``max_side``.

    Raises BlobError for anything that is not a plain npz of numeric arrays within the bounds: never unpickles, and never
    allocates more than ``max_side``² elements for one member.
    """
    if len(blob) > MAX_BLOB_BYTES:
        raise BlobError(f"blob of {len(blob)} bytes; at most {MAX_BLOB_BYTES} are accepted")
    own = read_stored_zip(blob, _most_bytes(max_side))
    if own is not None and len(own) <= MAX_MEMBERS:
        return {_array_name(name): _array(name, payload, max_side) for name, payload in own.items()}
    try:
        with zipfile.ZipFile(io.BytesIO(blob)) as archive:
            members = archive.infolist()
            if not 1 <= len(members) <= MAX_MEMBERS:
                raise BlobError(f"npz with {len(members)} members; wanted 1 to {MAX_MEMBERS}")
            return {
                _array_name(info.filename): _array(info.filename, _payload(archive, info, max_side), max_side)
                for info in members
            }
    except BlobError:
        raise
    # Damaged archives also raise zlib.error, RuntimeError (a flag says encrypted) and ValueError (offsets that point nowhere).
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise BlobError(f"blob of {len(blob)} bytes is not a readable npz: {error}") from error


def encode_stamp(images: Mapping[str, npt.NDArray[np.float32]], quantisation: Quantisation | None = None) -> bytes:
    """The ``stamp_npz`` blob: float32 arrays ``image_<band>`` of shape (size, size), nMgy per pixel; or their quantised form.

    The quantised form is for all bands of the survey. Raises ValueError where ``quantised_stamp`` cannot hold the pixels.
    """
    if quantisation is None:
        return encode_arrays({f"image_{band}": np.asarray(image, dtype=np.float32) for band, image in images.items()})
    members = quantised(np.stack([images[band] for band in BANDS]), quantisation.steps, quantisation.place)
    return encode_arrays(members, {"low": zlib.Z_HUFFMAN_ONLY, "high": zlib.Z_RLE})


def decode_stamp(blob: bytes, *, bands: tuple[str, ...] = BANDS, max_side: int = 512) -> npt.NDArray[np.float32]:
    """The bands of a ``stamp_npz`` blob as one float32 array (band, size, size), nMgy per pixel.

    Raises BlobError where a band is absent, not float32, not square, or not the size of the others.
    """
    arrays = decode_arrays(blob, max_side=max_side * len(BANDS))
    if set(arrays) == set(NAMES):
        return _restored(arrays, bands)
    absent = [band for band in bands if f"image_{band}" not in arrays]
    if absent:
        raise BlobError(f"stamp holds {sorted(arrays)}; wanted image_{', image_'.join(absent)} too")
    images = [arrays[f"image_{band}"] for band in bands]
    shapes = {image.shape for image in images}
    shape = images[0].shape
    if len(shapes) != 1 or len(shape) != 2 or shape[0] != shape[1] or shape[0] > max_side:
        raise BlobError(
            f"stamp arrays of shape {sorted(shapes)}; wanted one square shape for all bands, sides up to {max_side}"
        )
    kinds = sorted({str(image.dtype) for image in images})
    if kinds != ["float32"]:
        raise BlobError(f"stamp arrays of type {', '.join(kinds)}; wanted float32")
    return np.stack(images).astype(np.float32, copy=False)


def _restored(arrays: Mapping[str, npt.NDArray[np.generic]], bands: tuple[str, ...]) -> npt.NDArray[np.float32]:
    try:
        images = restored(arrays, len(BANDS))
    except (ValueError, IndexError) as error:
        raise BlobError(f"quantised stamp: {error}") from error
    if not set(bands) <= set(BANDS):
        raise BlobError(f"quantised stamp in bands {BANDS}; wanted {bands}")
    return images if bands == BANDS else images[[BANDS.index(band) for band in bands]]


def _most_bytes(max_side: int) -> int:
    """What a member may unpack to."""
    return max_side * max_side * 8 + _NPY_HEADER_BYTES


def _array_name(member: str) -> str:
    if not member.endswith(".npy"):
        raise BlobError(f"npz member {member[:80]!r}; wanted a name that ends in .npy")
    return member[: -len(".npy")]


def _payload(archive: zipfile.ZipFile, info: zipfile.ZipInfo, max_side: int) -> bytes:
    """The bytes of one member, never more than it may have."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BlobError(f"npz member {info.filename[:80]!r} has compression {info.compress_type}; wanted stored or deflated")
    limit = _most_bytes(max_side)
    if info.file_size > limit:
        raise BlobError(f"npz member {info.filename[:80]!r} unpacks to {info.file_size} bytes; at most {limit} are accepted")
    with archive.open(info) as member:
        payload = member.read(limit + 1)
    if len(payload) != info.file_size:
        raise BlobError(f"npz member {info.filename[:80]!r} has {len(payload)} bytes; its entry says {info.file_size}")
    return payload


def _array(member: str, payload: bytes, max_side: int) -> npt.NDArray[np.generic]:
    """One member, its header read and judged before its data."""
    try:
        shape, fortran, dtype, start = _read_header(payload)
    # The header is Python text: what it raises depends on where its parser, tokenizer or dtype reader stumbles; a dtype of
    # another age is a warning, which is an error where a program says so.
    except (ValueError, TypeError, LookupError, SyntaxError, tokenize.TokenError, DeprecationWarning) as error:
        raise BlobError(f"npz member {member[:80]!r} is not an npy array: {error}") from error
    sides_fit = all(type(side) is int and 0 <= side <= max_side for side in shape)
    if dtype.kind not in "fiu" or fortran or len(shape) > 2 or not sides_fit:
        raise BlobError(f"npz member {member[:80]!r} is {dtype} of shape {shape}; wanted numbers, sides up to {max_side}")
    count = math.prod(shape)
    if len(payload) - start != count * dtype.itemsize:
        raise BlobError(f"npz member {member[:80]!r}: {len(payload) - start} bytes of data for shape {shape}")
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
