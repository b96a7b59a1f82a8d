"""The one Spark session builder: a laptop's ``local[*]`` unless spark-submit says otherwise, each setting with its reason."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.code_version import code_version
from schemas.object_upload import ENCRYPTION
from schemas.scratch_files import own_folder
from spark_jobs.java_home import set_java_home

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ATTEMPTS = 4
_OF_S3 = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", ENCRYPTION)
"""What leads to S3, credentials left out: executors find their own."""
_LOGGING = Path(__file__).resolve().parent / "log4j2.properties"


def build_session(job: str, master: str | None = None) -> SparkSession:
    """A session for a job. ``master`` wins, then spark-submit's own, then ``local[*]``."""
    under_submit = "PYSPARK_GATEWAY_PORT" in os.environ  # spark-submit has started the JVM already
    if not under_submit:
        set_java_home()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors run the interpreter that has the packages
    set_kernel_cache()
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(f"dhs {job}")
    if not under_submit:
        builder = builder.master(master or f"local[*,{_ATTEMPTS}]")  # without it, one worker that dies ends a laptop's run
        builder = builder.config("spark.ui.enabled", "false")  # a laptop run should open no port that others can read
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1")  # the same
        builder = builder.config("spark.driver.host", "127.0.0.1")  # works without a resolvable host name
        # The job's own account is what a person reads. Spark's setting for this speaks only after the first warnings.
        builder = builder.config("spark.driver.extraJavaOptions", f"-Dlog4j2.configurationFile={_LOGGING.as_uri()}")
        builder = builder.config("spark.ui.showConsoleProgress", "false")  # one progress bar, ours
    # One shard is minutes of work: a lost executor must not cost more than the shard itself.
    builder = builder.config("spark.task.maxFailures", str(_ATTEMPTS))
    # Numba's compiled kernels live in the worker; without reuse each task would load them again.
    builder = builder.config("spark.python.worker.reuse", "true")
    builder = builder.config("spark.executorEnv.NUMBA_CACHE_DIR", os.environ["NUMBA_CACHE_DIR"])
    for name in _OF_S3:
        if name in os.environ:  # an executor writes where and as the driver does
            builder = builder.config(f"spark.executorEnv.{name}", os.environ[name])
    return builder.getOrCreate()


def set_kernel_cache() -> None:
    """Name a folder for compiled kernels, one a user and version of the physics, unless ``NUMBA_CACHE_DIR`` names one.

    What lies in it is run, so a folder of that name that another user made is passed over for a fresh one.
    """
    if "NUMBA_CACHE_DIR" in os.environ:
        return
    version = code_version("spark_jobs.physics").partition("+")[2]
    folder = own_folder(Path(tempfile.gettempdir()), f"dhs-numba-{os.getuid()}-{version}")
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
