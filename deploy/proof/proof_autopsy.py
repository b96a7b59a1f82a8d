"""The autopsies of both networks side by side: chosen figures, and why their stamps differ from the stand-in's lenses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from proof_record import Proof
from proof_steps import RECIPES

from trainer.autopsies.findings import number

SHOWN = (
    ("recall", "all.all lenses.p ≥ 0.5", "anchors found at p ≥ 0.5"),
    ("recall", "all.all lenses.FPR 0.01", "anchors found at FPR 0.01 of its own negatives"),
    ("recall", "chance.random sky.p ≥ 0.5", "random sky found at p ≥ 0.5"),
    ("recall", "p.median", "p of the anchors, median"),
    ("central_maximum", "anchors/lenses.means", "central brightness, anchors over its lenses"),
    ("central_maximum", "anchors/negatives.means", "central brightness, anchors over its negatives"),
    ("correlations", "anchors.central brightness.Pearson r of p", "Pearson r of p with central brightness"),
    ("correlations", "anchors.theta_e_arcsec.Pearson r of p", "Pearson r of p with the Einstein radius"),
    ("ring_test", "median.before", "p of negatives, median"),
    ("ring_test", "median.after", "the same with the failed experiment's ring"),
)
_PAIRS = ("anchors/lenses", "anchors/negatives")


def autopsy_rows(proof: Proof) -> list[dict[str, Any]]:
    """One row a figure, one cell a recipe; a figure that an autopsy does not give is said to be missing."""
    rows = []
    for part, name, label in SHOWN:
        found = [_finding(proof.autopsies[recipe], part, name) for recipe in RECIPES]
        failed = next((one["failed_experiment"] for one in found if one and one["failed_experiment"]), "")
        rows.append({"label": label, "cells": [_cell(one) for one in found], "failed": failed})
    return rows


def autopsy_causes(proof: Proof) -> list[tuple[str, str]]:
    """What each autopsy says of the anchors against its lenses and its negatives."""
    return [(recipe, proof.autopsies[recipe]["causes"]["verdicts"][pair]["told"]) for recipe in RECIPES for pair in _PAIRS]


def _finding(parts: Mapping[str, Any], part: str, name: str) -> Mapping[str, Any] | None:
    findings: list[Mapping[str, Any]] = parts[part]["findings"]
    return next((one for one in findings if one["name"] == name), None)


def _cell(one: Mapping[str, Any] | None) -> str:
    if one is None or one["value"] is None:
        return "not given"
    ends = [one[name] for name in ("low", "high")]
    known = all(end is not None and math.isfinite(end) for end in ends)
    return number(one["value"]) + (f" ({number(ends[0])} to {number(ends[1])})" if known else "") + f", {one['n']:,} objects"
