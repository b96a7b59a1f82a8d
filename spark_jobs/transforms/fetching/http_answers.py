"""What an HTTP answer means for a file: there, not there, later, or never; and how long to wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from spark_jobs.transforms.keyed_chance import generator

_FIRST_WAIT_SECONDS, _LONGEST_BACK_OFF_SECONDS = 1.0, 60.0
_GONE = (404, 410)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
REDIRECTS = (301, 302, 303, 307, 308)
_SECONDS = re.compile(r"[0-9]{1,9}")


class AbsentError(Exception):
    """The server says that there is no such thing."""


class RefusedError(Exception):
    """Asking again would not help; the text says why."""


class PassingError(Exception):
    """Asking again may help; ``wait_seconds`` is what the server asked for, None where it said nothing."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def raise_for_status(status: int, headers: Mapping[str, str], now_utc: float) -> None:
    """Raise what a status other than success means; nothing for 200 and 206."""
    if status in (200, 206):
        return
    if status in _GONE:
        raise AbsentError(f"HTTP {status}")
    if status in _BUSY:
        raise PassingError(f"HTTP {status}", retry_after_seconds(headers, now_utc))
    raise RefusedError(f"HTTP {status}")


def retry_after_seconds(headers: Mapping[str, str], now_utc: float) -> float | None:
    """The wait that ``Retry-After`` asks for, in seconds or as a date (RFC 9110, 10.2.3); None where it is unreadable.

    A date is held against the server's own ``Date`` where it gives one, since clocks differ.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _seconds_since_1970(text)
    if until is None:
        return None
    now = _seconds_since_1970(headers.get("Date", ""))
    return max(0.0, until - (now_utc if now is None else now))


def back_off_seconds(url: str, attempt: int) -> float:
    """Exponential back-off with full jitter: uniform from zero to 1, 2, 4 ... 60 s; chance is keyed by URL and attempt."""
    longest = min(_LONGEST_BACK_OFF_SECONDS, _FIRST_WAIT_SECONDS * 2.0 ** min(attempt, 30))
    return longest * float(generator("back-off", url, attempt).random())


def _seconds_since_1970(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
