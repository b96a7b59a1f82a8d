"""What a plan holds: counts that add up, by split, kind, Einstein radius and shard."""

from __future__ import annotations

import csv
import io

import pyarrow as pa

from schemas.contract_files import read_table
from schemas.refusal_reasons import Reason
from schemas.run_record import read_run, run_files
from schemas.tasks import TASKS
from spark_jobs.transforms.simulation.task_counts import COUNTED, TaskCounts, count_tasks, counts_csv, counts_text, sum_up
from tests.spark_jobs.small_plan import SmallRun


def shard(number: int, *rows: tuple[str, str, float | None, int]) -> TaskCounts:
    """Counts of tasks given as (split, kind, theta_E, reasons), each drawn twice."""
    names = ("split", "kind", "theta_e_arcsec", "reasons")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(names)}
    columns["theta_e_arcsec"] = pa.array(columns["theta_e_arcsec"], pa.float64())
    draws = {name: pa.array([2] * len(rows), pa.int32()) for name in COUNTED if name.startswith("n_")}
    return count_tasks(number, pa.table(columns | draws))


SHARDS = [
    shard(0, ("train", "lens", 0.5, 0), ("train", "lens", 0.7499, 0), ("train", "control", None, 0)),
    shard(1, ("test", "lens", 3.0, 0), ("test", "lens", None, int(Reason.NO_ACCEPTED_DRAW))),
]


def test_an_edge_opens_its_bin_and_a_task_without_a_radius_is_counted_as_such() -> None:
    counts = sum_up(SHARDS)
    assert counts["by_split_kind_and_theta_e"] == {
        "test lens without theta_E": 1,
        "test lens 3 or more": 1,
        "train control without theta_E": 1,
        "train lens 0.5 to 0.75": 2,
    }
    assert (counts["tasks"], counts["refused"], counts["n_drawn"]) == (5, 1, 10)
    assert counts["refused_by_reason"] == {"NO_ACCEPTED_DRAW": 1}
    assert counts["shards"] == {"number": 2, "smallest": 2, "largest": 3}


def test_the_table_has_a_line_a_split_and_kind_and_its_columns_add_up() -> None:
    lines = counts_text(sum_up(SHARDS)).splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["train", "control"], ["train", "lens"], ["test", "lens"]]
    assert lines[4].split() == ["all", "5", "2", "2", "1"]
    assert lines[5] == "2 shards of 2 to 3 tasks"


def test_the_csv_has_every_shard_and_adds_up_to_the_whole() -> None:
    rows = list(csv.DictReader(io.StringIO(counts_csv(SHARDS))))
    assert sum(int(row["tasks"]) for row in rows) == 5
    assert [(row["shard"], row["theta_e_arcsec"]) for row in rows if row["refused"] == "1"] == [("1", "without theta_E")]


def test_a_plan_s_counts_are_those_of_its_files(small_run: SmallRun) -> None:
    with open(small_run.plan / "counts.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for number, path in enumerate(run_files(small_run.plan, TASKS, "tasks/")):
        table = read_table(path, TASKS)
        assert sum(int(row["tasks"]) for row in rows if row["shard"] == str(number)) == table.num_rows
    counts = read_run(small_run.plan)["counts"]
    assert sum(counts["by_split_kind_and_theta_e"].values()) == counts["tasks"] == sum(int(row["tasks"]) for row in rows)
