"""Recall of real lenses, for a set that was accepted; of one that was not, the list of what is wrong and no figure.

Recall is counted by how a lens was discovered and by camera, at thresholds frozen before, with exact binomial intervals; beside
it what random sky gives by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from schemas.job_entry import InputError
from schemas.locations import Location
from trainer.anchor_integrity import require_accepted
from trainer.anchor_rows import read_anchors
from trainer.anchor_scores import (
    AnchorPaths,
    AnchorScores,
    Cut,
    Recall,
    anchors_standing,
    fixed_cuts,
    recall_by_chance,
    recall_by_part,
    recall_by_stratum,
    score_anchors,
)
from trainer.autopsies.failed_experiment import LARGEST_P_OF_ANCHORS, MEDIAN_P_OF_ANCHORS, RECALL_OF_68, TPR_AT_FPR, VOID
from trainer.autopsies.findings import Finding, Part
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.set_draws import median_of
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Table
from trainer.intervals import Interval, exact_interval

RATES = (1e-2, 1e-3)
FEWEST_PASSING = 10
_TITLE = "Real lenses found"
_TOLD = (
    "Lenses whose score reaches a threshold, with exact binomial intervals (95 %), by how they were discovered and by camera; "
    "a line that pools says over what. Thresholds at a false positive rate are those of the negatives of the split. The failed "
    f"experiment's figures are {VOID}."
)
_WANTED = "Recall of real lenses: give --anchors, --anchor-cutouts and --integrity (dhs anchors, cut-hosts, check-anchors)."


def absent_recall() -> Part:
    """What to give for this part."""
    return Part("recall", _TITLE, _TOLD, absent=[_WANTED])


def recall_part(
    anchors: Location,
    cutouts: Location,
    integrity: Location,
    real: ImageSet,
    sky: ImageSet | None,
    negatives: ImageSet,
    how: Chance,
) -> Part:
    """Recall by stratum, or what is wrong with the set. Raises InputError where the integrity is of other anchors."""
    paths = AnchorPaths(anchors, cutouts, Path(), integrity)
    standing = anchors_standing(paths)
    if not standing.accepted:
        wrong = [(one.name, "yes" if one.judged else "no", one.finding) for one in standing.findings]
        why = standing.why.removeprefix(f"{integrity}: ")  # where it lay is nothing to its reader
        table = Table(f"No recall is given: {why}.", ("anchor", "judged", "what is wrong"), wrong)
        return Part("recall", _TITLE, _TOLD, tables=[table], more={"accepted": False, "why": why})
    scores = scored_set(anchors, integrity, real, sky)
    cuts, left_out = cuts_of(negatives)
    found = [_finding(one) for one in (*recall_by_stratum(scores, cuts), *recall_by_part(scores, cuts))]
    chance = [_finding(one) for one in recall_by_chance(scores, cuts)]
    if not chance:
        left_out.append("What random sky gives by chance: give --random-sky-cutouts.")
    found += chance + _rates(negatives, cuts) + _probabilities(real, how)
    return Part("recall", _TITLE, _TOLD, found, absent=left_out, more={"accepted": True, "why": standing.why})


def scored_set(anchors: Location, integrity: Location, real: ImageSet, sky: ImageSet | None) -> AnchorScores:
    """The anchors that hold, with what the network says of them."""
    listed = {row["name"]: row for row in read_anchors(anchors) if not row["reasons"]}
    holding = {row["name"] for row in require_accepted(integrity)} & {name for name, row in listed.items() if row["label"] == 1}
    logits = {str(name): float(logit) for name, logit in zip(real.names, real.logits, strict=True)}
    if not holding & logits.keys():
        raise InputError(f"{integrity} has no lens that holds and has a cutout; wanted one or more")
    of_sky = None if sky is None else tuple(float(logit) for logit in sky.logits)
    return score_anchors(listed, sorted(holding), logits, of_sky, "")


def cuts_of(negatives: ImageSet) -> tuple[list[Cut], list[str]]:
    """Thresholds: p of 0.3 and 0.5, and rates of the negatives that ten of them pass; in words the rates left out."""
    ordered = np.sort(negatives.logits)[::-1]
    cuts, left_out = fixed_cuts(), []
    for rate in RATES:
        passing = round(rate * len(ordered))
        if passing < FEWEST_PASSING:
            left_out.append(f"FPR {rate:g}: {len(ordered):,} negatives do not support it, {FEWEST_PASSING / rate:,.0f} would.")
        else:
            cuts.append(Cut(f"FPR {rate:g}", float(ordered[passing - 1] + ordered[passing]) / 2))
    return cuts, left_out


def _finding(one: Recall) -> Finding:
    pooled = f" (pooled over {one.pooled_over})" if one.pooled_over else ""
    failed = next((text for p, text in RECALL_OF_68.items() if one.cut.name == f"p ≥ {p:g}"), "")
    name = f"{one.by}.{one.group}.{one.cut.name}"
    label = f"{one.group}{pooled}, {one.cut.name}: {one.found} of {one.n}"
    return Finding(name, label, one.share, one.n, one.n, "object", failed if one.by == "all" else "")


def _rates(negatives: ImageSet, cuts: Sequence[Cut]) -> list[Finding]:
    """Negatives of the split that pass the same thresholds."""
    found = []
    for cut in cuts:
        n = len(negatives.logits)
        passed = int(np.count_nonzero(negatives.logits >= cut.logit))
        failed = next((text for rate, text in TPR_AT_FPR.items() if cut.name == f"FPR {rate:g}"), "")
        label = f"negatives of the split, {cut.name}: {passed} of {n:,}"
        found.append(
            Finding(
                f"negatives.{cut.name}",
                label,
                exact_interval(passed, n),
                n,
                n,
                "object",
                "",
                failed and f"failed experiment: TPR {failed}",
            )
        )
    return found


def _probabilities(real: ImageSet, how: Chance) -> list[Finding]:
    p = real.probability
    largest: Any = float(p.max())
    return [
        median_of(p, real, how).finding("p.median", "p of the lenses, median, whether they hold or not", MEDIAN_P_OF_ANCHORS),
        Finding(
            "p.largest",
            "p of the lenses, largest",
            Interval(largest, np.nan, np.nan),
            len(p),
            len(p),
            "object",
            LARGEST_P_OF_ANCHORS,
        ),
    ]
