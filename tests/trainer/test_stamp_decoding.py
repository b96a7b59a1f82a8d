"""The fast decoder says what the general one says, and trusts a blob no more."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from schemas.array_codec import BlobError, Quantisation, decode_stamp, encode_stamp
from schemas.survey import BANDS
from trainer.stamp_decoding import decode_rows, layout_of, not_finite


def images(size: int = 16) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {band: rng.normal(size=(size, size)).astype(np.float32) for band in BANDS}


def decoded(blob: bytes, size: int = 16) -> np.ndarray:
    pixels = np.full((1, 3, size, size), -9, np.float32)
    faults = decode_rows(pa.array([blob], pa.binary()), np.array([0]), pixels)
    if faults:
        assert not pixels.any()
        raise BlobError(faults[0])
    if not_finite(pixels):
        raise BlobError("NaN or infinite")
    return pixels[0]


@pytest.mark.parametrize("size", [8, 16, 64, 65])
def test_the_fast_decoder_gives_the_bytes_of_the_general_one(size: int) -> None:
    blob = encode_stamp(images(size))
    assert decoded(blob, size).tobytes() == decode_stamp(blob).tobytes()


def test_the_writers_own_blobs_take_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(blob: bytes) -> np.ndarray:
        raise RuntimeError("general decoder called")

    monkeypatch.setattr("trainer.stamp_decoding.decode_stamp", refuse)
    assert np.array_equal(decoded(encode_stamp(images())), np.stack(list(images().values())))


def test_a_blob_that_numpy_wrote_goes_to_the_general_decoder() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{f"image_{band}": image for band, image in images().items()})
    assert np.array_equal(decoded(buffer.getvalue()), np.stack(list(images().values())))


@pytest.mark.parametrize("place", ["pixels", "checksum", "header", "name", "directory"])
def test_a_changed_byte_is_found_wherever_it_lies(place: str) -> None:
    blob = bytearray(encode_stamp(images()))
    layout = layout_of(16)
    where = {
        "pixels": layout.pixels[1][0] + 70,
        "checksum": layout.crc_at[2],
        "header": layout.pixels[0][0] - 100,
        "name": 32,
        "directory": blob.rfind(b"image_z"),
    }
    blob[where[place]] ^= 0x41
    with pytest.raises(BlobError):
        decoded(bytes(blob))


@pytest.mark.parametrize("blob", [b"", b"not an npz", encode_stamp(images())[:-40]])
def test_bytes_that_are_not_a_stamp_are_refused(blob: bytes) -> None:
    with pytest.raises(BlobError):
        decoded(blob)


def test_a_stamp_of_another_size_or_with_nan_is_refused() -> None:
    with pytest.raises(BlobError, match=r"shape \(3, 8, 8\); wanted \(3, 16, 16\)"):
        decoded(encode_stamp(images(8)))
    spoiled = images()
    spoiled["r"][3, 4] = np.nan
    with pytest.raises(BlobError, match="NaN or infinite"):
        decoded(encode_stamp(spoiled))


def test_a_quantised_stamp_is_decoded_and_a_changed_byte_in_it_found() -> None:
    images = np.random.default_rng(2).normal(0, 0.004, (3, 32, 32)).astype(np.float32)
    blob = encode_stamp(dict(zip(BANDS, images, strict=True)), Quantisation((0.0005,) * 3, 9))
    assert np.abs(decoded(blob, 32) - images).max() <= 0.00026
    with pytest.raises(BlobError):
        decoded(blob[:200] + bytes([blob[200] ^ 1]) + blob[201:], 32)
    with pytest.raises(BlobError, match=r"stamp of shape \(3, 32, 32\); wanted \(3, 64, 64\)"):
        decoded(blob, 64)


@pytest.mark.parametrize("foreign", [False, True])
def test_rows_are_taken_from_among_nulls_and_damaged_ones_each_to_its_place(foreign: bool) -> None:
    stamps = [np.random.default_rng(n).normal(size=(3, 16, 16)).astype(np.float32) for n in range(6)]
    blobs: list[bytes | None] = [encode_stamp(dict(zip(BANDS, stamp, strict=True))) for stamp in stamps]
    spoiled = bytearray(blobs[3] or b"")
    spoiled[layout_of(16).pixels[0][0] + 9] ^= 1
    blobs[1], blobs[3] = None, bytes(spoiled)
    if foreign:
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **{f"image_{band}": plane for band, plane in zip(BANDS, stamps[5], strict=True)})
        blobs[5] = buffer.getvalue()
    column = pa.array([b"before", *blobs, b"after"], pa.binary()).slice(1, 6)
    rows, pixels = np.array([0, 1, 3, 4, 5]), np.full((5, 3, 16, 16), np.nan, np.float32)
    targets = np.array([2, 0, 4, 1, 3])
    faults = decode_rows(column, rows, pixels, targets)
    assert faults.keys() == {0, 4}
    assert faults[0] == "the row is not refused, and its blob is null"
    assert "checksum" in faults[4] or "CRC" in faults[4]
    for row, target in zip(rows, targets, strict=True):
        assert np.array_equal(pixels[target], np.zeros((3, 16, 16)) if target in faults else stamps[row])


@pytest.mark.parametrize("rows", [[2, 4, 3], [3, 1], [0, 2, 1, 3], [4], [1, 2, 3], [3, 2, 1], []])
def test_rows_are_taken_in_the_order_in_which_they_are_asked_for(rows: list[int]) -> None:
    stamps = [np.random.default_rng(n).normal(size=(3, 16, 16)).astype(np.float32) for n in range(5)]
    column = pa.array([encode_stamp(dict(zip(BANDS, stamp, strict=True))) for stamp in stamps], pa.binary())
    pixels = np.full((len(rows), 3, 16, 16), np.nan, np.float32)
    assert not decode_rows(column, np.array(rows, np.int32), pixels)
    for n, row in enumerate(rows):
        assert np.array_equal(pixels[n], stamps[row])


def test_a_stamp_whose_sum_overflows_is_readable() -> None:
    bright = {band: np.full((16, 16), 3e38, np.float32) for band in BANDS}
    assert np.array_equal(decoded(encode_stamp(bright)), np.stack(list(bright.values())))
