"""Figures of what the network says: ROC with its unsupported part greyed, scores by class, training curve."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from trainer.figures_canvas import CONTROL_COLOUR, GREY, INK, LENS_COLOUR, MUTED, Drawing, draw
from trainer.report_metrics import Epoch, SplitMetrics

FloatArray = npt.NDArray[np.float64]
SUPPORTING_FALSE_POSITIVES = 10
"""A rate is shown as supported where at least so many false positives are expected behind it."""
_LOGIT_LIMIT = 16.0
_LOGIT_BINS = 41
_P_TICKS = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)


def supported_from(n_negative: int) -> float:
    """The smallest false-positive rate that so many negatives support."""
    return SUPPORTING_FALSE_POSITIVES / n_negative if n_negative else 1.0


def roc_figure(split: str, metrics: SplitMetrics) -> Drawing | None:
    """True- against false-positive rate, the latter logarithmic; None where no curve was stored."""
    if metrics.roc is None or len(metrics.roc.fpr) < 2:
        return None
    caption = (
        f"ROC on the {split} split: {metrics.n_positive:,} positives, {metrics.n_negative:,} negatives. Grey: fewer than "
        f"{SUPPORTING_FALSE_POSITIVES} false positives expected, so the curve there is not supported. Dots: 95 % intervals."
    )
    return draw(partial(_paint_roc, split, metrics), caption)


def score_histogram(lens: FloatArray, other: FloatArray, split: str) -> Drawing | None:
    """Logits by class, counts on a logarithmic axis; None where nothing was scored."""
    if not len(lens) + len(other):
        return None
    return draw(partial(_paint_scores, lens, other), f"Scores of the {split} split by class; the upper axis is p = sigmoid.")


def training_figure(epochs: Sequence[Epoch]) -> Drawing:
    """Losses by epoch, and the validation AUC on its own axis."""
    return draw(partial(_paint_training, epochs), "Training: losses (left axis) and validation AUC (right axis) by epoch.")


def _paint_roc(split: str, metrics: SplitMetrics, axes: Axes) -> str:
    roc = metrics.roc
    fpr = np.array(roc.fpr if roc else [], dtype=np.float64)
    tpr = np.array(roc.tpr if roc else [], dtype=np.float64)
    bound = supported_from(metrics.n_distinct)
    floor = max(min(1 / max(metrics.n_negative, 1), 0.1) / 2, 1e-9)
    axes.axvspan(floor, min(bound, 1.0), color=GREY, zorder=0)
    middle = float(np.sqrt(floor * min(bound, 1.0)))
    axes.text(middle, 0.96, "not\nsupported", ha="center", va="top", fontsize=8, color=INK)
    axes.plot(np.maximum(fpr, floor), tpr, drawstyle="steps-post", color=MUTED, linewidth=1.2, linestyle=":")
    solid = fpr >= bound
    axes.plot(fpr[solid], tpr[solid], drawstyle="steps-post", color=LENS_COLOUR, linewidth=2)
    chance = np.geomspace(floor, 1, 100)
    axes.plot(chance, chance, color=MUTED, linewidth=1, linestyle="--", label="chance")
    marked = []
    for point in metrics.tpr_at_fpr:
        if point.supported and point.tpr is not None and point.low is not None and point.high is not None:
            error = [[point.tpr - point.low], [point.high - point.tpr]]
            axes.errorbar([point.fpr], [point.tpr], yerr=np.maximum(error, 0), fmt="o", color=INK, markersize=4, capsize=3)
            marked.append(f"{point.tpr:.3f} ({point.low:.3f} to {point.high:.3f}) at {point.fpr:g}")
    axes.set_xscale("log")
    axes.set_xlim(floor, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("false-positive rate")
    axes.set_ylabel("true-positive rate")
    axes.legend(loc="lower right")
    return (
        f"ROC curve of the {split} split with a logarithmic false-positive axis, supported by its "
        f"{metrics.n_distinct} negatives from a rate of {bound:.2g} upwards; the part below is greyed as not supported. "
        f"Marked: {'; '.join(marked) or 'no rate'}."
    )


def _paint_scores(lens: FloatArray, other: FloatArray, axes: Axes) -> str:
    pooled = np.concatenate([lens, other])
    low, high = np.clip([pooled.min() - 0.2, pooled.max() + 0.2], -_LOGIT_LIMIT, _LOGIT_LIMIT)
    edges = np.linspace(low, high, _LOGIT_BINS).tolist()
    words = []
    for name, values, colour in (("positives", lens, LENS_COLOUR), ("negatives", other, CONTROL_COLOUR)):
        if len(values):
            clipped = np.clip(values, low, high)
            axes.hist(clipped, edges, histtype="stepfilled", color=colour, alpha=0.18)
            axes.hist(clipped, edges, histtype="step", color=colour, linewidth=1.6, label=f"{name} ({len(values)})")
            words.append(f"{len(values)} {name}, median score {np.median(values):.2f}")
    axes.set_yscale("log")
    axes.set_xlabel("score (logit)")
    axes.set_ylabel("stamps")
    axes.legend(loc="best")
    top = axes.secondary_xaxis("top")
    ticks = [p for p in _P_TICKS if low <= np.log(p / (1 - p)) <= high]
    top.set_xticks([np.log(p / (1 - p)) for p in ticks], [f"{p:g}" for p in ticks])
    top.tick_params(labelsize=7.5)
    return f"Histogram of scores by class. {'; '.join(words)}."


def _paint_training(epochs: Sequence[Epoch], axes: Axes) -> str:
    number = [epoch.epoch for epoch in epochs]
    handles = []
    losses = (
        ("training loss", [epoch.train_loss for epoch in epochs], CONTROL_COLOUR),
        ("validation loss", [epoch.val_loss for epoch in epochs], LENS_COLOUR),
    )
    for name, values, colour in losses:
        handles += axes.plot(number, _floats(values), marker="o", markersize=3, color=colour, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    auc = _floats([epoch.val_auc for epoch in epochs])
    words = "no validation AUC was logged"
    if np.isfinite(auc).any():
        right = axes.twinx()
        handles += right.plot(number, auc, color=INK, linestyle="--", linewidth=1.3, label="validation AUC")
        right.set_ylabel("AUC")
        right.grid(visible=False)
        right.spines["right"].set_visible(True)
        best = int(np.nanargmax(auc))
        words = f"best validation AUC {auc[best]:.4f} at epoch {number[best]}"
    axes.legend(handles=handles, loc="center right")
    return f"Training curve over {len(epochs)} epochs: {words}."


def _floats(values: Sequence[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
