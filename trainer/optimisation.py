"""The optimiser, its learning rate, the average of the weights; no state beyond AdamW's moments and that average."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from trainer.train_settings import OptimisationSettings


def make_optimiser(network: nn.Module, settings: OptimisationSettings) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); vectors (biases, norms) and layer scales do not decay."""
    decayed = [p for name, p in network.named_parameters() if p.ndim > 1 and "layer_scale" not in name]
    others = [p for name, p in network.named_parameters() if p.ndim <= 1 or "layer_scale" in name]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    # One kernel for all weights, and one that a GPU can be told to leave them alone by (step_watch).
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=True)


def make_average(network: nn.Module, settings: OptimisationSettings) -> AveragedModel | None:
    """The exponential moving average of the weights that the settings ask for, from the first step's on.

    What BatchNorm keeps is taken over from the network as it is.
    """
    if not settings.ema_decay:
        return None
    follow = get_ema_multi_avg_fn(settings.ema_decay)  # type: ignore[no-untyped-call]
    return AveragedModel(network, multi_avg_fn=follow)


def learning_rate(step: int, steps_per_epoch: int, settings: OptimisationSettings) -> float:
    """The rate of a step (from 0): linear warm-up, then half a cosine that ends at zero after the last step."""
    total = settings.epochs * steps_per_epoch
    warmup = min(round(settings.warmup_epochs * steps_per_epoch), total - 1)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
