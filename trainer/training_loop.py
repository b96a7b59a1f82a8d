"""The run from top to bottom in the order things happen: epochs, steps, validation, the two checkpoints, the log.

Nothing in it is a running state that is not in the last checkpoint: the learning rate is a function of the step, the order
of the stamps and their orientations of the epoch, and torch's generator is set anew at each epoch. So a run that was cut off
goes on from its last finished epoch and ends with the same weights as one that was not.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from schemas.job_entry import InputError
from trainer.augmentation import orientations, turn
from trainer.checkpoint import BEST_NAME, LAST_NAME, Checkpoint, Progress, save_checkpoint
from trainer.device_feed import FeedClock, batches_on_device
from trainer.lens_network import LensNetwork
from trainer.losses import losses_from_logits
from trainer.metrics import area_under_roc
from trainer.optimisation import learning_rate, make_average, make_optimiser
from trainer.prediction import predict
from trainer.ranks import Ranks
from trainer.stamp_loading import SplitBatches, TrainingBatches
from trainer.stamp_reader import StampBatch
from trainer.step_watch import Step, StepWatch
from trainer.train_settings import TrainSettings

LOG_NAME = "log.jsonl"
ALONE = Ranks()


@dataclass(frozen=True)
class Shared:
    """The ranks that train together, the network as they share it (its forward pass), and the average of its weights."""

    ranks: Ranks
    forward: Callable[..., torch.Tensor]
    average: AveragedModel | None = None


@dataclass
class EpochSums:
    """What an epoch adds up to: weighted loss, weight, stamps that could not be read, seconds, and seconds of waiting."""

    loss: float = 0.0
    weight: float = 0.0
    corrupt: int = 0
    seconds: float = 0.0
    waited: float = 0.0


def fit(
    start: Checkpoint,
    training: TrainingBatches,
    validation: SplitBatches,
    device: torch.device,
    out: Path,
    ranks: Ranks = ALONE,
) -> Progress:
    """Train from where ``start`` stands to the last epoch; ``best.pt``, ``last.pt`` and ``log.jsonl`` are in ``out``.

    Of several ranks, each with its share of the batches, the first writes; all end with the same weights.

    ``log.jsonl`` has one line an epoch: epoch (from 1), train_loss, val_loss, val_auc (null where a class is absent),
    learning_rate at its end, images_per_s, seconds, waiting_share (of the seconds, for stamps), corrupt, best (whether it is
    the best so far).
    """
    settings, network, progress = start.settings, start.network, start.progress
    ready_for(device, network, settings)
    average = make_average(network, settings.optimisation)
    if average is not None and start.average is not None:
        average.load_state_dict(start.average)
    # What is validated, kept as best and scored with.
    shown = start if average is None else replace(start, network=cast(LensNetwork, average.module))
    optimiser = make_optimiser(network, settings.optimisation)
    if start.optimiser is not None:
        optimiser.load_state_dict(start.optimiser)
    if ranks.first:
        _cut_log(out / LOG_NAME, progress.epochs_done)
    shared = Shared(ranks, ranks.share(network, device), average)
    for epoch in range(progress.epochs_done, settings.optimisation.epochs):
        torch.manual_seed(_epoch_seed(settings.seed, epoch) + ranks.rank)
        sums = train_epoch(replace(start, progress=progress), optimiser, training, device, epoch, shared)
        metrics = validate(shown, validation, device, ranks)
        metrics = {"train_loss": sums.loss / sums.weight, **metrics}
        progress, best = _judge(progress, epoch, metrics, settings.optimisation.best_by)
        if ranks.first and best:
            save_checkpoint(out / BEST_NAME, replace(shown, progress=progress, optimiser=None, average=None))
        if ranks.first:
            averaged = None if average is None else average.state_dict()
            last = replace(start, progress=progress, optimiser=optimiser.state_dict(), average=averaged)
            save_checkpoint(out / LAST_NAME, last)
            _log(out / LOG_NAME, _line(progress, metrics, sums, best, optimiser.param_groups[0]["lr"]))
    return progress


def ready_for(device: torch.device, network: LensNetwork, settings: TrainSettings) -> None:
    """Lay the weights out as the device's kernels like them, and compile the network where the settings ask for it."""
    if device.type == "cuda":
        network.to(memory_format=torch.channels_last)
        torch.backends.cudnn.benchmark = True  # every batch has the same shape
    if settings.optimisation.compile:
        network.compile()


def train_epoch(
    checkpoint: Checkpoint,
    optimiser: torch.optim.Optimizer,
    training: TrainingBatches,
    device: torch.device,
    epoch: int,
    shared: Shared,
) -> EpochSums:
    """One pass over the training stamps; raises NonFiniteError before a step that would spoil the weights."""
    ranks = shared.ranks
    settings, batches = checkpoint.settings.optimisation, training.plan.batches
    checkpoint.network.train()
    sums, started, clock = EpochSums(), time.perf_counter(), FeedClock()
    watch = StepWatch(optimiser, device)
    with tqdm(
        desc=f"epoch {epoch + 1}/{settings.epochs}",
        total=training.plan.samples,
        unit="img",
        disable=None if ranks.first else True,
    ) as bar:
        for number, batch in enumerate(batches_on_device(training.passing(epoch), device, clock)):
            rate = learning_rate(epoch * batches + number, batches, settings)
            for group in optimiser.param_groups:
                group["lr"] = rate
            sums.corrupt += len(batch.corrupt)
            counted = int(ranks.total(batch.counted))
            if counted:
                _add(sums, watch.take(_step(checkpoint, optimiser, batch, device, epoch, shared, counted)))
                if shared.average is not None:
                    shared.average.update_parameters(checkpoint.network)
            bar.update(counted)
            waiting = clock.waited / (time.perf_counter() - started)
            bar.set_postfix(loss=f"{sums.loss / max(sums.weight, 1):.4f}", waiting=f"{waiting:.0%}", refresh=False)
        _add(sums, watch.finish())
    sums.loss, sums.corrupt = ranks.total(sums.loss) / ranks.size, int(ranks.total(sums.corrupt))
    if not sums.weight:
        raise InputError(f"epoch {epoch + 1}: none of {training.plan.samples} training stamps could be decoded")
    sums.seconds, sums.waited = time.perf_counter() - started, clock.waited
    return sums


def _add(sums: EpochSums, steps: Iterable[tuple[float, int]]) -> None:
    for loss, counted in steps:
        sums.loss, sums.weight = sums.loss + loss * counted, sums.weight + counted


def validate(
    checkpoint: Checkpoint, validation: SplitBatches, device: torch.device, ranks: Ranks = ALONE
) -> dict[str, float | None]:
    """Loss and AUC over the whole validation split, whatever each rank has of it; None for an AUC of one class."""
    mine = [
        (part.logits, part.identity["label"].to_numpy())
        for part in predict(checkpoint.network, checkpoint.preprocessing, validation, device, "validation")
    ]
    scored = [part for parts in ranks.gather(mine) for part in parts]
    logits = np.concatenate([part[0] for part in scored]).astype(np.float64)
    labels = np.concatenate([part[1] for part in scored]).astype(np.int64)
    used = np.isfinite(logits)
    logits, labels = logits[used], labels[used]
    if not len(logits):
        raise InputError("validation: no stamp gave a finite logit")
    auc = area_under_roc(logits, labels)
    loss = float(np.mean(np.logaddexp(0, logits) - labels * logits))
    return {"val_loss": loss, "val_auc": None if math.isnan(auc) else auc}


def _step(
    checkpoint: Checkpoint,
    optimiser: torch.optim.Optimizer,
    batch: StampBatch,
    device: torch.device,
    epoch: int,
    shared: Shared,
    counted: int,
) -> Step:
    """Gradients of the mean loss of the ``counted`` stamps of all ranks, clipped, ready for the optimiser.

    Gradients are averaged over the ranks, so each rank's loss is its share of the sum times their number.
    """
    losses = losses_of(checkpoint, batch, device, epoch, shared.forward)
    loss = (losses * batch.weights.to(device)).sum() / (counted / shared.ranks.size)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    clip = checkpoint.settings.optimisation.gradient_clip
    norm = torch.nn.utils.clip_grad_norm_(checkpoint.network.parameters(), clip)
    return Step(epoch, batch.task_ids, counted, losses.detach(), loss.detach(), norm)


def losses_of(
    checkpoint: Checkpoint, batch: StampBatch, device: torch.device, epoch: int, forward: Callable[..., torch.Tensor]
) -> torch.Tensor:
    """Loss of each stamp, float32 from float32 logits whatever the network's precision."""
    settings = checkpoint.settings
    images, metadata = checkpoint.preprocessing.prepare(batch.images, batch.metadata, device)
    if settings.flips_and_rotations:
        images = turn(images, orientations(batch.task_ids, settings.seed, epoch))
    if device.type == "cuda":
        images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.optimisation.precision == "bfloat16"):
        logits = forward(images, metadata)
    return losses_from_logits(logits, batch.labels.to(device), settings.loss)


def _judge(progress: Progress, epoch: int, metrics: dict[str, float | None], best_by: str) -> tuple[Progress, bool]:
    value = metrics[best_by]
    if value is None:
        raise InputError(f"{best_by} is undefined: the validation split has one class only; set optimisation.best_by: val_loss")
    better = progress.best_value is None or (
        value > progress.best_value if best_by == "val_auc" else value < progress.best_value
    )
    best = (epoch + 1, value) if better else (progress.best_epoch, progress.best_value)
    return Progress(epoch + 1, *best, metrics=metrics), better


def _line(progress: Progress, metrics: dict[str, float | None], sums: EpochSums, best: bool, rate: float) -> dict[str, Any]:
    speed = {"images_per_s": round(sums.weight / sums.seconds, 1), "seconds": round(sums.seconds, 2)}
    speed["waiting_share"] = round(sums.waited / sums.seconds, 3)
    return {"epoch": progress.epochs_done, **metrics, "learning_rate": rate, **speed, "corrupt": sums.corrupt, "best": best}


def _log(path: Path, line: dict[str, Any]) -> None:
    with open(path, "a") as stream:
        stream.write(json.dumps(line) + "\n")


def _cut_log(path: Path, epochs: int) -> None:
    """Drop lines of epochs that the last checkpoint does not hold, so that a resumed log counts each epoch once."""
    if path.exists():
        kept = [line for line in path.read_text().splitlines() if line and json.loads(line)["epoch"] <= epochs]
        unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        unfinished.write_text("".join(f"{line}\n" for line in kept))
        os.replace(unfinished, path)


def _epoch_seed(seed: int, epoch: int) -> int:
    return (seed * 1_000_003 + epoch) % 2**63
