"""An S3 on this machine for tests: moto in a process of its own, filled through pyarrow, its requests counted from its log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BUCKET = "darkhaloscope"
_REQUEST = re.compile(r'"(?:\x1b\[[\d;]*m)*(GET|HEAD|PUT) /(\S*) HTTP')
_START_SECONDS = 60


@dataclass(frozen=True)
class S3Store:
    """A running server with one bucket."""

    url: str
    log: Path

    def file_system(self) -> fs.S3FileSystem:
        """For tests that write; what is tested makes its own."""
        host = self.url.removeprefix("http://")
        keys = {"access_key": "testing", "secret_key": "testing", "region": "eu-central-1"}
        return fs.S3FileSystem(endpoint_override=host, scheme="http", allow_bucket_creation=True, **keys)

    def put(self, directory: Path, prefix: str) -> str:
        """Copy a directory below a prefix; returns its address."""
        fs.copy_files(str(directory), f"{BUCKET}/{prefix}", fs.LocalFileSystem(), self.file_system())
        return f"s3://{BUCKET}/{prefix}"

    def put_bytes(self, key: str, content: bytes) -> str:
        """Write one object; returns its address."""
        with self.file_system().open_output_stream(f"{BUCKET}/{key}") as stream:
            stream.write(content)
        return f"s3://{BUCKET}/{key}"

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of all requests so far."""
        return _REQUEST.findall(self.log.read_text())

    @contextmanager
    def refusing_everybody(self) -> Iterator[None]:
        """While the block lasts, keys that no user of the account has are of no use."""
        self._check_keys_after(0)
        try:
            yield
        finally:
            self._check_keys_after(1e9)

    def _check_keys_after(self, requests: float) -> None:
        header = {"Content-Type": "text/plain"}
        asked = urllib.request.Request(f"{self.url}/moto-api/reset-auth", str(requests).encode(), header, method="POST")
        urllib.request.urlopen(asked).close()


@contextmanager
def running_store(folder: Path) -> Iterator[S3Store]:
    """A server on a free port of this machine with an empty bucket."""
    log = folder / "requests.log"
    with open(log, "w") as stream:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        server = subprocess.Popen(command, stdout=stream, stderr=stream, env=os.environ | ENVIRONMENT)
    try:
        store = S3Store(_address(log, server), log)
        store.file_system().create_dir(BUCKET)
        yield store
    finally:
        server.kill()
        server.wait()


def _address(log: Path, server: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        if match := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return match[0]
        time.sleep(0.05)
    raise RuntimeError(f"moto did not start: {log.read_text()[-2000:]}")
