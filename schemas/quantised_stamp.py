"""Pixels as integers: steps of a fraction of the sky's noise, with a dither that is taken off again.

A pixel x of a band with step s is kept as q = round(x / s - d) and read as (q + d) s. The dither d is uniform in (-1/2, 1/2)
and known to writer and reader, so the error is uniform in (-s/2, s/2) and independent of x, whatever x is (Schuchman 1964,
IEEE Trans. Commun. 12, 162): no bias, and a noise of sigma becomes one of sqrt(sigma^2 + s^2 / 12).
Where that takes fewer bits, q is kept as the difference from the pixel before it in the row.
Members: ``low`` and ``high`` (bands * size, size), the last eight bits of z = 2 q or -2 q - 1 and the others; ``quantisation``
float64 (2 + bands,): where in the table of dithers the stamp begins, 1 where it is differences, and each band's step in nMgy.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.float32]
Members = dict[str, npt.NDArray[np.generic]]

NAMES = ("low", "high", "quantisation")
DITHERS = 1 << 17
LARGEST = 1 << 28
"""Steps from zero to the brightest pixel that is kept."""


def quantised(images: npt.NDArray[np.floating], steps: npt.ArrayLike, place: int) -> Members:
    """The members for images (bands, size, size) with a step each, dithered from ``place`` in the table on (modulo its length).

    Raises ValueError where a step is not above 0, or a pixel is not finite or brighter than LARGEST steps.
    """
    step = np.asarray(steps, np.float64)
    if step.shape != (len(images),) or not np.all(np.isfinite(step) & (step > 0)):
        raise ValueError(f"steps {step.tolist()} nMgy for {len(images)} bands; wanted a finite number above 0 for each")
    start = place % DITHERS
    in_steps = np.asarray(images, np.float64) / step[:, None, None]
    if not np.all(np.abs(in_steps) < LARGEST):
        raise ValueError(f"pixels up to {np.abs(in_steps).max():.3g} steps; wanted finite ones below {LARGEST:.3g}")
    q = np.rint(in_steps - _dithers(start, in_steps.size).reshape(in_steps.shape)).astype(np.int32)
    differences = np.diff(q, axis=2, prepend=np.int32(0))
    differ = _bits(q) > _bits(differences)
    z = _unsigned(differences if differ else q).reshape(-1, q.shape[-1])
    high = z >> 8
    kind = np.uint8 if high.max(initial=0) < 1 << 8 else np.uint16 if high.max() < 1 << 16 else np.uint32
    return {
        "low": (z & 255).astype(np.uint8),
        "high": high.astype(kind),
        "quantisation": np.array([start, differ, *step], np.float64),
    }


def restored(members: Mapping[str, npt.NDArray[np.generic]], bands: int) -> Images:
    """The images (bands, size, size) of the members; raises ValueError where they are none."""
    low, high, quantisation = (members[name] for name in NAMES)
    if (
        low.dtype != np.uint8
        or high.dtype.kind != "u"
        or low.shape != high.shape
        or low.shape != (bands * low.shape[1], low.shape[1])
    ):
        raise ValueError(
            f"low {low.dtype} {low.shape}, high {high.dtype} {high.shape}; wanted unsigned integers of {bands} squares"
        )
    if quantisation.dtype != np.float64 or quantisation.shape != (2 + bands,):
        raise ValueError(f"quantisation {quantisation.dtype} {quantisation.shape}; wanted {2 + bands} float64 numbers")
    start, differ = float(quantisation[0]), float(quantisation[1])
    step = np.asarray(quantisation[2:], np.float64)
    if not (0 <= start < DITHERS and start.is_integer() and differ in (0.0, 1.0)):
        raise ValueError(f"quantisation {quantisation.tolist()}; wanted a place among {DITHERS} dithers, 0 or 1, and steps")
    if not np.all(np.isfinite(step) & (step > 0)):
        raise ValueError(f"steps {step.tolist()} nMgy; wanted finite numbers above 0")
    z = low.astype(np.int32)
    if high.any():
        z |= high.astype(np.int32) << 8
    q = (z >> 1) ^ -(z & 1)
    if differ:
        np.cumsum(q, axis=1, dtype=np.int32, out=q)
    pixels = q.astype(np.float32).reshape(bands, -1)
    pixels += _dithers(int(start), q.size).reshape(bands, -1)
    pixels *= step.astype(np.float32)[:, None]
    return pixels.reshape(bands, low.shape[1], low.shape[1])


def _unsigned(q: npt.NDArray[np.int32]) -> npt.NDArray[np.uint32]:
    """Whole numbers near zero as small ones that are not negative: 2 q, or -2 q - 1."""
    return ((q << 1) ^ (q >> 31)).view(np.uint32)


def _bits(q: npt.NDArray[np.int32]) -> float:
    """About how many bits whole numbers take: their last eight in a code made for them, and a little for the others."""
    z = _unsigned(q)
    counts = np.bincount((z & 255).ravel())
    counts = counts[counts > 0]
    return float(counts @ np.log2(z.size / counts)) + 2.0 * np.count_nonzero(z >> 8)


def _dithers(start: int, count: int) -> npt.NDArray[np.float32]:
    table = _table()
    if start + count <= DITHERS:
        return table[start : start + count]
    return table[(start + np.arange(count)) % DITHERS]


@lru_cache(maxsize=1)
def _table() -> npt.NDArray[np.float32]:
    """Dithers in (-1/2, 1/2): 23 bits of SplitMix64 (Steele, Lea & Flood 2014, OOPSLA), the same for ever."""
    with np.errstate(over="ignore"):
        z = np.arange(1, DITHERS + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    table = (((z >> np.uint64(41)).astype(np.float64) + 0.5) / (1 << 23) - 0.5).astype(np.float32)
    table.setflags(write=False)
    return table
