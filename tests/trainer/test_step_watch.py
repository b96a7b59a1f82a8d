"""Steps that are not finite change no weight, whether the answer comes at once or some steps later."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from trainer.step_watch import NonFiniteError, Step, StepWatch

CPU = torch.device("cpu")


class Event:
    """Stands in for a CUDA event."""

    def record(self, stream: str) -> None:
        """Only on the stream of the device that computes: another GPU's says nothing of this one's work."""
        assert stream == f"stream of {CPU}"

    def synchronize(self) -> None:
        """Nothing to wait for."""


def one_weight(fused: bool) -> tuple[torch.nn.Parameter, torch.optim.AdamW]:
    weight = torch.nn.Parameter(torch.ones(3))
    return weight, torch.optim.AdamW([weight], lr=0.1, fused=fused or None)


def step(weight: torch.nn.Parameter, number: int, loss: float = 1.0, norm: float = 1.0) -> Step:
    weight.grad = torch.full((3,), loss * norm)
    losses = torch.tensor([1.0, loss])
    return Step(0, [f"{number}a", f"{number}b"], 2, losses, losses.mean(), torch.tensor(norm))


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> tuple[torch.nn.Parameter, StepWatch]:
    """A watch that hears of steps two steps later, as on a GPU."""
    weight, optimiser = one_weight(fused=True)
    watch = StepWatch(optimiser, CPU)
    watch._behind = 2
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"stream of {device}")
    return weight, watch


def test_on_a_cpu_a_bad_step_is_named_at_once_and_not_taken() -> None:
    weight, optimiser = one_weight(fused=False)
    watch = StepWatch(optimiser, CPU)
    assert list(watch.take(step(weight, 0))) == [(1.0, 2)]
    stood = weight.detach().clone()
    assert not torch.equal(stood, torch.ones(3))
    with pytest.raises(
        NonFiniteError, match=r"the loss is not finite .* for 1 of 2 stamps, task_id 1b; the step was not taken"
    ):
        list(watch.take(step(weight, 1, loss=float("nan"))))
    assert torch.equal(weight, stood)


def test_losses_come_in_order_and_none_is_lost_where_the_answer_comes_later(behind: Any) -> None:
    weight, watch = behind
    heard = [pair for n in range(5) for pair in watch.take(step(weight, n, loss=float(n)))]
    assert len(heard) == 3
    heard += list(watch.finish())
    assert heard == [((1.0 + n) / 2, 2) for n in range(5)]


@pytest.mark.parametrize(
    ("bad", "text"), [({"loss": float("inf")}, "the loss is not"), ({"norm": float("nan")}, "the gradient is")]
)
def test_from_a_bad_step_on_no_weight_changes_and_the_first_bad_one_is_named(
    behind: Any, bad: dict[str, float], text: str
) -> None:
    weight, watch = behind
    list(watch.take(step(weight, 0)))
    stood = weight.detach().clone()
    assert not torch.equal(stood, torch.ones(3))
    list(watch.take(step(weight, 1, **bad)))
    list(watch.take(step(weight, 2)))
    assert torch.equal(weight, stood)
    with pytest.raises(NonFiniteError, match=rf"{text}.*task_id 1"):
        list(watch.take(step(weight, 3)))
    assert torch.equal(weight, stood)


def test_the_end_of_an_epoch_hears_of_a_bad_step_that_is_still_out(behind: Any) -> None:
    weight, watch = behind
    list(watch.take(step(weight, 0, loss=float("nan"))))
    with pytest.raises(NonFiniteError, match="task_id 0b"):
        list(watch.finish())
