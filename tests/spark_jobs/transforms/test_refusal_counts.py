"""Counts by reason, read from files."""

from __future__ import annotations

from pathlib import Path

from schemas.hosts import HOSTS
from spark_jobs.transforms.refusal_counts import count_refusals, refusals_text
from tests.spark_jobs.small_hosts import host_row, write_hosts_run


def test_a_row_counts_once_as_refused_and_under_each_of_its_reasons(tmp_path: Path) -> None:
    rows = [host_row(n, 30.0, 0.0, "0300p000", reasons=why) for n, why in enumerate((0, 0, 4, 5, 1))]
    write_hosts_run(tmp_path / "run", {"a.parquet": rows, "b.parquet": rows[:3], "c.parquet": []})
    counts = count_refusals([tmp_path / "run" / f"{name}.parquet" for name in "abc"], HOSTS)
    assert (counts.usable, counts.refused) == (4, 4)
    assert counts.by_reason == {"CATALOGUE_MASKED": 3, "NEAR_KNOWN_LENS": 2}
    assert refusals_text(counts) == "4 usable, 4 refused (CATALOGUE_MASKED 3, NEAR_KNOWN_LENS 2)"
    assert refusals_text(count_refusals([tmp_path / "run" / "c.parquet"], HOSTS)) == "0 usable, 0 refused"
