"""A job on the standalone cluster with what ``dhs emr submit`` would hand over: code, archive, settings and words.

The root folder of this machine stands for S3, since both workers see it: ``s3://here/a/b`` is ``/a/b``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import files
from io import BytesIO
from pathlib import Path

from packaging.requirements import Requirement

from spark_jobs.emr_runs.aws_request import AwsRequest
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.code_package import code_package
from spark_jobs.emr_runs.deployment_files import DEPLOYMENT, read_settings
from spark_jobs.emr_runs.job_call import job_call
from spark_jobs.emr_runs.run_requests import RunAsked, submit_words, upload_requests
from spark_jobs.emr_runs.spark_settings import SparkSettings, settings_of_job
from tests.conftest import REPOSITORY
from tests.faults.process_group import running
from tests.faults.standalone_cluster import SPARK_HOME, WORKERS, StandaloneCluster, cluster_environment

HERE = "s3://here"
_REGION = "eu-central-1"
_SITE = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
_DRIVER = "spark.yarn.appMasterEnv."
_WARM_KERNELS = f'''"""Kernels as the tests have them compiled: compiling them in each new folder takes every process 25 s."""

import os

from numba.core.caching import ZipCacheLocator


class WarmKernels(ZipCacheLocator):
    def __init__(self, function, file):
        super().__init__(function, file)
        source = os.path.join({str(REPOSITORY)!r}, self._internal_path)
        self._cache_path = os.path.join({os.environ["NUMBA_CACHE_DIR"]!r}, self.get_suitable_cache_subpath(source))
'''
_KERNELS = {"NUMBA_CACHE_LOCATOR_CLASSES": "warm_kernels.WarmKernels"}


def there(path: Path) -> str:
    """The address that a path of this machine has in what stands for S3."""
    return f"{HERE}{path}"


def locked_here() -> list[str]:
    """Names in ``deploy/emr/requirements.lock``, less those for other systems and interpreters."""
    entries = re.findall(r"^[^#\s][^\\\n]*", (DEPLOYMENT / "requirements.lock").read_text(encoding="utf-8"), re.MULTILINE)
    wanted = [Requirement(entry) for entry in entries]
    return sorted(one.name for one in wanted if one.marker is None or one.marker.evaluate())


def environment_archive(path: Path) -> Path:
    """An archive of the shape that the executors' has, made in a second: an interpreter, and of all that is installed here just
    what ``deploy/emr/requirements.lock`` names, as links. What the lock forgets is not there, nor are the checkout and torch.
    PackageNotFoundError where something that it names is not installed here.
    """
    interpreter = Path(sys.executable).resolve()
    links = {"bin/python": interpreter}
    for package in locked_here():
        links |= {f"{_SITE}/{top}": place for top, place in _tops(package).items()}
    texts = {
        "pyvenv.cfg": f"home = {interpreter.parent}\ninclude-system-site-packages = false\n",
        f"{_SITE}/warm_kernels.py": _WARM_KERNELS,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, target in links.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, str(target)
            archive.addfile(link)
        for name, text in texts.items():
            file = tarfile.TarInfo(name)
            file.size = len(text.encode())
            archive.addfile(file, BytesIO(text.encode()))
    return path


def _tops(package: str) -> dict[str, Path]:
    """Folders and files of an installed package at the top of where packages lie."""
    tops = {}
    for file in files(package) or []:
        if file.parts[0] not in ("..", "__pycache__"):
            tops[file.parts[0]] = Path(str(file.locate())).parents[len(file.parts) - 1] / file.parts[0]
    return tops


@dataclass(frozen=True)
class ShippedJob:
    """``dhs emr submit JOB WORDS``, with addresses of ``there``; ``folder`` is made, and the driver starts in it."""

    cluster: StandaloneCluster
    archive: Path
    folder: Path
    job: str
    words: Sequence[str]

    @contextmanager
    def submitted(self, start: Path | None = None) -> Iterator[subprocess.Popen[str]]:
        """``spark-submit``, running, and gone when the block ends; ``start`` takes the place of the package's own script."""
        run = self._asked()
        for request in upload_requests(run):
            _put(request)
        self._unpack_for_the_driver(run)
        script = str(start) if start else run.artifact(run.code.start_key)
        words = [*self._fitted(submit_words(run, serverless=False)), script, run.call.job, *run.call.words]
        of_driver = {name.removeprefix(_DRIVER): value for name, value in run.spark.items() if name.startswith(_DRIVER)}
        command = [str(SPARK_HOME / "bin" / "spark-submit"), *(word.replace(HERE, "") for word in words)]
        with running(command, self.folder, cluster_environment(self.cluster.folder) | of_driver | _KERNELS) as job:
            yield job

    def _asked(self) -> RunAsked:
        self.folder.mkdir()
        own = self.folder / "mine.yaml"
        places = {"artifacts": self.folder / "artifacts", "environment": self.archive, "logs": self.folder / "logs"}
        own.write_text("\n".join([f"region: {_REGION}", *(f"{name}: {there(place)}" for name, place in places.items())]))
        settings = read_settings(ClusterSettings, "cluster.yaml", own)
        spark = settings_of_job(read_settings(SparkSettings, "spark_settings.yaml"), settings, self.job, serverless=False)
        return RunAsked(job_call(self.job, self.words), settings, spark, _REGION, code_package(), "")

    def _unpack_for_the_driver(self, run: RunAsked) -> None:
        """What YARN lays into the folder that a driver starts in."""
        with tarfile.open(self.archive) as archive:
            archive.extractall(self.folder / "environment", filter="fully_trusted")
        for shipped in run.call.shipped:
            (self.folder / shipped.name).write_text(shipped.text)

    def _fitted(self, words: list[str]) -> list[str]:
        """The words with the driver in spark-submit's own process, since YARN alone takes a Python driver in, and the sizes of
        this cluster's workers for those of 8 cores and 32 GiB.
        """
        executors = {f"spark.dynamicAllocation.{end}Executors": str(WORKERS) for end in ("initial", "max")}
        sizes = {"spark.executor.cores": "1", "spark.executor.memory": "512m", "spark.driver.memory": "512m"}
        kernels = {f"spark.executorEnv.{name}": value for name, value in _KERNELS.items()}
        changed = [word for name, value in (sizes | executors | kernels).items() for word in ("--conf", f"{name}={value}")]
        at = words.index("--deploy-mode")
        kept = [*words[:at], *words[at + 2 :]]
        return ["--master", self.cluster.master, "--deploy-mode", "client", *kept, *changed]


def _put(request: AwsRequest) -> None:
    """What S3 would keep of an upload."""
    path = Path("/", request.parameters["Key"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(request.body or b"")
