"""One rate for each host, whoever asks, and a pause that holds for all."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from spark_jobs.transforms.fetching.fetch_clock import FetchClock, StoppedError
from spark_jobs.transforms.fetching.host_turns import HostTurns
from spark_jobs.transforms.fetching.http_answers import RefusedError
from tests.spark_jobs.small_survey_server import FakeClock


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    yield FakeClock()


def turns_of(turns: HostTurns, clock: FakeClock, host: str, count: int) -> list[float]:
    begun = clock.now()
    taken = []
    for _ in range(count):
        turns.take(host)
        taken.append(round(clock.now() - begun, 6))
    return taken


def test_turns_at_a_host_come_at_its_rate(clock: FakeClock) -> None:
    assert turns_of(HostTurns(4.0, 60, clock), clock, "a", 5) == [0, 0.25, 0.5, 0.75, 1.0]


def test_idle_time_is_not_saved_up_for_a_burst(clock: FakeClock) -> None:
    turns = HostTurns(4.0, 60, clock)
    turns.take("a")
    clock.sleep(100)
    assert turns_of(turns, clock, "a", 3) == [0, 0.25, 0.5]


def test_hosts_do_not_wait_for_each_other(clock: FakeClock) -> None:
    turns = HostTurns(0.1, 60, clock)
    turns.take("a")
    turns.take("b")
    assert clock.slept == []


def test_threads_share_the_rate_of_a_host() -> None:
    class Frozen(FakeClock):
        """Time stands still, so every thread asks at the same moment and is told how long to wait."""

        def sleep(self, seconds: float) -> None:
            with self._lock:
                self.slept.append(seconds)

    clock = Frozen()
    turns = HostTurns(2.0, 60, clock)
    threads = [threading.Thread(target=turns.take, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seconds for seconds in clock.slept if seconds > 0) == pytest.approx([0.5 * k for k in range(1, 8)])


def test_nobody_asks_a_host_that_is_paused_and_the_longest_pause_holds(clock: FakeClock) -> None:
    turns = HostTurns(10.0, 60, clock)
    turns.pause("a", 30)
    turns.pause("a", 5)
    assert turns_of(turns, clock, "b", 1) == [0]
    assert turns_of(turns, clock, "a", 2) == [30, 30.1]


def test_a_pause_that_begins_while_one_waits_for_a_turn_holds_for_him() -> None:
    class PausedMeanwhile(FakeClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if seconds == 1.0:
                turns.pause("a", 20)

    clock = PausedMeanwhile()
    turns = HostTurns(1.0, 60, clock)
    assert turns_of(turns, clock, "a", 2) == [0, 21]


def test_a_pause_beyond_patience_is_an_end(clock: FakeClock) -> None:
    turns = HostTurns(1.0, 60, clock)
    turns.pause("a", 61)
    with pytest.raises(RefusedError, match="a asks to come back in 61 s; waited for is 60 s at most"):
        turns.take("a")
    assert clock.slept == []


def test_waiting_ends_when_the_fetch_is_told_to_stop() -> None:
    clock = FetchClock()
    turns = HostTurns(1.0, 600, clock)
    turns.pause("a", 500)
    clock.stop()
    with pytest.raises(StoppedError):
        turns.take("a")
