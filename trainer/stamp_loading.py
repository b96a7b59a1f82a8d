"""From datasets to batches in the training process: reading processes, their number, and the limit on corrupt stamps.

Workers are spawned (a fork copies locks of Arrow and CUDA that may be held) and live for the whole training.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, Sampler

from schemas.job_entry import InputError
from trainer.batch_ring import STANDING, BatchRing
from trainer.pauses import outlive_signals
from trainer.sample_order import OrderPlan, lanes_of_rank, lanes_of_worker
from trainer.stamp_catalogue import StampCatalogue
from trainer.stamp_reader import BatchKey, IdentifiedBatch, PartNote, ShuffledStamps, StampBatch, WholeSplit
from trainer.train_settings import DataSettings

Item = TypeVar("Item")
_MOST_AUTOMATIC_WORKERS = 8
_PREFETCH = 4


class TrainingBatches:
    """The batches of any epoch for one rank; ``epoch(n)`` gives the same batches whenever and wherever it is asked."""

    def __init__(
        self,
        catalogue: StampCatalogue,
        plan: OrderPlan,
        data: DataSettings,
        *,
        pin: bool = False,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.plan = plan
        self._lanes = lanes_of_rank(plan.lanes, rank, world_size)
        workers = automatic_workers(len(self._lanes)) if data.workers is None else data.workers
        lanes_of_worker(plan.lanes, rank, world_size, 0, workers)
        self._keys = _Keys()
        asked_ahead = -(-workers * _PREFETCH // len(self._lanes))
        self._slots, self._taken = STANDING + 1 + asked_ahead, 0
        batch = plan.micro_batch * len(self._lanes)
        self._ring = BatchRing.make(catalogue, self._slots, batch, shared=workers > 0, pin=pin)
        self._loader = _loader(ShuffledStamps(catalogue, plan, self._ring), self._keys, workers, pin=False)
        self._limit = data.max_corrupt

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[StampBatch]:
        """Batches of an epoch from number ``first_batch`` on; raises InputError past the limit of corrupt stamps."""
        return (batch.copy() for batch in self.passing(epoch, first_batch))

    def passing(self, epoch: int, first_batch: int = 0) -> Iterator[StampBatch]:
        """The same without a copy: a batch stands while STANDING more are asked for, then its memory is written anew."""
        # Lane-minor order: the loader hands keys to its workers in turn, so each lane stays with one worker.
        numbers = range(first_batch, self.plan.batches)
        first, self._taken = self._taken, self._taken + len(numbers)
        self._keys.keys = [
            BatchKey(epoch, lane, number, (first + n) % self._slots, place)
            for n, number in enumerate(numbers)
            for place, lane in enumerate(self._lanes)
        ]
        notes: list[PartNote] = []
        corrupt: list[str] = []
        for note in self._loader:
            notes.append(note)
            corrupt += note.corrupt
            check_corrupt(corrupt, self._limit)
            if len(notes) == len(self._lanes):
                yield self._ring.batch(first % self._slots, notes)
                first, notes = first + 1, []


class SplitBatches:
    """All kept rows of a split in file order, one batch a row group, for validation and scoring; each rank has its share.

    ``files``, by number, where not all are wanted; ``groups`` are the row groups that come, in order.
    """

    def __init__(
        self,
        catalogue: StampCatalogue,
        data: DataSettings,
        *,
        pin: bool = False,
        rank: int = 0,
        world_size: int = 1,
        files: Collection[int] | None = None,
    ) -> None:
        groups = [n for n, size in enumerate(catalogue.group_sizes) if size][rank::world_size]
        if files is not None:
            groups = [group for group in groups if catalogue.group_file[group] in files]
        self.groups = groups
        workers = automatic_workers(_MOST_AUTOMATIC_WORKERS) if data.workers is None else data.workers
        self._keys = _Keys(groups)
        self._loader = _loader(WholeSplit(catalogue), self._keys, min(workers, len(groups)), pin)
        self._limit = data.max_corrupt

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[IdentifiedBatch]:
        corrupt: list[str] = []
        for batch in self._loader:
            corrupt += batch.stamps.corrupt
            check_corrupt(corrupt, self._limit)
            yield batch


def automatic_workers(lanes: int) -> int:
    """Reading processes where nobody said how many: the largest divisor of the lanes that leaves a core to train."""
    spare = min((os.cpu_count() or 1) - 1, _MOST_AUTOMATIC_WORKERS)
    # One spare core reads no faster than the training process itself, and costs a start of several seconds.
    return max((n for n in range(2, spare + 1) if lanes % n == 0), default=0)


def check_corrupt(corrupt: Sequence[str], limit: int) -> None:
    """Raise InputError where more stamps could not be read than the settings forgive."""
    if len(corrupt) > limit:
        raise InputError(
            f"{len(corrupt)} stamps could not be decoded, first {', '.join(corrupt[:3])}; "
            f"at most {limit} are skipped (data.max_corrupt). Run dhs audit on the stamps"
        )


class _Keys(Sampler[Any]):
    """What the loader asks for, set anew before each pass; it lives in the training process, so workers always follow."""

    def __init__(self, keys: Sequence[Any] = ()) -> None:
        self.keys: Sequence[Any] = keys

    def __iter__(self) -> Iterator[Any]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


def _as_it_is(item: Item) -> Item:
    return item


def _loader(dataset: Any, keys: _Keys, workers: int, pin: bool) -> DataLoader[Any]:
    # A generator of its own: a loader draws a number at each pass, which a run that goes on inside an epoch would miss.
    more: dict[str, Any] = {"generator": torch.Generator()}
    if workers:
        more |= {"multiprocessing_context": "spawn", "persistent_workers": True, "prefetch_factor": _PREFETCH}
        more |= {"worker_init_fn": outlive_signals}
    return DataLoader(dataset, batch_size=None, sampler=keys, collate_fn=_as_it_is, num_workers=workers, pin_memory=pin, **more)
