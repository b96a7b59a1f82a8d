"""Losses against their formulae, at logits where a careless one loses its digits."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.losses import losses_from_logits
from trainer.train_settings import LossSettings, TrainSettings, load_settings

LOGITS = [-40.0, -3.0, 0.0, 0.7, 40.0]


def cross_entropy(logit: float, target: float) -> float:
    """In double precision, by the definition."""
    return target * math.log1p(math.exp(-logit)) + (1 - target) * math.log1p(math.exp(logit))


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("gamma", [None, 0.0, 2.0, 0.5])
def test_the_losses_are_those_of_the_papers(label: float, smoothing: float, gamma: float | None) -> None:
    kind = {"kind": "bce"} if gamma is None else {"kind": "focal", "focal_gamma": gamma}
    settings = LossSettings.model_validate({**kind, "label_smoothing": smoothing})
    losses = losses_from_logits(torch.tensor(LOGITS), torch.full((5,), label), settings)
    for logit, loss in zip(LOGITS, losses.tolist(), strict=True):
        right = 1 / (1 + math.exp(-logit if label else logit))
        wrong = 1 / (1 + math.exp(logit if label else -logit))
        assert right + wrong == pytest.approx(1)
        wanted = cross_entropy(logit, label * (1 - smoothing) + smoothing / 2) * (1.0 if gamma is None else wrong**gamma)
        assert loss == pytest.approx(wanted, rel=1e-5, abs=1e-7)


def test_half_precision_logits_lose_nothing_beyond_their_own_digits() -> None:
    logits = torch.tensor([9.0, -9.0], dtype=torch.bfloat16)
    losses = losses_from_logits(logits, torch.tensor([1.0, 0.0]), LossSettings())
    assert losses.dtype == torch.float32
    assert losses.tolist() == pytest.approx([math.log1p(math.exp(-9.0))] * 2, rel=1e-2)  # bfloat16 makes the second one 0


def test_the_focal_loss_has_a_gradient_that_is_finite_everywhere() -> None:
    logits = torch.tensor([-200.0, -30.0, 0.0, 30.0, 200.0], requires_grad=True)
    losses_from_logits(logits, torch.ones(5), LossSettings(kind="focal")).sum().backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and torch.isfinite(logits.grad).all()


def test_the_loss_is_a_setting_and_cross_entropy_the_default() -> None:
    assert TrainSettings().loss == LossSettings() == LossSettings(kind="bce", label_smoothing=0.0)
    assert load_settings("default", {"loss.kind": "focal"}).loss.kind == "focal"
