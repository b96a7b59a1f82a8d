"""What a server's answer means: the waits it asks for, the waits it does not, and when to stop asking."""

from __future__ import annotations

import math

import pytest

from spark_jobs.transforms.fetching.http_answers import (
    AbsentError,
    PassingError,
    RefusedError,
    back_off_seconds,
    raise_for_status,
    retry_after_seconds,
)

DATE = "Fri, 27 Nov 2026 12:00:00 GMT"
LATER = "Fri, 27 Nov 2026 12:02:30 GMT"
NOON = 1795780800.0


@pytest.mark.parametrize(
    ("headers", "waited"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": LATER}, 150.0),
        ({"Retry-After": DATE}, 0.0),
        ({"Retry-After": "Thu, 26 Nov 2026 12:00:00 GMT"}, 0.0),
        ({}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1e9"}, None),
        ({"Retry-After": "\u0661\u0662"}, None),
        ({"Retry-After": "9" * 30}, None),
        ({"Retry-After": "Fri, 99 Nov 99999 12:00:00 GMT"}, None),
    ],
)
def test_a_wait_is_read_in_seconds_or_as_a_date_and_nothing_else(headers: dict[str, str], waited: float | None) -> None:
    assert retry_after_seconds(headers, NOON) == waited


def test_a_date_counts_from_the_servers_own_clock_where_it_shows_one() -> None:
    headers = {"Retry-After": LATER, "Date": DATE}
    assert retry_after_seconds(headers, NOON - 3600) == 150.0


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, AbsentError),
        (410, AbsentError),
        (429, PassingError),
        (503, PassingError),
        (403, RefusedError),
        (304, RefusedError),
    ],
)
def test_each_status_has_its_meaning(status: int, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"HTTP {status}"):
        raise_for_status(status, {}, NOON)


def test_success_means_nothing_to_raise() -> None:
    raise_for_status(200, {}, NOON)
    raise_for_status(206, {}, NOON)


def test_the_back_off_doubles_up_to_a_minute_and_fills_its_range() -> None:
    urls = [f"https://survey.test/{number}" for number in range(300)]
    for attempt in (0, 1, 3, 5, 6, 40):
        longest = min(60.0, 2.0**attempt)
        waits = [back_off_seconds(url, attempt) / longest for url in urls]
        assert 0 <= min(waits) < 0.05
        assert 0.95 < max(waits) < 1
        assert math.isclose(sum(waits) / len(waits), 0.5, abs_tol=0.07)


def test_the_back_off_is_chance_of_url_and_attempt_alone() -> None:
    assert back_off_seconds("https://a.test", 2) == back_off_seconds("https://a.test", 2)
    assert back_off_seconds("https://a.test", 6) != back_off_seconds("https://a.test", 7)
    assert back_off_seconds("https://a.test", 2) != back_off_seconds("https://b.test", 2)
