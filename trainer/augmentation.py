"""Symmetries of the sky: each stamp of each epoch is seen in one of the square's eight orientations, drawn by identity.

Shapes: images (sample, band, y, x) on any device.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import torch


def orientations(task_ids: Sequence[str], seed: int, epoch: int) -> torch.Tensor:
    """One of 0..7 a stamp: a function of (seed, epoch, task_id), whatever batch, worker or rank the stamp is in."""
    prefix = f"orientation:{seed}:{epoch}:".encode()
    return torch.tensor([hashlib.blake2b(prefix + name.encode(), digest_size=1).digest()[0] % 8 for name in task_ids])


def turn(images: torch.Tensor, orientation: torch.Tensor) -> torch.Tensor:
    """Each image turned by ``orientation % 4`` right angles, and mirrored where ``orientation`` is 4 or more."""
    places = _places(images.shape[-1], images.device)[orientation.to(images.device, non_blocking=True)]
    return images.flatten(2).gather(2, places[:, None].expand(-1, images.shape[1], -1)).view_as(images)


@lru_cache(maxsize=8)
def _places(size: int, device: torch.device) -> torch.Tensor:
    """Which pixel each pixel of a turned image is, (8, size * size)."""
    square = torch.arange(size * size).view(size, size)
    turned = [torch.rot90(square, number % 4) for number in range(8)]
    return torch.stack([(one.flip(1) if number >= 4 else one).flatten() for number, one in enumerate(turned)]).to(device)
