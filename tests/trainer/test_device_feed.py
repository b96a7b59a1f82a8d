"""Batches sent ahead: all in order, errors where they belong, no memory asked for before it has arrived, no thread left.

No GPU is needed: streams and events are stand-ins that note what is asked of them.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from trainer import device_feed
from trainer.device_feed import FeedClock, batches_on_device
from trainer.stamp_reader import StampBatch

CPU = torch.device("cpu")


def batch(number: int) -> StampBatch:
    images = torch.full((2, 3, 4, 4), float(number))
    return StampBatch(images, torch.zeros(2, 1), torch.ones(2), torch.ones(2), [f"{number}a", f"{number}b"], [], 2)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand-ins for CUDA's streams and events; what was asked, in order."""
    log: list[str] = []

    class Event:
        def record(self, _: Any) -> None:
            log.append("sent")

        def synchronize(self) -> None:
            log.append("arrived")

    monkeypatch.setattr(torch.cuda, "Stream", lambda _: None)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: None)
    monkeypatch.setattr(device_feed, "_claim", lambda *_: log.append("claimed"))
    return log


def numbered(log: list[str], count: int, fails_at: int | None = None) -> Iterator[StampBatch]:
    for number in range(count):
        log.append(f"read {number}")
        if number == fails_at:
            raise ValueError("a disc was pulled out")
        yield batch(number)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_batch_comes_once_in_order_with_its_names(asked: list[str], count: int) -> None:
    got = list(device_feed._sent_ahead(numbered(asked, count), CPU))
    assert [float(one.images.mean()) for one in got] == list(range(count))
    assert [one.task_ids for one in got] == [[f"{n}a", f"{n}b"] for n in range(count)]
    assert asked.count("claimed") == count


def test_a_batch_has_arrived_before_the_next_is_read(asked: list[str]) -> None:
    list(device_feed._sent_ahead(numbered(asked, 6), CPU))
    order = [entry for entry in asked if entry != "claimed"]
    assert order == [entry for n in range(6) for entry in (f"read {n}", "sent", "arrived")]


def test_an_error_while_reading_is_raised_after_the_batches_before_it(asked: list[str]) -> None:
    got = []
    with pytest.raises(ValueError, match="a disc was pulled out"):
        for one in device_feed._sent_ahead(numbered(asked, 9, fails_at=3), CPU):
            got.append(one.task_ids[0])
    assert got == ["0a", "1a", "2a"]


def test_no_more_is_read_ahead_than_a_few_batches_and_no_thread_outlives_its_consumer(asked: list[str]) -> None:
    before = threading.active_count()
    feed = device_feed._sent_ahead(numbered(asked, 100), CPU)
    next(feed)
    time.sleep(0.3)
    assert threading.active_count() == before + 1
    assert sum(entry.startswith("read") for entry in asked) <= 5
    feed.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


def test_on_a_cpu_batches_pass_as_they_are_and_the_clock_counts_the_reading() -> None:
    def slow() -> Iterator[StampBatch]:
        for number in range(3):
            time.sleep(0.02)
            yield batch(number)

    clock = FeedClock()
    assert [one.task_ids[0] for one in batches_on_device(slow(), CPU, clock)] == ["0a", "1a", "2a"]
    assert clock.waited >= 0.05
