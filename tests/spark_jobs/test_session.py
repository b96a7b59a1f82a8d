"""The session builder: what a laptop's session is given, and what is left to spark-submit where that has started the JVM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from schemas.code_version import code_version
from spark_jobs import session as rooms
from spark_jobs.session import build_session, set_kernel_cache


class Recorder:
    """Stands for SparkSession.builder and notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: dict[str, str] = {}

    def appName(self, name: str) -> Recorder:  # noqa: N802 - Spark's own name
        return self.config("name", name)

    def master(self, master: str) -> Recorder:
        return self.config("master", master)

    def config(self, key: str, value: str) -> Recorder:
        self.asked[key] = value
        return self

    def getOrCreate(self) -> Recorder:  # noqa: N802 - Spark's own name
        return self


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the builder was asked for; no JVM is started and the environment is restored."""
    for name in ("NUMBA_CACHE_DIR", "PYSPARK_PYTHON", "PYSPARK_GATEWAY_PORT", "JAVA_HOME"):
        monkeypatch.setenv(name, "set so that it is restored")
        monkeypatch.delenv(name)
    recorder = Recorder()
    monkeypatch.setattr("pyspark.sql.SparkSession.builder", recorder)
    monkeypatch.setattr(rooms, "set_java_home", lambda: recorder.asked.setdefault("java", "looked for"))
    return recorder.asked


def test_a_laptop_runs_on_all_its_cores_and_opens_no_port_to_others(asked: dict[str, str]) -> None:
    build_session("plan")
    assert (asked["name"], asked["master"], asked["java"]) == ("dhs plan", "local[*,4]", "looked for")
    assert asked["spark.ui.enabled"] == "false"
    assert asked["spark.driver.bindAddress"] == asked["spark.driver.host"] == "127.0.0.1"


def test_a_master_that_is_given_wins(asked: dict[str, str]) -> None:
    build_session("plan", master="local[3]")
    assert asked["master"] == "local[3]"


def test_under_spark_submit_master_java_and_ports_are_left_alone(
    asked: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "12345")
    build_session("inject", master="local[3]")
    assert set(asked) == {
        "name",
        "spark.task.maxFailures",
        "spark.python.worker.reuse",
        "spark.executorEnv.NUMBA_CACHE_DIR",
    }


def test_what_leads_to_s3_goes_to_the_executors_and_no_key_does(asked: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    led = {"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    led |= {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2", "DHS_S3_ENCRYPTION": "aws:kms:alias/stamps"}
    secret = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"), "secret")
    for name, value in (led | secret).items():
        monkeypatch.setenv(name, value)
    build_session("inject")
    given = {key.removeprefix("spark.executorEnv."): value for key, value in asked.items() if "executorEnv" in key}
    assert given == led | {"NUMBA_CACHE_DIR": os.environ["NUMBA_CACHE_DIR"]}
    assert "secret" not in asked.values()


def test_executors_run_this_interpreter_and_keep_their_kernels(asked: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/this/python")
    build_session("inject")
    assert os.environ["PYSPARK_PYTHON"] == "/this/python"
    assert asked["spark.python.worker.reuse"] == "true"
    assert asked["spark.executorEnv.NUMBA_CACHE_DIR"] == os.environ["NUMBA_CACHE_DIR"]
    monkeypatch.setenv("PYSPARK_PYTHON", "/another/python")
    build_session("inject")
    assert os.environ["PYSPARK_PYTHON"] == "/another/python"


def test_compiled_kernels_lie_apart_for_each_user_and_code_unless_a_folder_is_named(
    asked: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    set_kernel_cache()
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder == tmp_path / f"dhs-numba-{os.getuid()}-{code_version('spark_jobs.physics').partition('+')[2]}"
    assert folder.stat().st_mode & 0o777 == 0o700
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    set_kernel_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == "/elsewhere"


def test_a_kernel_folder_that_another_user_made_is_passed_over(
    asked: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    us = os.getuid()
    monkeypatch.setattr("os.getuid", lambda: us + 1)
    set_kernel_cache()
    assert not Path(os.environ["NUMBA_CACHE_DIR"]).name.startswith(f"dhs-numba-{us + 1}-")


@pytest.mark.spark
def test_the_running_session_is_as_it_was_asked_for(spark: Any) -> None:
    assert build_session("tests", master="local[2]") is spark
    assert spark.sparkContext.master == "local[2]"
    assert spark.conf.get("spark.ui.enabled") == "false"
    assert spark.sparkContext.uiWebUrl is None
    assert spark.version.startswith("3.5.")
