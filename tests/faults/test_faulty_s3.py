"""An S3 that answers 503, resets, falls silent or stops short: the run ends with an undisturbed one's stamps, or one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from schemas import locations
from schemas.content_hash import content_hash
from schemas.job_entry import EXIT_UNREACHABLE
from schemas.locations import location
from schemas.run_record import read_run, run_files
from schemas.stamps import STAMPS
from spark_jobs.command_line import main
from tests.conftest import REPOSITORY
from tests.faults.disturbed_run import hash_of
from tests.faulty_proxy import FAULTS, FaultyProxy, one_in
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_plan import SIZE, SmallRun

pytestmark = [pytest.mark.spark, pytest.mark.slow]
_WAIT_SECONDS = 300


_JOBS = """\
import json, sys
from spark_jobs.command_line import main

for words in json.loads(sys.argv[1]):
    if code := main(words):
        raise SystemExit(code)
"""


def run_jobs(*jobs: Sequence[object], through: str) -> tuple[int, str]:
    """Jobs, one after another in a process of their own, whose way to S3 is an endpoint; an exit code and what they said."""
    done = subprocess.run(
        [sys.executable, "-c", _JOBS, json.dumps([[str(word) for word in words] for words in jobs])],
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


def test_a_run_of_which_one_request_in_ten_fails_is_the_undisturbed_one_from_plan_to_stamps(
    s3: S3Store, small_run: SmallRun
) -> None:
    hosts, sky = (s3.put(small_run.root / part, f"often/{part}") for part in ("hosts", "sky"))
    bank, out = ("--bank", s3.put_bytes("often/bank.h5", small_run.bank.read_bytes())), f"s3://{BUCKET}/often"
    recipe = ("--recipe", small_run.recipe, "--stamps-per-shard", 24)
    with FaultyProxy(s3.url, one_in(0.1)).running() as proxy:
        code, said = run_jobs(
            ("plan", *recipe, "--hosts", hosts, *bank, "--out", f"{out}/plan"),
            ("cut-hosts", "--hosts", f"{out}/plan", "--bricks", sky, "--size", SIZE, "--out", f"{out}/cutouts"),
            ("inject", "--plan", f"{out}/plan", "--cutouts", f"{out}/cutouts", *bank, "--out", f"{out}/stamps"),
            through=proxy.url,
        )
    assert code == 0, said
    assert set(FAULTS) <= proxy.counts.keys(), proxy.counts
    for part in ("plan", "cutouts"):
        assert read_run(location(f"{out}/{part}"))["files"] == read_run(small_run.root / part)["files"]
    assert stamps_in(f"{out}/stamps") == hash_of(small_run.stamps)


def test_stamps_of_which_one_request_in_a_hundred_fails_are_the_same(s3: S3Store, small_run: SmallRun) -> None:
    plan, cutouts = (s3.put(small_run.root / part, f"seldom/{part}") for part in ("plan", "cutouts"))
    bank, out = s3.put_bytes("seldom/bank.h5", small_run.bank.read_bytes()), f"s3://{BUCKET}/seldom/stamps"
    words = ("inject", "--plan", plan, "--cutouts", cutouts, "--bank", bank, "--out", out)
    with FaultyProxy(s3.url, one_in(0.01)).running() as proxy:
        code, said = run_jobs(words, through=proxy.url)
    assert code == 0, said
    assert proxy.counts.keys() - {""}
    assert read_run(location(out))["counts"] == read_run(small_run.stamps)["counts"]
    assert stamps_in(out) == hash_of(small_run.stamps)


def test_a_store_that_is_gone_is_one_line(
    s3: S3Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy = FaultyProxy(s3.url, one_in(1))
    with proxy.running():
        pass  # nobody listens there any more
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
    monkeypatch.setattr(locations, "_ATTEMPTS", 2)
    assert main(["inject", "--plan", f"s3://{BUCKET}/x", "--cutouts", "x", "--out", "x"]) == EXIT_UNREACHABLE
    said = capsys.readouterr()
    (line,) = (said.out + said.err).splitlines()
    assert line.startswith(f"dhs inject: error: s3://{BUCKET}/x/_run.json: S3 cannot be reached; wanted a network")
