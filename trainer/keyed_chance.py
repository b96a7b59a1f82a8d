"""Chance as a function of identity, drawn on the device that computes: what a stamp gets hangs on (seed, epoch, task_id) alone.

A stamp's key is a hash of these; its numbers are SplitMix64 (Steele, Lea & Flood 2014) of the key, the purpose and a counter.
So they are the same in any batch, on any rank, and in a run that was cut off and goes on.

Shapes: keys (sample,) int64; draws (sample, ...) float32.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

_GOLDEN = 0x9E3779B97F4A7C15 - 2**64  # as signed numbers: torch's 64-bit integers wrap around like unsigned ones
_FIRST = 0xBF58476D1CE4E5B9 - 2**64
_SECOND = 0x94D049BB133111EB - 2**64
_STEP = 2.0**-24
"""Draws have 24 bits: what a float32 between 0 and 1 can tell apart."""


def stamp_keys(task_ids: Sequence[str], seed: int, epoch: int) -> torch.Tensor:
    """The key of each stamp in an epoch, on the CPU."""
    prefix = f"augmentation:{seed}:{epoch}:".encode()
    digests = b"".join(hashlib.blake2b(prefix + name.encode(), digest_size=8).digest() for name in task_ids)
    return torch.from_numpy(np.frombuffer(digests, "<i8").copy())


@dataclass(frozen=True)
class KeyedChance:
    """Draws for stamps with these keys; each purpose has a stream of its own."""

    keys: torch.Tensor

    def uniform(self, purpose: str, *shape: int) -> torch.Tensor:
        """Numbers above 0 and below 1, (sample, *shape)."""
        return _fraction(self._bits(purpose, math.prod(shape)), 40).view(-1, *shape)

    def normal(self, purpose: str, *shape: int) -> torch.Tensor:
        """Standard normal numbers, (sample, *shape), by Box and Muller's transform."""
        count = math.prod(shape)
        bits = self._bits(purpose, (count + 1) // 2)
        radius = torch.sqrt(-2 * torch.log(_fraction(bits, 40)))
        angle = 2 * math.pi * _fraction(bits, 8)
        return torch.cat([radius * torch.cos(angle), radius * torch.sin(angle)], dim=1)[:, :count].reshape(-1, *shape)

    def _bits(self, purpose: str, count: int) -> torch.Tensor:
        """(sample, count) numbers of 64 bits."""
        start = _mixed(self.keys ^ _stream(purpose))
        counter = torch.arange(1, count + 1, device=self.keys.device) * _GOLDEN
        return _mixed(start[:, None] + counter)


def _fraction(bits: torch.Tensor, shift: int) -> torch.Tensor:
    """24 of the bits as a number between 0 and 1, neither of them."""
    return ((_right(bits, shift) & (2**24 - 1)).float() + 0.5) * _STEP


def _mixed(value: torch.Tensor) -> torch.Tensor:
    value = (value ^ _right(value, 30)) * _FIRST
    value = (value ^ _right(value, 27)) * _SECOND
    return value ^ _right(value, 31)


def _right(value: torch.Tensor, shift: int) -> torch.Tensor:
    """Shift to the right with zeros from the left, as for an unsigned number."""
    return torch.bitwise_and(value >> shift, 2 ** (64 - shift) - 1)


@lru_cache(maxsize=64)
def _stream(purpose: str) -> int:
    return int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little", signed=True)
