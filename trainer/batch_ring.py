"""A few batches' worth of memory that reading processes write and the training process takes from, in turn and without copies.

A part of a batch travels as its place in the ring and a short note; its pixels are written once, where the GPU fetches them.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from schemas.survey import BANDS
from trainer.stamp_catalogue import StampCatalogue
from trainer.stamp_reader import KINDS, PartNote, StampBatch

STANDING = 2
"""So many further batches may be asked for before a batch's memory is written anew."""


@dataclass(frozen=True)
class BatchRing:
    """Tensors (slot, sample, ...) of whole batches; a batch's lanes lie side by side, each a micro-batch wide."""

    images: torch.Tensor
    metadata: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor

    @staticmethod
    def make(catalogue: StampCatalogue, slots: int, batch: int, *, shared: bool, pin: bool) -> BatchRing:
        """Memory for ``slots`` batches; ``shared`` between processes, page-locked with ``pin`` where CUDA agrees."""
        size = catalogue.size_pix
        shapes = (len(BANDS), size, size), (len(catalogue.metadata_columns),), (), ()
        ring = BatchRing(*(torch.zeros(slots, batch, *shape, dtype=kind) for shape, kind in zip(shapes, KINDS, strict=True)))
        for tensor in ring.tensors():
            if shared:
                tensor.share_memory_()  # type: ignore[no-untyped-call]
            if pin:
                _page_lock(tensor)
        return ring

    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """The four of them."""
        return self.images, self.metadata, self.labels, self.weights

    def part(self, slot: int, place: int, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Where a micro-batch goes: that of the ``place``-th lane of this rank."""
        here = slice(place * size, (place + 1) * size)
        return self.images[slot, here], self.metadata[slot, here], self.labels[slot, here], self.weights[slot, here]

    def batch(self, slot: int, notes: Sequence[PartNote]) -> StampBatch:
        """A whole batch as it lies in the ring, not copied."""
        names = [name for note in notes for name in note.task_ids]
        corrupt = [name for note in notes for name in note.corrupt]
        images, metadata, labels, weights = (tensor[slot] for tensor in self.tensors())
        return StampBatch(images, metadata, labels, weights, names, corrupt, sum(note.counted for note in notes))


def _page_lock(tensor: torch.Tensor) -> None:
    """Lock memory that is there already; where CUDA will not, copies from it are slower and all else is the same."""
    runtime = torch.cuda.cudart()  # type: ignore[no-untyped-call]
    if runtime.cudaHostRegister(tensor.data_ptr(), tensor.nbytes, 0) == runtime.cudaError.success:
        weakref.finalize(tensor, runtime.cudaHostUnregister, tensor.data_ptr())
