"""Who is in which split: a published hash of the group, so that a referee can recompute it in any language."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

SPLITS: tuple[str, ...] = ("train", "val", "test")


def split_number(key: str) -> int:
    """First 8 hex digits of the SHA-256 of the key (UTF-8), modulo 1000."""
    return int(hashlib.sha256(key.encode("utf-8")).hexdigest()[:8], 16) % 1000


def check_fractions(fractions: Mapping[str, float]) -> None:
    """Raise ValueError unless the fractions are train, val and test, in thousandths, and add up to one."""
    if set(fractions) != set(SPLITS):
        raise ValueError(f"split fractions name {sorted(fractions)}; wanted exactly {list(SPLITS)}")
    if not all(math.isfinite(fraction) for fraction in fractions.values()):
        raise ValueError(f"split fractions {dict(fractions)}; wanted finite numbers")
    thousandths = [round(fractions[name] * 1000) for name in SPLITS]
    whole = all(abs(fractions[name] * 1000 - n) < 1e-6 and n >= 0 for name, n in zip(SPLITS, thousandths, strict=True))
    if not whole or sum(thousandths) != 1000:
        raise ValueError(f"split fractions {dict(fractions)}; wanted non-negative thousandths that add up to 1")


def split_of(key: str, fractions: Mapping[str, float]) -> str:
    """The split of a group: train below the first fraction, then val, then test.

    ``key`` is the text of the recipe's split key, for example the sky cell's number or the task_id.
    """
    number = split_number(key)
    bound = 0
    for name in SPLITS:
        bound += round(fractions[name] * 1000)
        if number < bound:
            return name
    raise ValueError(f"split fractions {dict(fractions)} add up to {bound / 1000}; wanted 1")
