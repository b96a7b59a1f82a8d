"""Fixtures of the jobs' tests: one small simulation, made once, for all that read it; and stamps to audit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.made_once import made_once
from tests.spark_jobs.audit_damage import Damaged
from tests.spark_jobs.small_plan import SmallRun, make_small_run, plan
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory


@pytest.fixture(scope="session")
def small_run(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> SmallRun:
    """A mock sky with its hosts, bank, plan, cutouts and stamps; read only."""
    return SmallRun(made_once(tmp_path_factory.getbasetemp(), "small", make_small_run))


@pytest.fixture(scope="session")
def reseeded_plan(small_run: SmallRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plan of the small simulation's hosts with another seed; read only."""
    return (
        made_once(tmp_path_factory.getbasetemp(), "reseeded", lambda root: plan(small_run, root / "plan", "--seed", 2)) / "plan"
    )


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """A plan and stamps that pass every check of the audit; read only."""
    pairs = {"train": 6, "val": 4, "test": 4}
    return write_stamps_directory(tmp_path_factory.mktemp("audit [1]*"), pairs, size=24, refused_pairs=1)


@pytest.fixture
def broken(clean: StampsDirectory, tmp_path: Path) -> Damaged:
    """A copy of the clean directory that a test may break."""
    return Damaged.copy_of(clean, tmp_path)
