"""Who is who on the stand-in sky, and chance as a function of that: an object made alone has the same pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Identity:
    """One object: ``sample`` is lens or negative, ``number`` counts from 0 in it."""

    sample: str
    number: int

    @property
    def name(self) -> str:
        """For example negative-17."""
        return f"{self.sample}-{self.number}"


def generator(seed: int, *what: str | int) -> np.random.Generator:
    """The random numbers of one thing, for example ``generator(seed, "lens-3", "noise")``; two things share none."""
    digest = hashlib.sha256("/".join(("stand-in", str(seed), *map(str, what))).encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], "<u8")))


def identities(lenses: int, negatives: int) -> list[Identity]:
    """All objects of a run: lenses first."""
    return [Identity("lens", n) for n in range(lenses)] + [Identity("negative", n) for n in range(negatives)]


def task_id(seed: int, recipe_hash: str, identity: Identity) -> str:
    """First 32 hex digits of a SHA-256 of seed, settings and object."""
    return hashlib.sha256(f"{seed}/{recipe_hash}/{identity.name}".encode()).hexdigest()[:32]
