"""Spark's settings of a job: the later block wins, workers are counted in, and Python workers must fit into the overhead."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.job_entry import InputError
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.deployment_files import read_settings
from spark_jobs.emr_runs.job_call import JOBS
from spark_jobs.emr_runs.spark_settings import SparkSettings, megabytes, settings_of_job

CLUSTER = read_settings(ClusterSettings, "cluster.yaml")
SPARK = read_settings(SparkSettings, "spark_settings.yaml")


def changed(folder: Path, text: str) -> SparkSettings:
    path = folder / "spark.yaml"
    path.write_text(text)
    return read_settings(SparkSettings, "spark_settings.yaml", path)


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("serverless", [False, True])
def test_each_job_has_settings_that_fit_where_it_runs(job: str, serverless: bool) -> None:
    chosen = settings_of_job(SPARK, CLUSTER, job, serverless=serverless)
    workers = CLUSTER.serverless.workers if serverless else CLUSTER.fleet.workers
    assert chosen["spark.dynamicAllocation.maxExecutors"] == str(workers)
    assert chosen["spark.executorEnv.NUMBA_CACHE_DIR"] == chosen["spark.executorEnv.XDG_CACHE_HOME"] == "numba-cache"
    assert int(chosen["spark.sql.execution.arrow.maxRecordsPerBatch"]) == 64
    assert any(name.startswith("spark.yarn") for name in chosen) is not serverless
    assert any(name.startswith("spark.emr-serverless") for name in chosen) is serverless
    assert not any("{" in value for value in chosen.values())


def test_the_jobs_own_settings_win() -> None:
    assert settings_of_job(SPARK, CLUSTER, "inject", serverless=False)["spark.speculation"] == "true"
    assert settings_of_job(SPARK, CLUSTER, "select-hosts", serverless=False)["spark.speculation"] == "false"


def test_python_workers_that_do_not_fit_into_the_overhead_are_refused(tmp_path: Path) -> None:
    small = changed(tmp_path, "cluster: {spark.executor.memoryOverhead: {value: 7g, reason: too little for eight of them}}")
    with pytest.raises(
        InputError,
        match=r"memoryOverhead is 7168 MB for inject; its 8 Python workers want 7776 MB \(648 MB each and half as much again\)",
    ):
        settings_of_job(small, CLUSTER, "inject", serverless=False)


def test_an_executor_that_does_not_fit_a_worker_is_refused(tmp_path: Path) -> None:
    large = changed(tmp_path, "every_job: {spark.executor.memory: {value: 13g, reason: more than the node has left}}")
    with pytest.raises(InputError, match=r"an executor of plan asks for 25600 MB \(heap and overhead\); a worker has 24576 MB"):
        settings_of_job(large, CLUSTER, "plan", serverless=False)
    with pytest.raises(InputError, match=r"an executor of plan asks for 23552 MB .*; a worker has 16384 MB"):
        settings_of_job(large, CLUSTER, "plan", serverless=True)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{spark.a: {value: '1', reason: short}}", r"every_job\.spark\.a\.reason: String should have at least 20"),
        ("{spark.a: {value: '1'}}", r"every_job\.spark\.a\.reason: Field required"),
        ("{a: {value: '1', reason: a name that Spark does not know}}", r"every_job\.a\.\[key\]: String should match"),
        (
            "{spark.a: {value: 'x --conf y', reason: would be two words of a command}}",
            r"every_job\.spark\.a\.value: String should",
        ),
    ],
)
def test_a_setting_without_a_reason_or_that_is_more_than_a_setting_is_refused(entry: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        changed(tmp_path, f"every_job: {entry}")


def test_memory_is_read_as_spark_writes_it() -> None:
    assert (megabytes("2g"), megabytes("512m")) == (2048, 512)
    for text in ("2", "2G", "g", "-1g", "1.5g"):
        with pytest.raises(InputError, match=f"spark setting of memory is '{text}'; wanted a number and m or g"):
            megabytes(text)
