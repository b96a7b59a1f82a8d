"""The measure of most gates on a network: of the step in logits from control to lens, how much a changed image keeps.

With l, c and v the logits of lenses, their controls and the changed images, the share kept is the sum of v - c over the sum of
l - c: 1 where the change means nothing to the network, 0 where the changed image is a control to it. A ratio of sums, because
single steps may be next to nothing; its interval is from drawing sky cells or hosts anew.
"""

from __future__ import annotations

import math

import numpy as np

from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval
from trainer.gates.gate import FEWEST_OF_A_CLASS, FEWEST_UNITS
from trainer.intervals import Bootstrap, Interval, percentile_interval, units_of
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.judged_stamps import Pairs


def share_kept(changed: Numbers, pairs: Pairs, how: Chance) -> Interval:
    """The share of the step that images with the logits ``changed`` (pair,) keep."""
    return ratio_of_sums(changed - pairs.control_logits, pairs.gap, pairs, how)


def ratio_of_sums(above: Numbers, below: Numbers, pairs: Pairs, how: Chance) -> Interval:
    """Sum of one over sum of the other."""
    sums = units_of(pairs.units).drawn_sums(np.stack([above, below]), Bootstrap(how.draws, how.seed))
    drawn = sums[sums[:, 1] > 0]  # a draw whose step is none has no share of it
    total = float(below.sum())
    value = float(above.sum()) / total if total > 0 else math.nan
    return percentile_interval(value, drawn[:, 0] / drawn[:, 1])


def too_few_pairs(pairs: Pairs, how: Chance) -> str | None:
    """Why no share of a step can be given, or None where it can: no pairs, too few, or a network that sees no step."""
    count = len(pairs.rows)
    if not count:
        return "no pairs: no lens of this split has its own control in it"
    if count < FEWEST_OF_A_CLASS:
        return f"too few pairs: {count}; wanted {FEWEST_OF_A_CLASS}"
    units = len(np.unique(pairs.units))
    if units < FEWEST_UNITS:
        return f"too few cells or hosts: {units}; wanted {FEWEST_UNITS}"
    step = mean_interval(pairs.gap, pairs.units, how)
    if not step.low > 0:
        return (
            f"the network does not tell lenses from their controls: the mean step is {step.value:.3g} "
            f"({step.low:.3g} to {step.high:.3g}) in logits"
        )
    return None


def asked(judge: Judge, images: Images, pairs: Pairs) -> Numbers:
    """Logits of one image a pair, under the conditions of its pair."""
    return judge.logits(images, pairs.metadata)
