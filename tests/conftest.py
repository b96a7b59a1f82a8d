"""Fixtures for all tests: real data where it lies, one lazy Spark session, a small stamps directory."""

from __future__ import annotations

import os

# Two workers share two cores: threads of OpenMP and BLAS within each would only wait for one another, which costs more
# than most of these small inputs do. Read once, when numpy is imported; commands that a test starts inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from spark_jobs.session import set_kernel_cache
from tests.s3_store import ENVIRONMENT, S3Store, running_store
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from trainer.thread_waiting import wait_asleep

# A build is judged on the same examples each time; on a desk the search goes on. "search" is for a night.
settings.register_profile("ci", derandomize=True)
settings.register_profile("search", max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

wait_asleep()  # before any test imports torch
set_kernel_cache()  # before any imports a kernel: beside the source, numba would miss a callee that changed

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real survey and HST files beside the checkout; tests that need it skip where it is absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data of ../shared/data is not on this machine")
    return folder


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One Spark session for all tests, started when the first test asks."""
    from spark_jobs.session import build_session

    session = build_session("tests", master="local[2]")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def stamps_directory(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """A finished stamps directory of drawn galaxies and rings, with its plan; read only."""
    return write_stamps_directory(tmp_path_factory.mktemp("synthetic"), pairs_per_split={"train": 40, "val": 16, "test": 24})


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Store]:
    """One S3 on this machine for all tests, started when the first test asks."""
    with running_store(tmp_path_factory.mktemp("s3")) as store:
        yield store


@pytest.fixture
def s3(s3_server: S3Store, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The same, and an environment that leads to it and nowhere else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": s3_server.url}.items():
        monkeypatch.setenv(name, value)
    return s3_server
