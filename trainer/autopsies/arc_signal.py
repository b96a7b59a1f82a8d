"""The score against the arc's signal to noise: it should fall to that of the controls where the arc is lost in the sky.

Signal to noise is that of a matched filter in r, over the whole arc, as the stamps' table has it; adopted stamps state the
peak pixel's instead, which an extended arc exceeds many times over.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes

from trainer.autopsies.failed_experiment import FAINT_ARC
from trainer.autopsies.findings import Finding, Part
from trainer.autopsies.image_sets import ImageSet
from trainer.autopsies.set_draws import mean_of, median_of
from trainer.figures_canvas import CONTROL_COLOUR, INK, LENS_COLOUR, MUTED, draw
from trainer.figures_population import log_axis
from trainer.gates.class_scores import Chance
from trainer.judge import Numbers

EDGES = (0.0, 2.0, 5.0, 10.0, 20.0, 50.0, np.inf)
MEASURES = {"arc_snr": "matched filter", "arc_peak_snr": "peak pixel"}
FEWEST = 5
_TITLE = "Score against arc signal to noise"
_TOLD = (
    "Lenses by signal to noise of their arc, and the negatives for comparison. A network that needs the arc falls to the "
    "negatives' level at the faint end; one that still says p = 1 there has seen something else, or the signal to noise is not "
    "the arc's: a peak pixel of 1.3 can be an arc of 10 over all of its pixels."
)


def arc_signal_part(lenses: ImageSet, negatives: ImageSet, how: Chance) -> Part:
    """p in steps of every signal to noise that the table states."""
    found: list[Finding] = []
    drawings, absent = [], []
    for column, word in MEASURES.items():
        snr = lenses.columns.get(column)
        if snr is None or np.count_nonzero(np.isfinite(snr)) < FEWEST:
            absent.append(f"{word}: the index states it for fewer than {FEWEST} lenses.")
            continue
        found += _steps(lenses, snr, column, word, how)
        drawings.append(
            draw(partial(_paint, snr, lenses, negatives, word), f"p of each lens against the {word}'s signal to noise.")
        )
    found.append(mean_of(negatives.probability, negatives, how).finding("negatives.mean", "negatives: p, mean"))
    return Part("arc_signal", _TITLE, _TOLD, found, drawings, absent=absent)


def _steps(lenses: ImageSet, snr: Numbers, column: str, word: str, how: Chance) -> list[Finding]:
    found = []
    for low, high in pairwise(EDGES):
        rows = np.flatnonzero((snr >= low) & (snr < high))
        if not len(rows):
            continue
        some = lenses.of(rows)
        name, range_ = f"{column}.{low:g}", f"{low:g} and more" if np.isinf(high) else f"{low:g} to {high:g}"
        failed = FAINT_ARC if column == "arc_peak_snr" and low == 0 else ""
        mean = mean_of(some.probability, some, how)
        found.append(mean.finding(f"{name}.mean", f"{word} {range_}: p, mean", failed))
        found.append(median_of(some.logits, some, how).finding(f"{name}.logit", f"{word} {range_}: logit, median"))
    return found


def _paint(snr: Numbers, lenses: ImageSet, negatives: ImageSet, word: str, axes: Axes) -> str:
    usable = np.isfinite(snr) & (snr > 0)
    axes.scatter(snr[usable], lenses.logits[usable], s=6, alpha=0.5, color=LENS_COLOUR, linewidths=0, label="lenses")
    low, middle, high = np.quantile(negatives.logits, [0.025, 0.5, 0.975])
    axes.axhspan(low, high, color=CONTROL_COLOUR, alpha=0.14, linewidth=0, label="negatives, central 95 %")
    axes.axhline(middle, color=CONTROL_COLOUR, linewidth=1.2)
    axes.axhline(0, color=MUTED, linewidth=0.8, linestyle=":")
    axes.axvline(2, color=INK, linewidth=0.8, linestyle=":")
    log_axis(axes, min(2.0, float(snr[usable].min())), float(snr[usable].max()))
    axes.set_xlabel(f"arc signal to noise ({word})")
    axes.set_ylabel("logit")
    axes.legend(loc="best")
    return (
        f"Logit of {np.count_nonzero(usable)} lenses against arc signal to noise from {snr[usable].min():.2g} to "
        f"{snr[usable].max():.3g}; negatives lie between {low:.2f} and {high:.2f}, their median at {middle:.2f}."
    )
