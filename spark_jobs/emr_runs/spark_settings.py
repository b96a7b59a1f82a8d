"""Spark's settings of each job, from ``deploy/emr/spark_settings.yaml``, and whether its Python workers fit into memory."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from schemas.job_entry import InputError
from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.cost_figures import Figure
from spark_jobs.emr_runs.deployment_files import Frozen

MARGIN = 1.5
"""Overhead over the memory of the Python workers that it holds: allocators do not give back what a shard is done with."""
_MEGABYTES = {"m": 1, "g": 1024}
_PLAIN = re.compile(r"^[^\s'\"\\]+$")


class Setting(Frozen):
    """A value as spark-submit takes it, and why."""

    value: Annotated[str, Field(pattern=_PLAIN.pattern)]
    reason: Annotated[str, Field(min_length=20)]


Block = dict[Annotated[str, Field(pattern=r"^spark\.[\w.-]+$")], Setting]


class SparkSettings(Frozen):
    """All of ``spark_settings.yaml``."""

    python_worker_megabytes: dict[str, Figure]
    every_job: Block
    cluster: Block
    serverless: Block
    jobs: dict[str, Block]


def settings_of_job(settings: SparkSettings, cluster: ClusterSettings, job: str, *, serverless: bool) -> dict[str, str]:
    """Names and values for one job, the job's own winning; InputError where its memory does not fit a worker."""
    workers = cluster.serverless.workers if serverless else cluster.fleet.workers
    blocks = (settings.every_job, settings.serverless if serverless else settings.cluster, settings.jobs.get(job, {}))
    chosen = {name: setting.value.replace("{workers}", str(workers)) for block in blocks for name, setting in block.items()}
    _refuse_memory(chosen, settings.python_worker_megabytes[job], cluster, job, serverless=serverless)
    return dict(sorted(chosen.items()))


def megabytes(text: str) -> int:
    """``2g`` or ``512m`` in MB (of 1024 kB)."""
    match = re.fullmatch(r"(\d+)([mg])", text)
    if not match:
        raise InputError(f"spark setting of memory is {text!r}; wanted a number and m or g, for example 12g")
    return int(match[1]) * _MEGABYTES[match[2]]


def _refuse_memory(chosen: dict[str, str], worker: Figure, cluster: ClusterSettings, job: str, *, serverless: bool) -> None:
    cores, overhead = int(chosen["spark.executor.cores"]), megabytes(chosen["spark.executor.memoryOverhead"])
    needed = MARGIN * cores * worker.known("python_worker_megabytes")
    if overhead < needed:
        raise InputError(
            f"spark.executor.memoryOverhead is {overhead} MB for {job}; its {cores} Python workers want {needed:.0f} MB "
            f"({worker.value:g} MB each and half as much again)"
        )
    there = cluster.serverless.worker_memory_gb * 1024 if serverless else cluster.fleet.yarn_megabytes
    asked = overhead + megabytes(chosen["spark.executor.memory"])
    if asked > there:
        raise InputError(f"an executor of {job} asks for {asked} MB (heap and overhead); a worker has {there} MB for it")
