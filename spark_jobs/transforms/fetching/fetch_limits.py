"""How hard a fetch may press a server, how long it waits, and what it accepts: the knobs of ``dhs fetch``, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.job_entry import InputError

_RANGES: dict[str, tuple[float, float]] = {
    "at_once": (1, 32),
    "per_second": (0.01, 100),
    "attempts": (1, 20),
    "timeout_seconds": (0.1, 3600),
    "longest_wait_seconds": (0, 86400),
    "max_megabytes": (0.001, 100_000),
}
BYTES_PER_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class FetchLimits:
    """Raises InputError for a value outside its range.

    ``at_once`` requests are under way at a time, of which ``per_second`` begin at each host. A silence of
    ``timeout_seconds`` ends an attempt, and ``attempts`` of them the file. A server that asks for more than
    ``longest_wait_seconds`` of patience is not waited for. An answer beyond ``max_megabytes`` (10^6 bytes) is refused.
    """

    at_once: int = 4
    per_second: float = 4.0
    attempts: int = 6
    timeout_seconds: float = 30.0
    longest_wait_seconds: float = 600.0
    max_megabytes: float = 500.0

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"--{name.replace('_', '-')} {value}; wanted {low:g} to {high:g}")

    @property
    def max_bytes(self) -> int:
        """The largest answer in bytes."""
        return round(self.max_megabytes * BYTES_PER_MEGABYTE)
