"""In which order samples are read: a pure function of row groups, seed, epoch and lane, with no process in sight.

A **lane** is one of a fixed number of shuffle streams. The row groups of all files are shuffled and laid end to end; each
lane owns an equal stretch of that line (lengths differ by one sample at most) and mixes ``shuffle_groups`` row groups at a
time. A global batch takes the same share (a **micro-batch**) from each lane, so its content depends neither on the number of
workers nor on the number of ranks: they only divide the lanes among themselves. Where a lane runs out, its last micro-batch
is padded with samples of weight zero, so that all ranks take the same number of steps.

Legend: a sample is a number from 0 to N-1 in the order (file, row group, row) of the kept rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schemas.job_entry import InputError

Samples = npt.NDArray[np.int64]


@dataclass(frozen=True)
class OrderPlan:
    """What fixes the order of a pass: sizes of the row groups (kept samples), lanes, batch, mixing depth and seed."""

    group_sizes: Samples
    lanes: int
    batch_size: int
    shuffle_groups: int
    seed: int

    @property
    def samples(self) -> int:
        """Kept samples in all row groups."""
        return int(self.group_sizes.sum())

    @property
    def micro_batch(self) -> int:
        """Samples that a lane gives to a global batch."""
        return self.batch_size // self.lanes

    @property
    def batches(self) -> int:
        """Global batches in an epoch, the last one padded: the same for every lane and rank."""
        longest_lane = -(-self.samples // self.lanes)
        return -(-longest_lane // self.micro_batch)


def lane_order(plan: OrderPlan, epoch: int, lane: int) -> Samples:
    """The samples of one lane in the order of an epoch. Over all lanes every sample comes exactly once."""
    groups = _random(plan.seed, epoch, "groups").permutation(len(plan.group_sizes))
    line_ends = np.cumsum(plan.group_sizes[groups])
    first_of_group = np.concatenate(([0], np.cumsum(plan.group_sizes)))[groups]
    start, stop = (plan.samples * (lane + n) // plan.lanes for n in (0, 1))
    random = _random(plan.seed, epoch, f"lane {lane}")
    mixed: list[Samples] = []
    window: list[Samples] = []
    # Lanes begin with windows of different depth, so that they do not all load new row groups at the same step.
    depth = 1 + lane % plan.shuffle_groups
    for n in range(int(np.searchsorted(line_ends, start, "right")), len(groups)):
        group_start = line_ends[n] - plan.group_sizes[groups[n]]
        if group_start >= stop:
            break
        low, high = max(start, group_start) - group_start, min(stop, line_ends[n]) - group_start
        if high > low:
            window.append(np.arange(first_of_group[n] + low, first_of_group[n] + high))
        if len(window) == depth:
            mixed.append(random.permutation(np.concatenate(window)))
            window, depth = [], plan.shuffle_groups
    if window:
        mixed.append(random.permutation(np.concatenate(window)))
    return np.concatenate(mixed) if mixed else np.empty(0, np.int64)


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
