"""Fixtures of the tests of runs on EMR: one account on this machine, its state put back before each test."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.emr_runs.emr_account import EmrAccount, make_account


@pytest.fixture
def account(s3: S3Store, tmp_path: Path) -> EmrAccount:
    """An account in which every job could be started."""
    urllib.request.urlopen(urllib.request.Request(f"{s3.url}/moto-api/reset", method="POST")).close()
    s3.file_system().create_dir(BUCKET)
    return make_account(s3, tmp_path)
