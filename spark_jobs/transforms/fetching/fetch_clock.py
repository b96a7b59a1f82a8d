"""The time that a fetch goes by, in one place, so that waiting can be interrupted and a test need not wait."""

from __future__ import annotations

import threading
import time


class StoppedError(RuntimeError):
    """The fetch was told to stop; what is unfinished stays for the next call."""


class FetchClock:
    """Seconds that only go forward, the time of day, and sleep that ends when the fetch is told to stop."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def utc(self) -> float:
        """Seconds since 1970, to hold a server's date against."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait; raises StoppedError as soon as the fetch is told to stop."""
        if self._stopped.wait(max(0.0, seconds)):
            raise StoppedError("told to stop")

    def stop(self) -> None:
        """Wake every sleeper, and let none sleep again."""
        self._stopped.set()
