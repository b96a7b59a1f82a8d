"""How fast dhs select-hosts reads sweeps, against astropy reading the same files whole and applying one flux cut.

    python tests/benchmarks/bench_select_hosts.py [--rows 2000000] [--files 4] [--repeats 3]

Rows of a small drawn sky again and again, each at a place of its own, in files of one length. Medians; MB a second and core is
what deploy/emr/costs.yaml wants. The share of rows that become hosts is printed, for it is what writing costs.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.table import Table

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from schemas.run_record import read_run  # noqa: E402
from spark_jobs import mock_sky, select_hosts  # noqa: E402
from spark_jobs.session import build_session  # noqa: E402
from tests.benchmarks.bench_plan import run  # noqa: E402

BRICKS, CORES = 12, 2


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median is taken")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        sweeps = write_sweeps(root, arguments.rows // arguments.files, arguments.files)
        megabytes = sum(path.stat().st_size for path in sweeps) / 1e6
        build_session("bench", f"local[{CORES}]")
        job, whole = [], []
        for number in range(arguments.repeats):
            begun = time.perf_counter()
            run(select_hosts, "--sweeps", root / "sweeps", "--out", root / f"hosts-{number}")
            job.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            for path in sweeps:
                cut_with_astropy(path)
            whole.append(time.perf_counter() - begun)
        hosts = read_run(root / "hosts-0")["rows"]
        seconds, reference = statistics.median(job), statistics.median(whole)
        print(f"load: {os.getloadavg()[0]:.1f}; {arguments.rows} rows in {arguments.files} files, {megabytes:.0f} MB")
        print(f"dhs select-hosts, local[{CORES}]: {seconds:.2f} s, {megabytes / seconds / CORES:.1f} MB/s/core, {hosts} hosts")
        print(f"astropy, one core, one cut: {reference:.2f} s, {megabytes / reference:.1f} MB/s/core")


def write_sweeps(root: Path, rows: int, files: int) -> list[Path]:
    """Sweeps of so many rows each, named by boxes that hold them."""
    run(mock_sky, "--out", root / "sky", "--bricks", BRICKS, "--brick-size", 400, "--hosts-per-brick", 4)
    pattern = np.concatenate([fits.getdata(path, 1) for path in sorted((root / "sky").rglob("sweep-*.fits")) if is_sweep(path)])
    rng, written = np.random.default_rng(5), []
    (root / "sweeps").mkdir()
    for number in range(files):
        table = pattern[rng.integers(len(pattern), size=rows)].copy()
        table["RA"], table["DEC"] = 10 * number + 10 * rng.random(rows), 5 * rng.random(rows)
        written.append(root / "sweeps" / f"sweep-{10 * number:03d}p000-{10 * number + 10:03d}p005.fits")
        fits.BinTableHDU(table).writeto(written[-1])
    return written


def is_sweep(path: Path) -> bool:
    """Whether a file is a catalogue and not its redshifts."""
    return bool(re.fullmatch(r"sweep-\d{3}[pm]\d{3}-\d{3}[pm]\d{3}\.fits", path.name))


def cut_with_astropy(path: Path) -> int:
    """Rows brighter than 20 in z: what a person would type, nothing written."""
    table = Table.read(path)
    bright = np.asarray(table["FLUX_Z"] > 10.0)
    return len(table[bright])


if __name__ == "__main__":
    main()
