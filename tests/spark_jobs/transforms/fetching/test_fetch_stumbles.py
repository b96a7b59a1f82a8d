"""One file against a server that stumbles, lies, refuses and leads elsewhere: what comes is right, or the reason is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_jobs.transforms.fetching.fetch_file import Outcome, fetch_file
from spark_jobs.transforms.fetching.http_answers import back_off_seconds
from spark_jobs.transforms.fetching.wanted_file import WantedFile
from tests.spark_jobs.small_survey_server import (
    Answer,
    FakeClock,
    SurveyServer,
    damaged,
    half,
    half_without_tag,
    leads_to,
    page,
    status,
    survey_server,
)
from tests.spark_jobs.transforms.fetching.one_file import CONTENT, PATH, fetch, left_in, tools


@pytest.fixture
def server() -> Iterator[SurveyServer]:
    with survey_server(FakeClock()) as server:
        server.content[PATH] = CONTENT
        yield server


@pytest.mark.parametrize(
    "stumble",
    [status(503), status(429), status(500), status(502), status(504), half, half_without_tag, page, damaged],
    ids=["503", "429", "500", "502", "504", "half", "half without tag", "page", "damaged"],
)
def test_a_server_that_stumbles_once_is_asked_again_and_the_bytes_are_right(
    stumble: Answer, server: SurveyServer, tmp_path: Path
) -> None:
    server.first[PATH] = [stumble]
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["b/a.fits.fz"]
    assert len(server.asked) == 2
    assert isinstance(server.clock, FakeClock)
    assert server.clock.slept[0] == pytest.approx(back_off_seconds(f"{server.address}{PATH}", 0))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (status(503), r"HTTP 503 \(3 attempts\)"),
        (page, r"no FITS file: it begins with '<!DOCTYPE html>.*\(3 attempts\)"),
        (damaged, r"HDU 1 is not what its DATASUM says \(3 attempts\)"),
        (half_without_tag, r"the line failed \(IncompleteRead\) \(3 attempts\)"),
    ],
    ids=["503", "page", "damaged", "half"],
)
def test_a_server_that_never_recovers_is_given_up_with_its_last_answer(
    answer: Answer, told: str, server: SurveyServer, tmp_path: Path
) -> None:
    server.first[PATH] = [answer] * 9
    fetched = fetch(server, tmp_path, attempts=3)
    assert fetched.outcome is Outcome.FAILED
    assert fetched.entry is None
    assert re.fullmatch(told, fetched.reason, re.DOTALL)
    assert len(server.asked) == 3
    assert "b/a.fits.fz" not in left_in(tmp_path)


@pytest.mark.parametrize(
    ("code", "header", "waited"),
    [
        (429, "7", 7.0),
        (503, "0", 0.0),
        (503, "Thu, 01 Jan 1970 00:17:00 GMT", 20.0),
        (503, "Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
    ],
)
def test_a_server_is_left_alone_for_as_long_as_it_asks(
    code: int, header: str, waited: float, server: SurveyServer, tmp_path: Path
) -> None:
    # The clock stands at 1000 s after 1970, the second date 20 s later; without a Date our own clock counts.
    server.first[PATH] = [status(code, Retry_After=header, Date="")]
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert server.seen_at[1] - server.seen_at[0] == pytest.approx(max(waited, 0.01))


def test_a_server_that_asks_for_too_much_patience_is_not_waited_for(server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [status(503, Retry_After="86400")]
    fetched = fetch(server, tmp_path, longest_wait_seconds=600)
    assert fetched.reason.endswith("asks to come back in 86400 s; waited for is 600 s at most")
    assert len(server.asked) == 1


def test_the_servers_log_never_shows_more_than_the_rate_repeats_and_redirects_included(
    server: SurveyServer, tmp_path: Path
) -> None:
    server.first[PATH] = [status(503, Retry_After="0"), half, leads_to("/moved"), status(503, Retry_After="1")]
    server.content["/moved"] = CONTENT
    shared = tools(server, tmp_path, per_second=2)
    for number in range(4):
        path = f"c{number}/a.fits.fz"
        assert fetch_file(shared, WantedFile(path, f"{server.address}{PATH}"), None).outcome is Outcome.FETCHED
    assert len(server.seen_at) == 8
    apart = [after - before for before, after in zip(server.seen_at, server.seen_at[1:], strict=False)]
    assert min(apart) >= 0.5 - 1e-9


@pytest.mark.parametrize("code", [400, 401, 403, 451])
def test_a_refusal_is_not_asked_again(code: int, server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [status(code)]
    assert fetch(server, tmp_path).reason == f"HTTP {code}"
    assert len(server.asked) == 1


def test_a_redirect_on_the_same_host_is_followed(server: SurveyServer, tmp_path: Path) -> None:
    server.content["/moved"] = CONTENT
    server.first[PATH] = [leads_to("/moved")]
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert [path for path, _ in server.asked] == [PATH, "/moved"]


@pytest.mark.parametrize(
    "target", ["http://elsewhere.invalid/secret-token", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://127.0.0.1:9/x"]
)
def test_a_redirect_to_elsewhere_is_refused_and_its_address_stays_unsaid(
    target: str, server: SurveyServer, tmp_path: Path
) -> None:
    server.first[PATH] = [leads_to(target)]
    fetched = fetch(server, tmp_path)
    assert fetched.outcome is Outcome.FAILED
    assert "HTTP 302 leads to" in fetched.reason
    assert "secret-token" not in fetched.reason
    assert len(server.asked) == 1


def test_redirects_in_a_circle_end(server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [leads_to(PATH)] * 20
    assert fetch(server, tmp_path).reason == "more than 5 redirects"
