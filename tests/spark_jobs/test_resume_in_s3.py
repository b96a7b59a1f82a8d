"""A run in S3 that was broken off goes on, wherever, from one listing: what stands there is left, what lacks is made."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from schemas.locations import location
from schemas.run_record import FINISHED_NAME, read_run
from spark_jobs import cut_hosts, inject, plan_tasks
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_plan import SIZE, SmallRun

pytestmark = pytest.mark.spark


def words_of(job: ModuleType, run: SmallRun) -> list[Any]:
    """What the job was given when the small run was made, less ``--out``."""
    given: dict[ModuleType, list[Any]] = {
        plan_tasks: ["--recipe", run.recipe, "--hosts", run.hosts, "--bank", run.bank, "--stamps-per-shard", 24],
        cut_hosts: ["--hosts", run.plan, "--bricks", run.sky, "--size", SIZE],
        inject: ["--plan", run.plan, "--cutouts", run.cutouts, "--bank", run.bank],
    }
    return given[job]


@pytest.mark.parametrize(
    ("job", "part", "under", "beside"),
    [
        (plan_tasks, "plan", "tasks/", {"recipe.yaml", "counts.csv"}),
        (cut_hosts, "cutouts", "", set()),
        (inject, "stamps", "split=", {f"index/split-{split}.parquet" for split in ("train", "val", "test")}),
    ],
    ids=["plan", "cut-hosts", "inject"],
)
def test_what_lacks_is_made_and_nothing_else(
    s3: S3Store,
    small_run: SmallRun,
    monkeypatch: pytest.MonkeyPatch,
    job: ModuleType,
    part: str,
    under: str,
    beside: set[str],
) -> None:
    monkeypatch.setattr(job, "build_session", lambda name: None)
    monkeypatch.setattr(job, "map_names", lambda spark, items, work, **_: [work(item) for item in items])
    out, whole = s3.put(small_run.root / part, f"resumed/{part}"), read_run(small_run.root / part)
    lost = [entry["path"] for entry in whole["files"] if entry["path"].startswith(under)][3]
    for path in (lost, FINISHED_NAME):
        s3.file_system().delete_file(f"{BUCKET}/resumed/{part}/{path}")
    before = len(s3.requests())
    assert job.main([*map(str, words_of(job, small_run)), "--out", out]) == 0
    asked = s3.requests()[before:]
    written = {path.partition("?")[0].partition(f"{part}/")[2] for method, path in asked if method == "PUT"}
    assert written == {lost, FINISHED_NAME, *beside}
    listed = [path for _, path in asked if "list-type=2" in path and path.endswith(f"prefix=resumed/{part}/")]
    assert len(listed) == 1, listed
    assert read_run(location(out))["files"] == whole["files"]
