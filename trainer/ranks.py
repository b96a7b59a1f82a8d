"""This process among those that ``torchrun`` started: alone, or one of several that share each batch and average gradients.

Numbers and small objects travel between the ranks' CPUs (gloo) whatever computes, so that no GPU is made to wait for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from schemas.job_entry import InputError

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Ranks:
    """Number of this process and of all of them."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes what all of them have made."""
        return self.rank == 0

    def total(self, number: float) -> float:
        """Sum of a number over all ranks."""
        return self.totals(number)[0]

    def totals(self, *numbers: float) -> tuple[float, ...]:
        """The sum of each number over all ranks, in one message."""
        if self.size == 1:
            return numbers
        summed = torch.tensor(numbers, dtype=torch.float64)
        distributed.all_reduce(summed)
        return tuple(summed.tolist())

    def gather(self, part: Answer) -> list[Answer]:
        """What each rank has, in the order of the ranks, on all of them."""
        if self.size == 1:
            return [part]
        parts: list[Any] = [None] * self.size
        distributed.all_gather_object(parts, part)
        return parts

    def once(self, action: Callable[[], Answer]) -> Answer:
        """What the first rank's action answers, on all ranks; what it raises is raised on all of them."""
        outcome: list[Any] = [None, None]
        if self.first:
            try:
                outcome[0] = action()
            except Exception as error:
                if self.size == 1:
                    raise
                outcome[1] = error
        outcome = self.gather(outcome)[0]
        if outcome[1] is not None:
            raise outcome[1]
        answer: Answer = outcome[0]
        return answer

    def share(self, network: nn.Module, device: torch.device) -> Callable[..., torch.Tensor]:
        """The network's forward pass, with gradients averaged over the ranks in the backward one."""
        if self.size == 1:
            return network
        return DistributedDataParallel(network, device_ids=[device] if device.type == "cuda" else None)


@contextmanager
def joined_ranks(device: torch.device) -> Iterator[Ranks]:
    """The ranks of this run, connected for as long as the context lasts; one alone where nobody started several.

    Raises InputError where several are spoken of and the rest of what ``torchrun`` sets is not there.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else page-locking and NCCL would take the first GPU, in every process
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Ranks()
        return
    absent = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if absent:
        raise InputError(f"WORLD_SIZE is {size} and {', '.join(absent)} are not set; wanted a start by torchrun, or none")
    distributed.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
