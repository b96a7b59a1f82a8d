"""The region that a bucket lies in: AWS tells it to anybody who asks, whatever else it refuses.

pyarrow asks the same and cannot be told how long to wait: without a network it says so after minutes, until which the process
does not end either.
"""

from __future__ import annotations

from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, Queue
from threading import Thread
from urllib.parse import quote

_ANSWERS_FOR_ALL = "https://s3.amazonaws.com"
_REGION, _REQUEST = "x-amz-bucket-region", "x-amz-request-id"
_ITS_OWN = "us-east-1"
"""The region of who answers for all: what it has to say without naming another, no such bucket for one, is said there too."""


@lru_cache
def bucket_region(bucket: str, seconds: float) -> str:
    """The region by name; raises OSError where no answer comes in time."""
    answers: Queue[str | OSError] = Queue()
    Thread(target=lambda: answers.put(_answer(bucket, seconds)), daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"{_ANSWERS_FOR_ALL} says nothing for {seconds:g} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _answer(bucket: str, seconds: float) -> str | OSError:
    scheme, _, host = _ANSWERS_FOR_ALL.partition("://")
    connection = (HTTPSConnection if scheme == "https" else HTTPConnection)(host, timeout=seconds)
    try:
        connection.request("HEAD", f"/{quote(bucket)}")
        response = connection.getresponse()
    except (OSError, HTTPException) as error:
        return OSError(f"{_ANSWERS_FOR_ALL}: {error}")
    finally:
        connection.close()
    region = response.getheader(_REGION, _ITS_OWN if response.getheader(_REQUEST) else None)
    return region or OSError(f"{_ANSWERS_FOR_ALL} answers {response.status}, not as AWS does")
