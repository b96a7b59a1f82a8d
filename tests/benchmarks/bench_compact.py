"""How fast dhs compact packs small files, against pyarrow's own write_dataset, which neither counts nor hashes.

    python tests/benchmarks/bench_compact.py [--files 400] [--rows 64] [--repeats 3]

Files as a job of somebody else leaves them: some dozens of rows, a blob of 46 kB of noise in each. Medians; MB a second and
core is what deploy/emr/costs.yaml wants, and the largest Python worker is what spark_settings.yaml wants.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from spark_jobs import compact  # noqa: E402
from spark_jobs.session import build_session  # noqa: E402
from tests.benchmarks.bench_plan import memory_of, run  # noqa: E402

CORES, BLOB_BYTES, GROUP_ROWS, FILE_ROWS = 2, 46_000, 256, 5_500
"""A shard of dhs compact has 256 MB, which is as many rows."""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--rows", type=int, default=64, help="of a file")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median is taken")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        write_files(root / "small", arguments.files, arguments.rows)
        megabytes = sum(path.stat().st_size for path in (root / "small").iterdir()) / 1e6
        build_session("bench", f"local[{CORES}]")
        job, plain, largest = [], [], [0.0]
        threading.Thread(target=watch, args=(largest,), daemon=True).start()
        for number in range(arguments.repeats):
            begun = time.perf_counter()
            run(compact, "--source", root / "small", "--out", root / f"packed-{number}")
            job.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            write_plainly(root / "small", root / f"plain-{number}")
            plain.append(time.perf_counter() - begun)
        seconds, reference = statistics.median(job), statistics.median(plain)
        print(f"load: {os.getloadavg()[0]:.1f}; {arguments.files} files of {arguments.rows} rows, {megabytes:.0f} MB")
        print(f"dhs compact, local[{CORES}]: {seconds:.2f} s, {megabytes / seconds / CORES:.0f} MB/s/core")
        print(f"pyarrow write_dataset, its threads: {reference:.2f} s, {megabytes / reference / CORES:.0f} MB/s/core")
        print(f"largest Python worker: {largest[0]:.0f} MB")


def write_files(folder: Path, files: int, rows: int) -> None:
    """Small files with a blob of noise a row."""
    rng = np.random.default_rng(7)
    folder.mkdir()
    for number in range(files):
        blobs = [rng.bytes(BLOB_BYTES) for _ in range(rows)]
        names = [f"{number:06d}-{row:04d}" for row in range(rows)]
        pq.write_table(
            pa.table({"name": names, "theta_e": rng.random(rows), "stamp_npz": blobs}), folder / f"{number:06d}.parquet"
        )


def write_plainly(source: Path, out: Path) -> None:
    """The same rows, by pyarrow alone."""
    options = ds.ParquetFileFormat().make_write_options(compression="none", write_page_checksum=True)
    ds.write_dataset(
        ds.dataset(source),
        out,
        format="parquet",
        file_options=options,
        max_rows_per_file=FILE_ROWS,
        min_rows_per_group=GROUP_ROWS,
        max_rows_per_group=GROUP_ROWS,
    )


def watch(largest: list[float]) -> None:
    """Keep the size of the largest worker that was seen, MB."""
    while True:
        largest[0] = max(largest[0], memory_of(os.getpid()).get("largest worker", 0.0))
        time.sleep(0.2)


if __name__ == "__main__":
    main()
