"""The region of a bucket: read from AWS's answer whatever else it says, and not waited for without end."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from schemas import bucket_region

ANSWERS = {
    "/mine": (200, {"x-amz-bucket-region": "eu-central-1"}),
    "/elsewhere": (301, {"x-amz-bucket-region": "ap-south-1"}),
    "/secret": (403, {"x-amz-bucket-region": "eu-west-1"}),
    "/none": (404, {"x-amz-request-id": "1"}),
    "/gate": (403, {}),
    "/no-page": (404, {}),
    "/busy": (503, {"x-amz-request-id": "1"}),
    "/often": (429, {"x-amz-request-id": "1"}),
    "/refused": (400, {"x-amz-request-id": "1"}),
}
_asked: list[str] = []


class AnswersAll(BaseHTTPRequestHandler):
    """As s3.amazonaws.com answers who has no credentials."""

    def do_HEAD(self) -> None:
        _asked.append(self.path)
        status, headers = ANSWERS[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is said of it."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", 0), AnswersAll) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(bucket_region, "_ANSWERS_FOR_ALL", f"http://127.0.0.1:{server.server_port}")
        yield
        server.shutdown()


@pytest.mark.parametrize(
    ("bucket", "region"),
    [("mine", "eu-central-1"), ("elsewhere", "ap-south-1"), ("secret", "eu-west-1"), ("none", "us-east-1")],
)
def test_the_region_is_read_from_any_answer(aws: None, bucket: str, region: str) -> None:
    assert bucket_region.bucket_region(bucket, 10) == region


@pytest.mark.parametrize(
    ("bucket", "status", "times"),
    [("gate", 403, 1), ("no-page", 404, 1), ("refused", 400, 1), ("often", 429, 4)],
)
def test_an_answer_that_tells_no_region_is_none_and_is_asked_for_again_where_it_may_pass(
    aws: None, bucket: str, status: int, times: int
) -> None:
    _asked.clear()
    with pytest.raises(OSError, match=f"answers {status} without a region"):
        bucket_region.bucket_region(bucket, 10)
    assert _asked == [f"/{bucket}"] * times


def test_a_refusal_for_now_is_not_kept(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _asked.clear()
    with pytest.raises(OSError, match="answers 503 without a region"):
        bucket_region.bucket_region("busy", 10)
    assert len(_asked) == 4
    monkeypatch.setitem(ANSWERS, "/busy", (200, {"x-amz-bucket-region": "eu-north-1"}))
    assert bucket_region.bucket_region("busy", 10) == "eu-north-1"


def test_a_server_that_says_nothing_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(bucket_region, "_ANSWERS_FOR_ALL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(OSError, match=r"timed out|says nothing"):
            bucket_region.bucket_region("mine", 0.3)


def test_a_name_that_is_not_resolved_does_not_keep_the_process_from_ending() -> None:
    """No time-out of a socket counts there; the test ends the process where it does not end itself."""
    program = """
import socket, time
from schemas.bucket_region import bucket_region
socket.getaddrinfo = lambda *names, **more: time.sleep(3600)
try:
    bucket_region("mine", 0.3)
except TimeoutError as error:
    print(error)
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "https://s3.amazonaws.com says nothing for 0.3 s\n"
