"""Decoded stamps per second of the training reader against a raw pyarrow scan of the same files, in the same run, medians.

Run: ``python tests/benchmarks/bench_reader.py [--stamps DIR] [--pairs N] [--repeats N]``. Without ``--stamps`` it draws a
directory of 64-pixel stamps of its own. One process, no workers: figures are per core.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from schemas.array_codec import decode_stamp
from tests.synthetic_stamps import write_stamps_directory
from trainer.sample_order import OrderPlan
from trainer.stamp_catalogue import StampCatalogue, load_catalogue
from trainer.stamp_loading import SplitBatches, TrainingBatches
from trainer.train_settings import DataSettings

COLUMNS = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")


def raw_scan(catalogue: StampCatalogue) -> int:
    """Read every row group's blob column with page checksums verified, decode nothing."""
    rows = 0
    for path in catalogue.files:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            for group in range(parquet.num_row_groups):
                rows += parquet.read_row_group(group, columns=["stamp_npz"], use_threads=False).num_rows
    return rows


def general_decoder(catalogue: StampCatalogue) -> int:
    """The same scan, each blob decoded by schemas.array_codec."""
    rows = 0
    for path in catalogue.files:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            for group in range(parquet.num_row_groups):
                for blob in parquet.read_row_group(group, columns=["stamp_npz"], use_threads=False)["stamp_npz"]:
                    rows += blob.is_valid and decode_stamp(blob.as_py()).shape[0] == 3
    return rows


def shuffled(catalogue: StampCatalogue, epoch: int) -> int:
    """One epoch of training batches, as the training loop gets them."""
    plan = OrderPlan(catalogue.group_sizes, 8, 256, 4, 1)
    batches = TrainingBatches(catalogue, plan, DataSettings(workers=0)).passing(epoch)
    return sum(int(batch.weights.sum()) for batch in batches)


def in_order(catalogue: StampCatalogue) -> int:
    """The whole split in file order, as validation and scoring get it."""
    return sum(len(batch.stamps.task_ids) for batch in SplitBatches(catalogue, DataSettings(workers=0)))


def rate(read: Callable[[], int]) -> float:
    """Rows per second of one pass."""
    started = time.perf_counter()
    rows = read()
    return rows / (time.perf_counter() - started)


def main() -> None:
    """Print the median rate of each way to read, and its share of the raw scan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stamps", type=Path, help="a finished stamps directory (default: draw one)")
    parser.add_argument("--pairs", type=int, default=2000, help="pairs to draw where no directory is given")
    parser.add_argument("--repeats", type=int, default=5, help="passes behind each median, ways interleaved")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stamps = args.stamps or write_stamps_directory(Path(folder), {"train": args.pairs, "val": 2, "test": 2}).stamps
        catalogue = load_catalogue(stamps, "train", COLUMNS)
        rates: dict[str, list[float]] = {}
        for repeat in range(args.repeats):
            rates.setdefault("raw pyarrow scan, nothing decoded", []).append(rate(lambda: raw_scan(catalogue)))
            rates.setdefault("training batches, shuffled", []).append(rate(lambda n=repeat: shuffled(catalogue, n)))
            rates.setdefault("whole split, in order", []).append(rate(lambda: in_order(catalogue)))
            rates.setdefault("scan and general decoder", []).append(rate(lambda: general_decoder(catalogue)))
        reference = statistics.median(rates["raw pyarrow scan, nothing decoded"])
        print(f"{catalogue.samples} stamps of {catalogue.size_pix} pixels, one process, median of {args.repeats}:")
        for name, values in rates.items():
            median = statistics.median(values)
            print(f"  {name:36s} {median:9.0f} stamps/s   {median / reference:5.2f} of the raw scan")


if __name__ == "__main__":
    main()
