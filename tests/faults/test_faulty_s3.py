"""An S3 that answers 503, resets, falls silent or stops short: the run ends with the stamps of an undisturbed one, or one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from schemas.content_hash import content_hash
from schemas.locations import location
from schemas.run_record import read_run, run_files
from schemas.stamps import STAMPS
from tests.conftest import REPOSITORY
from tests.faults.disturbed_run import hash_of
from tests.faulty_proxy import FAULTS, FaultyProxy, one_in
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_plan import SIZE, SmallRun

pytestmark = [pytest.mark.spark, pytest.mark.slow]
_WAIT_SECONDS = 300


def run_job(job: str, *words: object, through: str) -> tuple[int, str]:
    """A job in a process of its own, whose way to S3 is an endpoint; its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "spark_jobs.command_line", job, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env=os.environ | {"AWS_ENDPOINT_URL": through},
        timeout=_WAIT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def inputs_in(s3: S3Store, run: SmallRun, prefix: str) -> dict[str, str]:
    """Hosts, sky and bank of a run in S3; options and their addresses."""
    bank = s3.put_bytes(f"{prefix}/bank.h5", run.bank.read_bytes())
    return {"hosts": s3.put(run.hosts, f"{prefix}/hosts"), "sky": s3.put(run.sky, f"{prefix}/sky"), "bank": bank}


@pytest.mark.parametrize(("prefix", "share"), [("often", 0.1), ("seldom", 0.01)])
def test_a_run_through_a_faulty_store_makes_what_an_undisturbed_one_makes(
    s3: S3Store, small_run: SmallRun, prefix: str, share: float
) -> None:
    given, out = inputs_in(s3, small_run, prefix), f"s3://{BUCKET}/{prefix}"
    bank = ("--bank", given["bank"])
    recipe = ("--recipe", small_run.recipe, "--stamps-per-shard", 24)
    with FaultyProxy(s3.url, one_in(share)).running() as proxy:
        for job, *words in (
            ("plan", *recipe, "--hosts", given["hosts"], *bank, "--out", f"{out}/plan"),
            ("cut-hosts", "--hosts", f"{out}/plan", "--bricks", given["sky"], "--size", SIZE, "--out", f"{out}/cutouts"),
            ("inject", "--plan", f"{out}/plan", "--cutouts", f"{out}/cutouts", *bank, "--out", f"{out}/stamps"),
        ):
            code, said = run_job(job, *words, through=proxy.url)
            assert code == 0, said
    assert set(FAULTS) <= proxy.counts.keys(), proxy.counts
    for part in ("plan", "cutouts"):
        assert read_run(location(f"{out}/{part}"))["files"] == read_run(small_run.root / part)["files"]
    assert content_hash(run_files(location(f"{out}/stamps"), STAMPS, "split=")) == hash_of(small_run.stamps)
