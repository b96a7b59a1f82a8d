"""The failed experiment's own tests of its network, under their own names: shown, never a verdict, since each is confounded.

Its masks were circles about the stamp's middle pixel: 10 px are 2.62 arcsec and its widest arc lay at 2.5, so that a "core"
of 8 or 12 px holds arcs, and the "arc" of 10 to 25 px misses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval
from trainer.gates.gate import Evidence, Gate, Limits, Question, Table, Verdict, unsupported
from trainer.gates.gated_stamps import Rows
from trainer.intervals import Interval
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.gap import asked, share_kept, too_few_pairs
from trainer.model_gates.judged_stamps import Pairs
from trainer.model_gates.pair_gates import mixed

CORE_RADII_PIX = (4, 8, 12)
RING_PIX = (10, 25)
_NO_LIMITS = Limits((-math.inf, 0), (-math.inf, 0), "No limits: the figure cannot tell a fault from lensing.")
_KEPT = "share of the step in logits from control to lens that is kept"

CORE_MASKED = Question(
    "failed_core_masked",
    "The failed experiment's core masks (4, 8, 12 px)",
    "What does the network say of lenses whose middle is hidden, whatever lies in it?",
    f"{_KEPT} where pixels within 8 px of the middle are at the level of the stamp's edge in both",
    _NO_LIMITS,
)
RING_REPLACED = Question(
    "failed_arc_suppressed",
    "The failed experiment's arc suppression (10 to 25 px)",
    "What does the network say of lenses whose pixels from 10 to 25 px are replaced by outer ones?",
    "mean probability of lenses with those pixels replaced by shuffled pixels from beyond 25 px",
    _NO_LIMITS,
)


def failed_tests(judge: Judge, pairs: Pairs, how: Chance) -> list[Gate]:
    """Both tests."""
    return [core_masked(judge, pairs, how), ring_replaced(judge, pairs, how)]


def core_masked(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """Lens and control with the same hole; the figure is that of 8 px, the table has all three."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(CORE_MASKED, why, pairs.behind)
    found: dict[int, Interval] = {}
    for radius in CORE_RADII_PIX:
        hole = np.broadcast_to(_middle_radius(pairs.lens) < radius, (len(pairs.rows), *pairs.lens.shape[2:]))
        lens, control = (asked(judge, _at_edge_level(images, hole), pairs) for images in (pairs.lens, pairs.control))
        found[radius] = share_kept(lens - control + pairs.control_logits, pairs, how)
    shares = _light_inside(pairs)
    rows = [(f"{radius} px", words_of(found[radius]), f"{shares[radius]:.0%}") for radius in CORE_RADII_PIX]
    table = Table("Step that is kept, and the median arc's light in the hole.", ("hole", "kept", "light"), rows)
    told = f"not a verdict: a hole of 8 px holds {shares[8]:.0%} of the median arc's light, one of 12 px {shares[12]:.0%}"
    return Gate(CORE_MASKED, Verdict.CONFOUNDED, told, found[8], pairs.behind, Evidence(table=table))


def ring_replaced(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """The mean p of lenses without their ring of 10 to 25 px; of that ring, most arcs have little."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(RING_REPLACED, why, pairs.behind)
    if not (_middle_radius(pairs.lens) >= RING_PIX[1]).any():
        size = pairs.lens.shape[-1]
        return unsupported(RING_REPLACED, f"stamps of {size} px have no pixel beyond {RING_PIX[1]} px", pairs.behind)
    changed = asked(judge, _ring_from_outside(pairs.lens, how.seed), pairs)
    p = {"lens": pairs.lens_logits, "control": pairs.control_logits, "ring replaced": changed}
    probability = {name: 1 / (1 + np.exp(-logits)) for name, logits in p.items()}
    inside = 1 - _light_inside(pairs)[RING_PIX[0]]
    told = f"not a verdict: {inside:.0%} of the median arc's light lies beyond 10 px and is replaced, the rest stays"
    evidence = Evidence(probability, "probability", "What the network says of lenses, controls, and lenses without that ring.")
    figure = mean_interval(probability["ring replaced"], pairs.units, how)
    return Gate(RING_REPLACED, Verdict.CONFOUNDED, told, figure, pairs.behind, evidence)


def _at_edge_level(images: Images, hole: Rows) -> Images:
    """The hole at the median of the outermost four pixels of each band."""
    edge = np.ones(images.shape[-2:], bool)
    edge[4:-4, 4:-4] = False
    level = np.median(images[:, :, edge], axis=2)[:, :, None, None]
    return mixed(images, np.broadcast_to(level, images.shape), hole)


def _ring_from_outside(images: Images, seed: int) -> Images:
    """Pixels of the ring drawn anew from those beyond it, the same places in all bands."""
    radius = _middle_radius(images)
    ring = np.flatnonzero((radius >= RING_PIX[0]) & (radius < RING_PIX[1]))
    beyond = np.flatnonzero(radius >= RING_PIX[1])
    changed = images.reshape(*images.shape[:2], -1).copy()
    random = np.random.Generator(np.random.Philox(seed))
    for one in changed:
        one[:, ring] = one[:, random.choice(beyond, len(ring))]
    return changed.reshape(images.shape)


def _light_inside(pairs: Pairs) -> Mapping[int, float]:
    """Median share of an arc's r light within so many pixels of the middle."""
    light, radius = pairs.arc[:, 1].astype(np.float64), _middle_radius(pairs.lens)
    total: Numbers = light.sum((1, 2))
    lit = total > 0
    return {
        pix: float(np.median(light[lit][:, radius < pix].sum(1) / total[lit])) if lit.any() else math.nan
        for pix in (*CORE_RADII_PIX, RING_PIX[0])
    }


def _middle_radius(images: Images) -> Numbers:
    offset = np.arange(images.shape[-1]) - images.shape[-1] // 2
    return np.asarray(np.hypot(offset[:, None], offset[None, :]), np.float64)
