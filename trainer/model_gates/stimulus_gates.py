"""Gates on stimuli from the renderer: the same source with less and less of a lens, without one, and of another size.

What no change of pixels can make: the source as it would be seen if nothing bent its light. Without them the gates say what
to give.
"""

from __future__ import annotations

import math

import numpy as np

from schemas.stimuli import AS_BRIGHT, EINSTEIN_RADIUS, SOURCE_SIZE
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval
from trainer.gates.gate import Evidence, Gate, Limits, Question, Table, Verdict, judged, unsupported
from trainer.intervals import Interval
from trainer.model_gates.curves import Axis, curve_drawing
from trainer.model_gates.gap import share_kept, too_few_pairs
from trainer.model_gates.judged_stamps import Threshold
from trainer.model_gates.stimuli import Key, Stimuli

ABSENT = "no stimuli were given: dhs stimuli makes them from the plan; then --stimuli"
_KEPT = "share of the step in logits from host to lens that is kept"
NO_LENS = Question(
    "einstein_radius_to_zero",
    "The same source without a lens",
    "Does the network still see a lens where the same source lies there and nothing bends its light?",
    f"{_KEPT} by the same source at the same place behind an Einstein radius of zero",
    Limits(
        (-math.inf, 0.25),
        (-math.inf, 0.40),
        "Without the lens the source is several times fainter and no arc. A quarter of the step for a faint blue galaxy beside "
        "the host's middle is colour; more than that is a network that wants no lens.",
    ),
)
BRIGHT = Question(
    "unlensed_as_bright",
    "As bright as its arc, without a lens",
    "Is it the shape that lensing gives, or the added light, that makes a lens to this network?",
    f"{_KEPT} by the same source without a lens, made as bright as its arc was",
    Limits(
        (-math.inf, 0.5),
        (-math.inf, 0.65),
        "Light and colour are the arc's, the shape is a galaxy's. Where half of the step or more stays, light and colour count "
        "for more than the shape.",
    ),
)
SIZE = Question(
    "source_size",
    "Source size",
    "How does the score go with the size of the source, at its flux?",
    f"{_KEPT} where the source is twice its size",
    Limits(
        (-math.inf, 0), (-math.inf, 0), "No limits: a larger source makes a fainter and wider arc, which may well score less."
    ),
)


def stimulus_gates(stimuli: Stimuli | None, threshold: Threshold, how: Chance) -> list[Gate]:
    """The gates of this room; without stimuli each says so."""
    if stimuli is None:
        return [unsupported(asked, ABSENT) for asked in (NO_LENS, BRIGHT, SIZE)]
    return [
        _swept(NO_LENS, stimuli, EINSTEIN_RADIUS, 0.0, "times its Einstein radius", threshold, how),
        _swept(BRIGHT, stimuli, AS_BRIGHT, 1.0, "", threshold, how),
        _without_limits(_swept(SIZE, stimuli, SOURCE_SIZE, 2.0, "times the source's size", threshold, how)),
    ]


def _swept(asked: Question, of: Stimuli, sweep: str, decides: float, varied: str, threshold: Threshold, how: Chance) -> Gate:
    """The share kept at every step of a sweep over lenses made at all of them, with the one that decides as the figure."""
    steps = of.steps(sweep)
    if decides not in steps:
        return unsupported(asked, f"the stimuli have no {sweep} of {decides:g}", of.pairs.behind)
    keys: list[Key] = [(sweep, step) for step in steps]
    made = of.with_logit(keys)
    why = too_few_pairs(made.pairs, how)
    if why:
        return unsupported(asked, why, made.pairs.behind)
    if sweep == SOURCE_SIZE:  # the lens itself is the sweep's middle
        keys = sorted([*keys, (EINSTEIN_RADIUS, 1.0)], key=lambda key: key[1])
    kept = {step: share_kept(made.logits[name, step], made.pairs, how) for name, step in keys}
    called = {step: _called(made, (name, step), threshold, how) for name, step in keys}
    rows = [(f"{step:g}", words_of(kept[step]), words_of(called[step])) for step in kept]
    table = Table(
        f"Over {len(made.pairs.rows):,} lenses.", (varied or "times as bright as its arc", "step kept", "called lenses"), rows
    )
    drawings = []
    if len(kept) > 1:
        series = {"step kept": list(kept.values()), "called lenses": list(called.values())}
        drawings = [curve_drawing(list(kept), series, Axis(varied, "share"), f"{asked.title}: rendered again, step by step.")]
    return judged(asked, kept[decides], made.pairs.behind, Evidence(table=table, drawings=drawings))


def _called(of: Stimuli, key: Key, threshold: Threshold, how: Chance) -> Interval:
    return mean_interval((of.logits[key] > threshold.logit).astype(np.float64), of.pairs.units, how)


def _without_limits(gate: Gate) -> Gate:
    """Shown, and no verdict."""
    if gate.interval is None:
        return gate
    told = "not a verdict: a larger source makes a fainter and wider arc, which may well score less"
    return Gate(gate.asked, Verdict.CONFOUNDED, told, gate.interval, gate.behind, gate.evidence)
