"""Blobs of the failed experiment: passed on as bytes, unwrapped, or refused with the reason that fits."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zlib

import numpy as np
import pytest

from schemas.array_codec import MAX_BLOB_BYTES, decode_stamp
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS
from tests.trainer.adopting.foreign_files import blob_of, images_of
from trainer.adopting.foreign_blobs import adopt_blob

IMAGES = images_of(1)
PIXELS = np.stack([IMAGES[band] for band in BANDS])


@pytest.mark.parametrize("how", ["savez", "deflated", "ours"])
def test_a_blob_that_our_readers_read_is_passed_on_byte_by_byte(how: str) -> None:
    blob = blob_of(IMAGES, how)
    assert adopt_blob(blob, 64) == (blob, Reason(0))
    np.testing.assert_array_equal(decode_stamp(blob), PIXELS)


def test_a_blob_in_gzip_loses_its_wrapper_and_nothing_else() -> None:
    assert adopt_blob(blob_of(IMAGES, "gzip"), 64) == (blob_of(IMAGES), Reason(0))


@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "<i2"])
def test_other_numbers_become_float32_with_the_same_values(kind: str) -> None:
    images = {band: (image * (100 if kind == "<i2" else 1)).astype(kind) for band, image in IMAGES.items()}
    content, reason = adopt_blob(blob_of(images), 64)
    assert content is not None and not reason
    np.testing.assert_array_equal(decode_stamp(content), np.stack([images[band].astype("<f4") for band in BANDS]))


def test_a_blob_with_image_r_only_lacks_a_band() -> None:
    assert adopt_blob(blob_of({"r": IMAGES["r"]}), 64) == (None, Reason.BAND_MISSING)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("band", BANDS)
def test_one_pixel_that_is_not_finite_refuses_the_stamp(band: str, value: float) -> None:
    image = IMAGES[band].copy()
    image[3, 60] = value
    assert adopt_blob(blob_of(IMAGES | {band: image}), 64) == (None, Reason.NONFINITE_PIXELS)


def test_a_number_beyond_float32_is_not_finite_there() -> None:
    images = {band: image.astype(np.float64) for band, image in IMAGES.items()}
    images["g"][0, 0] = 1e300
    assert adopt_blob(blob_of(images), 64) == (None, Reason.NONFINITE_PIXELS)


def test_finite_pixels_whose_sum_overflows_are_finite() -> None:
    images = {band: np.full((64, 64), 3e38, np.float32) for band in BANDS}
    assert adopt_blob(blob_of(images), 64)[1] == Reason(0)


@pytest.mark.parametrize("images", [images_of(1, size=48), {**IMAGES, "z": IMAGES["z"][:32]}], ids=["all", "one"])
def test_a_stamp_of_another_size_is_refused(images: dict[str, np.ndarray]) -> None:
    assert adopt_blob(blob_of(images), 64) == (None, Reason.OTHER_SIZE)


def pickled() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, image_r=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return stream.getvalue()


WHOLE = blob_of(IMAGES, "gzip")
UNREADABLE = {
    "null": None,
    "empty": b"",
    "text": b"no pixels",
    "cut npz": blob_of(IMAGES)[:-100],
    "cut gzip": WHOLE[:-20],
    "gzip of text": gzip.compress(b"no pixels"),
    "gzip header only": b"\x1f\x8b",
    "other gzip": b"\x1f\x8b" + bytes(50),
    "no image": blob_of({}),
    "pickle": pickled(),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused(name: str) -> None:
    assert adopt_blob(UNREADABLE[name], 64) == (None, Reason.PIXELS_UNREADABLE)


def test_a_small_gzip_of_a_huge_content_is_never_unpacked_whole() -> None:
    deflate = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    bomb = b"".join(deflate.compress(bytes(MAX_BLOB_BYTES)) for _ in range(5)) + deflate.flush()
    assert len(bomb) < 1_000_000
    tracemalloc.start()
    try:
        assert adopt_blob(bomb, 64) == (None, Reason.PIXELS_UNREADABLE)
        assert tracemalloc.get_traced_memory()[1] < 2.5 * MAX_BLOB_BYTES
    finally:
        tracemalloc.stop()
