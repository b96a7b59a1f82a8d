"""Steps that are not finite: never taken, and named, without a GPU's having to wait for the answer after every step.

On a CPU the answer is there at once. On a GPU it stays in a flag on the device: from the first bad step on, the fused optimiser
leaves the weights as they are (what torch calls ``found_inf``), and the training thread hears of it some steps later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from schemas.job_entry import InputError

_STEPS_BEHIND = 8


class NonFiniteError(InputError):
    """The loss or a gradient is not a finite number; the text names the stamps of the step, which was not taken."""


@dataclass(frozen=True)
class Step:
    """A step that stands before the optimiser: epoch from 0, stamps, loss of each, their mean, norm of its gradient."""

    epoch: int
    task_ids: list[str]
    counted: int
    losses: torch.Tensor
    loss: torch.Tensor
    norm: torch.Tensor


class StepWatch:
    """Takes the steps of an epoch; ``take`` and ``finish`` answer with the mean loss and number of stamps of those known.

    Raises NonFiniteError: the step that it names, and all that were begun after it, changed no weight.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, device: torch.device) -> None:
        self._optimiser, self._device = optimiser, device
        self._behind = _STEPS_BEHIND if device.type == "cuda" else 0
        self._bad = torch.zeros((), device=device)
        self._begun: deque[tuple[Step, torch.Tensor, torch.cuda.Event | None]] = deque()

    def take(self, step: Step) -> Iterator[tuple[float, int]]:
        """Let the optimiser take the step, if it and all before it are finite."""
        loss = step.loss.detach()
        self._bad = torch.maximum(self._bad, (~(torch.isfinite(loss) & torch.isfinite(step.norm))).float())
        answer = torch.stack([self._bad, loss.float()])
        if not self._behind:
            self._begun.append((step, answer, None))
            yield from self._heard(0)
            self._optimiser.step()
            return
        answer = answer.to("cpu", non_blocking=True)
        known = torch.cuda.Event()  # type: ignore[no-untyped-call]
        known.record(torch.cuda.current_stream(self._device))  # which need not be that of the current GPU
        self._optimiser.found_inf = self._bad  # type: ignore[attr-defined]
        self._optimiser.step()
        self._begun.append((step, answer, known))
        yield from self._heard(self._behind)

    def finish(self) -> Iterator[tuple[float, int]]:
        """Hear of the steps that are still out."""
        yield from self._heard(0)

    def _heard(self, left: int) -> Iterator[tuple[float, int]]:
        while len(self._begun) > left:
            step, answer, known = self._begun.popleft()
            if known is not None:
                known.synchronize()
            bad, loss = answer.tolist()
            if bad:
                raise NonFiniteError(_which_are_not_finite(step, loss))
            yield loss, step.counted


def _which_are_not_finite(step: Step, loss: float) -> str:
    bad = [name for name, value in zip(step.task_ids, step.losses.detach().tolist(), strict=True) if not _finite(value)]
    what, names = ("loss", bad) if bad else ("gradient", step.task_ids)
    return (
        f"epoch {step.epoch + 1}: the {what} is not finite (loss {loss:g}) for {len(names)} of "
        f"{len(step.task_ids)} stamps, task_id {', '.join(names[:8])}; the step was not taken. "
        "Look at these stamps, or lower the learning rate"
    )


def _finite(value: float) -> bool:
    return abs(value) < float("inf")
