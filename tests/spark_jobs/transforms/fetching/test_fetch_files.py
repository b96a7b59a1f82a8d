"""When a fetch gives up on a server, and what its account says."""

from __future__ import annotations

from spark_jobs.transforms.fetching.fetch_file import Fetched, Outcome
from spark_jobs.transforms.fetching.fetch_files import FetchAccount
from spark_jobs.transforms.fetching.fetch_journal import JournalEntry
from spark_jobs.transforms.fetching.wanted_file import WantedFile

WANTED = WantedFile("a.fits.fz", "https://survey.test/a")
STANDING = JournalEntry(WANTED.path, WANTED.url, 2880, vouched=True)
FAILED = Fetched(WANTED, Outcome.FAILED, reason="HTTP 403")


def account_of(asked: int, *files: Fetched) -> FetchAccount:
    account = FetchAccount(asked)
    for fetched in files:
        account.add(fetched)
    return account


def test_only_failures_in_a_row_are_an_end() -> None:
    good = Fetched(WANTED, Outcome.FETCHED, STANDING)
    assert not account_of(100, *[FAILED] * 19, good, *[FAILED] * 19).gave_up
    assert account_of(100, good, *[FAILED] * 20).gave_up


def test_a_file_that_the_server_has_not_is_an_answer_too() -> None:
    absent = Fetched(WANTED, Outcome.ABSENT, JournalEntry(WANTED.path, WANTED.url, None))
    account = account_of(40, *[FAILED] * 19, absent, *[FAILED] * 19)
    assert not account.gave_up
    assert account.unverified == 0


def test_the_account_counts_everything_and_tells_the_first_reasons() -> None:
    unvouched = JournalEntry(WANTED.path, WANTED.url, 2880)
    files = [Fetched(WANTED, Outcome.PRESENT, STANDING), Fetched(WANTED, Outcome.FETCHED, unvouched), *[FAILED] * 4]
    account = account_of(9, *files)
    assert not account.complete
    assert account.text() == (
        "9 files: 1 fetched, 1 present, 0 absent, 4 failed; 1 unverified, since they carry no checksum; "
        "first failed: a.fits.fz: HTTP 403 | a.fits.fz: HTTP 403 | a.fits.fz: HTTP 403 ...; "
        "stopped after 20 failures in a row, 3 not asked for"
    )
    assert account_of(1, files[0]).text() == "1 files: 0 fetched, 1 present, 0 absent, 0 failed"
    assert account_of(1, files[0]).complete
