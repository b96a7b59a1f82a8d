"""One file against a server that stumbles, lies and hangs: what is fetched is whole and right, or the reason is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_jobs.transforms.fetching.fetch_clock import FetchClock, StoppedError
from spark_jobs.transforms.fetching.fetch_file import Fetched, FetchTools, Outcome, fetch_file
from spark_jobs.transforms.fetching.fetch_journal import JournalEntry
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.http_answers import back_off_seconds
from spark_jobs.transforms.fetching.http_client import HttpClient
from spark_jobs.transforms.fetching.wanted_file import WantedFile
from tests.spark_jobs.small_survey_server import (
    Answer,
    FakeClock,
    Handler,
    SurveyServer,
    damaged,
    half,
    half_without_tag,
    hang,
    leads_to,
    page,
    plane,
    status,
    survey_server,
    tag_of,
    whole,
)

PATH = "/coadd/a.fits.fz"
CONTENT = plane()


@pytest.fixture
def server() -> Iterator[SurveyServer]:
    with survey_server(FakeClock()) as server:
        server.content[PATH] = CONTENT
        yield server


def tools(server: SurveyServer, folder: Path, **limits: float) -> FetchTools:
    chosen = FetchLimits(**{"per_second": 100, "timeout_seconds": 5.0, **limits})  # type: ignore[arg-type]
    return FetchTools(folder, HttpClient(chosen, server.clock), chosen, server.clock)


def fetch(server: SurveyServer, folder: Path, known: JournalEntry | None = None, **limits: float) -> Fetched:
    return fetch_file(tools(server, folder, **limits), WantedFile("b/a.fits.fz", f"{server.address}{PATH}"), known)


def left_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_whole_and_nothing_lies_beside_it(server: SurveyServer, tmp_path: Path) -> None:
    fetched = fetch(server, tmp_path)
    assert fetched.outcome is Outcome.FETCHED
    assert fetched.entry == JournalEntry("b/a.fits.fz", f"{server.address}{PATH}", len(CONTENT), vouched=True)
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["b/a.fits.fz"]
    assert server.asked[0][1]["Accept-Encoding"] == "identity"
    assert "darkhaloscope" in server.asked[0][1]["User-Agent"]


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


@pytest.mark.parametrize("code", [404, 410])
def test_what_is_not_there_is_absent_and_known_to_be(code: int, server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [status(code)]
    fetched = fetch(server, tmp_path)
    assert fetched.outcome is Outcome.ABSENT
    again = fetch(server, tmp_path, fetched.entry)
    assert again.outcome is Outcome.ABSENT
    assert len(server.asked) == 1


def test_a_download_that_was_cut_off_goes_on_where_it_was(server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [half]
    assert fetch(server, tmp_path, attempts=1).outcome is Outcome.FAILED
    assert left_in(tmp_path) == ["b/.a.fits.fz.part", "b/.a.fits.fz.part.json"]
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert server.asked[1][1]["Range"] == f"bytes={len(CONTENT) // 2}-"
    assert server.asked[1][1]["If-Range"] == tag_of(CONTENT)
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT
    assert left_in(tmp_path) == ["b/a.fits.fz"]


def test_a_download_is_not_continued_into_another_version(server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [half]
    server.content[PATH] = plane(2)
    fetch(server, tmp_path, attempts=1)
    server.content[PATH] = CONTENT
    assert fetch(server, tmp_path, attempts=1).outcome is Outcome.FETCHED
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT


def wrong_range(handler: Handler, content: bytes) -> None:
    handler.answer(206, content[10:], Content_Range=f"bytes 10-{len(content) - 1}/{len(content)}", ETag=tag_of(content))


def other_version(handler: Handler, content: bytes) -> None:
    start = len(content) // 2
    handler.answer(206, content[start:], Content_Range=f"bytes {start}-{len(content) - 1}/{len(content)}", ETag='"other"')


@pytest.mark.parametrize("answer", [wrong_range, other_version, status(416), status(206)])
def test_a_range_that_does_not_fit_makes_the_download_start_over(answer: Answer, server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [half, answer]
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert (tmp_path / "b/a.fits.fz").read_bytes() == CONTENT
    assert ["Range" in headers for _, headers in server.asked] == [False, True, False]


def test_bytes_without_a_version_are_not_continued(server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [half_without_tag]
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert not any("Range" in headers for _, headers in server.asked)


def test_a_file_whose_last_byte_had_come_is_checked_without_asking(server: SurveyServer, tmp_path: Path) -> None:
    server.first[PATH] = [half]
    fetch(server, tmp_path, attempts=1)
    (tmp_path / "b/.a.fits.fz.part").write_bytes(CONTENT)
    assert fetch(server, tmp_path).outcome is Outcome.FETCHED
    assert len(server.asked) == 1


def test_a_server_that_hangs_is_left_after_the_silence_allowed(tmp_path: Path) -> None:
    with survey_server() as server:
        server.content[PATH] = CONTENT
        server.first[PATH] = [hang, hang]
        fetched = fetch(server, tmp_path, timeout_seconds=0.2, attempts=1)
        assert fetched.reason == "no answer in time (1 attempts)"


def test_a_server_that_trickles_is_left_too(server: SurveyServer, tmp_path: Path) -> None:
    def trickle(handler: Handler, content: bytes) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        while not server.released.wait(0.005):  # until the client goes away
            server.clock.sleep(1.0)
            handler.wfile.write(content[:1])

    server.first[PATH] = [trickle]
    assert "bytes in" in fetch(server, tmp_path, attempts=1).reason


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


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_that_is_too_large_is_refused_whether_it_says_so_or_not(
    announced: bool, server: SurveyServer, tmp_path: Path
) -> None:
    def endless(handler: Handler, content: bytes) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(50):
            handler.wfile.write(content)
        handler.close_connection = True

    server.first[PATH] = [] if announced else [endless]
    fetched = fetch(server, tmp_path, max_megabytes=0.01)
    assert "accepted are 0.01 MB" in fetched.reason
    assert len(server.asked) == 1
    assert left_in(tmp_path) == []


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
