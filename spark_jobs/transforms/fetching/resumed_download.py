"""One attempt at the bytes of a file: from the start, or from where an earlier attempt was cut off."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

import urllib3

from spark_jobs.transforms.fetching.fetch_clock import FetchClock
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits
from spark_jobs.transforms.fetching.http_answers import PassingError, RefusedError
from spark_jobs.transforms.fetching.http_client import HttpClient
from spark_jobs.transforms.fetching.partial_file import PartialFile, Standing

_BLOCK = 65536
_LEAST_BYTES_PER_SECOND = 1000
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/(?:([0-9]{1,18})|\*)")


def download(client: HttpClient, url: str, partial: PartialFile, limits: FetchLimits, clock: FetchClock) -> None:
    """Bring all bytes of a URL into its partial file; raises what ``HttpClient.get`` raises, and keeps what has come.

    A range is asked for only with a validator (``If-Range``): a server that holds another version by now sends the whole.
    """
    standing = partial.standing(url)
    if standing.is_whole:
        return
    ranged = {"Range": f"bytes={standing.bytes}-", "If-Range": standing.validator} if standing.bytes else {}
    with client.get(url, ranged) as response:
        if response.status == 200:
            total = _content_length(response.headers)
            standing = Standing(0, total, _validator(response.headers))
            _check_size(total, limits)
            stream = partial.begin(url, total, standing.validator)
        elif _continues(response, standing):
            stream = partial.go_on()
        else:
            partial.discard()
            raise PassingError(f"HTTP {response.status} to a request to go on at byte {standing.bytes}", 0.0)
        with stream:
            _copy(response, stream, standing, limits, clock)


def _copy(
    response: urllib3.BaseHTTPResponse, stream: BinaryIO, standing: Standing, limits: FetchLimits, clock: FetchClock
) -> None:
    begun, come = clock.now(), 0
    while block := response.read1(_BLOCK, decode_content=False):
        clock.sleep(0)  # where the fetch was told to stop
        come += len(block)
        _check_size(standing.bytes + come, limits)
        stream.write(block)
        took = clock.now() - begun
        if took > limits.timeout_seconds and come < took * _LEAST_BYTES_PER_SECOND:
            raise PassingError(f"{come} bytes in {took:.0f} s")
    if standing.total is not None and standing.bytes + come != standing.total:
        raise PassingError(f"{standing.bytes + come} of {standing.total} bytes came")


def _continues(response: urllib3.BaseHTTPResponse, standing: Standing) -> bool:
    """Whether a partial answer starts where the standing bytes end, in a whole of the same length and version."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    if response.status != 206 or not match or int(match[1]) != standing.bytes:
        return False
    if _validator(response.headers) not in ("", standing.validator):
        return False
    return standing.total is None or match[2] is None or int(match[2]) == standing.total


def _validator(headers: Mapping[str, str]) -> str:
    """A strong entity tag, else the time of the last change: what ``If-Range`` may carry (RFC 9110, 13.1.5)."""
    tag = headers.get("ETag", "").strip()
    return tag if tag.startswith('"') else headers.get("Last-Modified", "").strip()


def _content_length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("Content-Length", "").strip()
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _check_size(count: int | None, limits: FetchLimits) -> None:
    if count is not None and count > limits.max_bytes:
        raise RefusedError(f"{count} bytes or more; accepted are {limits.max_megabytes:g} MB (--max-megabytes)")
