"""Symmetries of the sky: each stamp of each epoch is seen in one of the square's eight orientations, drawn by identity.

Shapes: images (sample, band, y, x) on any device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch


def orientations(task_ids: Sequence[str], seed: int, epoch: int) -> torch.Tensor:
    """One of 0..7 a stamp: a function of (seed, epoch, task_id), whatever batch, worker or rank the stamp is in."""
    prefix = f"orientation:{seed}:{epoch}:".encode()
    return torch.tensor([hashlib.blake2b(prefix + name.encode(), digest_size=1).digest()[0] % 8 for name in task_ids])


def turn(images: torch.Tensor, orientation: torch.Tensor) -> torch.Tensor:
    """Each image turned by ``orientation % 4`` right angles, and mirrored where ``orientation`` is 4 or more."""
    turned = images.clone()
    for number in range(1, 8):
        chosen = torch.nonzero(orientation == number).flatten().to(images.device)
        if len(chosen):
            rotated = torch.rot90(images[chosen], number % 4, (2, 3))
            turned[chosen] = rotated.flip(3) if number >= 4 else rotated
    return turned
