"""Blobs made to harm: every one ends as a BlobError, none runs code, none makes the reader allocate what it does not hold."""

from __future__ import annotations

import io
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.array_codec import MAX_BLOB_BYTES, MAX_MEMBERS, BlobError, decode_arrays, decode_stamp, encode_arrays

GOOD = encode_arrays({"image_g": np.arange(12, dtype=np.float32).reshape(3, 4), "maskbits": np.arange(5, dtype=np.int32)})


def zipped(payload: bytes, compression: int = zipfile.ZIP_STORED, name: str = "image_g.npy", copies: int = 1) -> bytes:
    """An archive of members with the same payload."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for copy in range(copies):
            archive.writestr(f"{copy or ''}{name}", payload)
    return buffer.getvalue()


def npy(header: str, data: bytes = bytes(48), version: tuple[int, int] = (1, 0)) -> bytes:
    """An npy array whose header says anything."""
    text = header.encode("latin1")
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(text)) + text + data


def header(shape: str = "(3, 4)", descr: str = "'<f4'", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def patched(blob: bytes, offset_in_central_entry: int, value: bytes) -> bytes:
    """The archive with bytes of the first entry of its central directory replaced."""
    at = blob.index(b"PK\x01\x02") + offset_in_central_entry
    return blob[:at] + value + blob[at + len(value) :]


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


def test_the_blob_that_the_attacks_start_from_is_good() -> None:
    assert sorted(decode_arrays(GOOD)) == ["image_g", "maskbits"]
    assert decode_arrays(zipped(npy(header())))["image_g"].shape == (3, 4)
    assert decode_arrays(zipped(npy(header()), zipfile.ZIP_DEFLATED))["image_g"].shape == (3, 4)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    trace = tmp_path / "opened"
    objects = np.empty((1,), dtype=object)
    objects[0] = Bomb(trace)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, image_g=objects)
    with pytest.raises(BlobError, match=r"'image_g.npy' is object of shape \(1,\); wanted numbers"):
        decode_arrays(buffer.getvalue())
    for blob in (pickle.dumps(Bomb(trace)), zipped(pickle.dumps(Bomb(trace)))):
        with pytest.raises(BlobError):
            decode_arrays(blob)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()  # the bomb works where it is opened


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (npy(header("(1099511627776, 4)")), "wanted numbers, sides up to 64"),
        (npy(header("(65, 1)")), "wanted numbers, sides up to 64"),
        (npy(header("(" + "9" * 800 + ",)")), "wanted numbers, sides up to 64"),
        (npy(header("(64, 64)")), r"48 bytes of data for shape \(64, 64\)"),
        (npy(header("(3, 3)")), r"48 bytes of data for shape \(3, 3\)"),
        (npy(header("(-3, -4)")), "wanted numbers, sides up to 64"),
        (npy(header("(-1,)")), "wanted numbers, sides up to 64"),
        (npy(header("(True, 12)")), "wanted numbers, sides up to 64"),
        (npy(header("(1, 3, 4)")), "wanted numbers, sides up to 64"),
        (npy(header("(12.0,)")), "is not an npy array"),
        (npy(header(descr="'|O'")), "is object of shape"),
        (npy(header(descr="'<c8'")), "is complex64 of shape"),
        (npy(header(descr="'<U3'")), "is <U3 of shape"),
        (npy(header(descr="'<m8[s]'")), "wanted numbers"),
        (npy(header(descr="[('a', '<f4')]")), "wanted numbers"),
        (npy(header(fortran="True")), "wanted numbers"),
        (npy(header(descr="()")), "is not an npy array: tuple index"),
        (npy(header(descr="','")), "is not an npy array: invalid syntax"),
        (npy(header(descr="{}")), "wanted numbers"),
        (npy("{'descr': '<f4', ("), "is not an npy array: .*EOF in multi-line"),
        (npy("  x\n y"), "is not an npy array"),
        (npy("{[]: 1}"), "is not an npy array: unhashable"),
        (npy("{1: 2, 'a': 3}"), "is not an npy array"),
        (npy("__import__('os').getcwd()"), "is not an npy array"),
        (npy("[" * 900), "is not an npy array"),
        (npy(header() + " " * 2000), "is not an npy array: Header info length"),
        (npy(header(), version=(2, 0)), r"npy format \(2, 0\); wanted \(1, 0\)"),
        (npy(header())[:40], "is not an npy array"),
        (b"", "is not an npy array"),
    ],
)
def test_a_header_that_lies_or_is_broken_is_refused(payload: bytes, told: str) -> None:
    with pytest.raises(BlobError, match=told):
        decode_arrays(zipped(payload), max_side=64)


def test_a_zip_bomb_is_refused_before_it_unfolds() -> None:
    bomb = zipped(npy(header("(4096, 4096)"), bytes(1 << 26)), zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 17
    hidden = patched(bomb, 24, struct.pack("<I", 100))  # the directory says 100 bytes
    tracemalloc.start()
    with pytest.raises(BlobError, match=r"unpacks to 67108\d+ bytes; at most 33792 are accepted"):
        decode_arrays(bomb, max_side=64)
    with pytest.raises(BlobError):
        decode_arrays(hidden, max_side=64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22


def test_an_entry_that_promises_more_than_it_holds_is_refused() -> None:
    payload = npy(header())
    more = patched(zipped(payload), 24, struct.pack("<I", len(payload) + 9))
    with pytest.raises(BlobError, match=f"has {len(payload)} bytes; its entry says {len(payload) + 9}"):
        decode_arrays(more)


def test_too_many_bytes_or_members_are_refused_before_they_are_read() -> None:
    with pytest.raises(BlobError, match=f"blob of {MAX_BLOB_BYTES + 1} bytes; at most {MAX_BLOB_BYTES} are accepted"):
        decode_arrays(bytes(MAX_BLOB_BYTES + 1))
    assert len(decode_arrays(zipped(npy(header()), copies=MAX_MEMBERS))) == MAX_MEMBERS
    for copies in (0, MAX_MEMBERS + 1):
        with pytest.raises(BlobError, match=f"npz with {copies} members; wanted 1 to {MAX_MEMBERS}"):
            decode_arrays(zipped(npy(header()), copies=copies))


@pytest.mark.parametrize(
    ("blob", "told"),
    [
        (b"", "blob of 0 bytes is not a readable npz"),
        (b"SIMPLE  =                    T", "File is not a zip file"),
        (patched(GOOD, 8, b"\x01"), "encrypted"),
        (patched(zipped(npy(header()), zipfile.ZIP_DEFLATED), 20, struct.pack("<I", 9)), "is not a readable npz"),
        (patched(GOOD, 16, b"\x00\x00\x00\x00"), "Bad CRC-32"),
        (patched(GOOD, 42, b"\xff\xff\xff\x7f"), "is not a readable npz"),
        (zipped(npy(header()), name="image_g.txt"), r"member 'image_g.txt'; wanted a name that ends in \.npy"),
        (zipped(npy(header()), zipfile.ZIP_LZMA), "has compression 14; wanted stored or deflated"),
        (zipped(npy(header()), zipfile.ZIP_BZIP2), "has compression 12; wanted stored or deflated"),
        (patched(GOOD, 10, b"\x63"), "has compression 99; wanted stored or deflated"),
    ],
    ids=["empty", "FITS", "encrypted", "cut stream", "CRC", "offset", "name", "lzma", "bzip2", "unknown compression"],
)
def test_an_archive_that_is_damaged_or_foreign_is_refused(blob: bytes, told: str) -> None:
    with pytest.raises(BlobError, match=told):
        decode_arrays(blob)


def test_a_damaged_deflate_stream_is_refused() -> None:
    blob = bytearray(zipped(npy(header(), bytes(range(48))), zipfile.ZIP_DEFLATED))
    blob[30 + len("image_g.npy")] ^= 0x07  # the first bits of the stream say how it is coded
    with pytest.raises(BlobError, match="is not a readable npz: Error -3"):
        decode_arrays(bytes(blob))


@pytest.mark.parametrize("kept", range(0, len(GOOD), 7))
def test_a_blob_cut_short_anywhere_is_refused(kept: int) -> None:
    with pytest.raises(BlobError):
        decode_arrays(GOOD[:kept])


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_whatever_bytes_change_the_answer_is_arrays_or_a_blob_error(changes: list[tuple[int, int]]) -> None:
    blob = bytearray(GOOD)
    for at, value in changes:
        blob[at] = value
    try:
        arrays = decode_arrays(bytes(blob), max_side=64)
    except BlobError:
        return
    assert all(array.dtype.kind in "fiu" and array.size <= 64 * 64 for array in arrays.values())


@settings(deadline=None)
@given(st.text(st.sampled_from("{}()[]',:\"\\ 0123456789<>fiO#\n\t-*descrshape"), max_size=60))
def test_whatever_a_header_says_the_answer_is_arrays_or_a_blob_error(text: str) -> None:
    for words in (text, header(shape=text or "()"), header(descr=f"'{text}'")):
        try:
            decode_stamp(zipped(npy(words)), bands=("g",))
        except BlobError as error:
            assert str(error)
