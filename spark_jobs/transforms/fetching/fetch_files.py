"""All files of a fetch, some at a time, each settled in the journal as it ends; and the account of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

from tqdm import tqdm

from spark_jobs.transforms.fetching.fetch_file import Fetched, FetchTools, Outcome, fetch_file
from spark_jobs.transforms.fetching.fetch_journal import FetchJournal
from spark_jobs.transforms.fetching.wanted_file import WantedFile

_REASONS_SHOWN = 3
_FAILURES_IN_A_ROW = 20
"""After so many a server or a network is down, and the rest would fail like them."""


@dataclass
class FetchAccount:
    """How many files came to what; ``unverified`` are those fetched or present that no checksum vouches for."""

    asked: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    unverified: int = 0
    reasons: list[str] = field(default_factory=list)
    failures_in_a_row: int = 0

    @property
    def not_tried(self) -> int:
        """Files that were not come to, since too many before them failed."""
        return self.asked - self.outcomes.total()

    @property
    def gave_up(self) -> bool:
        """Whether the server does not answer, or refuses everything."""
        return self.failures_in_a_row >= _FAILURES_IN_A_ROW

    @property
    def complete(self) -> bool:
        """Whether everything that exists stands."""
        return not self.outcomes[Outcome.FAILED] and not self.not_tried

    def add(self, fetched: Fetched) -> None:
        """Count one file."""
        self.outcomes[fetched.outcome] += 1
        if fetched.outcome is Outcome.FAILED:
            self.failures_in_a_row += 1
            if len(self.reasons) < _REASONS_SHOWN:
                self.reasons.append(f"{fetched.wanted.path}: {fetched.reason}")
            return
        self.failures_in_a_row = 0
        if fetched.entry is not None and fetched.entry.bytes is not None and not fetched.entry.vouched:
            self.unverified += 1

    def text(self) -> str:
        """The account in one line."""
        counts = ", ".join(f"{self.outcomes[outcome]} {outcome.value}" for outcome in Outcome)
        parts = [f"{self.asked} files: {counts}"]
        if self.unverified:
            parts.append(f"{self.unverified} unverified, since they carry no checksum")
        if self.reasons:
            more = " ..." if self.outcomes[Outcome.FAILED] > len(self.reasons) else ""
            parts.append(f"first failed: {' | '.join(self.reasons)}{more}")
        if self.not_tried:
            parts.append(f"stopped after {_FAILURES_IN_A_ROW} failures in a row, {self.not_tried} not asked for")
        return "; ".join(parts)


def fetch_files(tools: FetchTools, wanted: Iterable[WantedFile], asked: int, journal: FetchJournal) -> FetchAccount:
    """Fetch what is wanted, ``asked`` files in all; an interruption leaves what is settled noted and what is begun to go on."""
    account = FetchAccount(asked)
    with ThreadPoolExecutor(tools.limits.at_once) as pool, tqdm(total=asked, unit="file", disable=None) as bar:
        try:
            for fetched in _as_they_end(pool, tools, wanted, journal):
                if fetched.entry is not None and journal.entries.get(fetched.wanted.path) != fetched.entry:
                    journal.add(fetched.entry)
                account.add(fetched)
                bar.update()
                if account.gave_up:
                    break
        finally:
            tools.clock.stop()
            pool.shutdown(cancel_futures=True)
    return account


def _as_they_end(
    pool: ThreadPoolExecutor, tools: FetchTools, wanted: Iterable[WantedFile], journal: FetchJournal
) -> Iterator[Fetched]:
    """Outcomes as they come; few files are handed out ahead, since there may be a million."""
    waiting = iter(wanted)
    under_way: set[Future[Fetched]] = set()
    while True:
        for one in islice(waiting, 2 * tools.limits.at_once - len(under_way)):
            under_way.add(pool.submit(fetch_file, tools, one, journal.entries.get(one.path)))
        if not under_way:
            return
        done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
