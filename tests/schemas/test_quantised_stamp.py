"""Pixels as integers: no bias whatever the value, no clipping, a sky no noisier than promised, and nothing else comes back."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.array_codec import BlobError, Quantisation, decode_arrays, decode_stamp, encode_arrays, encode_stamp
from schemas.quantised_stamp import DITHERS, LARGEST, quantised, restored
from schemas.survey import BANDS

SKY = np.array([0.0020, 0.0027, 0.0085])
STEPS = 0.15 * SKY
SIZE = 64


def noise(seed: int = 0, size: int = SIZE) -> npt.NDArray[np.float32]:
    """Empty sky in three bands."""
    return (SKY[:, None, None] * np.random.default_rng(seed).standard_normal((3, size, size))).astype(np.float32)


def galaxy(peak: float) -> npt.NDArray[np.float32]:
    """A galaxy of a central brightness in nMgy on that sky."""
    y, x = np.indices((SIZE, SIZE)) - 31.3
    return (noise() + peak * np.exp(-np.sqrt(np.hypot(x, y)))).astype(np.float32)


def blob_of(images: npt.NDArray[np.float32], place: int = 77, steps: Any = STEPS) -> bytes:
    return encode_stamp(dict(zip(BANDS, images, strict=True)), Quantisation(tuple(steps), place))


def errors(images: npt.NDArray[np.float32], place: int = 77) -> npt.NDArray[np.float64]:
    """Decoded minus given, in steps."""
    return (decode_stamp(blob_of(images, place)).astype(float) - images) / STEPS[:, None, None]


@pytest.mark.parametrize("peak", [0.0, 0.3, 30.0, 3000.0])
def test_no_pixel_is_off_by_more_than_half_a_step_and_no_bright_centre_is_clipped(peak: float) -> None:
    images = galaxy(peak)
    rounding = np.spacing(np.abs(images).max()) / STEPS.min()
    assert np.abs(errors(images)).max() <= 0.5 + 2 * rounding
    assert decode_stamp(blob_of(images)).max() == pytest.approx(images.max(), abs=STEPS.max())


@pytest.mark.parametrize("fraction", [0.0, 0.13, 0.5, 0.77])
def test_a_value_anywhere_between_two_steps_comes_back_without_bias(fraction: float) -> None:
    """Rounding alone would return a flat image off by a constant: the dither makes the error even around zero."""
    images = np.broadcast_to((STEPS * (7 + fraction))[:, None, None], (3, SIZE, SIZE)).astype(np.float32)
    off = np.concatenate([errors(images, place).ravel() for place in range(0, DITHERS, 12288)])
    assert abs(off.mean()) < 4 * math.sqrt(1 / 12 / DITHERS)
    assert off.var() == pytest.approx(1 / 12, rel=0.02)


def test_a_sky_s_sigma_rises_by_less_than_a_thousandth_and_its_mean_stays() -> None:
    sky = np.stack([noise(seed) for seed in range(20)])
    back = np.stack([decode_stamp(blob_of(images, 4099 * n)) for n, images in enumerate(sky)])
    for band in range(3):
        before, after = sky[:, band].astype(float), back[:, band].astype(float)
        added = np.mean((after - before) ** 2) / SKY[band] ** 2  # the sample's own scatter does not enter
        assert math.sqrt(1 + added) - 1 < 1e-3
        assert abs(np.mean(after - before)) < 4 * STEPS[band] * math.sqrt(1 / 12 / before.size)
        assert abs(np.corrcoef((after - before).ravel(), before.ravel())[0, 1]) < 4 / math.sqrt(before.size)


def test_the_error_is_white() -> None:
    off = errors(galaxy(1.0))
    for shifted in (np.roll(off, 1, axis=1), np.roll(off, 1, axis=2)):
        assert abs(np.mean(off * shifted) * 12) < 5 / math.sqrt(off.size)


def test_it_takes_less_than_ten_thousand_bytes_and_a_sixth_of_float32() -> None:
    assert len(blob_of(noise())) < 8200
    assert len(blob_of(galaxy(0.5))) < 10_000
    assert len(encode_stamp(dict(zip(BANDS, noise(), strict=True)))) > 6 * len(blob_of(noise()))


def test_a_smooth_bright_galaxy_is_kept_as_differences_and_comes_back_as_well() -> None:
    kinds = {peak: decode_arrays(blob_of(galaxy(peak)))["quantisation"][1] for peak in (0.0, 3.0)}
    assert kinds == {0.0: 0.0, 3.0: 1.0}
    y, x = np.indices((SIZE, SIZE))
    slope = (noise() + 0.01 * (x + 2 * y)).astype(np.float32)
    assert np.abs(errors(slope)).max() < 0.51


def test_the_bytes_are_a_function_of_pixels_steps_and_place_and_of_nothing_else() -> None:
    assert blob_of(noise()) == blob_of(noise())
    assert blob_of(noise(), 77 + DITHERS) == blob_of(noise())
    assert len({blob_of(noise()), blob_of(noise(), 78), blob_of(noise(1)), blob_of(noise(), steps=2 * STEPS)}) == 4


def test_numpy_reads_it_and_the_published_formula_gives_the_pixels() -> None:
    """What a reader in another language has to do; SplitMix64's first numbers are published (Vigna, prng.di.unimi.it)."""
    with np.load(io.BytesIO(blob_of(noise(), 0)), allow_pickle=False) as members:
        z = members["low"].astype(int) + 256 * members["high"].astype(int)
        start, differences, *steps = members["quantisation"]
    assert (start, differences, steps) == (0.0, 0.0, STEPS.tolist())
    q = np.where(z % 2, -(z + 1) // 2, z // 2)
    words = (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F)
    dithers = [((word >> 41) + 0.5) / 2**23 - 0.5 for word in words]
    assert decode_stamp(blob_of(noise(), 0))[0, 0, :3] == pytest.approx((q[0, :3] + dithers) * STEPS[0], rel=1e-5)


def test_a_stamp_larger_than_the_table_of_dithers_comes_back() -> None:
    images = noise(size=256)
    assert DITHERS < 3 * 256 * 256
    assert np.abs(errors(images)).max() <= 0.501


def test_bands_come_in_the_order_that_is_asked_for() -> None:
    images = galaxy(1.0)
    all_of_them = decode_stamp(blob_of(images))
    assert np.array_equal(decode_stamp(blob_of(images), bands=("z", "g")), all_of_them[[2, 0]])
    with pytest.raises(BlobError, match=r"wanted \('i',\)"):
        decode_stamp(blob_of(images), bands=("i",))


@pytest.mark.parametrize(
    ("pixel", "steps", "told"),
    [
        (math.nan, STEPS, "wanted finite ones below"),
        (math.inf, STEPS, "wanted finite ones below"),
        (STEPS[0] * LARGEST * 1.01, STEPS, "wanted finite ones below"),
        (0.0, [0.001, 0.0, 0.001], "wanted a finite number above 0 for each"),
        (0.0, [0.001, math.nan, 0.001], "wanted a finite number above 0 for each"),
        (0.0, [0.001, 0.001], "for 3 bands; wanted a finite number above 0 for each"),
    ],
)
def test_what_integers_cannot_hold_is_told(pixel: float, steps: Any, told: str) -> None:
    images = noise()
    images[0, 5, 5] = pixel
    with pytest.raises(ValueError, match=told):
        quantised(images, steps, 0)


def test_the_brightest_pixel_that_is_kept_comes_back() -> None:
    images = noise()
    images[0, 5, 5] = STEPS[0] * LARGEST * 0.99
    assert decode_stamp(blob_of(images))[0, 5, 5] == pytest.approx(images[0, 5, 5], rel=1e-6)
    images[0, 5, 6] = -images[0, 5, 5]
    assert decode_stamp(blob_of(images))[0, 5, 6] == pytest.approx(-images[0, 5, 5], rel=1e-6)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"low": np.zeros((192, 64), np.int16)}, "wanted unsigned integers of 3 squares"),
    ({"low": np.zeros((190, 64), np.uint8), "high": np.zeros((190, 64), np.uint8)}, "wanted unsigned integers of 3 squares"),
    ({"high": np.zeros((192, 64), np.float32)}, "wanted unsigned integers of 3 squares"),
    ({"high": np.zeros((192, 63), np.uint8)}, "wanted unsigned integers of 3 squares"),
    ({"low": np.zeros(5, np.uint8)}, "quantised stamp: "),
    ({"quantisation": np.array([0.0, 0.0, 0.1, 0.1])}, "wanted 5 float64 numbers"),
    ({"quantisation": np.array([0, 0, 1, 1, 1])}, "wanted 5 float64 numbers"),
    ({"quantisation": np.array([0.5, 0.0, 0.1, 0.1, 0.1])}, "wanted a place among"),
    ({"quantisation": np.array([math.nan, 0.0, 0.1, 0.1, 0.1])}, "wanted a place among"),
    ({"quantisation": np.array([0.0, 2.0, 0.1, 0.1, 0.1])}, "wanted a place among"),
    ({"quantisation": np.array([float(DITHERS), 0.0, 0.1, 0.1, 0.1])}, "wanted a place among"),
    ({"quantisation": np.array([0.0, 0.0, 0.1, -0.1, 0.1])}, "wanted finite numbers above 0"),
    ({"quantisation": np.array([0.0, 0.0, 0.1, math.inf, 0.1])}, "wanted finite numbers above 0"),
]


@pytest.mark.parametrize(("changes", "told"), WRONG)
def test_members_that_are_no_stamp_are_refused_with_what_was_seen(changes: dict[str, Any], told: str) -> None:
    members = quantised(noise(), STEPS, 0) | changes
    with pytest.raises(BlobError, match=told):
        decode_stamp(encode_arrays(members))


def test_a_stamp_larger_than_asked_for_is_refused() -> None:
    with pytest.raises(BlobError, match="sides up to"):
        decode_stamp(blob_of(noise()), max_side=32)
    with pytest.raises(BlobError, match="sides up to 189"):
        decode_stamp(blob_of(noise()), max_side=63)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=4))
def test_whatever_bytes_change_the_answer_is_the_stamp_or_a_blob_error(changes: list[tuple[int, int]]) -> None:
    whole = blob_of(noise(size=16))
    damaged = bytearray(whole)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    try:
        image = decode_stamp(bytes(damaged))
    except BlobError:
        return
    assert np.array_equal(image, decode_stamp(whole))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**12), st.floats(1e-5, 1e2), st.floats(-3, 4), st.integers(1, 40))
def test_any_image_comes_back_to_half_a_step(place: int, step: float, bright: float, size: int) -> None:
    rng = np.random.default_rng(place)
    images = (step * 10.0**bright * rng.standard_normal((2, size, size))).astype(np.float32)
    back = restored(quantised(images, [step, step], place), 2)
    assert np.abs(back.astype(float) - images).max() <= 0.5 * step + 4 * np.spacing(np.abs(images).max())
