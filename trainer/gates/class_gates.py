"""Gates that ask what a classifier tells from one kind of information alone: metadata, core, annulus, profile, levels."""

from __future__ import annotations

import math

import numpy as np

from trainer.gates.class_scores import Chance, ClassScores, class_scores
from trainer.gates.gate import Behind, Evidence, Gate, Limits, Question, Table, Verdict, judged, too_few, unsupported
from trainer.gates.gated_stamps import MEASURED, GatedStamps, Numbers, Rows
from trainer.gates.stamp_pass import Measured
from trainer.intervals import Interval

_AUC = "AUC of lenses against others on hosts that the classifier was not fitted on"
_CHANCE = Limits(
    (-math.inf, 0.55),
    (-math.inf, 0.60),
    "0.5 is chance. A shift of 0.18 standard deviations gives 0.55, of 0.36 gives 0.60; a network that is told so by what no "
    "lens causes carries it to the sky.",
)
METADATA = Question(
    "metadata_only",
    "Metadata only",
    "Can lenses be told from others without a pixel, by what is measured of their hosts and their sky?",
    _AUC,
    _CHANCE,
)
CORE = Question(
    "core_of_pairs",
    "Core of pairs",
    "Does the centre of a lens, where its arc leaves next to no light, differ from that of its own control?",
    _AUC + "; pixels with r < theta_E - FWHM of pairs with theta_E > 1.5 FWHM, band by band",
    _CHANCE,
)
FAILED_CORE = Question(
    "failed_core_10_pix",
    "The failed experiment's core (r < 10 px)",
    "What does a logistic regression on statistics of the pixels within 10 px of the middle reach?",
    _AUC,
    _CHANCE,
)
ANNULUS = Question(
    "outer_annulus",
    "Outer annulus only",
    "Do lenses and others differ in sky level, noise or its texture, far outside any arc?",
    _AUC + "; pixels beyond 3/8 of the stamp's side from its middle",
    _CHANCE,
)
PROFILE = Question(
    "radial_profile",
    "Radial profile only",
    "How far does one get without any shape, by mean brightness in rings alone?",
    _AUC + "; rings of 2 px in three bands",
    Limits(
        (-math.inf, 0.94),
        (-math.inf, 0.97),
        "An arc lifts its rings, so chance is not asked for: arcs of r = 20 to 23 on hosts of r = 17 to 20 give 0.85 to 0.93. "
        "Beyond 0.97, where arcs as bright as their hosts lie, nothing asks a network to learn a shape.",
    ),
)
NORMALISATION = Question(
    "normalisation_statistics",
    "Normalisation statistics only",
    "Do the median and the MAD that the gen5 normalisation takes off and divides by tell lenses from others?",
    _AUC + "; median and MAD of three bands",
    _CHANCE,
)


def class_gates(stamps: GatedStamps, measured: Measured, how: Chance) -> list[Gate]:
    """The gates of this room, the most telling first."""
    return [
        metadata_gate(stamps, how),
        core_gate(stamps, measured, how),
        failed_core_gate(stamps, measured, how),
        _pixels_gate(ANNULUS, stamps, measured, measured.features["annulus"], how),
        profile_gate(stamps, measured, how),
        normalisation_gate(stamps, measured, how),
    ]


def metadata_gate(stamps: GatedStamps, how: Chance) -> Gate:
    """Columns that exist for a real galaxy too, all at once, and for those that are null in some stamps that they are."""
    values = np.stack([stamps.columns[name] for name in MEASURED], axis=1)
    absent = np.stack([stamps.missing[name] for name in MEASURED], axis=1).astype(np.float64)
    return _scored(METADATA, stamps, np.concatenate([values, absent], axis=1), np.ones(len(values), np.bool_), how)


def core_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Cores of pairs, lens against its own control."""
    lenses, controls = stamps.pairs
    core = measured.features["core"]
    good: Rows = np.asarray(np.isfinite(core).any(axis=1), np.bool_)
    both = good[lenses] & good[controls]
    rows: Rows = np.zeros(len(good), np.bool_)
    rows[lenses[both]] = rows[controls[both]] = True
    if not len(lenses):
        return unsupported(CORE, "no pairs: no lens of this split has its own control in it")
    return _scored(CORE, stamps, core, rows, how)


def failed_core_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """The failed experiment's own test, which cannot tell a fault of the core from an arc that lies in it."""
    gate = _pixels_gate(FAILED_CORE, stamps, measured, measured.features["failed_core"], how, trees=False)
    if gate.interval is None:
        return gate
    shares = measured.arcs["arc_in_failed_core"]
    shares = shares[np.isfinite(shares) & (shares > 0) & (shares < 1)]
    told = (
        f"the median arc of {len(shares)} pairs has {np.median(shares):.0%} of its light there"
        if len(shares)
        else ("10 px are 2.62 arcsec and hold most of any arc's light")
    )
    return Gate(FAILED_CORE, Verdict.CONFOUNDED, f"not a verdict: {told}", gate.interval, gate.behind, gate.evidence)


def profile_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Mean brightness in rings; the table says how it fares against each kind of negative."""
    gate = _pixels_gate(PROFILE, stamps, measured, measured.features["profile"], how)
    if gate.interval is None:
        return gate
    rows = []
    for kind in np.unique(stamps.kinds[~stamps.lens]).tolist():
        here = measured.readable & (stamps.lens | (stamps.kinds == kind))
        behind = behind_of(stamps, here)
        few = too_few(behind.n_positive, behind.n_negative, behind.n_units)
        scores = None if few else _class_scores(stamps, measured.features["profile"], here, how)
        rows.append((kind, str(behind.n_negative), words_of(scores.auc) if scores else few or "a fold lacks a class"))
    table = Table("Lenses against each kind of negative.", ("kind", "stamps", "AUC"), rows)
    return Gate(PROFILE, gate.verdict, gate.why, gate.interval, gate.behind, _with_table(gate.evidence, table))


def normalisation_gate(stamps: GatedStamps, measured: Measured, how: Chance) -> Gate:
    """Levels of the gen5 normalisation; the clipped share beside it, not judged, since an arc's bright pixels count in it."""
    features = measured.features["normalisation"]
    bands = features.shape[1] // 3
    gate = _pixels_gate(NORMALISATION, stamps, measured, features[:, : 2 * bands], how)
    if gate.interval is None:
        return gate
    parts = {"median": features[:, :bands], "MAD": features[:, bands : 2 * bands]}
    parts["clipped share (not judged: the arc's own pixels count)"] = features[:, 2 * bands :]
    rows = []
    for name, part in parts.items():
        scores = _class_scores(stamps, part, measured.readable, how)
        rows.append((name, words_of(scores.auc) if scores else "the same in all"))
    table = Table("Each statistic alone, three bands.", ("statistic", "AUC"), rows)
    return Gate(NORMALISATION, gate.verdict, gate.why, gate.interval, gate.behind, _with_table(gate.evidence, table))


def behind_of(stamps: GatedStamps, rows: Rows) -> Behind:
    """The objects among some rows."""
    units, unit = stamps.units(rows)
    lenses = int(np.count_nonzero(stamps.lens[rows]))
    n = int(np.count_nonzero(rows))
    return Behind(lenses, n - lenses, len(np.unique(stamps.hosts[rows])), len(np.unique(units)), unit)


def words_of(interval: Interval) -> str:
    """A value with its interval."""
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"


def _pixels_gate(
    asked: Question, stamps: GatedStamps, measured: Measured, features: Numbers, how: Chance, *, trees: bool = True
) -> Gate:
    return _scored(asked, stamps, features, measured.readable, how, trees=trees)


def _scored(asked: Question, stamps: GatedStamps, features: Numbers, rows: Rows, how: Chance, *, trees: bool = True) -> Gate:
    behind = behind_of(stamps, rows)
    why = too_few(behind.n_positive, behind.n_negative, behind.n_units)
    if why:
        return unsupported(asked, why, behind)
    scores = _class_scores(stamps, features, rows, how, trees=trees)
    if scores is None:
        return unsupported(asked, "a fold of hosts lacks a class, or nothing varies", behind)
    lens = stamps.lens[rows]
    evidence = Evidence(
        {"lenses": scores.ranks[lens], "others": scores.ranks[~lens]},
        "rank of the classifier's score",
        "Ranks of hosts that the classifier was not fitted on: where the lines lie on each other, it is at chance.",
    )
    return judged(asked, scores.auc, behind, evidence)


def _class_scores(stamps: GatedStamps, features: Numbers, rows: Rows, how: Chance, *, trees: bool = True) -> ClassScores | None:
    units, _ = stamps.units(rows)
    return class_scores(features[rows], stamps.lens[rows], stamps.host_hash[rows], units, how, trees=trees)


def _with_table(evidence: Evidence, table: Table) -> Evidence:
    return Evidence(evidence.series, evidence.axis, evidence.caption, table)
