"""Who may ask a host next, and when: one rate for all threads, and one pause where the host asked for it."""

from __future__ import annotations

import threading

from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.http_answers import RefusedError


class HostTurns:
    """Requests to one host begin at least ``1 / per_second`` seconds apart, and none while the host is paused."""

    def __init__(self, per_second: float, longest_wait_seconds: float, clock: FetchClock) -> None:
        self._apart = 1.0 / per_second
        self._longest = longest_wait_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._next: dict[str, float] = {}
        self._paused_until: dict[str, float] = {}

    def take(self, host: str) -> None:
        """Return when it is this caller's turn; raises RefusedError where the host is paused for longer than is waited."""
        while True:
            self._clock.sleep(self._pause_left(host))
            self._clock.sleep(self._reserve(host))
            if self._pause_left(host) <= 0:  # another caller may have been told to wait meanwhile
                return

    def pause(self, host: str, seconds: float) -> None:
        """No request to this host for a while; the longest pause asked for holds."""
        with self._lock:
            until = self._clock.now() + seconds
            self._paused_until[host] = max(until, self._paused_until.get(host, until))

    def _pause_left(self, host: str) -> float:
        with self._lock:
            left = self._paused_until.get(host, 0.0) - self._clock.now()
        if left > self._longest:
            raise RefusedError(f"{host} asks to come back in {left:.0f} s; waited for is {self._longest:.0f} s at most")
        return left

    def _reserve(self, host: str) -> float:
        """Seconds until the turn that this caller now holds."""
        with self._lock:
            now = self._clock.now()
            turn = max(now, self._next.get(host, now))
            self._next[host] = turn + self._apart
            return turn - now
