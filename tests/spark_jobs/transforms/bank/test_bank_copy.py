"""A bank in S3 is copied once, whole, and never taken for another."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree

import pytest

from schemas.finished_files import file_sha256
from schemas.job_entry import InputError
from schemas.locations import location
from schemas.scratch_files import scratch_folder
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank
from tests.s3_store import S3Store
from tests.spark_jobs.small_bank import write_small_bank


@pytest.fixture
def bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bank on disk, and an empty folder for copies."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "scratch"))
    return write_small_bank(tmp_path / "bank.h5", 3).path


def test_a_bank_on_disk_is_itself(bank: Path) -> None:
    assert bank_on_disk(bank) == bank_on_disk(bank, "0" * 64) == bank


def test_a_bank_in_s3_is_fetched_by_the_first_who_asks(s3: S3Store, bank: Path) -> None:
    there, digest = location(s3.put_bytes("banks/bank.h5", bank.read_bytes())), file_sha256(bank)
    copy = bank_on_disk(there, digest)
    assert copy.read_bytes() == bank.read_bytes() and len(open_bank(copy)) == 3
    asked = len(s3.requests())
    assert bank_on_disk(there, digest) == copy
    assert len(s3.requests()) == asked
    assert bank_on_disk(there) == copy and len(s3.requests()) > asked  # whether it is the same is not known before
    assert sorted(path.name for path in copy.parent.iterdir()) == [f"{digest}.h5", "lock"]


def test_workers_that_ask_at_once_fetch_it_once(s3: S3Store, bank: Path) -> None:
    there, digest = location(s3.put_bytes("banks/shared.h5", bank.read_bytes())), file_sha256(bank)
    asked = len(s3.requests())
    bank_on_disk(there)
    once = len(s3.requests()) - asked
    rmtree(scratch_folder() / f"dhs-banks-{os.getuid()}")
    asked = len(s3.requests())
    with ThreadPoolExecutor(8) as workers:
        copies = set(workers.map(lambda _: bank_on_disk(there, digest), range(8)))
    assert [copy.read_bytes() for copy in copies] == [bank.read_bytes()]
    assert len(s3.requests()) - asked == once


def test_another_bank_than_the_plans_is_refused_and_not_kept(s3: S3Store, bank: Path, tmp_path: Path) -> None:
    there = location(s3.put_bytes("banks/other.h5", bank.read_bytes()))
    with pytest.raises(
        InputError, match=r"s3://.*other\.h5 has SHA-256 [0-9a-f]{12}; wanted the bank that begins 000000000000"
    ):
        bank_on_disk(there, "0" * 64)
    assert not list((tmp_path / "scratch").rglob("*.h5"))
