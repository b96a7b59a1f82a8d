"""What a logit costs, float32 from float32 logits whatever the network's precision.

Shapes: logits, labels (sample,), labels 0 or 1 → losses (sample,).
"""

from __future__ import annotations

import torch
from torch.nn import functional

from trainer.train_settings import LossSettings


def losses_from_logits(logits: torch.Tensor, labels: torch.Tensor, settings: LossSettings) -> torch.Tensor:
    """Binary cross entropy with the labels smoothed, and with ``focal`` weighted down where the network is right already.

    Focal loss (Lin et al. 2017, arXiv 1708.02002) without its class weight: (1 - p_t)^gamma times the cross entropy, p_t being
    the probability of the true class. Smoothing s moves labels to s/2 and 1 - s/2 (Szegedy et al. 2016, arXiv 1512.00567).
    """
    score, truth = logits.float(), labels.float()
    smoothed = truth * (1 - settings.label_smoothing) + settings.label_smoothing / 2 if settings.label_smoothing else truth
    entropy = functional.binary_cross_entropy_with_logits(score, smoothed, reduction="none")
    if settings.kind == "bce":
        return entropy
    of_the_other = torch.sigmoid(torch.where(truth > 0.5, -score, score))  # 1 - p_t, with its digits where p_t is almost one
    return of_the_other**settings.focal_gamma * entropy
