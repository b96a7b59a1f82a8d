"""What a network says of the whole validation split between two epochs, whatever each rank has of it."""

from __future__ import annotations

import math

import numpy as np
import torch

from schemas.job_entry import InputError
from trainer.checkpoint import Checkpoint, Progress
from trainer.metrics import area_under_roc, rate_at_fpr
from trainer.prediction import predict
from trainer.ranks import Ranks
from trainer.stamp_loading import SplitBatches
from trainer.train_settings import BestBy

_RATES = (0.01, 0.001)


def validate(checkpoint: Checkpoint, validation: SplitBatches, device: torch.device, ranks: Ranks) -> dict[str, float | None]:
    """Loss, AUC and share of lenses found at fixed false positive rates; None for what one class alone does not give."""
    mine = [
        (part.logits, part.identity["label"].to_numpy())
        for part in predict(checkpoint.network, checkpoint.preprocessing, validation, device, "validation")
    ]
    scored = [part for parts in ranks.gather(mine) for part in parts]
    logits = np.concatenate([part[0] for part in scored]).astype(np.float64)
    labels = np.concatenate([part[1] for part in scored]).astype(np.int64)
    used = np.isfinite(logits)
    logits, labels = logits[used], labels[used]
    if not len(logits):
        raise InputError("validation: no stamp gave a finite logit")
    auc = area_under_roc(logits, labels)
    both = not math.isnan(auc)
    rates = {f"val_tpr_at_fpr_{fpr:g}": rate_at_fpr(logits, labels, fpr) if both else None for fpr in _RATES}
    loss = float(np.mean(np.logaddexp(0, logits) - labels * logits))
    return {"val_loss": loss, "val_auc": auc if both else None, **rates}


def judge(progress: Progress, epoch: int, metrics: dict[str, float | None], best_by: BestBy) -> tuple[Progress, bool]:
    """Progress after an epoch (from 0), and whether it is the best so far by the chosen figure; the first of equals is.

    Raises InputError where that figure is undefined.
    """
    value = metrics[best_by]
    if value is None:
        raise InputError(f"{best_by} is undefined: the validation split has one class only; set optimisation.best_by: val_loss")
    better = progress.best_value is None or (
        value < progress.best_value if best_by == "val_loss" else value > progress.best_value
    )
    best = (epoch + 1, value) if better else (progress.best_epoch, progress.best_value)
    return Progress(epoch + 1, *best, metrics=metrics), better
