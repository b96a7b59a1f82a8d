"""Stamps as batches: two datasets that a torch DataLoader asks by key, so that nothing depends on which process answers.

``ShuffledStamps`` answers (epoch, lane, number) with a micro-batch of a training pass; ``WholeSplit`` answers a row group's
number with all its kept rows, in file order. The epoch is part of the question: a persistent worker cannot repeat an old one.

Shapes: images (sample, band, y, x) float32 in nMgy as stored; metadata (sample, column) float64 in the columns' units, NaN
for null; labels and weights (sample,). Weight 0 marks padding and stamps that could not be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from torch.utils.data import Dataset

from schemas.survey import BANDS
from trainer.row_groups import RowGroup, RowGroupReader
from trainer.sample_order import OrderPlan, lane_order
from trainer.stamp_catalogue import StampCatalogue
from trainer.stamp_decoding import decode_rows, not_finite
from trainer.stamp_sources import SOURCES

KINDS = (torch.float32, torch.float64, torch.float32, torch.float32)
"""Of a batch's images, metadata, labels and weights."""


class BatchKey(NamedTuple):
    """A micro-batch: the epoch, the lane, and its number within the lane; and where it is to be written."""

    epoch: int
    lane: int
    number: int
    slot: int = 0
    place: int = 0


class PartNote(NamedTuple):
    """What is said of a micro-batch that was written: its stamps, those that could not be decoded, and how many count."""

    task_ids: list[str]
    corrupt: list[str]
    counted: int


class Ring(Protocol):
    """Where micro-batches are written: images, metadata, labels and weights of a slot and a place in it (``batch_ring``)."""

    def part(self, slot: int, place: int, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The tensors of one micro-batch."""


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

    def each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> StampBatch:
        """The same with every tensor changed."""
        return replace(
            self,
            images=change(self.images),
            metadata=change(self.metadata),
            labels=change(self.labels),
            weights=change(self.weights),
        )

    def copy(self) -> StampBatch:
        """The same in memory of its own."""
        return self.each(torch.clone)

    def pin_memory(self) -> StampBatch:
        """The same in page-locked memory; torch's DataLoader calls this by its name."""
        return self.each(torch.Tensor.pin_memory)


@dataclass(frozen=True)
class IdentifiedBatch:
    """The kept rows of a row group with their identity columns (task, host, cell, split, kind, label)."""

    stamps: StampBatch
    identity: pa.Table

    def pin_memory(self) -> IdentifiedBatch:
        """The same with its tensors in page-locked memory."""
        return IdentifiedBatch(self.stamps.pin_memory(), self.identity)


@dataclass
class _Lane:
    """Where a lane stands in this process: its order, the last micro-batch that needs each row group, and groups in memory."""

    epoch: int
    samples: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]
    last_use: dict[int, int]
    loaded: dict[int, RowGroup] = field(default_factory=dict)


class ShuffledStamps(Dataset[PartNote]):
    """Micro-batches of a training pass by ``BatchKey``; each is a pure function of its key, whatever was asked before.

    Its tensors are written into the ring, at the key's slot and place.
    """

    def __init__(self, catalogue: StampCatalogue, plan: OrderPlan, ring: Ring) -> None:
        self._catalogue, self._plan, self._ring = catalogue, plan, ring
        self._reader: RowGroupReader | None = None  # opened in the process that reads
        self._lanes: dict[int, _Lane] = {}

    def __getitem__(self, key: BatchKey) -> PartNote:
        self._reader = self._reader or RowGroupReader(self._catalogue)
        lane = self._lane(key.epoch, key.lane)
        size = self._plan.micro_batch
        part = slice(key.number * size, (key.number + 1) * size)
        samples, groups = lane.samples[part], lane.groups[part]
        for group in np.unique(groups).tolist():
            if group not in lane.loaded:
                lane.loaded[group] = self._reader.read(group)
        tensors = [tensor.numpy() for tensor in self._ring.part(key.slot, key.place, size)]
        note = _write(lane.loaded, groups, self._catalogue.row_in_group[samples], tensors, self._catalogue.source)
        for group in [group for group in lane.loaded if lane.last_use[group] <= key.number]:
            del lane.loaded[group]
        return note

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
        group, rows = self._reader.read(key), self._catalogue.rows_of_group(key)
        size, columns = self._catalogue.size_pix, len(self._catalogue.metadata_columns)
        shapes = (len(BANDS), size, size), (columns,), (), ()
        tensors = [torch.empty(len(rows), *shape, dtype=kind) for shape, kind in zip(shapes, KINDS, strict=True)]
        arrays = [tensor.numpy() for tensor in tensors]
        note = _write({key: group}, np.full(len(rows), key), rows, arrays, self._catalogue.source)
        images, metadata, labels, weights = tensors
        stamps = StampBatch(images, metadata, labels, weights, note.task_ids, note.corrupt, note.counted)
        return IdentifiedBatch(stamps, group.identity.take(pa.array(rows)))


def _write(
    loaded: Mapping[int, RowGroup],
    groups: npt.NDArray[np.integer],
    rows: npt.NDArray[np.integer],
    tensors: Sequence[npt.NDArray[Any]],
    source: str,
) -> PartNote:
    """Rows of row groups as a micro-batch; what is left over of it repeats them with weight zero."""
    images, metadata, labels, weights = tensors
    size, there = len(images), len(rows)
    task_ids = [""] * size
    unreadable: list[int] = []
    for number in np.unique(groups).tolist():
        group, targets = loaded[number], np.flatnonzero(groups == number)
        here = rows[targets]
        unreadable += decode_rows(group.blobs, here, images, targets, SOURCES[source].decode)
        metadata[targets], labels[targets] = group.metadata[here], group.labels[here]
        for target, row in zip(targets.tolist(), here.tolist(), strict=True):
            task_ids[target] = group.task_ids[row]
    unreadable = sorted({*unreadable, *not_finite(images[:there])})
    images[unreadable], weights[:there], weights[there:] = 0, 1, 0
    weights[unreadable] = 0
    # Real stamps as padding, because blank ones would shift the statistics of a network with batch norm.
    for n in range(there, size):
        images[n], metadata[n], labels[n] = (one[n % there] if there else 0 for one in (images, metadata, labels))
        task_ids[n] = task_ids[n % there] if there else ""
    return PartNote(task_ids, [task_ids[n] for n in unreadable], there - len(unreadable))
