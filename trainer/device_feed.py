"""Batches on the device that computes, on their way there while it is still busy with the one before.

On a GPU a thread joins what the reading processes answer in page-locked memory, a few buffers used in turn, and sends it on a
stream of its own; the training thread only waits where the reading is slower than the GPU, and ``FeedClock`` says how long.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

import torch

from trainer.stamp_reader import StampBatch, join_batches

_BUFFERS = 4
_AHEAD = 2
"""Batches that stand ready on the device; one more is being sent and one filled."""


@dataclass
class FeedClock:
    """Seconds that the consumer of batches has waited for them."""

    waited: float = 0.0


def batches_on_device(
    parts: Iterable[Sequence[StampBatch]], device: torch.device, clock: FeedClock | None = None
) -> Iterator[StampBatch]:
    """Each list of parts as one batch on the device, in order; on a GPU read and sent ahead.

    What goes wrong while reading is raised here, at the batch that it befell.
    """
    clock = clock or FeedClock()
    iterator = _sent_ahead(parts, device) if device.type == "cuda" else map(join_batches, parts)
    while True:
        started = time.perf_counter()
        batch = next(iterator, None)
        clock.waited += time.perf_counter() - started
        if batch is None:
            return
        yield batch


def _sent_ahead(parts: Iterable[Sequence[StampBatch]], device: torch.device) -> Iterator[StampBatch]:
    ready: queue.Queue[tuple[StampBatch, torch.cuda.Event] | BaseException | None] = queue.Queue(_AHEAD)
    stop = threading.Event()

    def put(item: tuple[StampBatch, torch.cuda.Event] | BaseException | None) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    thread = threading.Thread(target=_send, args=(parts, device, put), daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            batch, sent = item
            stream = torch.cuda.current_stream(device)
            stream.wait_event(sent)
            for tensor in _tensors(batch).values():
                tensor.record_stream(stream)  # its memory may be given away once this stream is done with it
            yield batch
    finally:
        stop.set()
        thread.join()


def _send(
    parts: Iterable[Sequence[StampBatch]],
    device: torch.device,
    put: Callable[[tuple[StampBatch, torch.cuda.Event] | BaseException | None], bool],
) -> None:
    """What the thread does: until the parts end, something goes wrong, or nobody takes what it puts."""
    try:
        buffers: list[_Buffer] = []
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        for number, one in enumerate(parts):
            if number < _BUFFERS:
                buffers.append(_Buffer(one))
            batch = buffers[number % _BUFFERS].send(one, device, stream)
            if not put(batch):
                return
        put(None)
    except BaseException as error:  # noqa: BLE001 - handed to the thread of the consumer, which raises it
        put(error)


class _Buffer:
    """Page-locked memory for one batch; it is filled anew only when what it held has arrived."""

    def __init__(self, parts: Sequence[StampBatch]) -> None:
        self._memory = {name: torch.cat([_tensors(part)[name] for part in parts]).pin_memory() for name in _tensors(parts[0])}
        self._sent: torch.cuda.Event | None = None

    def send(
        self, parts: Sequence[StampBatch], device: torch.device, stream: torch.cuda.Stream
    ) -> tuple[StampBatch, torch.cuda.Event]:
        """Join the parts here and start sending; the event comes when they have arrived."""
        if self._sent is not None:
            self._sent.synchronize()
        start = 0
        for part in parts:
            stop = start + len(part.weights)
            for name, tensor in _tensors(part).items():
                self._memory[name][start:stop].numpy()[...] = tensor.numpy()  # lets other threads run while it copies
            start = stop
        with torch.cuda.stream(stream):
            there = {name: memory[:start].to(device, non_blocking=True) for name, memory in self._memory.items()}
            self._sent = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._sent.record(stream)
        names = [name for part in parts for name in part.task_ids]
        corrupt = [name for part in parts for name in part.corrupt]
        counted = sum(part.counted for part in parts)
        return replace(parts[0], **there, task_ids=names, corrupt=corrupt, counted=counted), self._sent


def _tensors(batch: StampBatch) -> dict[str, torch.Tensor]:
    values = {one.name: getattr(batch, one.name) for one in fields(batch)}
    return {name: value for name, value in values.items() if isinstance(value, torch.Tensor)}
