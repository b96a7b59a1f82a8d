"""In which order samples are read: a pure function of row groups, seed, epoch and lane, with no process in sight.

A **lane** is one of a fixed number of shuffle streams. The row groups of all files are shuffled and laid end to end; each
lane owns an equal stretch of that line (lengths differ by one sample at most) and mixes ``shuffle_groups`` row groups at a
time. A global batch takes the same share (a **micro-batch**) from each lane, so its content depends neither on the number of
workers nor on the number of ranks: they only divide the lanes among themselves. Where a lane runs out, its last micro-batch
is padded with samples of weight zero, so that all ranks take the same number of steps. Where pairs stay together or kinds are
mixed in given shares, what is shuffled are the units of ``sample_units``.

Legend: a sample is a number from 0 to N-1 in the order (file, row group, row) of the kept rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from schemas.job_entry import InputError
from trainer.sample_units import Samples, Units, coupled


@dataclass(frozen=True, eq=False)
class OrderPlan:
    """What fixes the order of a pass: sizes of the row groups (kept samples), lanes, batch, mixing depth and seed.

    ``units`` where not every sample is shuffled on its own and comes in every epoch.
    """

    group_sizes: Samples
    lanes: int
    batch_size: int
    shuffle_groups: int
    seed: int
    units: Units | None = None

    @property
    def samples(self) -> int:
        """Samples of an epoch: all that are kept, or what the mix of kinds takes of them."""
        return int(self.group_sizes.sum()) if self.units is None else self.units.samples

    @property
    def micro_batch(self) -> int:
        """Samples that a lane gives to a global batch."""
        return self.batch_size // self.lanes

    @property
    def batches(self) -> int:
        """Global batches in an epoch, the last one padded: the same for every lane and rank."""
        longest_lane = -(-self.samples // self.lanes) + int(self.units is not None and self.units.paired)
        return -(-longest_lane // self.micro_batch)


@dataclass(frozen=True, eq=False)
class _Line:
    """The units of an epoch by row group: those of group n are ``first_unit[n]`` to ``[n + 1]``, ``before`` counts samples."""

    first_unit: Samples
    before: Samples
    lead: Samples
    partner: Samples | None

    @property
    def samples_of_group(self) -> Samples:
        """Samples of the units that begin in each row group."""
        return np.diff(self.before[self.first_unit])

    def between(self, group: int, low: int, high: int) -> Samples:
        """The units of a row group whose first sample is at least the ``low``-th of the group and before the ``high``-th."""
        first, end = self.first_unit[group : group + 2]
        places = self.before[first:end] - self.before[first]
        start, stop = np.searchsorted(places, (low, high))
        units: Samples = np.arange(first + start, first + stop)
        return units

    def mixed(self, units: Samples, left_over: Samples, random: np.random.Generator) -> tuple[Samples, Samples]:
        """Samples of some units in random order, and what waits for the next."""
        if self.partner is None:
            return self.lead[random.permutation(units)], left_over
        return coupled(self.lead[units], self.partner[units], left_over, random)


def lane_order(plan: OrderPlan, epoch: int, lane: int) -> Samples:
    """The samples of one lane in the order of an epoch. Over all lanes every sample of the epoch comes exactly once."""
    line = _line_of(plan, epoch)
    groups = _random(plan.seed, epoch, "groups").permutation(len(plan.group_sizes))
    lengths = line.samples_of_group[groups]
    line_ends = np.cumsum(lengths)
    start, stop = (plan.samples * (lane + n) // plan.lanes for n in (0, 1))
    random = _random(plan.seed, epoch, f"lane {lane}")
    mixed: list[Samples] = []
    window: list[Samples] = []
    left_over = np.empty(0, np.int64)
    # Lanes begin with windows of different depth, so that they do not all load new row groups at the same step.
    depth = 1 + lane % plan.shuffle_groups
    for n in range(int(np.searchsorted(line_ends, start, "right")), len(groups)):
        group_start = line_ends[n] - lengths[n]
        if group_start >= stop:
            break
        units = line.between(int(groups[n]), start - group_start, stop - group_start)
        if len(units):
            window.append(units)
        if len(window) == depth:
            samples, left_over = line.mixed(np.concatenate(window), left_over, random)
            mixed.append(samples)
            window, depth = [], plan.shuffle_groups
    if window:
        samples, left_over = line.mixed(np.concatenate(window), left_over, random)
        mixed.append(samples)
    return np.concatenate([*mixed, left_over]) if mixed else left_over


@lru_cache(maxsize=2)
def _line_of(plan: OrderPlan, epoch: int) -> _Line:
    """Which units take part in an epoch, and where the row groups' begin."""
    first_sample = np.concatenate(([0], np.cumsum(plan.group_sizes)))
    if plan.units is None:
        every = np.arange(first_sample[-1] + 1)
        return _Line(first_sample, every, every[:-1], None)
    random_of = {n: _random(plan.seed, epoch, f"stratum {n}") for n in range(len(plan.units.take))}
    chosen = plan.units.chosen(random_of)
    lead, partner = plan.units.lead[chosen].astype(np.int64), plan.units.partner[chosen].astype(np.int64)
    before = np.concatenate(([0], np.cumsum(1 + (partner >= 0))))
    return _Line(np.searchsorted(lead, first_sample), before, lead, partner if plan.units.paired else None)


def lanes_of_rank(lanes: int, rank: int, world_size: int) -> list[int]:
    """The lanes that a rank reads; raises InputError where they cannot be shared out evenly."""
    if lanes % world_size:
        raise InputError(f"data.lanes is {lanes} and there are {world_size} ranks; wanted a number of lanes that they divide")
    return list(range(rank, lanes, world_size))


def lanes_of_worker(lanes: int, rank: int, world_size: int, worker: int, workers: int) -> list[int]:
    """The lanes that a reading process of a rank serves; raises InputError where they cannot be shared out evenly."""
    mine = lanes_of_rank(lanes, rank, world_size)
    if len(mine) % max(workers, 1):
        raise InputError(
            f"{len(mine)} lanes a rank and {workers} reading processes; wanted a number of processes that divides the lanes"
        )
    return mine[worker :: max(workers, 1)]


def _random(seed: int, epoch: int, name: str) -> np.random.Generator:
    """A generator keyed by what it is for: never a running state."""
    digest = hashlib.sha256(f"sample order:{seed}:{epoch}:{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], "<u8")))
