"""Arrays to bytes and back: the same bytes for the same arrays, numpy's own format, and stamps that are what they must be."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from schemas.array_codec import BlobError, decode_arrays, decode_stamp, encode_arrays, encode_stamp

NUMBERS = st.sampled_from(["<f4", "<f8", ">f8", "<i4", "<i2", "|u1", "<u8", "<f2"])
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=7)
NAMES = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="_"), min_size=1, max_size=12)
ANY_ARRAYS = st.dictionaries(NAMES, arrays_of.arrays(NUMBERS, SHAPES), min_size=1, max_size=5)


def stamp(size: int = 6) -> dict[str, npt.NDArray[np.float32]]:
    pixels = np.random.default_rng(1).normal(size=(3, size, size)).astype(np.float32)
    return dict(zip("grz", pixels, strict=True))


@settings(deadline=None)
@given(ANY_ARRAYS)
def test_what_is_encoded_comes_back_to_the_last_bit_with_type_and_shape(arrays: dict[str, npt.NDArray[Any]]) -> None:
    back = decode_arrays(encode_arrays(arrays))
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


@settings(deadline=None)
@given(ANY_ARRAYS)
def test_numpy_reads_the_bytes_without_pickle_and_we_read_numpys(arrays: dict[str, npt.NDArray[Any]]) -> None:
    with np.load(io.BytesIO(encode_arrays(arrays)), allow_pickle=False) as loaded:
        assert {name: loaded[name].tobytes() for name in loaded} == {name: a.tobytes() for name, a in arrays.items()}
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, **{f"x{name}": np.ascontiguousarray(array) for name, array in arrays.items()})
        back = decode_arrays(buffer.getvalue())
        assert {name: back[f"x{name}"].tobytes() for name in arrays} == {name: a.tobytes() for name, a in arrays.items()}


def test_the_same_arrays_give_the_same_bytes_and_no_clock_or_layout_is_in_them() -> None:
    images = stamp()
    turned = {band: np.asfortranarray(image) for band, image in images.items()}
    assert encode_stamp(images) == encode_stamp(turned)
    with zipfile.ZipFile(io.BytesIO(encode_stamp(images))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_stamp_comes_back_as_one_array_in_the_order_of_the_bands_asked_for() -> None:
    images = stamp()
    blob = encode_stamp(images)
    assert decode_stamp(blob).dtype == np.float32
    np.testing.assert_array_equal(decode_stamp(blob), np.stack([images[band] for band in "grz"]))
    np.testing.assert_array_equal(decode_stamp(blob, bands=("z", "g")), np.stack([images["z"], images["g"]]))


def test_a_stamp_is_stored_as_float32_whatever_it_was_made_in() -> None:
    images = {band: image.astype(np.float64) + 1e-12 for band, image in stamp().items()}
    np.testing.assert_array_equal(decode_stamp(encode_stamp(images))[1], images["r"].astype(np.float32))  # type: ignore[arg-type]


def test_nan_and_infinity_are_bytes_like_others() -> None:
    odd = np.array([[np.nan, np.inf], [-np.inf, -0.0]], np.float32)
    assert decode_arrays(encode_arrays({"odd": odd}))["odd"].tobytes() == odd.tobytes()


def test_an_array_of_objects_cannot_be_written() -> None:
    with pytest.raises(ValueError, match=r"array .objects. holds object; wanted numbers"):
        encode_arrays({"objects": np.array([{}, None], dtype=object)})


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"image_g": np.zeros((4, 4), "f4")}, r"stamp holds \['image_g'\]; wanted image_r, image_z too"),
        ({f"image_{b}": np.zeros((4, 5), "f4") for b in "grz"}, r"shape \[\(4, 5\)\]; wanted one square shape"),
        ({f"image_{b}": np.zeros(16, "f4") for b in "grz"}, r"shape \[\(16,\)\]; wanted one square shape"),
        ({f"image_{b}": np.zeros((n, n), "f4") for n, b in enumerate("grz", 3)}, r"\(3, 3\), \(4, 4\), \(5, 5\)\]; wanted one"),
        ({f"image_{b}": np.zeros((4, 4), "f8") for b in "grz"}, "of type float64; wanted float32"),
        ({f"image_{b}": np.zeros((4, 4), ">f4") for b in "grz"}, "of type >f4; wanted float32"),
        ({f"image_{b}": np.zeros((4, 4), kind) for b, kind in zip("grz", ("f4", "i4", "f4"), strict=True)}, "float32, int32;"),
    ],
    ids=["absent", "oblong", "flat", "unequal", "double", "other endian", "mixed"],
)
def test_a_stamp_that_is_not_one_is_refused_with_what_was_seen(arrays: dict[str, npt.NDArray[Any]], told: str) -> None:
    with pytest.raises(BlobError, match=told):
        decode_stamp(encode_arrays(arrays))
