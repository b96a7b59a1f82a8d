"""Gates on the hard negatives of the split: what resembles a lens in all but its shape must not be taken for one.

A shuffled arc has its light in other azimuths, an unlensed source stands beside its host as it is; both are matched to lenses
in added flux, colour and signal to noise. So the AUC of lenses against them is what the network knows of shape.
"""

from __future__ import annotations

import math

import numpy as np

from trainer.gates.class_gates import behind_of, words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval
from trainer.gates.gate import Evidence, Gate, Limits, Question, Table, judged, too_few, unsupported
from trainer.gates.gated_stamps import Rows
from trainer.intervals import Interval
from trainer.metrics import rates_and_intervals
from trainer.model_gates.judged_stamps import JudgedStamps, Threshold

FEWEST_OF_A_KIND = 30
"""Fewer than the house's hundred, since kinds are rare: 30 give an AUC to 0.1, and the rule of the interval does the rest."""
_AUC = "AUC of the logits of lenses against those of this kind of negative"
_SHAPE = Limits(
    (0.80, math.inf),
    (0.70, math.inf),
    "Flux, colour and radius are those of lenses, so that a network without an eye for shape stands at 0.5. 0.8 is a "
    "difference of 1.2 standard deviations, 0.7 of 0.74; below that the shape hardly counts.",
)
SHUFFLED = Question(
    "shuffled_arcs",
    "Arcs shuffled in azimuth",
    "Does the network tell an arc from its own pieces, laid about the galaxy in another order?",
    _AUC,
    _SHAPE,
)
UNLENSED = Question(
    "unlensed_sources",
    "Sources without lensing",
    "Does the network tell a lensed galaxy from such a galaxy that merely stands beside the host?",
    _AUC,
    _SHAPE,
)
_ASKED = {"shuffled": SHUFFLED, "unlensed": UNLENSED}


def kind_gates(of: JudgedStamps, threshold: Threshold, how: Chance) -> list[Gate]:
    """The gates of this room, and with the first of them a table of every kind."""
    table = kind_table(of, threshold, how)
    gates = [kind_gate(kind, of, how) for kind in _ASKED]
    first = gates[0]
    evidence = Evidence(first.evidence.series, first.evidence.axis, first.evidence.caption, table)
    return [Gate(first.asked, first.verdict, first.why, first.interval, first.behind, evidence), *gates[1:]]


def kind_gate(kind: str, of: JudgedStamps, how: Chance) -> Gate:
    """Lenses against one kind."""
    asked, rows = _ASKED[kind], _lenses_and(kind, of)
    behind = behind_of(of.stamps, rows)
    if not behind.n_negative:
        return unsupported(asked, f"the split has no negatives of the kind {kind}", behind)
    why = too_few(behind.n_positive, behind.n_negative, behind.n_units, fewest=FEWEST_OF_A_KIND)
    if why:
        return unsupported(asked, why, behind)
    lens = of.stamps.lens
    series = {"lenses": of.logits[rows & lens], kind: of.logits[rows & ~lens]}
    evidence = Evidence(series, "logit", f"Scores of lenses and of the kind {kind}.")
    return judged(asked, _auc(of, rows, how), behind, evidence)


def kind_table(of: JudgedStamps, threshold: Threshold, how: Chance) -> Table:
    """For every kind the share called lenses, and how well lenses are told from it; too few for a figure are said to be."""
    rows = []
    kinds = of.stamps.kinds
    for kind in np.unique(kinds[of.readable]).tolist():
        here = of.readable & (kinds == kind)
        units, _ = of.stamps.units(here)
        called = mean_interval((of.logits[here] > threshold.logit).astype(np.float64), units, how)
        with_lenses = _lenses_and(kind, of)
        behind = behind_of(of.stamps, with_lenses)
        few = too_few(behind.n_positive, behind.n_negative, behind.n_units, fewest=FEWEST_OF_A_KIND)
        told = "" if of.stamps.lens[here].all() else few or words_of(_auc(of, with_lenses, how))
        rows.append((kind, f"{np.count_nonzero(here):,}", words_of(called), told))
    caption = f"Every kind at the threshold of {threshold.logit:.2f}, and the AUC of lenses against it."
    return Table(caption, ("kind", "stamps", "share called lenses", "AUC of lenses against it"), rows)


def _lenses_and(kind: str, of: JudgedStamps) -> Rows:
    stamps = of.stamps
    return np.asarray(of.readable & (stamps.lens | (stamps.kinds == kind)))


def _auc(of: JudgedStamps, rows: Rows, how: Chance) -> Interval:
    units, _ = of.stamps.units(rows)
    lens = of.stamps.lens[rows].astype(np.int64)
    return rates_and_intervals(of.logits[rows], lens, units, draws=how.draws, seed=how.seed, false_positive_rates=())[0]
