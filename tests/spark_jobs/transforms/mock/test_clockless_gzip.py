"""Compressed files carry no time of day."""

from __future__ import annotations

import gzip
import io
import time

import numpy as np
import pytest
from astropy.io import fits

from spark_jobs.transforms.mock.clockless_gzip import fits_bytes

PLANE = np.linspace(0, 1, 150 * 150, dtype=np.float32).reshape(150, 150)


def _image() -> fits.CompImageHDU:
    return fits.CompImageHDU(PLANE, compression_type="GZIP_1", tile_shape=(100, 100), quantize_level=0.0)


def test_gzipped_tiles_are_the_same_bytes_a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    today = fits_bytes([_image()])
    now = time.time()
    monkeypatch.setattr("time.time", lambda: now + 86400)
    assert fits_bytes([_image()]) == today
    with fits.open(io.BytesIO(today)) as hdus:
        assert np.array_equal(hdus[1].data, PLANE)


def test_the_clock_would_be_there_without_this_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def plain() -> bytes:
        stream = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), _image()]).writeto(stream)
        return stream.getvalue()

    today, now = plain(), time.time()
    monkeypatch.setattr("time.time", lambda: now + 86400)
    assert plain() != today


def test_tiles_that_rice_cannot_quantise_fall_back_to_gzip_without_a_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    flat = np.full((100, 100), 3.25, np.float32)

    def drawn() -> bytes:
        return fits_bytes([fits.CompImageHDU(flat, compression_type="RICE_1", quantize_level=16.0, tile_shape=(100, 100))])

    today, now = drawn(), time.time()
    monkeypatch.setattr("time.time", lambda: now + 86400)
    assert drawn() == today


def test_a_gzipped_table_is_a_whole_fits_file_and_the_same_bytes_a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def table() -> bytes:
        return fits_bytes([fits.BinTableHDU(np.zeros(2, [("RA", "f8")]))], gzipped=True)

    today, now = table(), time.time()
    with fits.open(io.BytesIO(gzip.decompress(today))) as hdus:
        assert len(hdus[1].data) == 2
    monkeypatch.setattr("time.time", lambda: now + 86400)
    assert table() == today
