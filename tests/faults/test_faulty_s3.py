"""An S3 that answers 503, resets, falls silent or stops short: the run ends with an undisturbed one's stamps, or one line."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from schemas.content_hash import content_hash
from schemas.job_entry import EXIT_UNREACHABLE
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


def stamps_in(address: str) -> str:
    """What the stamps of a finished run in S3 are."""
    return content_hash(run_files(location(address), STAMPS, "split="))


def inputs_in(s3: S3Store, run: SmallRun, prefix: str) -> dict[str, str]:
    """Hosts, sky and bank of a run in S3; options and their addresses."""
    bank = s3.put_bytes(f"{prefix}/bank.h5", run.bank.read_bytes())
    return {"hosts": s3.put(run.hosts, f"{prefix}/hosts"), "sky": s3.put(run.sky, f"{prefix}/sky"), "bank": bank}


def test_a_run_of_which_one_request_in_ten_fails_is_the_undisturbed_one_from_plan_to_stamps(
    s3: S3Store, small_run: SmallRun
) -> None:
    given, out = inputs_in(s3, small_run, "often"), f"s3://{BUCKET}/often"
    bank = ("--bank", given["bank"])
    recipe = ("--recipe", small_run.recipe, "--stamps-per-shard", 24)
    with FaultyProxy(s3.url, one_in(0.1)).running() as proxy:
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
    assert stamps_in(f"{out}/stamps") == hash_of(small_run.stamps)


def test_stamps_of_which_one_request_in_a_hundred_fails_are_the_same_and_a_run_begun_elsewhere_goes_on_from_a_listing(
    s3: S3Store, small_run: SmallRun
) -> None:
    given = inputs_in(s3, small_run, "seldom")
    words = ["--plan", s3.put(small_run.plan, "seldom/plan"), "--cutouts", s3.put(small_run.cutouts, "seldom/cutouts")]
    words += ["--bank", given["bank"], "--out", f"s3://{BUCKET}/seldom/stamps"]
    with FaultyProxy(s3.url, one_in(0.01)).running() as proxy:
        code, said = run_job("inject", *words, through=proxy.url)
    assert code == 0, said
    assert proxy.counts.keys() - {""}
    whole = read_run(location(f"s3://{BUCKET}/seldom/stamps"))
    lost = [entry["path"] for entry in whole["files"] if entry["path"].startswith("split=")][3]
    for path in (lost, "_run.json"):
        s3.file_system().delete_file(f"{BUCKET}/seldom/stamps/{path}")
    put = len(s3.requests())
    code, said = run_job("inject", *words, through=s3.url)
    assert code == 0, said
    written = {path.partition("?")[0] for method, path in s3.requests()[put:] if method == "PUT"}
    assert {path.partition("stamps/")[2] for path in written if "split=" in path} - {""} >= {lost}
    assert len([path for path in written if "/split=" in path]) == 1, written
    assert read_run(location(f"s3://{BUCKET}/seldom/stamps"))["files"] == whole["files"]
    assert stamps_in(f"s3://{BUCKET}/seldom/stamps") == hash_of(small_run.stamps)


def test_a_store_that_is_gone_is_one_line(s3: S3Store, small_run: SmallRun) -> None:
    proxy = FaultyProxy(s3.url, one_in(1))
    with proxy.running():
        pass  # nobody listens there any more
    code, said = run_job("inject", "--plan", f"s3://{BUCKET}/x", "--cutouts", "x", "--out", "x", through=proxy.url)
    assert code == EXIT_UNREACHABLE
    (line,) = said.splitlines()
    assert line.startswith(f"dhs inject: error: s3://{BUCKET}/x/_run.json: S3 cannot be reached; wanted a network")
