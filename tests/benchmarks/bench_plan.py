"""The whole plan without pixels: time, memory of driver and workers over time, and the counts to check before paying.

    python tests/benchmarks/bench_plan.py [--bricks 133163] [--keep DIR]

Hosts are drawn to the published counts: 10.6 million tasks of the realistic recipe at 2.54 a host lie in 133 163 bricks, among
19.7 million galaxies in 256 208. ``--bricks N`` takes the same share of everything. The plan runs as a command of its own at
local[2], on any recipe; memory is that of its processes (VmRSS), looked at every second.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from schemas.run_record import read_run  # noqa: E402
from spark_jobs import build_source_bank, mock_sky, select_hosts  # noqa: E402
from tests.benchmarks.drawn_hosts import HostCounts, draw_hosts  # noqa: E402

TASKS, BRICKS, TASKS_PER_HOST = 10_648_570, 133_163, 2.54
GALAXIES, GALAXY_BRICKS = 19_700_000, 256_208
MOMENTS = (0.1, 0.25, 0.5, 0.75, 0.95)


def main() -> None:
    """Print what the plan printed, and the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bricks", type=int, default=BRICKS, help="bricks with hosts that the recipe uses (default: all)")
    parser.add_argument("--recipe", default="realistic", help="recipe to plan by (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="folder for sky, hosts and plan: what stands there is used again")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = arguments.keep or Path(scratch)
        bank, hosts = prepare(root, arguments.bricks)
        plan = root / f"plan-{arguments.bricks}-{int(time.time())}"
        words = ("plan", "--recipe", arguments.recipe, "--hosts", hosts, "--bank", bank, "--out", plan)
        print(f"load before: {os.getloadavg()[0]:.1f}", flush=True)
        seconds, seen = watched([str(word) for word in words])
        counts = read_run(plan)["counts"]
        size = sum(path.stat().st_size for path in plan.rglob("*.parquet"))
        rate = counts["tasks"] / seconds
        print(f"load after: {os.getloadavg()[0]:.1f}")
        done = f"{counts['tasks']} tasks on {counts['hosts']} hosts of {arguments.bricks} bricks"
        print(f"plan, local[2]: {done} in {seconds:.0f} s")
        print(f"{rate:.0f} tasks/s, start included; {size / 1e6:.0f} MB, {size / counts['tasks']:.0f} B/task")
        print_memory(seconds, seen)


def prepare(root: Path, bricks: int) -> tuple[Path, Path]:
    """A bank, and hosts that a small drawn sky is the pattern of."""
    share, bank, hosts = bricks / BRICKS, root / "bank.h5", root / f"hosts-{bricks}"
    if not (root / "hosts" / "_run.json").exists():
        run(mock_sky, "--out", root / "sky", "--bricks", 20, "--brick-size", 600, "--hosts-per-brick", 40)
        run(select_hosts, "--sweeps", root / "sky" / "sweep", "--out", root / "hosts")
        run(build_source_bank, "--out", bank, "--procedural", 200)
    if not (hosts / "_run.json").exists():
        used, all_bricks = round(TASKS * share / TASKS_PER_HOST), round(GALAXY_BRICKS * share)
        begun = time.perf_counter()
        draw_hosts(hosts, root / "hosts", HostCounts(used, bricks, round(GALAXIES * share) - used, all_bricks - bricks))
        print(f"{round(GALAXIES * share)} galaxies drawn in {time.perf_counter() - begun:.0f} s", flush=True)
    return bank, hosts


def run(job: object, *arguments: object) -> None:
    """One job in this process; it must succeed."""
    if job.main([str(argument) for argument in arguments]):  # type: ignore[attr-defined]
        raise SystemExit(f"{job} failed")


def watched(words: list[str]) -> tuple[float, list[tuple[float, dict[str, float]]]]:
    """Seconds of one command at local[2], and (second, MB by kind of process) while it ran."""
    begun, seen = time.perf_counter(), []
    command = [sys.executable, "-m", "spark_jobs.command_line", *words]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}) as process:
        while process.poll() is None:
            seen.append((time.perf_counter() - begun, memory_of(process.pid)))
            time.sleep(1)
    if process.returncode:
        raise SystemExit("the plan failed")
    return time.perf_counter() - begun, seen


def memory_of(driver: int) -> dict[str, float]:
    """MB of the driver, its JVM, and the largest Python worker."""
    found = {"driver": megabytes(driver), "JVM": 0.0, "largest worker": 0.0}
    for process in below(driver):
        name = Path(f"/proc/{process}/comm")
        kind = "JVM" if name.exists() and name.read_text().strip() == "java" else "largest worker"
        found[kind] = max(found[kind], megabytes(process))
    return found


def below(parent: int) -> Iterator[int]:
    """Processes that another one started, and theirs."""
    try:
        children = [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        children += [
            int(word)
            for thread in Path(f"/proc/{parent}/task").iterdir()
            if thread.name != str(parent)
            for word in (thread / "children").read_text().split()
        ]
    except OSError:
        return
    for child in children:
        yield child
        yield from below(child)


def megabytes(process: int) -> float:
    """Resident memory of a process; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def print_memory(seconds: float, seen: list[tuple[float, dict[str, float]]]) -> None:
    """Memory at parts of the run, and the most of it."""
    print(
        "\n| memory, MB | "
        + " | ".join(f"{moment:.0%}" for moment in MOMENTS)
        + " | most |\n|---|"
        + "---|" * (len(MOMENTS) + 1)
    )
    for kind in ("driver", "largest worker", "JVM"):
        at = [min(seen, key=lambda entry: abs(entry[0] - moment * seconds))[1][kind] for moment in MOMENTS]
        print(f"| {kind} | " + " | ".join(f"{value:.0f}" for value in (*at, max(entry[1][kind] for entry in seen))) + " |")


if __name__ == "__main__":
    main()
