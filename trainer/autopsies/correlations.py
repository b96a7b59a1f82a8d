"""How p and logit go with what is known of each object: Pearson and Spearman, intervals from drawing whole units anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainer.autopsies.failed_experiment import PEARSON_OF_P
from trainer.autopsies.findings import Finding, Part
from trainer.autopsies.image_sets import ANCHORS, ImageSet
from trainer.autopsies.measurements import Measured
from trainer.autopsies.set_draws import drawn_weights
from trainer.gates.class_scores import Chance
from trainer.intervals import percentile_interval
from trainer.judge import Numbers

FEWEST = 10
_CENTRAL = "central brightness"
_TOLD = (
    "A network that sees lensing need not score higher where a galaxy is brighter in the middle; one that finds arcs scores "
    "higher where the Einstein radius is larger, up to where arcs leave its field. Spearman is the same for p and logit."
)


def correlation_part(sets: Sequence[tuple[ImageSet, Measured]], how: Chance) -> Part:
    """Every column of every set that has ten values or more."""
    found: list[Finding] = []
    few: list[str] = []
    for of, measured in sets:
        for name, values in {_CENTRAL: measured["peak_r"], **of.columns}.items():
            usable = np.isfinite(values) & np.isfinite(of.logits)
            if np.count_nonzero(usable) < FEWEST or len(np.unique(values[usable])) < 2:
                few.append(f"{of.name}: {name} ({np.count_nonzero(usable)} values)")
                continue
            found += _correlations(of.of(np.flatnonzero(usable)), name, values[usable], how)
    absent = [f"Not given for lack of {FEWEST} different values: {', '.join(few)}."] if few else []
    return Part("correlations", "What does the score go with?", _TOLD, found, absent=absent)


def pearson(x: Numbers, y: Numbers, weight: Numbers) -> float:
    """Weighted correlation; NaN where one of the two is constant."""
    dx, dy = x - np.average(x, weights=weight), y - np.average(y, weights=weight)
    scatter = np.sqrt((weight * dx**2).sum() * (weight * dy**2).sum())
    return float((weight * dx * dy).sum() / scatter) if scatter > 0 else float("nan")


def weighted_ranks(values: Numbers, weight: Numbers) -> Numbers:
    """Middle rank of each value where each counts ``weight`` times; equal values share theirs."""
    _, inverse = np.unique(values, return_inverse=True)
    total = np.bincount(inverse, weights=weight)
    return np.asarray((np.cumsum(total) - total / 2)[inverse])


def _correlations(of: ImageSet, name: str, values: Numbers, how: Chance) -> list[Finding]:
    ones, p = np.ones(len(values)), of.probability
    drawn: list[list[float]] = [[], [], []]
    for weight in drawn_weights(of.units, how, of.name):
        for into, one in zip(drawn, _three(values, p, of.logits, weight), strict=True):
            into.append(one)
    kinds = ("Pearson r of p", "Pearson r of the logit", "Spearman of either")
    found = []
    for kind, value, draws in zip(kinds, _three(values, p, of.logits, ones), drawn, strict=True):
        sample = np.array(draws)
        failed = PEARSON_OF_P.get(name, "") if kind == kinds[0] and of.name == ANCHORS else ""
        interval = percentile_interval(value, sample[np.isfinite(sample)])
        label = f"{of.name}: {kind} with {_words(name)}"
        found.append(Finding(f"{of.name}.{name}.{kind}", label, interval, len(values), of.n_units, of.unit, failed))
    return found


def _three(values: Numbers, p: Numbers, logits: Numbers, weight: Numbers) -> tuple[float, float, float]:
    rank = pearson(weighted_ranks(values, weight), weighted_ranks(logits, weight), weight)
    return pearson(values, p, weight), pearson(values, logits, weight), rank


def _words(name: str) -> str:
    return {"theta_e_arcsec": "Einstein radius", "mag_r": "catalogued r", "mag_raw_r": "catalogued r of the host"}.get(
        name, name.replace("_", " ")
    )
