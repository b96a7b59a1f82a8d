"""Batches on the device that computes, on their way there while it is still busy with the one before.

On a GPU a thread sends what the reading processes have written in page-locked memory, on a stream of its own; the training
thread only waits where the reading is slower than the GPU, and ``FeedClock`` says how long.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch

from trainer.stamp_reader import StampBatch

_AHEAD = 2
"""Batches that stand ready on the device; one more is being sent."""


@dataclass
class FeedClock:
    """Seconds that the consumer of batches has waited for them."""

    waited: float = 0.0


def batches_on_device(
    batches: Iterable[StampBatch], device: torch.device, clock: FeedClock | None = None
) -> Iterator[StampBatch]:
    """The batches on the device, in order; on a GPU read and sent ahead.

    What goes wrong while reading is raised here, at the batch that it befell.
    """
    clock = clock or FeedClock()
    iterator = _sent_ahead(batches, device) if device.type == "cuda" else iter(batches)
    while True:
        started = time.perf_counter()
        batch = next(iterator, None)
        clock.waited += time.perf_counter() - started
        if batch is None:
            return
        yield batch


def _sent_ahead(batches: Iterable[StampBatch], device: torch.device) -> Iterator[StampBatch]:
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

    thread = threading.Thread(target=_send, args=(batches, device, put), daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            batch, sent = item
            _claim(batch, torch.cuda.current_stream(device), sent)
            yield batch
    finally:
        stop.set()
        thread.join()


def _claim(batch: StampBatch, stream: torch.cuda.Stream, sent: torch.cuda.Event) -> None:
    """Let a stream use a batch once it has arrived, and its memory be given away once the stream is done with it."""
    stream.wait_event(sent)
    for tensor in (batch.images, batch.metadata, batch.labels, batch.weights):
        tensor.record_stream(stream)


def _send(
    batches: Iterable[StampBatch],
    device: torch.device,
    put: Callable[[tuple[StampBatch, torch.cuda.Event] | BaseException | None], bool],
) -> None:
    """What the thread does: until the batches end, something goes wrong, or nobody takes what it puts."""
    try:
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        for batch in batches:
            with torch.cuda.stream(stream):
                there = batch.each(lambda tensor: tensor.to(device, non_blocking=True))
                sent = torch.cuda.Event()  # type: ignore[no-untyped-call]
                sent.record(stream)
            if not put((there, sent)):
                return
            sent.synchronize()  # the memory that it came from is written anew a few batches on
        put(None)
    except BaseException as error:  # noqa: BLE001 - handed to the thread of the consumer, which raises it
        put(error)
