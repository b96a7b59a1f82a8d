"""The run from top to bottom in the order things happen: epochs, validation, the two checkpoints, the log.

Nothing in it is a running state that is not in the last checkpoint. So a run that was cut off goes on from its last saved
step and ends with the same weights, bit for bit on a CPU, as one that was not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import torch

from schemas.locations import Location
from trainer.checkpoint import BEST_NAME, LAST_NAME, Checkpoint, Position, Progress, save_checkpoint
from trainer.epoch_pass import ALONE, EpochSums, Learner, gpu_memory_gib, train_epoch
from trainer.lens_network import LensNetwork
from trainer.optimisation import make_average, make_optimiser
from trainer.pauses import Pauses
from trainer.ranks import Ranks
from trainer.stamp_loading import SplitBatches, TrainingBatches
from trainer.train_settings import TrainSettings
from trainer.training_log import TrainingLog
from trainer.validation import judge, validate


@dataclass(frozen=True)
class Outcome:
    """Where a run stands, and whether it was told to stop before it was done."""

    progress: Progress
    stopped: bool


def fit(
    start: Checkpoint,
    training: TrainingBatches,
    validation: SplitBatches,
    device: torch.device,
    out: Location,
    *,
    ranks: Ranks = ALONE,
    tensorboard: bool = False,
) -> Outcome:
    """Train from where ``start`` stands to the last epoch; ``best.pt``, ``last.pt`` and ``log.jsonl`` are in ``out``.

    Of several ranks, each with its share of the batches, the first writes; all end with the same weights. It ends sooner where
    nothing was better for ``optimisation.patience`` epochs, and after the step in which it is told to stop.

    ``log.jsonl`` has one line an epoch: epoch (from 1), train_loss, val_loss, val_auc, val_tpr_at_fpr_0.01 and _0.001 (null
    where a class is absent), learning_rate at its end, images_per_s, seconds, waiting_share (of the seconds, for stamps),
    gpu_memory_gib (null on a CPU), corrupt, best (whether it is the best so far).
    """
    learner = learner_of(start, device, ranks)
    log = TrainingLog(out, start.progress.epochs_done, tensorboard=tensorboard) if ranks.first else None
    pauses = Pauses(start.settings.optimisation.save_minutes, first=ranks.first)
    progress = start.progress
    with pauses.listening():
        while not done(progress, start.settings):
            here = replace(learner, checkpoint=replace(learner.checkpoint, progress=progress))
            passed = train_epoch(here, training, progress.epochs_done, pauses, partial(save_last, here, out))
            if passed.stopped:
                return Outcome(progress, stopped=True)
            # What is validated, kept as best and scored with.
            network = learner.checkpoint.network if learner.average is None else cast(LensNetwork, learner.average.module)
            shown = replace(learner.checkpoint, network=network, optimiser=None, average=None, position=None)
            sums = passed.sums
            metrics = {"train_loss": sums.loss / sums.weight, **validate(shown, validation, device, ranks)}
            progress, best = judge(progress, progress.epochs_done, metrics, start.settings.optimisation.best_by)
            learner = replace(learner, checkpoint=replace(learner.checkpoint, progress=progress, position=None))
            if ranks.first and best:
                save_checkpoint(out / BEST_NAME, replace(shown, progress=progress))
            if log is not None:
                log.add(_line(progress, metrics, sums, best, learner))
            save_last(learner, out)  # last of all: who goes on from it finds the epoch told
            pauses.saved()
    if log is not None:
        log.close()
    return Outcome(progress, stopped=False)


def learner_of(start: Checkpoint, device: torch.device, ranks: Ranks = ALONE) -> Learner:
    """What ``start`` holds made ready to learn: weights laid out, compiled, shared; optimiser and average where they stood."""
    settings, network = start.settings, start.network
    ready_for(device, network, settings)
    average = make_average(network, settings.optimisation)
    if average is not None and start.average is not None:
        average.load_state_dict(start.average)
    optimiser = make_optimiser(network, settings.optimisation)
    if start.optimiser is not None:
        optimiser.load_state_dict(start.optimiser)
    return Learner(start, optimiser, device, ranks.share(network, device), ranks, average)


def ready_for(device: torch.device, network: LensNetwork, settings: TrainSettings) -> None:
    """Compile the network where the settings ask for it, and let a GPU look for its fastest kernels."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # every batch has the same shape
    if settings.optimisation.compile:
        network.compile()


def done(progress: Progress, settings: TrainSettings) -> bool:
    """Whether there is no further epoch: all are done, or none was better for too long."""
    patience = settings.optimisation.patience
    waited = progress.epochs_done - (progress.best_epoch or 0)
    return progress.epochs_done >= settings.optimisation.epochs or (patience is not None and waited >= patience)


def save_last(learner: Learner, out: Location, position: Position | None = None) -> None:
    """Write ``last.pt``, from which a run goes on; the first rank's work."""
    if learner.ranks.first:
        averaged = None if learner.average is None else learner.average.state_dict()
        state = replace(learner.checkpoint, optimiser=learner.optimiser.state_dict(), average=averaged, position=position)
        save_checkpoint(out / LAST_NAME, state)


def _line(
    progress: Progress, metrics: dict[str, float | None], sums: EpochSums, best: bool, learner: Learner
) -> dict[str, Any]:
    memory = gpu_memory_gib(learner.device)
    speed = {
        "learning_rate": learner.optimiser.param_groups[0]["lr"],
        "images_per_s": round(sums.weight / sums.seconds, 1),
        "seconds": round(sums.seconds, 2),
        "waiting_share": round(sums.waited / sums.seconds, 3),
        "gpu_memory_gib": None if memory is None else round(memory, 2),
    }
    return {"epoch": progress.epochs_done, **metrics, **speed, "corrupt": sums.corrupt, "best": best}
