"""A download that is cut off, hangs or is of another version: it goes on where it may, and starts over where it may not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_jobs.transforms.fetching.fetch_file import Outcome
from tests.spark_jobs.small_survey_server import (
    Answer,
    FakeClock,
    Handler,
    SurveyServer,
    half,
    half_without_tag,
    hang,
    plane,
    status,
    survey_server,
    tag_of,
)
from tests.spark_jobs.transforms.fetching.one_file import CONTENT, PATH, fetch, left_in


@pytest.fixture
def server() -> Iterator[SurveyServer]:
    with survey_server(FakeClock()) as server:
        server.content[PATH] = CONTENT
        yield server


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
