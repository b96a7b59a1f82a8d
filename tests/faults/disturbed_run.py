"""``dhs inject`` in a process of its own that a test may disturb while it works."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.content_hash import content_hash
from schemas.run_record import run_files
from schemas.stamps import STAMPS
from tests.conftest import REPOSITORY
from tests.faults.process_group import running
from tests.spark_jobs.small_plan import SmallRun

_WAIT_SECONDS = 300
_WRITER = re.compile(r"\.(\d+)\.unfinished$")


def words(run: SmallRun, out: Path) -> list[str]:
    """The command."""
    given = {"--plan": run.plan, "--cutouts": run.cutouts, "--bank": run.bank, "--out": out}
    flags = [word for option, path in given.items() for word in (option, str(path))]
    return [sys.executable, "-m", "spark_jobs.command_line", "inject", *flags]


@contextmanager
def started(run: SmallRun, out: Path) -> Iterator[subprocess.Popen[str]]:
    """The job, in a process group of its own that is gone when the block ends, however it ends."""
    with running(words(run, out), REPOSITORY) as job:
        yield job


def run_through(run: SmallRun, out: Path) -> tuple[int, str]:
    """The job without a disturbance."""
    with started(run, out) as job:
        return end(job)


def end(job: subprocess.Popen[str]) -> tuple[int, str]:
    """How it ended, and what it said."""
    out, error = job.communicate(timeout=_WAIT_SECONDS)
    return job.returncode, out + error


def wait_for_writer(out: Path) -> int:
    """The process that writes a stamps file right now."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        for path in out.glob("split=*/.*.unfinished"):
            found = _WRITER.search(path.name)
            if found:
                return int(found[1])
        time.sleep(0.001)
    raise TimeoutError(f"nobody writes stamps below {out}")


def hash_of(directory: Path) -> str:
    """What the stamps of a finished run are."""
    return content_hash(run_files(directory, STAMPS, "split="))


def left_behind(directory: Path) -> list[Path]:
    """Half-written files."""
    return list(directory.rglob("*.unfinished"))
