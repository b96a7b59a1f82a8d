"""Chance as a function of identity: a random generator from what a draw is for, never from a counter or a partition."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*identity: str | int) -> np.random.Generator:
    """The counter-based generator of an identity, for example ``generator(seed, brickname, "stars")``.

    Two identities share no stream; the same identity gives the same numbers on every machine.
    """
    text = "\x1f".join(str(part) for part in identity)
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8")))
