"""Which processor to compute on, from what a person asked for and what is there."""

from __future__ import annotations

import os

import torch

from schemas.job_entry import InputError


def choose_device(asked: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda`` or ``cuda:N``; raises InputError where it is not there.

    ``cuda`` is the first GPU, or the one that torchrun gave this process; ``auto`` is that one if it is there, else the CPU.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mine = int(os.environ.get("LOCAL_RANK", "0")) % max(gpus, 1)
    if asked == "auto":
        return torch.device("cuda", mine) if gpus else torch.device("cpu")
    kind, _, number = asked.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdigit()) or (kind == "cpu" and number):
        raise InputError(f"device {asked!r} was asked for; wanted auto, cpu, cuda or cuda:N")
    if kind == "cuda" and int(number or 0) >= gpus:
        raise InputError(
            f"device {asked!r} was asked for; this machine has {gpus} usable GPUs. Wanted auto or cpu, or a GPU that is there"
        )
    return torch.device(kind, int(number) if number else mine) if kind == "cuda" else torch.device("cpu")
