"""Gates that move pixels between a lens and its own control: is it the arc that is seen, and is all of the arc seen?

A pixel belongs to the arc where lens and control differ by more than 0.3 of the pixel's noise in any band; the noise itself is
the same in both. The core is r < theta_E - FWHM, and a pair has one where theta_E > 1.5 FWHM (band r).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Evidence, Gate, Limits, Question, judged, unsupported
from trainer.gates.gated_stamps import Rows
from trainer.gates.stamp_pass import SMALLEST_CORE_FWHM
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.gap import asked, share_kept, too_few_pairs
from trainer.model_gates.judged_stamps import Pairs

ARC_SIGMA = 0.3
MOST_APART = 0.05
"""Share of pairs that may have other noise, and are left out; with more the stamps are no pairs."""
_KEPT = "share of the step in logits from control to lens that is kept"
_NOTHING = (-math.inf, 0.10), (-math.inf, 0.20)
_ALL = (0.90, math.inf), (0.80, math.inf)

SUPPRESSED = Question(
    "arc_suppressed",
    "Arc suppressed",
    "Does the network still see a lens where the arc is taken away?",
    f"{_KEPT} where the lens has its control's pixels wherever the arc exceeds {ARC_SIGMA} of the noise",
    Limits(
        *_NOTHING,
        "What is left of the arc is below 0.3 of a pixel's noise. A network that keeps more than a fifth of its step reads "
        "something else that tells lenses from controls.",
    ),
)
SWAP = Question(
    "pair_swap",
    "Pair swap",
    "Does the control become a lens where it is given the arc's pixels?",
    f"{_KEPT} where the control has the lens's pixels wherever the arc exceeds {ARC_SIGMA} of the noise",
    Limits(*_ALL, "The pixels of the arc are all that a lens has and its control has not, but for its faintest tails."),
)
CORE_HIDDEN = Question(
    "core_hidden",
    "Core hidden",
    "Does the network need the centre, where the arc has next to no light?",
    f"{_KEPT} where the core (r < theta_E - FWHM) of the lens is its control's; pairs with theta_E > 1.5 FWHM",
    Limits(*_ALL, "The arc lies outside its core but for the PSF's wings; a network that reads arcs hardly sees the change."),
)
CORE_ALONE = Question(
    "core_alone",
    "Core alone",
    "Is the centre of a lens, without the arc around it, a lens to the network?",
    f"{_KEPT} where the control has the core (r < theta_E - FWHM) of the lens; pairs with theta_E > 1.5 FWHM",
    Limits(*_NOTHING, "The core holds a few per cent of the arc's light; more than a fifth of the step is not earned by it."),
)

Change = Callable[[Pairs], Images]


def pair_gates(judge: Judge, pairs: Pairs, how: Chance) -> list[Gate]:
    """The gates of this room, the most telling first."""
    if not too_few_pairs(pairs, how):
        same = shares_noise(pairs)
        apart = np.count_nonzero(~same)
        if apart > MOST_APART * len(same):
            why = (
                f"{apart} of {len(same)} lenses have other noise than their controls where no arc is: "
                "what moves pixels between them moves noise too"
            )
            return [unsupported(question, why, pairs.behind) for question in (SUPPRESSED, SWAP, CORE_HIDDEN, CORE_ALONE)]
        pairs = pairs.of(same)
    with_core = pairs.of(has_core(pairs))
    return [
        kept_gate(SUPPRESSED, judge, pairs, lambda some: mixed(some.lens, some.control, arc_pixels(some)), how),
        kept_gate(SWAP, judge, pairs, lambda some: mixed(some.control, some.lens, arc_pixels(some)), how),
        kept_gate(CORE_HIDDEN, judge, with_core, lambda some: mixed(some.lens, some.control, core_pixels(some)), how),
        kept_gate(CORE_ALONE, judge, with_core, lambda some: mixed(some.control, some.lens, core_pixels(some)), how),
    ]


def kept_gate(question: Question, judge: Judge, pairs: Pairs, change: Change, how: Chance) -> Gate:
    """How much of the step the changed images keep, with the steps of single pairs as evidence."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(question, why, pairs.behind)
    changed = asked(judge, change(pairs), pairs)
    evidence = Evidence(
        {"lens": pairs.lens_logits, "control": pairs.control_logits, "changed": changed},
        "logit",
        "Scores of lenses, of their controls, and of the changed images.",
    )
    return judged(question, share_kept(changed, pairs, how), pairs.behind, evidence)


def shares_noise(pairs: Pairs) -> Rows:
    """(pair,) whether neighbouring pixels of lens less control are alike: an arc's light is smooth where it is not faint.

    Second differences along rows have sqrt(6) times the scatter of white noise; other noise in lens and control would show in
    half of them and more, an arc as bright as its host does not.
    """
    arc = pairs.arc
    change = np.abs(arc[..., :-2] - 2 * arc[..., 1:-1] + arc[..., 2:])
    return np.asarray((np.median(change, axis=(2, 3)) <= ARC_SIGMA * math.sqrt(6) * pairs.sky_sigma).all(axis=1))


def arc_pixels(pairs: Pairs) -> Rows:
    """(pair, y, x) where the arc exceeds 0.3 of the noise in any band."""
    return np.asarray((np.abs(pairs.arc) > ARC_SIGMA * pairs.sky_sigma[:, :, None, None]).any(axis=1))


def has_core(pairs: Pairs) -> Rows:
    """(pair,) whether there is a core to speak of."""
    return np.asarray(pairs.theta_e_arcsec > SMALLEST_CORE_FWHM * _fwhm_r(pairs))


def core_pixels(pairs: Pairs) -> Rows:
    """(pair, y, x) the core."""
    edge = (pairs.theta_e_arcsec - _fwhm_r(pairs)) / PIXEL_SCALE_ARCSEC
    return np.asarray(pairs.radius_pix < edge[:, None, None])


def mixed(images: Images, others: Images, where: Rows) -> Images:
    """``images`` with the pixels of ``others`` where it is said, in all bands."""
    return np.where(where[:, None], others, images)


def _fwhm_r(pairs: Pairs) -> Numbers:
    return pairs.fwhm_arcsec[:, BANDS.index("r")]
