"""Fixtures of the jobs' tests: one small simulation, made once, for all that read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spark_jobs.small_plan import SmallRun, make_small_run, plan


@pytest.fixture(scope="session")
def small_run(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A mock sky with its hosts, bank, plan, cutouts and stamps; read only."""
    return make_small_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def reseeded_plan(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of the small simulation's hosts with another seed; read only."""
    return plan(small_run, tmp_path_factory.mktemp("reseeded") / "plan", "--seed", 2)
