"""A survey's server on this machine that can misbehave on demand, files to serve, and a clock that nobody waits for."""

from __future__ import annotations

import hashlib
import io
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from spark_jobs.transforms.fetching.fetch_clock import FetchClock, StoppedError

Answer = Callable[["Handler", bytes], None]


class FakeClock(FetchClock):
    """Sleeping makes it later, and nothing else does."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def utc(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        if self._stopped.is_set():
            raise StoppedError("told to stop")
        with self._lock:
            self.time += max(0.0, seconds)
            self.slept += [seconds] if seconds > 0 else []


@dataclass
class SurveyServer:
    """What the server holds by path, the answers that come before the right one, and what it was asked."""

    address: str
    content: dict[str, bytes] = field(default_factory=dict)
    first: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    seen_at: list[float] = field(default_factory=list)
    clock: FetchClock = field(default_factory=FetchClock)
    released: threading.Event = field(default_factory=threading.Event)

    def asked_for(self, path: str) -> list[dict[str, str]]:
        """The headers of each request for a path."""
        return [headers for seen, headers in self.asked if seen == path]


class Handler(BaseHTTPRequestHandler):
    """HTTP/1.1 with ranges and entity tags."""

    protocol_version = "HTTP/1.1"
    survey: SurveyServer

    def do_GET(self) -> None:
        server = self.survey
        path = self.path.partition("?")[0]
        server.asked.append((path, dict(self.headers.items())))
        server.seen_at.append(server.clock.now())
        content = server.content.get(path, server.content.get(self.path))
        if server.first[path]:
            server.first[path].pop(0)(self, content or b"")
        elif content is None:
            self.answer(404, b"no such file")
        else:
            whole(self, content)

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        """One answer with its length."""
        self.send_response_only(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the method that this replaces
        pass


class QuietServer(ThreadingHTTPServer):
    """A client that goes away is no fault of the server."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def survey_server(clock: FetchClock | None = None) -> Iterator[SurveyServer]:
    """A server for the length of a test."""
    handler = type("OneHandler", (Handler,), {})
    with QuietServer(("127.0.0.1", 0), handler) as http:
        server = SurveyServer(f"http://127.0.0.1:{http.server_address[1]}", clock=clock or FetchClock())
        handler.survey = server  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            http.shutdown()
            thread.join()


def tag_of(content: bytes) -> str:
    """A strong entity tag."""
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def whole(handler: Handler, content: bytes) -> None:
    """What a good server does: the range asked for if it is of this version, else everything."""
    match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if match and handler.headers.get("If-Range") == tag_of(content):
        start = int(match[1])
        place = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.answer(206, content[start:], Content_Range=place, ETag=tag_of(content))
    else:
        handler.answer(200, content, ETag=tag_of(content))


def status(code: int, **headers: str) -> Answer:
    """An answer without the file."""
    return lambda handler, _: handler.answer(code, b"busy", **headers)


def half(handler: Handler, content: bytes) -> None:
    """Promises everything, sends half, and the line drops."""
    handler.answer(200, content[: len(content) // 2], Content_Length=str(len(content)), ETag=tag_of(content))
    handler.close_connection = True


def half_without_tag(handler: Handler, content: bytes) -> None:
    """The same by a server that does not name its versions."""
    handler.answer(200, content[: len(content) // 2], Content_Length=str(len(content)))
    handler.close_connection = True


def page(handler: Handler, _: bytes) -> None:
    """A page for people, and all is well."""
    handler.answer(200, b"<!DOCTYPE html><html>Maintenance until noon</html>", Content_Type="text/html")


def damaged(handler: Handler, content: bytes) -> None:
    """One bit of the last block's pixels is another."""
    flipped = bytearray(content)
    flipped[len(content) - 2880] ^= 1
    handler.answer(200, bytes(flipped), ETag=tag_of(content))


def hang(handler: Handler, _: bytes) -> None:
    """Nothing, until the test is over."""
    handler.survey.released.wait()


def leads_to(url: str) -> Answer:
    """A redirect."""
    return lambda handler, _: handler.answer(302, b"", Location=url)


def plane(seed: int = 1, *, checksum: bool = True, size: int = 100) -> bytes:
    """A compressed plane such as a brick has."""
    pixels = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    units = [fits.PrimaryHDU(), fits.CompImageHDU(pixels, tile_shape=(50, 50))]
    return _bytes(units, checksum=checksum)


def cube(ra: float, dec: float, *, size: int = 16, bands: str = "grz", value: float = 1.0, checksum: bool = False) -> bytes:
    """What the cutout service sends for a position."""
    shape = (len(bands), size, size) if len(bands) > 1 else (size, size)
    header = fits.Header()
    header["BANDS"] = bands
    for axis, (kind, at, step) in enumerate((("RA---TAN", ra, -1), ("DEC--TAN", dec, 1)), 1):
        header[f"CTYPE{axis}"], header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = kind, at, (size + 1) / 2
        header[f"CD{axis}_{axis}"] = step * 0.262 / 3600
    return _bytes([fits.PrimaryHDU(np.full(shape, value, np.float32), header)], checksum=checksum)


def survey_file(folder: Path, server: SurveyServer) -> str:
    """The shipped survey with this server's addresses."""
    text = (files("spark_jobs") / "surveys" / "legacy_dr10.yaml").read_text()
    text = text[: text.index("downloads:")]
    path = folder / "survey.yaml"
    addresses = f"  coadd_url: {server.address}/coadd\n  cutout_url: {server.address}/fits-cutout\n  cutout_layer: ls-dr10\n"
    path.write_text(f"{text}downloads:\n{addresses}")
    return str(path)


def _bytes(units: list[Any], *, checksum: bool) -> bytes:
    stream = io.BytesIO()
    fits.HDUList(units).writeto(stream, checksum=checksum)
    return stream.getvalue()
