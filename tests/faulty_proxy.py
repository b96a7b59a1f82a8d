"""A way to the S3 of the tests on which requests fail: answers of 503, resets, silences and answers that stop half way."""

from __future__ import annotations

import http.client
import itertools
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("slow down", "reset", "silence", "short")
_SLOW_DOWN = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message>'
    b"<RequestId>656C76696E6727732072</RequestId><HostId>Uuag1LuByRx9e6j5Onimru9pO4ZVKnJ2Qz7/C1NPcfTWAtRPfTaOFg==</HostId></Error>"
)
"""As long as S3's own: where a reader asked for fewer bytes, AWS's client has no room for it and does not ask again."""
_SILENCE_SECONDS = 0.3
"""Then the connection is closed without an answer, as a gateway does whose own time is up."""
_HOP_BY_HOP = ("connection", "transfer-encoding", "content-length", "server", "date")

Fault = str
Chance = Callable[[str, str], Fault | None]
"""Method and path of a request to the fault that meets it, or None."""


class FaultyProxy:
    """A running proxy; ``counts`` says how many requests met which fault, '' for none."""

    def __init__(self, upstream: str, chance: Chance) -> None:
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._chance = chance
        self._upstream = upstream.removeprefix("http://")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def fault_of(self, method: str, path: str) -> Fault | None:
        """What meets the next request."""
        with self._lock:
            fault = self._chance(method, path)
            self.counts[fault or ""] += 1
        return fault

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy.fault_of(self.command, self.path)
                if fault == "slow down":
                    self._send(503, {"Content-Type": "application/xml"}, _SLOW_DOWN)
                elif fault == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                elif fault == "silence":
                    time.sleep(_SILENCE_SECONDS)
                    self.close_connection = True
                else:
                    self._pass_on(body, short=fault == "short")

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = answer  # noqa: N815 - names of the standard library

            def _pass_on(self, body: bytes, *, short: bool) -> None:
                upstream = http.client.HTTPConnection(proxy._upstream, timeout=30)
                try:
                    upstream.request(self.command, self.path, body, dict(self.headers))
                    answer = upstream.getresponse()
                    content = answer.read()
                finally:
                    upstream.close()
                kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                self._send(answer.status, kept, content, length, short=short)

            def _send(
                self, status: int, headers: dict[str, str], content: bytes, length: str | None = None, *, short: bool = False
            ) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", length if length is not None else str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[: len(content) // 2] if short else content)
                if short:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        return Handler

    @contextmanager
    def running(self) -> Iterator[FaultyProxy]:
        """For as long as the block lasts."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        """Nobody answers any more."""
        self._server.shutdown()
        self._server.server_close()


def one_in(share: float, seed: int = 1) -> Chance:
    """A share of all requests meets a fault, the kinds in turn."""
    draws, turn = random.Random(seed), itertools.cycle(FAULTS)

    def chance(method: str, path: str) -> Fault | None:
        return next(turn) if draws.random() < share else None

    return chance
