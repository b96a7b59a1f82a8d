"""One file from asked for to believed: what stands is looked at first, and what comes is whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_jobs.transforms.fetching.fetch_clock import FetchClock, StoppedError
from spark_jobs.transforms.fetching.fetch_file import Outcome
from spark_jobs.transforms.fetching.fetch_journal import JournalEntry
from tests.spark_jobs.small_survey_server import (
    FakeClock,
    Handler,
    SurveyServer,
    plane,
    status,
    survey_server,
    whole,
)
from tests.spark_jobs.transforms.fetching.one_file import CONTENT, PATH, fetch, left_in


@pytest.fixture
def server() -> Iterator[SurveyServer]:
    with survey_server(FakeClock()) as server:
        server.content[PATH] = CONTENT
        yield server


def test_a_file_is_fetched_whole_and_nothing_lies_beside_it(server: SurveyServer, tmp_path: Path) -> None:
    fetched = fetch(server, tmp_path)
    assert fetched.outcome is Outcome.FETCHED
    assert fetched.entry == JournalEntry("b/a.fits.fz", f"{server.address}{PATH}", len(CONTENT), vouched=True)
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["b/a.fits.fz"]
    assert server.asked[0][1]["Accept-Encoding"] == "identity"
    assert "darkhaloscope" in server.asked[0][1]["User-Agent"]


def test_what_stands_as_noted_is_not_asked_for(server: SurveyServer, tmp_path: Path) -> None:
    entry = fetch(server, tmp_path).entry
    assert fetch(server, tmp_path, entry).outcome is Outcome.PRESENT
    assert len(server.asked) == 1


def test_what_stands_unnoted_is_looked_at_first(server: SurveyServer, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    found = fetch(server, tmp_path)
    assert found.outcome is Outcome.PRESENT
    assert found.entry is not None
    assert found.entry.vouched
    assert len(server.asked) == 1


@pytest.mark.parametrize("keep", [0, 5000, len(CONTENT) - 1])
def test_what_stands_broken_is_fetched_anew(keep: int, server: SurveyServer, tmp_path: Path) -> None:
    entry = fetch(server, tmp_path).entry
    (tmp_path / "b/a.fits.fz").write_bytes(CONTENT[:keep])
    assert fetch(server, tmp_path, entry).outcome is Outcome.FETCHED
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT


def test_a_file_without_checksums_is_taken_and_nobody_vouches_for_it(server: SurveyServer, tmp_path: Path) -> None:
    server.content[PATH] = plane(checksum=False)
    fetched = fetch(server, tmp_path)
    assert fetched.outcome is Outcome.FETCHED
    assert fetched.entry is not None
    assert not fetched.entry.vouched


@pytest.mark.parametrize("code", [404, 410])
def test_what_is_not_there_is_absent_and_known_to_be(code: int, server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [status(code)]
    fetched = fetch(server, tmp_path)
    assert fetched.outcome is Outcome.ABSENT
    again = fetch(server, tmp_path, fetched.entry)
    assert again.outcome is Outcome.ABSENT
    assert len(server.asked) == 1


def test_a_fetch_that_is_told_to_stop_ends_in_the_middle_and_keeps_what_came(server: SurveyServer, tmp_path: Path) -> None:
    def stopping(handler: Handler, content: bytes) -> None:
        server.clock.stop()
        whole(handler, content)

    server.first[PATH] = [stopping]
    with pytest.raises(StoppedError):
        fetch(server, tmp_path)
    assert "b/a.fits.fz" not in left_in(tmp_path)


def test_a_sleeper_wakes_when_the_fetch_is_told_to_stop() -> None:
    clock = FetchClock()
    clock.stop()
    with pytest.raises(StoppedError):
        clock.sleep(3600)
