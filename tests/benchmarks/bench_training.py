"""Training images per second from Parquet against the same steps on batches that lie on the device already, in the same run.

    python tests/benchmarks/bench_training.py [--stamps DIR] [--device cuda] [--backbone convnext_tiny] [--batch-size 1024]
        [--precision bfloat16] [--compile] [--workers 12] [--windows 5] [--steps 60]

Without ``--stamps`` it draws stamps of 64 pixels; a split is read ``--times`` over, as if it had that many times its files.
Both ways are timed in windows of steps, in turn; medians of the windows. Prints their ratio, the share of the time that the
training thread waited for stamps, the GPU's peak memory, and where a step's time goes on the device.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.synthetic_stamps import write_stamps_directory
from trainer.checkpoint import Checkpoint, Origin, Progress
from trainer.device_feed import FeedClock, batches_on_device
from trainer.devices import choose_device
from trainer.epoch_pass import prepared_step
from trainer.lens_network import LensNetwork
from trainer.preprocessing import Preprocessing
from trainer.sample_order import OrderPlan
from trainer.stamp_catalogue import StampCatalogue, load_catalogue
from trainer.stamp_loading import TrainingBatches
from trainer.stamp_reader import StampBatch
from trainer.step_watch import StepWatch
from trainer.train_settings import DataSettings, TrainSettings, load_settings
from trainer.training_loop import learner_of


def main() -> None:
    """Print the figures."""
    arguments = parser().parse_args()
    optimisation = {name: getattr(arguments, name) for name in ("batch_size", "precision", "compile")}
    overrides = {f"optimisation.{name}": value for name, value in optimisation.items()}
    overrides |= {"network.backbone": arguments.backbone, "data.lanes": arguments.lanes, "device": arguments.device}
    settings = load_settings("default", overrides)
    device, started = choose_device(settings.device), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        stamps = (
            arguments.stamps or write_stamps_directory(Path(folder), {"train": arguments.pairs, "val": 2, "test": 2}).stamps
        )
        catalogue = repeated(load_catalogue(stamps, "train", settings.metadata_columns, measure=True), arguments.times)
        bench = Bench(catalogue, settings, device, arguments.workers)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
        print(f"{name}, torch {torch.__version__}: {arguments.backbone}, batch {arguments.batch_size}, {arguments.precision}")
        bench.run(bench.resident(), 10)
        read = bench.read()
        bench.run(read, 10)
        print(f"ready after {time.perf_counter() - started:.0f} s", flush=True)
        rates: dict[str, list[float]] = {"resident": [], "Parquet": []}
        waited = []
        for _ in range(arguments.windows):
            rates["resident"].append(bench.run(bench.resident(), arguments.steps)[0])
            rate, share = bench.run(read, arguments.steps)
            rates["Parquet"].append(rate)
            waited.append(share)
        resident, parquet = (statistics.median(rates[way]) for way in ("resident", "Parquet"))
        print(f"on the device already {resident:9.0f} images/s")
        print(
            f"from Parquet          {parquet:9.0f} images/s; ratio {parquet / resident:.3f}; {min(rates['Parquet']):.0f} to ",
            end="",
        )
        print(f"{max(rates['Parquet']):.0f}; waited {statistics.median(waited):.1%} of the time")
        if device.type == "cuda":
            print(f"peak memory {torch.cuda.max_memory_allocated(device) / 2**30:.2f} GiB")
        bench.profile()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parsed = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parsed.add_argument
    add("--stamps", type=Path, help="a finished stamps directory (default: draw one)")
    add("--pairs", type=int, default=2000, help="pairs to draw where no directory is given")
    add("--times", type=int, default=50, help="how often the split's files are counted")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    add("--backbone", default="convnext_tiny", help="as in trainer/train_settings.py")
    add("--batch-size", type=int, default=1024, help="stamps a step")
    add("--precision", default="bfloat16", help="float32 or bfloat16")
    add("--compile", action="store_true", help="torch.compile the network")
    add("--workers", type=int, default=0, help="reading processes")
    add("--lanes", type=int, default=16, help="shuffle streams, a multiple of the workers")
    add("--windows", type=int, default=5, help="windows behind each median")
    add("--steps", type=int, default=60, help="steps a window")
    return parsed


def repeated(catalogue: StampCatalogue, times: int) -> StampCatalogue:
    """The catalogue of a split with each file ``times`` over."""
    files, groups, samples = len(catalogue.files), len(catalogue.group_file), catalogue.samples
    return (
        dataclasses.replace(
            catalogue,
            files=catalogue.files * times,
            group_file=np.concatenate([catalogue.group_file + files * n for n in range(times)]).astype(np.int32),
            group_number=np.tile(catalogue.group_number, times),
            first_sample=np.concatenate([[0], np.cumsum(np.tile(catalogue.group_sizes, times))]),
            row_in_group=np.tile(catalogue.row_in_group, times),
            labels=np.tile(catalogue.labels, times),
            kind=np.tile(catalogue.kind, times),
        )
        if groups and samples
        else catalogue
    )


class Bench:
    """One network, and two ways of feeding it."""

    def __init__(self, catalogue: StampCatalogue, settings: TrainSettings, device: torch.device, workers: int) -> None:
        if catalogue.metadata_statistics is None:
            raise ValueError("the catalogue was loaded without measuring its metadata")
        torch.manual_seed(settings.seed)
        network = LensNetwork(settings.network, len(settings.metadata_columns)).to(device)
        network.train()
        preprocessing = Preprocessing(settings.normalisation, catalogue.metadata_statistics)
        origin = Origin("bench", "", "", None, catalogue.size_pix)
        checkpoint = Checkpoint(network, settings, preprocessing, origin, Progress(0, None, None))
        self.learner, self.device, self.clock = learner_of(checkpoint, device), device, FeedClock()
        data = settings.data
        plan = OrderPlan(catalogue.group_sizes, data.lanes, settings.optimisation.batch_size, data.shuffle_groups, 1)
        self.batches = TrainingBatches(
            catalogue, plan, DataSettings(lanes=data.lanes, workers=workers), pin=device.type == "cuda"
        )
        self.samples = [batch.copy() for batch, _ in zip(self.read(), range(4), strict=False)]

    def read(self) -> Iterator[StampBatch]:
        """Batches from Parquet, epoch after epoch."""
        epoch = 0
        while True:
            yield from batches_on_device(self.batches.passing(epoch), self.device, self.clock)
            epoch += 1

    def resident(self) -> Iterator[StampBatch]:
        """Four batches in turn that lie on the device."""
        while True:
            yield from self.samples

    def run(self, batches: Iterator[StampBatch], steps: int) -> tuple[float, float]:
        """Images per second over some steps, as the training loop takes them, and the share of time spent waiting."""
        watch, images = StepWatch(self.learner.optimiser, self.device), 0
        self.clock.waited = 0.0
        self._wait()
        started = time.perf_counter()
        for _step_number in range(steps):
            batch = next(batches)
            list(watch.take(prepared_step(self.learner, batch, 0, batch.counted)))
            images += batch.counted
        list(watch.finish())
        self._wait()
        seconds = time.perf_counter() - started
        return images / seconds, self.clock.waited / seconds

    def profile(self) -> None:
        """The kernels that take most of the device's time."""
        kind = "cuda" if self.device.type == "cuda" else "cpu"
        activities = [torch.profiler.ProfilerActivity.CPU]
        activities += [torch.profiler.ProfilerActivity.CUDA] if kind == "cuda" else []
        with torch.profiler.profile(activities=activities) as profile:
            self.run(self.resident(), 10)
        print(profile.key_averages().table(sort_by=f"self_{kind}_time_total", row_limit=18, max_name_column_width=60))

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


if __name__ == "__main__":
    main()
