"""Several networks' scores of a stamp as one, by a named rule.

Shapes: logits (member, sample) → (sample,), float64. Where a member gave none (NaN), none is given: the rule would be another.

- ``median-logit``: the default; one network that goes astray does not decide. Of the rules compared on the Dark Energy Survey's
  searches, all but the plain average did better than the best single network (arXiv 2510.23782).
- ``mean-probability``: the average of p; five networks on HSC did best by it (Schuldt et al. 2025, A&A 699, A350).
- ``mean-logit``: the average of the log odds, a geometric mean of odds.
- ``lowest``: all must agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float64]


def combined_logits(logits: Logits, rule: str) -> Logits:
    """One logit a sample from those of the members."""
    return RULES[rule](logits)


def committee_hash(members: Sequence[str], rule: str) -> str:
    """Identity of a committee: first 16 hex digits of the SHA-256 of rule and sorted member hashes; one member is itself."""
    if len(members) == 1:
        return members[0]
    return hashlib.sha256("\n".join([rule, *sorted(members)]).encode()).hexdigest()[:16]


def _mean_probability(logits: Logits) -> Logits:
    """log(mean p) - log(mean (1 - p)), with the digits of a p that is almost one or zero."""
    with np.errstate(invalid="ignore"):  # a NaN is no fault here
        of_lens = np.logaddexp.reduce(-np.logaddexp(0, -logits), axis=0)
        of_none = np.logaddexp.reduce(-np.logaddexp(0, logits), axis=0)
    return np.asarray(of_lens - of_none, dtype=np.float64)


RULES: dict[str, Callable[[Logits], Logits]] = {
    "median-logit": lambda logits: np.asarray(np.median(logits, axis=0), dtype=np.float64),
    "mean-probability": _mean_probability,
    "mean-logit": lambda logits: np.asarray(np.mean(logits, axis=0), dtype=np.float64),
    "lowest": lambda logits: np.asarray(np.min(logits, axis=0), dtype=np.float64),
}
DEFAULT_RULE = "median-logit"
