"""The real lenses that a report shows: integrity first, then scores, held against the network of the report."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.anchor_scores import AnchorPaths, AnchorScores, Cut, Standing, anchors_standing, fixed_cuts, read_anchor_scores
from trainer.figures_calibration import percent
from trainer.matching_runs import require_same
from trainer.report_metrics import Metrics

_SHOWN_FPR = (0.01, 0.001)


@dataclass(frozen=True)
class AnchorsShown:
    """What was read of a set: where it lies, whether it stands, its scores (None where it was refused), and the cuts."""

    paths: AnchorPaths
    standing: Standing
    scores: AnchorScores | None
    cuts: tuple[Cut, ...]
    left_out: tuple[str, ...]


def read_anchors_shown(paths: AnchorPaths, checkpoint: str, whose: str, metrics: Metrics | None) -> AnchorsShown:
    """Integrity first, then scores. ``checkpoint`` is the report's, empty where it has none; ``whose`` is where that stands.

    Raises InputError where the parts do not belong together or were scored by another network.
    """
    standing = anchors_standing(paths)
    scores = read_anchor_scores(paths) if standing.accepted else None
    if scores is not None and checkpoint:
        wanted = "anchors scored by the network of this report"
        require_same("checkpoint", f"anchor scores {paths.scores}", scores.checkpoint_hash, whose, checkpoint, wanted)
    cuts, left_out = rate_cuts(metrics)
    return AnchorsShown(paths, standing, scores, (*fixed_cuts(), *cuts), tuple(left_out))


def rate_cuts(metrics: Metrics | None) -> tuple[list[Cut], list[str]]:
    """Thresholds at the rates of 1 % and 0.1 % of the leading split, and in words those that it does not support."""
    if metrics is None:
        return [], ["no metrics.json was given, so no threshold stands at a false-positive rate"]
    name, split = metrics.shown()
    cuts, left_out = [], []
    for point in split.tpr_at_fpr:
        if point.fpr not in _SHOWN_FPR:
            continue
        if point.threshold is not None and point.supported:
            cuts.append(Cut(f"FPR {percent(point.fpr)}", point.threshold))
        else:
            left_out.append(f"FPR {percent(point.fpr)} is not supported by {point.n_negative:,} negatives of the {name} split")
    return cuts, left_out
