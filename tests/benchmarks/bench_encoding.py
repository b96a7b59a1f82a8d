"""Bytes a stamp and the time to write and read one: float32 npz stored, the same deflated, quantised, under Parquet's codecs.

    python tests/benchmarks/bench_encoding.py [--stamps 600] [--repeats 5]

Stamps are cut from hosts of magnitudes that a run has (de Vaucouleurs galaxies of r 17 to 20 in the survey's noise), and with
../shared present from the real three-band cutout too. One core; medians of the repeats. The quantised form's error is measured
on the same stamps.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from schemas.array_codec import Quantisation, decode_stamp, encode_stamp  # noqa: E402
from schemas.survey import BANDS  # noqa: E402
from trainer.stamp_decoding import decode_into  # noqa: E402

Images = npt.NDArray[np.float32]
SIZE = 64
STEP = 0.15
SKY = np.array([0.0020, 0.0027, 0.0085])  # nMgy a pixel in g, r, z
GAIN = np.array([2e4, 1.5e4, 8e3])
CODECS = ("none", "snappy", "zstd")
FORMS = ("float32 stored", "float32 deflated", "quantised")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stamps", type=int, default=600, help="stamps to draw")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of which the median is taken")
    arguments = parser.parse_args()
    rng = np.random.default_rng(5)
    drawn = [galaxy(rng, magnitude) for magnitude in rng.uniform(17.0, 20.0, arguments.stamps)]
    compare("drawn galaxies of r 17 to 20", drawn, arguments.repeats)
    by_magnitude(rng)
    real = real_stamps()
    if real:
        compare("the real cutout", real, arguments.repeats)
    else:
        print("no ../shared/data here: the real cutout is left out")


def galaxy(rng: np.random.Generator, r_mag: float) -> Images:
    """A de Vaucouleurs galaxy behind seeing, with the sky's noise and its own."""
    y, x = np.indices((SIZE, SIZE)) - 0.5 * (SIZE - 1)
    half_light = 10 ** (0.2 * (20.0 - r_mag)) * rng.lognormal(0.0, 0.2)
    radius = np.hypot(np.hypot(x, y / rng.uniform(0.6, 1.0)) * 0.262, 0.5)
    profile = np.exp(-7.67 * (radius / half_light) ** 0.25)
    flux = 10 ** (0.4 * (22.5 - r_mag - np.array([1.5, 0.0, -0.9])))
    light = flux[:, None, None] * profile / profile.sum()
    noise = np.sqrt(SKY[:, None, None] ** 2 + light / GAIN[:, None, None])
    return (light + noise * rng.standard_normal(light.shape)).astype(np.float32)


def real_stamps() -> list[Images]:
    """The real cutout in tiles; empty where it is absent."""
    path = REPOSITORY.parent / "shared" / "data" / "legacy_dr9_cutout" / "cutout_59.1067_-30.4848.fits"
    if not path.exists():
        return []
    from astropy.io import fits

    with fits.open(path) as file:
        planes = np.array([file[number].data for number in (1, 3, 5)], np.float32)
    corners = range(0, 256 - SIZE + 1, SIZE)
    return [planes[:, y : y + SIZE, x : x + SIZE] for y in corners for x in corners]


def encoders() -> dict[str, Callable[[Images, int], bytes]]:
    """What makes bytes of a stamp, by form."""
    return {
        "float32 stored": lambda images, _: encode_stamp(dict(zip(BANDS, images, strict=True))),
        "float32 deflated": lambda images, _: deflated(images),
        "quantised": lambda images, number: encode_stamp(
            dict(zip(BANDS, images, strict=True)), Quantisation(tuple(STEP * SKY), 7919 * number)
        ),
    }


def deflated(images: Images) -> bytes:
    """What numpy.savez_compressed writes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **{f"image_{band}": image for band, image in zip(BANDS, images, strict=True)})
    return buffer.getvalue()


def compare(what: str, stamps: Sequence[Images], repeats: int) -> None:
    """Print bytes and times of every form."""
    print(f"\n{what}: {len(stamps)} stamps of {SIZE} pixels in three bands")
    print(
        f"{'':18}{'bytes':>9}{'largest':>9}"
        + "".join(f"{codec:>9}" for codec in CODECS)
        + "   encode, us  decode, us  trainer, us"
    )
    for form, encode in encoders().items():
        blobs = [encode(images, number) for number, images in enumerate(stamps)]
        sizes = [len(blob) for blob in blobs]
        in_file = [parquet_bytes(blobs, codec) / len(blobs) for codec in CODECS]
        pixels = np.empty_like(stamps[0])
        times = [
            median_us(lambda: [encode(images, number) for number, images in enumerate(stamps)], len(stamps), repeats),  # noqa: B023
            median_us(lambda: [decode_stamp(blob) for blob in blobs], len(stamps), repeats),  # noqa: B023
            median_us(lambda: [decode_into(blob, pixels) for blob in blobs], len(stamps), repeats),  # noqa: B023
        ]
        columns = "".join(f"{size:9.0f}" for size in (statistics.fmean(sizes), max(sizes), *in_file))
        print(f"{form:18}{columns}{times[0]:13.0f}{times[1]:12.0f}{times[2]:13.0f}")
    errors = np.concatenate([error_in_steps(images, number) for number, images in enumerate(stamps)])
    rise = np.sqrt(1.0 + STEP**2 * np.mean(np.square(errors))) - 1.0
    print(
        f"quantised, {errors.size} pixels: error {np.abs(errors).max():.4f} steps at most, {errors.mean():+.5f} on average "
        f"(chance {0.2887 / np.sqrt(errors.size):.5f}); a sky sigma rises by {rise:.2e} of itself"
    )


def by_magnitude(rng: np.random.Generator) -> None:
    """Print the bytes of a quantised stamp by the magnitude of its host."""
    encode = encoders()["quantised"]
    sizes = {
        m: statistics.fmean(len(encode(galaxy(rng, m), n)) for n in range(30)) for m in (20.0, 19.0, 18.0, 17.0, 16.0, 15.0)
    }
    print("quantised bytes by r of the host: " + ", ".join(f"{m:.0f}: {size:.0f}" for m, size in sizes.items()))


def error_in_steps(images: Images, number: int) -> npt.NDArray[np.float64]:
    """Decoded minus given, in steps."""
    blob = encoders()["quantised"](images, number)
    return ((decode_stamp(blob).astype(float) - images) / (STEP * SKY[:, None, None])).ravel()


def parquet_bytes(blobs: Sequence[bytes], codec: str) -> int:
    """Size of a Parquet file with these blobs."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"stamp_npz": pa.array(blobs, pa.binary())}), sink, compression=codec, use_dictionary=False)
    return sink.getbuffer().nbytes


def median_us(work: Callable[[], object], count: int, repeats: int) -> float:
    """Median time of one in microseconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times) / count * 1e6


if __name__ == "__main__":
    main()
