"""An S3 on this machine, in a process of its own, for tests that read from a store."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from pyarrow import fs

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass
class SmallS3:
    """A running moto server; ``environment`` is what a program needs to find it."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    @property
    def environment(self) -> dict[str, str]:
        return CREDENTIALS | {"AWS_ENDPOINT_URL": self.url}

    def upload(self, folder: Path, bucket: str) -> str:
        """Put a folder's files into a bucket of their own; the answer is its ``s3://`` name."""
        store = fs.S3FileSystem(
            access_key="test",
            secret_key="test",
            endpoint_override=self.url.removeprefix("http://"),
            scheme="http",
            region="us-east-1",
            allow_bucket_creation=True,
        )
        store.create_dir(bucket)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                with store.open_output_stream(f"{bucket}/data/{path.relative_to(folder).as_posix()}") as stream:
                    stream.write(path.read_bytes())
        return f"s3://{bucket}/data"

    def requests(self) -> list[str]:
        """Lines of the server's log, one a request; a request is written down after it was answered."""
        time.sleep(0.5)
        return [line for line in self.log.read_text().splitlines() if "GET /" in line or "HEAD /" in line]

    def deny(self, after: int) -> None:
        """Refuse every request from the ``after``-th on for want of rights."""
        self._tell("/moto-api/reset-auth", str(after).encode())

    def allow(self) -> None:
        """Let everybody in again."""
        self._tell("/moto-api/reset-auth", b"inf")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def _tell(self, path: str, data: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        urllib.request.urlopen(urllib.request.Request(self.url + path, data=data, headers=headers, method="POST")).close()


def start_s3(folder: Path) -> SmallS3:
    """Start a server on a free port and wait until it answers."""
    log = folder / "moto.log"
    with open(log, "wb") as stream:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=os.environ | CREDENTIALS)
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:\d+", log.read_text())
        if found:
            return SmallS3(found[0], log, process)
        time.sleep(0.1)
    raise RuntimeError(f"moto did not start: {log.read_text()}")
