"""The optimiser and its learning rate, both without state of their own beyond AdamW's moments."""

from __future__ import annotations

import math

import torch
from torch import nn

from trainer.train_settings import OptimisationSettings


def make_optimiser(network: nn.Module, settings: OptimisationSettings) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019, arXiv 1711.05101); vectors (biases, norms) and layer scales do not decay."""
    decayed = [p for name, p in network.named_parameters() if p.ndim > 1 and "layer_scale" not in name]
    others = [p for name, p in network.named_parameters() if p.ndim <= 1 or "layer_scale" in name]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    # One kernel for all weights, and one that can be told on the device to leave them alone (step_watch).
    fused = all(parameter.is_cuda for parameter in network.parameters())
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=fused or None)


def learning_rate(step: int, steps_per_epoch: int, settings: OptimisationSettings) -> float:
    """The rate of a step (from 0): linear warm-up, then half a cosine that ends at zero after the last step."""
    total = settings.epochs * steps_per_epoch
    warmup = min(round(settings.warmup_epochs * steps_per_epoch), total - 1)
    if step < warmup:
        return settings.learning_rate * (step + 1) / warmup
    return settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
