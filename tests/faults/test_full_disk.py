"""No room for what is written: one line that says so, nothing half-written, and the same command ends once there is room."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.contract_files import Provenance, TableWriter
from schemas.job_entry import EXIT_UNREACHABLE, DiskFullError, room_on_disk, run_job
from schemas.stamps import STAMPS
from tests.conftest import REPOSITORY
from tests.faults.disturbed_run import hash_of, left_behind, run_through
from tests.spark_jobs.small_plan import SmallRun

_LIMITED = """\
import resource, sys
from functools import partial
from spark_jobs import inject
from schemas.job_entry import run_job, room_on_disk
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
def one_after_the_other(spark, items, work, **_):
    with room_on_disk():
        return [work(item) for item in items]
inject.build_session = lambda job: None
inject.map_names = one_after_the_other
sys.exit(run_job("inject", inject.main, sys.argv[1:]))
"""


@pytest.mark.spark
@pytest.mark.slow
def test_stamps_that_do_not_fit_are_one_line_and_the_same_command_makes_them_once_they_do(
    small_run: SmallRun, tmp_path: Path
) -> None:
    out = tmp_path / "stamps"
    given = {"--plan": small_run.plan, "--cutouts": small_run.cutouts, "--bank": small_run.bank, "--out": out}
    flags = [word for option, path in given.items() for word in (option, str(path))]
    largest = max(path.stat().st_size for path in small_run.stamps.glob("split=*/*.parquet"))
    program = _LIMITED.format(limit=largest // 2)
    answer = subprocess.run(
        [sys.executable, "-c", program, *flags], capture_output=True, text=True, cwd=REPOSITORY, timeout=300, check=False
    )
    (line,) = [line for line in answer.stderr.splitlines() if line.startswith("dhs")]
    assert answer.returncode == EXIT_UNREACHABLE and "no room on the disk" in line and "Traceback" not in answer.stderr
    assert not left_behind(out) and not (out / "_run.json").exists()
    code, said = run_through(small_run, out)
    assert code == 0, said
    assert hash_of(out) == hash_of(small_run.stamps)


def test_a_table_that_meets_the_end_of_the_disk_does_not_stand(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    row = dict.fromkeys(STAMPS.names) | {"stamp_npz": bytes(100_000)}
    filled = {column.name: {"string": "x", "binary": b"x"}.get(column.type, 1) for column in STAMPS if not column.nullable}
    try:
        with (
            pytest.raises(DiskFullError, match="no room on the disk"),
            room_on_disk(),
            TableWriter(tmp_path / "stamps.parquet", STAMPS, Provenance("x")) as writer,
        ):
            writer.add_rows([row | filled])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_a_failure_for_now_and_names_the_file(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    def full(argv: object) -> int:
        raise OSError(number, "no space", "/data/stamps.parquet")

    assert run_job("inject", full) == EXIT_UNREACHABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert "no room on the disk at /data/stamps.parquet" in line and "run the same command again" in line


def test_another_error_of_the_system_keeps_its_traceback() -> None:
    def broken(argv: object) -> int:
        raise OSError(errno.EIO, "input/output error")

    with pytest.raises(OSError, match="input/output error"):
        run_job("inject", broken)
