"""Spark's own master and two workers of one core on this machine, reached over loopback only, and gone when the block ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyspark

from spark_jobs.java_home import set_java_home

SPARK_HOME = Path(pyspark.__file__).parent
WORKERS = 2
_MASTER = "org.apache.spark.deploy.master.Master"
_WORKER = "org.apache.spark.deploy.worker.Worker"
_EXECUTOR = b"CoarseGrainedExecutorBackend"
_WAIT_SECONDS = 180


@dataclass(frozen=True)
class StandaloneCluster:
    """A running cluster: its address, and the folder that holds all it writes."""

    master: str
    folder: Path


@contextmanager
def running_cluster(folder: Path) -> Iterator[StandaloneCluster]:
    """A cluster in a folder of its own; RuntimeError where it does not start, or where anything of it outlives the block."""
    address = ""
    with ExitStack() as daemons:
        try:
            address = _started(daemons, folder, "master", [_MASTER], r"Starting Spark master at (spark://127\.0\.0\.1:\d+)")
            for number in range(WORKERS):
                size = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work")]
                words = [_WORKER, *size, address]
                _started(daemons, folder, f"worker-{number}", words, r"Successfully registered with master (\S+)")
            yield StandaloneCluster(address, folder)
        finally:
            _end(folder, address)


def cluster_environment(folder: Path) -> dict[str, str]:
    """What its processes are started with; SPARK_LOCAL_DIRS is also the mark that they are known by."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "JAVA_HOME": set_java_home(),
        "SPARK_HOME": str(SPARK_HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",  # pages and ports of master, workers, executors and driver: of this machine only
        "SPARK_LOCAL_DIRS": str(folder / "local"),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    }


def executor_of(worker: int) -> int:
    """The executor, a JVM, that a Python worker works for."""
    process = worker
    while process > 1:
        if _EXECUTOR in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    raise RuntimeError(f"process {worker} has no executor above it")


def executor_number(executor: int) -> str:
    """The number by which Spark speaks of an executor."""
    words = Path(f"/proc/{executor}/cmdline").read_text().split("\0")
    return words[words.index("--executor-id") + 1]


def marked_processes(folder: Path) -> list[int]:
    """Processes that were started with the environment of the cluster in ``folder``."""
    mark = f"SPARK_LOCAL_DIRS={folder / 'local'}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # gone, or somebody else's
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _started(daemons: ExitStack, folder: Path, name: str, words: list[str], ready: str) -> str:
    """Start a daemon on a free port; what its log says when it is ready."""
    log = folder / f"{name}.log"
    command = [str(SPARK_HOME / "bin" / "spark-class"), words[0], "--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    with open(log, "w") as stream:
        starting = subprocess.Popen(
            [*command, *words[1:]], stdout=stream, stderr=stream, cwd=folder, env=cluster_environment(folder)
        )
    daemon = daemons.enter_context(starting)
    until = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < until and daemon.poll() is None:
        if match := re.search(ready, log.read_text()):
            return match[1]
        time.sleep(0.05)
    raise RuntimeError(f"{name} did not start: {log.read_text()[-2000:]}")


def _end(folder: Path, address: str) -> None:
    """End everything that bears the cluster's mark; RuntimeError where something of it is left all the same."""
    until = time.monotonic() + _WAIT_SECONDS
    while (left := marked_processes(folder)) or (address and _answers(address)):
        if time.monotonic() > until:
            raise RuntimeError(f"the cluster at {address} is not gone; it left the processes {left} or an open port")
        for process in left:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _answers(address: str) -> bool:
    host, _, port = address.removeprefix("spark://").rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
