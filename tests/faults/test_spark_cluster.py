"""A job on a real cluster, shipped as EMR would get it: code out of the package alone, and an executor that may be lost."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.run_record import read_run
from tests.conftest import REPOSITORY
from tests.faults.disturbed_run import end, hash_of, left_behind, wait_for_writer
from tests.faults.shipped_job import ShippedJob, environment_archive, locked_here, there
from tests.faults.standalone_cluster import StandaloneCluster, executor_number, executor_of, running_cluster
from tests.spark_jobs.small_plan import SmallRun

pytestmark = [pytest.mark.spark, pytest.mark.spark_cluster, pytest.mark.slow]

_ASKING = """\
import importlib.metadata, importlib.util, json, os, sys

def what_is_here(_=None):
    import numpy, schemas, spark_jobs
    return {
        "folder": os.getcwd(),
        "ours": [os.path.abspath(package.__file__) for package in (schemas, spark_jobs)],
        "installed": os.path.abspath(numpy.__file__),
        "packages": sorted(package.name.lower().replace("_", "-") for package in importlib.metadata.distributions()),
        "path": [os.path.abspath(entry) for entry in sys.path],
        "found": [name for name in ("trainer", "tests", "torch", "moto", "galsim") if importlib.util.find_spec(name)],
    }

from spark_jobs.command_line import main
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names

answers = map_names(build_session("plan"), range(4), what_is_here, what="asking")
json.dump([what_is_here(), *answers], open("answers.json", "w"))
raise SystemExit(main())
"""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandaloneCluster]:
    """A master and two workers; RuntimeError at the end where a process or a port of theirs is left."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture(scope="session")
def archive(cluster: StandaloneCluster) -> Path:
    """What the executors get their interpreter and packages from."""
    return environment_archive(cluster.folder / "environment-0123456789ab.tar.gz")


def inject(cluster: StandaloneCluster, archive: Path, run: SmallRun, plan: Path, out: Path) -> ShippedJob:
    given = {"--plan": plan, "--cutouts": run.cutouts, "--bank": run.bank, "--out": out}
    words = [word for option, path in given.items() for word in (option, there(path))]
    return ShippedJob(cluster, archive, out.with_name("driver"), "inject", words)


@pytest.fixture(scope="module")
def planned(
    cluster: StandaloneCluster, archive: Path, small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    """The small plan made on the cluster, and what its driver and executors say of where they are."""
    folder = tmp_path_factory.mktemp("planned")
    asking = folder / "asking.py"
    asking.write_text(_ASKING)
    words = ["--recipe", str(small_run.recipe), "--hosts", there(small_run.hosts), "--bank", there(small_run.bank)]
    words += ["--out", there(folder / "plan"), "--stamps-per-shard", "24"]
    with ShippedJob(cluster, archive, folder / "driver", "plan", words).submitted(asking) as job:
        code, said = end(job)
    assert code == 0, said
    assert "Lost executor" not in said
    return folder / "plan", json.loads((folder / "driver" / "answers.json").read_text())


def test_executors_have_our_code_from_the_package_and_all_else_from_the_archive(
    cluster: StandaloneCluster, planned: tuple[Path, list[dict[str, Any]]]
) -> None:
    driver, *executors = planned[1]
    assert len(executors) == 4
    for answer in executors:
        folder = Path(answer["folder"])
        assert folder.parent.parent == cluster.folder / "work"
        assert answer["ours"] == [
            str(folder / "darkhaloscope.zip" / name / "__init__.py") for name in ("schemas", "spark_jobs")
        ]
    for answer in (driver, *executors):
        assert Path(answer["installed"]).is_relative_to(Path(answer["folder"]) / "environment")
        assert all("darkhaloscope.zip" in origin for origin in answer["ours"])
        assert not [entry for entry in answer["path"] if entry == str(REPOSITORY) or (Path(entry) / "spark_jobs").is_dir()]
        assert answer["found"] == []
        assert answer["packages"] == locked_here()


def test_a_plan_made_on_a_cluster_is_the_plan_made_here(planned: tuple[Path, Any], small_run: SmallRun) -> None:
    made, wanted = (read_run(plan)["files"] for plan in (planned[0], small_run.plan))
    assert made == wanted


def test_stamps_made_on_a_cluster_are_the_stamps_made_here_and_an_executor_killed_in_a_shard_costs_its_shards_only(
    cluster: StandaloneCluster, archive: Path, planned: tuple[Path, Any], small_run: SmallRun, tmp_path: Path
) -> None:
    with inject(cluster, archive, small_run, planned[0], tmp_path / "stamps").submitted() as job:
        executor = executor_of(wait_for_writer(tmp_path / "stamps"))
        killed = executor_number(executor)
        os.kill(executor, signal.SIGKILL)
        code, said = end(job)
    assert code == 0, said
    assert set(re.findall(r"Lost executor (\w+)", said)) == {killed}
    assert hash_of(tmp_path / "stamps") == hash_of(small_run.stamps)
    assert not left_behind(tmp_path / "stamps")
