"""A prefix of an S3 bucket as the target of a fetch: verified files go up in one finished upload, so none is there half.

Bytes under way lie in a folder of this machine, under the same name each time, so that a fetch that was cut off goes on. What
stands is listed once, when the fetch begins. S3 cannot append, so the journal is kept in the folder and put beside the data
from time to time and at the end; files that it does not name yet are brought here and looked at, as on disk.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyarrow import fs

from schemas.file_commit import commit_bytes
from schemas.locations import S3Location, asked, below, store
from schemas.object_upload import upload
from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.fetch_journal import JOURNAL_NAME
from spark_jobs.transforms.fetching.partial_file import PartialFile

PUBLISH_SECONDS = 60.0
"""The journal goes up no more often than this: of a million files it has 150 MB."""


class S3Target:
    """``place`` is the prefix; ``scratch`` the folder of this machine that folders for unfinished bytes lie in."""

    def __init__(self, place: S3Location, scratch: Path | None, clock: FetchClock) -> None:
        name = hashlib.sha256(str(place).encode()).hexdigest()[:12]
        self.place = place
        self.folder = (scratch or Path(tempfile.gettempdir())) / f"dhs-fetch-{name}"
        self._clock, self._published = clock, clock.now()
        self._sizes: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """List what stands, and fetch the journal that stands beside it; raises LocationError where S3 refuses."""
        prefix = str(self.place).removeprefix("s3://")
        S3Location(self.place.bucket, "").exists()  # says so where it is the bucket that is not there
        chosen = fs.FileSelector(prefix, recursive=True, allow_not_found=True)
        found = asked(self.place, lambda: store(self.place.bucket).get_file_info(chosen))
        self._sizes = {info.path.removeprefix(f"{prefix}/"): info.size for info in found if info.type == fs.FileType.File}
        journal = self.folder / JOURNAL_NAME
        if JOURNAL_NAME in self._sizes:
            commit_bytes(journal, below(self.place, JOURNAL_NAME).read_bytes())
        else:
            journal.unlink(missing_ok=True)

    def bytes_of(self, path: str) -> int | None:
        """Size of an object as it was listed, or as it was put since."""
        return self._sizes.get(path)

    @contextmanager
    def looked_at(self, path: str) -> Iterator[Path]:
        """The object, brought here and thrown away afterwards."""
        copy = self.folder / f"{path}.seen"
        commit_bytes(copy, below(self.place, path).read_bytes())
        try:
            yield copy
        finally:
            copy.unlink(missing_ok=True)

    def settle(self, partial: PartialFile, path: str) -> int:
        """Upload, then let go of the bytes here; raises LocationError where S3 refuses, and keeps them for the next call."""
        size = partial.path.stat().st_size
        upload(partial.path, below(self.place, path))
        partial.discard()
        with self._lock:
            self._sizes[path] = size
            if self._clock.now() - self._published > PUBLISH_SECONDS:
                self.publish()
        return size

    def publish(self) -> None:
        """Put the journal beside the data."""
        self._published = self._clock.now()
        upload(self.folder / JOURNAL_NAME, below(self.place, JOURNAL_NAME))
