"""Stamps as batches: two datasets that a torch DataLoader asks by key, so that nothing depends on which process answers.

``ShuffledStamps`` answers (epoch, lane, number) with a micro-batch of a training pass; ``WholeSplit`` answers a row group's
number with all its kept rows, in file order. The epoch is part of the question: a persistent worker cannot repeat an old one.

Shapes: images (sample, band, y, x) float32 in nMgy as stored; metadata (sample, column) float64 in the columns' units, NaN
for null; labels and weights (sample,). Weight 0 marks padding and stamps that could not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch.utils.data import Dataset

from schemas.survey import BANDS
from trainer.row_groups import RowGroup, RowGroupReader
from trainer.sample_order import OrderPlan, lane_order
from trainer.stamp_catalogue import StampCatalogue


class BatchKey(NamedTuple):
    """A micro-batch: the epoch, the lane, and its number within the lane."""

    epoch: int
    lane: int
    number: int


@dataclass(frozen=True)
class StampBatch:
    """Stamps as they are stored, before normalisation; ``corrupt`` names those that could not be decoded.

    ``counted`` is the number of stamps of weight one.
    """

    images: torch.Tensor
    metadata: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    task_ids: list[str]
    corrupt: list[str]
    counted: int

    def pin_memory(self) -> StampBatch:
        """The same in page-locked memory; torch's DataLoader calls this by its name."""
        return replace(
            self,
            images=self.images.pin_memory(),
            metadata=self.metadata.pin_memory(),
            labels=self.labels.pin_memory(),
            weights=self.weights.pin_memory(),
        )


@dataclass(frozen=True)
class IdentifiedBatch:
    """The kept rows of a row group with their identity columns (task, host, cell, split, kind, label)."""

    stamps: StampBatch
    identity: pa.Table

    def pin_memory(self) -> IdentifiedBatch:
        """The same with its tensors in page-locked memory."""
        return IdentifiedBatch(self.stamps.pin_memory(), self.identity)


def join_batches(parts: Sequence[StampBatch]) -> StampBatch:
    """One batch of the parts, in their order."""
    return StampBatch(
        images=_joined([part.images for part in parts]),
        metadata=_joined([part.metadata for part in parts]),
        labels=_joined([part.labels for part in parts]),
        weights=_joined([part.weights for part in parts]),
        task_ids=[name for part in parts for name in part.task_ids],
        corrupt=[name for part in parts for name in part.corrupt],
        counted=sum(part.counted for part in parts),
    )


def _joined(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    # numpy copies in this thread; torch.cat would wake a thread pool for it, which costs more where cores are busy.
    return torch.from_numpy(np.concatenate([tensor.numpy() for tensor in tensors]))


@dataclass
class _Lane:
    """Where a lane stands in this process: its order, the last micro-batch that needs each row group, and groups in memory."""

    epoch: int
    samples: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    last_use: dict[int, int]
    loaded: dict[int, RowGroup] = field(default_factory=dict)


class ShuffledStamps(Dataset[StampBatch]):
    """Micro-batches of a training pass by ``BatchKey``; each is a pure function of its key, whatever was asked before."""

    def __init__(self, catalogue: StampCatalogue, plan: OrderPlan) -> None:
        self._catalogue, self._plan = catalogue, plan
        self._reader: RowGroupReader | None = None  # opened in the process that reads
        self._lanes: dict[int, _Lane] = {}

    def __getitem__(self, key: BatchKey) -> StampBatch:
        self._reader = self._reader or RowGroupReader(self._catalogue)
        lane = self._lane(key.epoch, key.lane)
        size = self._plan.micro_batch
        part = slice(key.number * size, (key.number + 1) * size)
        places = []
        for sample, group in zip(lane.samples[part], lane.groups[part], strict=True):
            if group not in lane.loaded:
                lane.loaded[group] = self._reader.read(int(group))
            places.append((lane.loaded[group], int(sample - self._catalogue.first_sample[group])))
        batch = _gather(places, size, self._catalogue)
        for group in [group for group in lane.loaded if lane.last_use[group] <= key.number]:
            del lane.loaded[group]
        return batch

    def _lane(self, epoch: int, lane: int) -> _Lane:
        standing = self._lanes.get(lane)
        if standing is None or standing.epoch != epoch:
            samples = lane_order(self._plan, epoch, lane)
            groups = np.searchsorted(self._catalogue.first_sample, samples, "right") - 1
            last_use = {int(group): n // self._plan.micro_batch for n, group in enumerate(groups)}
            standing = self._lanes[lane] = _Lane(epoch, samples, groups, last_use)
        return standing


class WholeSplit(Dataset[IdentifiedBatch]):
    """All kept rows of one row group by its number, in the order of the file, nothing padded."""

    def __init__(self, catalogue: StampCatalogue) -> None:
        self._catalogue = catalogue
        self._reader: RowGroupReader | None = None  # opened in the process that reads

    def __getitem__(self, key: int) -> IdentifiedBatch:
        self._reader = self._reader or RowGroupReader(self._catalogue)
        group = self._reader.read(key)
        corrupt = [group.task_ids[n] for n in np.flatnonzero(~group.readable)]
        wrap = torch.from_numpy
        labels, weights = wrap(group.labels.astype(np.float32)), wrap(group.readable.astype(np.float32))
        counted = int(group.readable.sum())
        stamps = StampBatch(wrap(group.pixels), wrap(group.metadata), labels, weights, group.task_ids, corrupt, counted)
        return IdentifiedBatch(stamps, group.identity)


def _gather(places: Sequence[tuple[RowGroup, int]], size: int, catalogue: StampCatalogue) -> StampBatch:
    """A batch of ``size`` of rows of row groups; what is left over repeats them with weight zero."""
    side = catalogue.size_pix
    images = (np.empty if places else np.zeros)((size, len(BANDS), side, side), np.float32)
    metadata = np.zeros((size, len(catalogue.metadata_columns)))
    labels, weights = np.zeros(size, np.float32), np.zeros(size, np.float32)
    task_ids, corrupt = [], []
    for n, (group, row) in enumerate(places):
        images[n], metadata[n] = group.pixels[row], group.metadata[row]
        labels[n], weights[n] = group.labels[row], group.readable[row]
        task_ids.append(group.task_ids[row])
        if not group.readable[row]:
            corrupt.append(group.task_ids[row])
    if places:
        # Real stamps as padding, because blank ones would shift the statistics of a network with batch norm.
        filler = np.arange(len(places), size) % len(places)
        images[len(places) :], metadata[len(places) :], labels[len(places) :] = images[filler], metadata[filler], labels[filler]
        task_ids += [task_ids[n] for n in filler]
    else:
        task_ids = [""] * size
    wrap = torch.from_numpy
    return StampBatch(wrap(images), wrap(metadata), wrap(labels), wrap(weights), task_ids, corrupt, int(weights.sum()))
