"""One pass over the training stamps, step by step: what is learned from a batch, and where the pass may be left and taken up.

The learning rate is a function of the step, order and variations of the stamps of the epoch; beside the weights and the
optimiser's moments only torch's generators have a state, which a saved position holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from schemas.job_entry import InputError
from trainer.augmentation import vary_input, vary_stamps
from trainer.checkpoint import Checkpoint, Position
from trainer.device_feed import FeedClock, batches_on_device
from trainer.keyed_chance import KeyedChance, stamp_keys
from trainer.losses import losses_from_logits
from trainer.optimisation import learning_rate
from trainer.pauses import Pauses
from trainer.ranks import Ranks
from trainer.stamp_loading import TrainingBatches
from trainer.stamp_reader import StampBatch
from trainer.step_watch import Step, StepWatch

ALONE = Ranks()


@dataclass(frozen=True)
class Learner:
    """The network with its settings, what moves its weights, the device; the ranks that train it together, and its average.

    ``forward`` is the network's forward pass as the ranks share it.
    """

    checkpoint: Checkpoint
    optimiser: torch.optim.Optimizer
    device: torch.device
    forward: Callable[..., torch.Tensor]
    ranks: Ranks = ALONE
    average: AveragedModel | None = None


@dataclass
class EpochSums:
    """What an epoch adds up to: weighted loss, weight, stamps that could not be read, seconds, and seconds of waiting."""

    loss: float = 0.0
    weight: float = 0.0
    corrupt: int = 0
    seconds: float = 0.0
    waited: float = 0.0


@dataclass(frozen=True)
class Passed:
    """How a pass ended: what it added up to, and whether it was left before its end because the run was told to stop."""

    sums: EpochSums
    stopped: bool


def train_epoch(
    learner: Learner, training: TrainingBatches, epoch: int, pauses: Pauses, save: Callable[[Position], None]
) -> Passed:
    """Go through an epoch (from 0), from the position that the checkpoint holds where it holds one.

    ``save`` is called on every rank whenever ``pauses`` asks for it. Raises NonFiniteError before a step that would spoil the
    weights.
    """
    start, ranks, device = learner.checkpoint.position, learner.ranks, learner.device
    settings, batches = learner.checkpoint.settings, training.plan.batches
    set_chance(learner, epoch, start)
    learner.checkpoint.network.train()
    sums, first = _sums_at(start, ranks)
    began, clock = time.perf_counter() - sums.seconds, FeedClock(sums.waited)
    watch = StepWatch(learner.optimiser, device)
    stop = False
    with _bar(learner, epoch, training.plan.samples, int(sums.weight)) as bar:
        for number, batch in enumerate(batches_on_device(training.passing(epoch, first), device, clock), first):
            rate = learning_rate(epoch * batches + number, batches, settings.optimisation)
            for group in learner.optimiser.param_groups:
                group["lr"] = rate
            sums.corrupt += len(batch.corrupt)
            counted, wishes = ranks.totals(batch.counted, pauses.wish())
            if counted:
                _add(sums, watch.take(prepared_step(learner, batch, epoch, int(counted))))
                if learner.average is not None:
                    learner.average.update_parameters(learner.checkpoint.network)
            sums.seconds, sums.waited = time.perf_counter() - began, clock.waited
            bar.update(counted)
            bar.set_postfix(_shown(sums, device), refresh=False)
            due, stop = pauses.meaning(wishes)
            if due:
                _add(sums, watch.finish())
                save(_position(number + 1, sums, learner))
                pauses.saved()
            if stop:
                return Passed(sums, stopped=True)
        _add(sums, watch.finish())
    sums.loss, sums.corrupt = ranks.total(sums.loss) / ranks.size, int(ranks.total(sums.corrupt))
    if not sums.weight:
        raise InputError(f"epoch {epoch + 1}: none of {training.plan.samples} training stamps could be decoded")
    return Passed(sums, stopped=False)


def prepared_step(learner: Learner, batch: StampBatch, epoch: int, counted: int) -> Step:
    """Gradients of the mean loss of the ``counted`` stamps of all ranks, clipped, ready for the optimiser.

    Gradients are averaged over the ranks, so each rank's loss is its share of the sum times their number.
    """
    losses = losses_of(learner, batch, epoch)
    loss = (losses * batch.weights.to(learner.device)).sum() / (counted / learner.ranks.size)
    learner.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    network, clip = learner.checkpoint.network, learner.checkpoint.settings.optimisation.gradient_clip
    norm = torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    return Step(epoch, batch.task_ids, counted, losses.detach(), loss.detach(), norm)


def losses_of(learner: Learner, batch: StampBatch, epoch: int) -> torch.Tensor:
    """Loss of each stamp, float32 from float32 logits whatever the network's precision."""
    settings, device = learner.checkpoint.settings, learner.device
    varied, preparation = settings.augmentation, learner.checkpoint.preprocessing
    images, metadata = batch.images.to(device), batch.metadata.to(device)
    chance = KeyedChance(stamp_keys(batch.task_ids, settings.seed, epoch).to(device, non_blocking=True))
    if varied.changes_stamps:
        images, metadata = vary_stamps(images, metadata, preparation.metadata.columns, varied, chance)
    images, metadata = preparation.prepare(images, metadata, device)
    if varied.changes_input:
        images = vary_input(images, varied, chance)
    with torch.autocast(device.type, torch.bfloat16, enabled=settings.optimisation.precision == "bfloat16"):
        logits = learner.forward(images, metadata)
    return losses_from_logits(logits, batch.labels.to(device), settings.loss)


def set_chance(learner: Learner, epoch: int, start: Position | None) -> None:
    """Set torch's generators to where they stood, or to where this epoch begins.

    Where another number of ranks goes on, each begins with a seed of its own.
    """
    rank, size = learner.ranks.rank, learner.ranks.size
    if start is None or len(start.chance) != size:
        torch.manual_seed(((learner.checkpoint.settings.seed * 1_000_003 + epoch) % 2**63) + rank)
        return
    on_cpu, on_gpu = start.chance[rank]
    torch.set_rng_state(on_cpu)
    if on_gpu is not None and learner.device.type == "cuda":
        torch.cuda.set_rng_state(on_gpu, learner.device)


def _position(batches_done: int, sums: EpochSums, learner: Learner) -> Position:
    gpu = torch.cuda.get_rng_state(learner.device) if learner.device.type == "cuda" else None
    chance = tuple(learner.ranks.gather((torch.get_rng_state(), gpu)))
    loss, corrupt = learner.ranks.totals(sums.loss, sums.corrupt)
    loss /= learner.ranks.size
    return Position(batches_done, loss, sums.weight, int(corrupt), sums.seconds, sums.waited, chance)


def _sums_at(start: Position | None, ranks: Ranks) -> tuple[EpochSums, int]:
    if start is None:
        return EpochSums(), 0
    corrupt = start.corrupt if ranks.first else 0
    return EpochSums(start.loss, start.weight, corrupt, start.seconds, start.waited), start.batches_done


def _bar(learner: Learner, epoch: int, samples: int, done: int) -> Any:
    epochs = learner.checkpoint.settings.optimisation.epochs
    hidden = None if learner.ranks.first else True
    return tqdm(desc=f"epoch {epoch + 1}/{epochs}", total=samples, initial=done, unit="img", disable=hidden)


def _shown(sums: EpochSums, device: torch.device) -> dict[str, str]:
    shown = {"loss": f"{sums.loss / max(sums.weight, 1):.4f}", "waiting": f"{sums.waited / sums.seconds:.0%}"}
    memory = gpu_memory_gib(device)
    return shown if memory is None else shown | {"GPU": f"{memory:.1f} GiB"}


def gpu_memory_gib(device: torch.device) -> float | None:
    """The most memory that tensors have taken on the GPU so far; None on a CPU."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None


def _add(sums: EpochSums, steps: Iterable[tuple[float, int]]) -> None:
    for loss, counted in steps:
        sums.loss, sums.weight = sums.loss + loss * counted, sums.weight + counted
