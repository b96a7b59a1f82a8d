"""What an unpacked environment archive is asked before it is shipped: does it run where it lies, with all it needs and no more?

build_environment.sh runs it with the archive's own interpreter, given the place that the interpreter was copied from.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

EXECUTOR_ROOMS = (
    "spark_jobs.transforms.survey.host_files",
    "spark_jobs.transforms.survey.cutout_files",
    "spark_jobs.transforms.simulation.plan_files",
    "spark_jobs.transforms.simulation.inject_shard",
    "spark_jobs.transforms.compacting.pack_shard",
)
UPLOADS = "boto3"  # imported by what writes to S3 when it writes
ABSENT = ("torch", "pyspark", "galsim")


def main(origin: str) -> int:
    """0 where all is well; else 1, with what is not on standard error."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"  # that the rooms can be entered is asked here, not how long their kernels take
    for room in (*EXECUTOR_ROOMS, UPLOADS):
        importlib.import_module(room)
    faults = [f"{name} is in it" for name in ABSENT if importlib.util.find_spec(name)]
    here = Path(sys.executable).resolve().parent.parent
    if Path(sys.prefix).resolve() != here:
        faults.append(f"its interpreter takes {sys.prefix} for its home; it lies in {here}")
    faults += [f"{path} is loaded from where it was made" for path in loaded_files() if path.startswith(f"{origin}/")]
    for fault in faults:
        sys.stderr.write(f"environment: {fault}\n")
    return 1 if faults else 0


def loaded_files() -> list[str]:
    """Files that are mapped into this process: shared libraries and the interpreter."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sorted({parts[5] for line in lines if len(parts := line.split(maxsplit=5)) == 6 and parts[5].startswith("/")})


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
