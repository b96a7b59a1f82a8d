"""How hard a server may be pressed has its bounds."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.job_entry import InputError
from spark_jobs.transforms.fetching.fetch_limits import FetchLimits


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at_once", 0),
        ("at_once", 33),
        ("per_second", 0.0),
        ("per_second", float("inf")),
        ("attempts", 0),
        ("timeout_seconds", 0.0),
        ("longest_wait_seconds", -1.0),
        ("max_megabytes", float("nan")),
    ],
)
def test_a_value_out_of_bounds_is_told_as_it_is_typed(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} .*; wanted "):
        FetchLimits(**given)


def test_a_megabyte_is_a_million_bytes() -> None:
    assert FetchLimits(max_megabytes=1.5).max_bytes == 1_500_000
