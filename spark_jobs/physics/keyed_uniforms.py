"""Random numbers as a function of identity: the same key and counter give the same number, whoever asks, in whatever order.

Philox4x32-10 (Salmon et al. 2011, SC'11, "Parallel random numbers: as easy as 1, 2, 3"), over whole columns at once. The key
is the hash of run seed and name of the prior, the counter is (host, replicate, attempt): changing one prior leaves the other
draws as they were.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from spark_jobs.physics.compiled import compiled

FloatArray = npt.NDArray[np.float64]
KeyArray = npt.NDArray[np.uint64]

_LOW = np.uint64(0xFFFFFFFF)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_S32, _S5, _S6 = np.uint64(32), np.uint64(5), np.uint64(6)


def text_key(text: str) -> int:
    """First 64 bits of the SHA-256 of a text, as a number."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")


def text_keys(texts: list[str]) -> KeyArray:
    """``text_key`` of each text, shape (n,)."""
    return np.array([text_key(text) for text in texts], dtype=np.uint64)


def uniforms(run_seed: int, prior: str, hosts: KeyArray, replicates: npt.ArrayLike, attempts: npt.ArrayLike) -> FloatArray:
    """Two independent uniform numbers a row, shape (n, 2), in the open interval (0, 1)."""
    shape = hosts.shape
    replicate, attempt = (np.ascontiguousarray(np.broadcast_to(v, shape), dtype=np.uint64) for v in (replicates, attempts))
    key = np.uint64(text_key(f"{run_seed}|{prior}"))
    drawn: FloatArray = _draw(key, np.ascontiguousarray(hosts), replicate, attempt)
    return drawn


def normals(run_seed: int, prior: str, hosts: KeyArray, replicates: npt.ArrayLike, attempts: npt.ArrayLike) -> FloatArray:
    """Two independent standard normal numbers a row, shape (n, 2)."""
    return np.asarray(ndtri(uniforms(run_seed, prior, hosts, replicates, attempts)))


@compiled("UniTuple(uint64, 4)(uint64, uint64, uint64, uint64, uint64, uint64)")
def philox4x32(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """The Philox4x32-10 block function on 32-bit words held in 64 bits."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _S32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _S32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@compiled("float64[:, ::1](uint64, uint64[::1], uint64[::1], uint64[::1])")
def _draw(key: np.uint64, hosts: KeyArray, replicates: KeyArray, attempts: KeyArray) -> FloatArray:
    drawn = np.empty((hosts.size, 2))
    for i in range(hosts.size):
        words = philox4x32(hosts[i] >> _S32, hosts[i] & _LOW, replicates[i], attempts[i], key >> _S32, key & _LOW)
        for j in range(2):  # 53 bits, half a step away from 0 and 1
            whole = (words[2 * j] >> _S5) * 67108864.0 + np.float64(words[2 * j + 1] >> _S6)
            drawn[i, j] = (whole + 0.5) / 9007199254740992.0
    return drawn
