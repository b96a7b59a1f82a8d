"""What is shuffled as one thing: a stamp, or a lens with its control; and how many of each kind take part in an epoch.

Legend: a sample is a number from 0 to N-1 in the order (file, row group, row); a unit is named by its place in ``Units``. A
**stratum** holds the units of one kind and one length, a stamp or a pair; of each, an epoch takes a fixed number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.job_entry import InputError

Samples = npt.NDArray[np.int64]
HARD = "hard"
_NOT_HARD = ("lens", "control")


@dataclass(frozen=True, eq=False)
class Units:
    """Units in the order of their first sample; ``partner`` is the second one, -1 where there is none.

    ``stratum`` (unit,) counts from 0, -1 for what takes no part; ``take`` is how many units of each stratum an epoch has.
    """

    lead: npt.NDArray[np.int32]
    partner: npt.NDArray[np.int32]
    stratum: npt.NDArray[np.int8]
    take: tuple[int, ...]

    @property
    def paired(self) -> bool:
        """Whether any unit is a pair."""
        return bool((self.partner >= 0).any())

    @property
    def samples(self) -> int:
        """Samples of an epoch."""
        pairs = [bool((self.partner[self.stratum == n] >= 0).any()) for n in range(len(self.take))]
        return sum(count * (1 + pair) for count, pair in zip(self.take, pairs, strict=True))

    def chosen(self, random_of: Mapping[int, np.random.Generator]) -> Samples:
        """The units of an epoch, ascending; each stratum of which there is too much draws with its generator."""
        parts = []
        for n, count in enumerate(self.take):
            members = np.flatnonzero(self.stratum == n)
            few = count < len(members)
            parts.append(members[random_of[n].choice(len(members), count, replace=False, shuffle=False)] if few else members)
        return np.sort(np.concatenate(parts)) if parts else np.empty(0, np.int64)


def make_units(
    kind: npt.NDArray[np.int8],
    kinds: Sequence[str],
    partner: npt.NDArray[np.int32] | None,
    mix: Mapping[str, float] | None,
) -> Units:
    """Units of samples whose ``kind`` (sample,) counts in ``kinds``; pairs where ``partner`` names a lens's control.

    Raises InputError where ``mix`` asks for a kind of which there is none.
    """
    second = np.full(len(kind), -1, np.int32) if partner is None else partner
    leads = np.ones(len(kind), bool)
    leads[second[second >= 0]] = False
    lead = np.flatnonzero(leads).astype(np.int32)
    second, unit_kind = second[lead], kind[lead]
    share_of = np.array([_share_named(name, mix) for name in kinds], np.int8)[unit_kind]
    if mix is None:
        take_of_share = {0: len(lead)}
    else:
        there = {n: int((share_of == n).sum()) for n in range(len(mix))}
        for n, name in enumerate(mix):
            if not there[n]:
                raise InputError(
                    f"data.mix asks for {mix[name]:g} of {name!r} and there is none; there are {', '.join(kinds)}. "
                    f"Wanted kinds that are there, or {HARD!r} for all but {' and '.join(_NOT_HARD)}"
                )
        total = min(there[n] / share for n, share in enumerate(mix.values()))
        take_of_share = {n: min(there[n], round(total * share)) for n, share in enumerate(mix.values())}
    return _in_strata(lead, second, share_of, take_of_share)


def coupled(lead: Samples, partner: Samples, left_over: Samples, random: np.random.Generator) -> tuple[Samples, Samples]:
    """Samples of units in an order that an even number of samples never cuts between a lens and its control.

    What comes alone is set side by side, so that every two samples from an even place on belong together; one that finds no
    neighbour is left over for the next call.
    """
    order = random.permutation(len(lead))
    lead, partner = lead[order], partner[order]
    alone = np.concatenate([left_over, lead[partner < 0]])
    even = len(alone) // 2 * 2
    twos = np.concatenate([np.stack([lead, partner], axis=1)[partner >= 0], alone[:even].reshape(-1, 2)])
    return random.permutation(twos).reshape(-1), alone[even:]


def _share_named(kind: str, mix: Mapping[str, float] | None) -> int:
    """Which share of the mix a kind belongs to; -1 for none."""
    if mix is None:
        return 0
    names = list(mix)
    if kind in names:
        return names.index(kind)
    return names.index(HARD) if HARD in names and kind not in _NOT_HARD else -1


def _in_strata(
    lead: npt.NDArray[np.int32],
    partner: npt.NDArray[np.int32],
    share_of: npt.NDArray[np.int8],
    take_of_share: Mapping[int, int],
) -> Units:
    """Each share as one stratum of stamps and one of pairs, in proportion, so that every epoch is equally long."""
    stratum, take = np.full(len(lead), -1, np.int8), list[int]()
    for share, wanted in take_of_share.items():
        left = wanted
        for of_pairs in (True, False):
            inside = (share_of == share) & ((partner >= 0) == of_pairs)
            here, everything = int(inside.sum()), int((share_of == share).sum())
            if here:
                stratum[inside] = len(take)
                take.append(left if not of_pairs else min(left, round(wanted * here / everything)))
                left -= take[-1]
    return Units(lead, partner, stratum, tuple(take))
