"""The region that a bucket lies in: AWS tells it to anybody who asks, whatever else it refuses.

pyarrow asks the same and cannot be told how long to wait: without a network it says so after minutes, until which the process
does not end either.
"""

from __future__ import annotations

import time
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, Queue
from threading import Thread
from urllib.parse import quote

_ANSWERS_FOR_ALL = "https://s3.amazonaws.com"
_REGION, _REQUEST = "x-amz-bucket-region", "x-amz-request-id"
_ITS_OWN = "us-east-1"
"""The region of who answers for all: that there is no such bucket is said there too."""
_NO_SUCH_BUCKET, _TOO_MANY = 404, 429
_WAITS_SECONDS = (0.1, 0.2, 0.4)


@lru_cache
def bucket_region(bucket: str, seconds: float) -> str:
    """The region by name; raises OSError, and keeps nothing, where no answer that tells it comes in time."""
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
    """What is answered; asked for again, longer apart each time, where it may be another the next time."""
    until = time.monotonic() + seconds
    answer, passing = _one_answer(bucket, seconds)
    for wait in _WAITS_SECONDS:
        if not passing or time.monotonic() + wait >= until:
            break
        time.sleep(wait)
        answer, passing = _one_answer(bucket, seconds)
    return answer


def _one_answer(bucket: str, seconds: float) -> tuple[str | OSError, bool]:
    """What is answered, and whether that may pass."""
    scheme, _, host = _ANSWERS_FOR_ALL.partition("://")
    connection = (HTTPSConnection if scheme == "https" else HTTPConnection)(host, timeout=seconds)
    try:
        connection.request("HEAD", f"/{quote(bucket)}")
        response = connection.getresponse()
    except (OSError, HTTPException) as error:
        return OSError(f"{_ANSWERS_FOR_ALL}: {error}"), True
    finally:
        connection.close()
    status = response.status
    of_nobody = status == _NO_SUCH_BUCKET and response.getheader(_REQUEST)
    if region := response.getheader(_REGION, _ITS_OWN if of_nobody else None):
        return region, False
    told = OSError(f"{_ANSWERS_FOR_ALL} answers {status} without a region")
    return told, status >= 500 or status == _TOO_MANY
