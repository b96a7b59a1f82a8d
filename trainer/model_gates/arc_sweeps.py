"""Gates that scale the arc of each pair: does what the network says come from the arc's light, and does it fade with it?

Changed images are control + factor * (lens - control), a factor a pair and band; the arc's own photon noise scales with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from schemas.survey import BANDS
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval
from trainer.gates.gate import Evidence, Gate, Limits, Question, Table, Verdict, judged, unsupported
from trainer.intervals import Interval
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.curves import Axis, curve_drawing
from trainer.model_gates.gap import asked, share_kept, too_few_pairs
from trainer.model_gates.judged_stamps import Pairs, Threshold

SNRS = (1.0, 3.0, 6.0, 12.0, 25.0, 50.0)
BRIGHTNESS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
_HOST_RADIUS_PIX = 8.0
_BLUE_MAG = 0.5
_R = BANDS.index("r")

FAINT = Question(
    "arc_snr_curve",
    "Arcs too faint to see",
    "Does the network still see a lens where the arc is too faint for anybody to see?",
    "share of the step in logits from control to lens that is kept by arcs scaled to a signal to noise of 1",
    Limits(
        (-math.inf, 0.15),
        (-math.inf, 0.25),
        "A signal to noise of 1 over all pixels is not seen by the best filter that knows the arc; what is kept of the step "
        "there is not seen but known from elsewhere.",
    ),
)
FADING = Question(
    "arc_brightness",
    "Arc brightness",
    "Does a fainter arc make a weaker lens?",
    "share of pairs whose lens scores lower with its arc at half its brightness",
    Limits(
        (0.85, math.inf),
        (0.75, math.inf),
        "Whatever reads arcs reads less where there is half of one. A network that does not mind has enough with a trace.",
    ),
)
COLOUR = Question(
    "arc_colour",
    "Arc colour",
    "How much of what the network sees is the arc's colour?",
    "share of the step in logits from control to lens that is kept where the arc has its host's colours and its own r flux",
    Limits((-math.inf, 0), (-math.inf, 0), "No limits: colour is a rightful sign of a lensed galaxy, and a shortcut too."),
)


def arc_sweeps(judge: Judge, pairs: Pairs, threshold: Threshold, how: Chance) -> list[Gate]:
    """The gates of this room."""
    known = pairs.of(np.isfinite(pairs.arc_snr) & (pairs.arc_snr > 0))
    return [faint_gate(judge, known, threshold, how), fading_gate(judge, pairs, threshold, how), colour_gate(judge, pairs, how)]


def faint_gate(judge: Judge, pairs: Pairs, threshold: Threshold, how: Chance) -> Gate:
    """Every arc scaled to the same signal to noise, from one that nobody sees upwards."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(FAINT, why, pairs.behind)
    answers = [asked(judge, scaled(pairs, (snr / pairs.arc_snr)[:, None]), pairs) for snr in SNRS]
    kept = [share_kept(logits, pairs, how) for logits in answers]
    called = [_called(logits, threshold, pairs, how) for logits in answers]
    axis = Axis("arc signal to noise (r)", "share", log=True)
    drawing = curve_drawing(
        SNRS, {"step kept": kept, "called lenses": called}, axis, "Every arc scaled to one signal to noise."
    )
    table = _sweep_table("signal to noise", SNRS, kept, called)
    return judged(FAINT, kept[0], pairs.behind, Evidence(table=table, drawings=[drawing]))


def fading_gate(judge: Judge, pairs: Pairs, threshold: Threshold, how: Chance) -> Gate:
    """Every arc at some times its brightness."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(FADING, why, pairs.behind)
    answers = [asked(judge, scaled(pairs, np.array([[factor]])), pairs) for factor in BRIGHTNESS]
    kept = [share_kept(logits, pairs, how) for logits in answers]
    called = [_called(logits, threshold, pairs, how) for logits in answers]
    lower = answers[BRIGHTNESS.index(0.5)] < pairs.lens_logits
    axis = Axis("arc brightness, times its own", "share", log=True)
    series = {"step kept": kept, "called lenses": called}
    drawing = curve_drawing(BRIGHTNESS, series, axis, "Every arc at some times its own brightness.")
    evidence = Evidence(table=_sweep_table("times", BRIGHTNESS, kept, called), drawings=[drawing])
    figure = mean_interval(lower.astype(np.float64), pairs.units, how)
    return judged(FADING, figure, pairs.behind, evidence)


def colour_gate(judge: Judge, pairs: Pairs, how: Chance) -> Gate:
    """Arcs in their host's colours, and half a magnitude bluer and redder in g - r than they are, r flux kept."""
    why = too_few_pairs(pairs, how)
    if why:
        return unsupported(COLOUR, why, pairs.behind)
    tilt = 10 ** (0.4 * _BLUE_MAG)
    changes = {
        "as the host": _to_host_colour(pairs),
        f"{_BLUE_MAG} mag bluer in g - r": np.array([[tilt, 1, 1]]),
        f"{_BLUE_MAG} mag redder in g - r": np.array([[1 / tilt, 1, 1]]),
    }
    kept = {name: share_kept(asked(judge, scaled(pairs, factor), pairs), pairs, how) for name, factor in changes.items()}
    rows = [(name, words_of(interval)) for name, interval in kept.items()]
    evidence = Evidence(table=Table("Arcs of other colours.", ("colour of the arc", "step kept"), rows))
    told = "not a verdict: colour is a rightful sign of a lensed galaxy, and a shortcut too"
    return Gate(COLOUR, Verdict.CONFOUNDED, told, kept["as the host"], pairs.behind, evidence)


def scaled(pairs: Pairs, factor: Numbers) -> Images:
    """Control plus ``factor`` (pair or 1, band or 1) times the arc."""
    return np.asarray(pairs.control + factor[:, :, None, None] * pairs.arc, np.float32)


def _to_host_colour(pairs: Pairs) -> Numbers:
    """(pair, band) factor that gives the arc the colours of its host's middle; 1 where either has no light in a band."""
    near = (pairs.radius_pix < _HOST_RADIUS_PIX)[:, None]
    host = np.where(near, pairs.control, 0).sum((2, 3), dtype=np.float64)
    arc = pairs.arc.sum((2, 3), dtype=np.float64)
    lit = (host > 0) & (arc > 0) & (host[:, [_R]] > 0) & (arc[:, [_R]] > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = (host / host[:, [_R]]) / (arc / arc[:, [_R]])
    return np.where(lit, factor, 1.0)


def _called(logits: Numbers, threshold: Threshold, pairs: Pairs, how: Chance) -> Interval:
    return mean_interval((logits > threshold.logit).astype(np.float64), pairs.units, how)


def _sweep_table(varied: str, at: Sequence[float], kept: Sequence[Interval], called: Sequence[Interval]) -> Table:
    rows = [(f"{x:g}", words_of(k), words_of(c)) for x, k, c in zip(at, kept, called, strict=True)]
    return Table("What is kept of the step, and the share called lenses.", (varied, "step kept", "called lenses"), rows)
