"""Where finished data lies: a path on disk or ``s3://bucket/key``, told apart once so that readers need not.

A local path stays a ``pathlib.Path``. ``S3Location`` answers the same few questions that readers ask of one. Credentials are
found by the chain of AWS (environment, ~/.aws, instance role) and never pass through here; region and endpoint are read
from AWS_REGION or AWS_DEFAULT_REGION and AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL. Processes that read S3 are spawned, never
forked: a fork copies the locks of its threads.
"""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar, cast

import pyarrow as pa
from pyarrow import fs

from schemas.bucket_region import bucket_region

S3 = "s3://"
READS_AT_A_TIME = 32
"""Requests for small things (footers) that wait for S3 side by side."""
_CONNECT_SECONDS, _SILENCE_SECONDS, _ATTEMPTS = 5, 10, 5
_FIRST_WAIT_SECONDS = 0.2
_CHUNK_BYTES = 16 << 20
_REFUSED_AT_LENGTH = "Failed to flush response stream"
"""What AWS's client says, and does not ask again, where the text of a 503 is longer than the bytes that were asked for."""
_AWS_ERROR = re.compile(r"AWS Error ([A-Z_]+)(?: \(HTTP status (\d+)\))?")
_PASSING = {"NETWORK_CONNECTION", "SLOW_DOWN", "SERVICE_UNAVAILABLE", "INTERNAL_FAILURE", "REQUEST_TIMEOUT", "THROTTLING"}
_MEANINGS = {
    "ACCESS_DENIED": "access denied; wanted credentials that may read it (AWS_PROFILE, AWS_ACCESS_KEY_ID, or an instance role)",
    "NO_SUCH_BUCKET": "there is no such bucket",
    "NO_SUCH_KEY": "there is no such object",
    "NETWORK_CONNECTION": "S3 cannot be reached; wanted a network, and AWS_ENDPOINT_URL and AWS_REGION as they should be",
}


class LocationError(RuntimeError):
    """A place cannot be read or written as asked; the text says which place and why."""


class StoreUnreachableError(LocationError):
    """A store that may answer later: no network, a server that is silent or overloaded."""


@dataclass(frozen=True)
class ClientSettings:
    """Endpoint ('' for AWS's own), region, how long to wait, and how often to ask: longer apart each time."""

    endpoint: str
    region: str
    connect_seconds: float
    silence_seconds: float
    attempts: int


@dataclass(frozen=True)
class S3Location:
    """An object or a prefix of a bucket, as plain strings: it may be pickled."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{S3}{self._path}"

    def __truediv__(self, name: str) -> S3Location:
        return S3Location(self.bucket, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    @property
    def stem(self) -> str:
        """The same without its last suffix."""
        return PurePosixPath(self.key).stem

    @property
    def suffix(self) -> str:
        """That suffix, its dot included."""
        return PurePosixPath(self.key).suffix

    @property
    def parent(self) -> S3Location:
        """The prefix that it lies below."""
        return S3Location(self.bucket, self.key.rpartition("/")[0])

    def resolve(self) -> S3Location:
        """Itself: an address means the same on every machine."""
        return self

    @property
    def _path(self) -> str:
        return f"{self.bucket}/{self.key}" if self.key else self.bucket

    def exists(self) -> bool:
        """Whether an object of this key stands; raises LocationError where S3 does not say, or has no such bucket."""
        return self._exists(fs.FileType.File)

    is_file = exists

    def is_dir(self) -> bool:
        """Whether objects stand below this prefix."""
        return self._exists(fs.FileType.Directory)

    def _exists(self, kind: fs.FileType) -> bool:
        found = asked(self, lambda: store(self.bucket).get_file_info(self._path)).type
        if found == fs.FileType.NotFound and self.key:
            S3Location(self.bucket, "")._exists(kind)  # says so where it is the bucket that is not there
        elif found == fs.FileType.NotFound:
            raise LocationError(f"{self}: {_MEANINGS['NO_SUCH_BUCKET']}")
        return bool(found == kind)

    def read_bytes(self) -> bytes:
        """The whole of a small object; raises LocationError where it cannot be read."""
        with self.open() as stream:
            content: bytes = asked(self, stream.read)
        return content

    def read_text(self, encoding: str = "utf-8") -> str:
        """The same as text."""
        return self.read_bytes().decode(encoding)

    def open(self) -> pa.NativeFile:
        """The object for reading at any place; raises LocationError where there is none or S3 refuses."""
        return asked(self, lambda: store(self.bucket).open_input_file(self._path))


Location = Path | S3Location
AnyLocation = TypeVar("AnyLocation", bound=Location)
Answer = TypeVar("Answer")
Item = TypeVar("Item")


def location(text: str | Path | S3Location) -> Location:
    """The place that a person named; raises LocationError for an ``s3://`` without a bucket."""
    if isinstance(text, S3Location):
        return text
    if not str(text).startswith(S3):
        return Path(text)
    bucket, _, key = str(text).removeprefix(S3).partition("/")
    if not bucket:
        raise LocationError(f"{text!r} names no bucket; wanted s3://bucket/prefix")
    return S3Location(bucket, key.strip("/"))


def local_path(text: str) -> Path:
    """A path on disk; raises LocationError for S3, which would else become a folder of that name."""
    if str(text).startswith(S3):
        raise LocationError(f"{text}: this option takes no s3://; wanted a local path here (aws s3 cp copies from and to S3)")
    return Path(text)


def below(directory: AnyLocation, path: str) -> AnyLocation:
    """A file of a directory by its relative path."""
    return cast(AnyLocation, directory / path)


def relative_path(place: Location, directory: Location) -> str:
    """The path of a file below its directory, with slashes."""
    return PurePosixPath(str(place)).relative_to(PurePosixPath(str(directory))).as_posix()


def files_below(directory: AnyLocation) -> Sequence[AnyLocation]:
    """Every file below a directory or prefix, by name; an absent one holds none. Raises LocationError where S3 refuses."""
    if isinstance(directory, Path):
        return cast(Sequence[AnyLocation], sorted(path for path in directory.rglob("*") if path.is_file()))
    selector = fs.FileSelector(directory._path, recursive=True, allow_not_found=True)
    infos = asked(directory, lambda: store(directory.bucket).get_file_info(selector))
    keys = sorted(info.path.partition("/")[2] for info in infos if info.type == fs.FileType.File)
    return cast(Sequence[AnyLocation], [S3Location(directory.bucket, key) for key in keys])


def size_of(place: Location) -> int:
    """Bytes of a file; raises LocationError where S3 does not say."""
    if isinstance(place, Path):
        return place.stat().st_size
    with place.open() as stream:
        return int(asked(place, stream.size))


def chunks_of(place: S3Location) -> Iterator[bytes]:
    """The bytes of an object, some MB at a time; raises LocationError where fewer come than it has."""
    with place.open() as stream:
        left = int(asked(place, stream.size))
        while left:
            chunk: bytes = asked(place, lambda: stream.read(_CHUNK_BYTES))
            if not chunk:
                raise StoreUnreachableError(f"{place}: S3 cannot be reached for now: it ended {left} bytes before its end")
            left -= len(chunk)
            yield chunk


def map_in_order(function: Callable[[Item], Answer], places: Iterable[Item]) -> list[Answer]:
    """The function of each place, in order: side by side where they lie in S3, whose answers are slow and many at a time."""
    return list(each_in_order(function, places))


def each_in_order(function: Callable[[Item], Answer], places: Iterable[Item]) -> Iterator[Answer]:
    """The same, answer by answer; no more than ``READS_AT_A_TIME`` of them wait to be taken."""
    places = list(places)
    if not any(isinstance(place, S3Location) for place in places):
        yield from map(function, places)
        return
    with ThreadPoolExecutor(min(READS_AT_A_TIME, len(places))) as pool:
        waiting: deque[Future[Answer]] = deque()
        for place in places:
            waiting.append(pool.submit(function, place))
            if len(waiting) == READS_AT_A_TIME:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def whole(question: Callable[[], Answer]) -> Answer:
    """An answer; asked for again, longer apart each time, where AWS's client takes a refusal for now as one for good."""
    for attempt in range(_ATTEMPTS - 1):
        try:
            return question()
        except OSError as error:
            if _REFUSED_AT_LENGTH not in str(error):
                raise
            time.sleep(_FIRST_WAIT_SECONDS * 2**attempt)
    return question()


def asked(place: Location, question: Callable[[], Any]) -> Any:
    """What S3 answers; raises LocationError, in one line that names the place, where it refuses or is silent."""
    try:
        return whole(question)
    except FileNotFoundError as error:
        raise LocationError(f"{place}: {_MEANINGS['NO_SUCH_KEY']}") from error
    except OSError as error:
        raise_if_of_store(place, error)
        raise LocationError(f"{place}: {error}") from error


def raise_if_of_store(place: Location | str, error: Exception) -> None:
    """Raise what an error says of the store; where it is about the bytes that were read, nothing happens."""
    match = _AWS_ERROR.search(str(error))
    if not match or match[2] == "416":  # a range past the end: the object is shorter than it was
        return
    kind = "SERVICE_UNAVAILABLE" if match[1] not in _PASSING and (match[2] or "").startswith("5") else match[1]
    raise refusal(place, kind, error) from error


def refusal(place: Location | str, kind: str, detail: object) -> LocationError:
    """The error for what S3 answered, ``kind`` being AWS's name for it: StoreUnreachableError where it may pass."""
    passing = kind in _PASSING
    meaning = _MEANINGS.get(kind, "S3 cannot be reached for now" if passing else "S3 refuses")
    text = f"{place}: {meaning} ({' '.join(str(detail).split())[-300:]})"
    return StoreUnreachableError(text) if passing else LocationError(text)


def store(bucket: str) -> fs.S3FileSystem:
    """The S3 of this process that holds a bucket, as the environment describes it."""
    return _store(client_settings(bucket))


def client_settings(bucket: str) -> ClientSettings:
    """What every client of the bucket is made with; raises LocationError for an endpoint that is no address, or no region."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
    scheme, mark, host = endpoint.partition("://")
    if endpoint and (not mark or scheme not in ("http", "https") or not host.strip("/")):
        raise LocationError(f"AWS_ENDPOINT_URL is {endpoint!r}; wanted http://host:port or https://host")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ("us-east-1" if endpoint else "")
    try:
        region = region or bucket_region(bucket, _SILENCE_SECONDS)
    except OSError as error:
        text = f"{S3}{bucket}: S3 cannot be reached to tell its region; wanted AWS_REGION, or a network"
        raise StoreUnreachableError(f"{text} ({error})") from error
    return ClientSettings(endpoint, region, _CONNECT_SECONDS, _SILENCE_SECONDS, _ATTEMPTS)


@lru_cache
def _store(settings: ClientSettings) -> fs.S3FileSystem:
    scheme, _, host = settings.endpoint.partition("://")
    return fs.S3FileSystem(
        region=settings.region,
        scheme=scheme or "https",
        endpoint_override=host.strip("/") or None,
        connect_timeout=settings.connect_seconds,
        request_timeout=settings.silence_seconds,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=settings.attempts),
    )
