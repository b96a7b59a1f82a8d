"""When a run stops to save itself: every so often, and when it is told to end (SIGTERM, or Ctrl-C once).

A signal only leaves a mark; the training loop looks at it between two steps, so that what is saved is whole. Reading processes
outlive the signal that their whole group gets, until the training process has taken its last batch.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STOP = 1_000_000
_OUTLIVE_SECONDS = 60


class Pauses:
    """What this process wants after a step; ``wish`` of all ranks are added up, and ``meaning`` reads the sum."""

    def __init__(self, save_minutes: float, *, first: bool = True) -> None:
        self._every, self._first = 60 * save_minutes, first
        self._saved = time.monotonic()
        self.signal: int | None = None

    def wish(self) -> int:
        """A number for the sum: the first rank's clock decides when to save, any rank's signal when to stop."""
        due = self._first and time.monotonic() - self._saved >= self._every
        return _STOP * (self.signal is not None) + int(due)

    @staticmethod
    def meaning(wishes: float) -> tuple[bool, bool]:
        """Whether to save now, and whether to stop then."""
        return wishes >= 1, wishes >= _STOP

    def saved(self) -> None:
        """The clock begins anew."""
        self._saved = time.monotonic()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take notice of signals instead of dying of them; a second one has its usual effect."""
        before = {int(number): signal.getsignal(number) for number in _SIGNALS}

        def note(number: int, frame: FrameType | None) -> None:
            self.signal = number
            signal.signal(number, before[number])

        for number in _SIGNALS:
            signal.signal(number, note)
        try:
            yield
        finally:
            for which, handler in before.items():
                signal.signal(which, handler)


def outlive_signals(_worker: int) -> None:
    """For a reading process: leave Ctrl-C to the training process, and after SIGTERM wait a minute to be sent home by it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.alarm(_OUTLIVE_SECONDS))
