"""Pictures of the proof: figures of merit by test set, ROC curves on the stand-in, examples of what was made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from proof_record import Figure, Judged, Proof
from proof_steps import JUDGED_ON, RECIPES, STANDIN

from trainer.figures_canvas import CONTROL_COLOUR, GREY, LENS_COLOUR, MUTED, Drawing, draw
from trainer.figures_scores import supported_from
from trainer.gallery import colour_picture, png_uri
from trainer.report_examples import Shown, load_rows, spread_rows
from trainer.report_inputs import ReportPaths, read_inputs

NAMES = {"gen5": "failed recipe (gen5)", "realistic": "realistic recipe", STANDIN: "stand-in for the sky"}
COLOURS = {"gen5": LENS_COLOUR, "realistic": CONTROL_COLOUR}
_CONTAMINANTS = ("ring", "spiral", "merger", "companion", "edge_on")
_APART = 0.09
_SIDE_BY_SIDE = 0.2


def merit_drawings(proof: Proof) -> list[Drawing]:
    """One drawing a figure of merit."""
    rows: list[tuple[str, Callable[[Judged], Figure]]] = [("AUC", lambda one: one.auc)]
    rows += [(f"share of lenses found at FPR {rate:g}", lambda one, rate=rate: one.tpr[rate]) for rate in (0.01, 0.001)]  # type: ignore[misc]
    caption = "{}: a dot a seed with its 95 % interval; hollow where fewer than ten false positives are expected."
    return [draw(partial(_paint_merit, proof, name, of), caption.format(name)) for name, of in rows]


def roc_drawing(proof: Proof) -> Drawing:
    """Every network on the stand-in."""
    caption = "ROC on the stand-in, a line a seed. Grey: fewer than ten false positives expected, hearsay."
    return draw(partial(_paint_roc, proof), caption)


def examples(stamps: Path, count: int) -> list[Shown]:
    """Lenses of a test split at equal steps of arc signal to noise."""
    inputs = read_inputs(ReportPaths(stamps))
    rows = spread_rows(inputs, count)
    images = load_rows(inputs, rows)
    found = []
    for row in rows:
        radius, snr = inputs.number("theta_e_arcsec", row), inputs.number("arc_snr", row)
        words = f"Lens with an Einstein radius of {radius:.2f} arcsec and an arc signal to noise of {snr:.0f}."
        found.append(Shown(png_uri(colour_picture(images[row])), words, f"θE {radius:.2f}″, S/N {snr:.0f}"))
    return found


def contaminants(stamps: Path, count: int) -> list[Shown]:
    """The first of each kind of the stand-in's contaminants, ``count`` of each."""
    inputs = read_inputs(ReportPaths(stamps))
    rows = [int(row) for kind in _CONTAMINANTS for row in np.flatnonzero(inputs.equal("kind", kind) & inputs.made)[:count]]
    images = load_rows(inputs, rows)
    kinds = {row: str(inputs.value("kind", row)).replace("_", " ") for row in rows}
    return [Shown(png_uri(colour_picture(images[row])), f"A contaminant: {kinds[row]}.", kinds[row]) for row in rows]


def _paint_merit(proof: Proof, name: str, of: Callable[[Judged], Figure], axes: Axes) -> str:
    words = []
    for place, judged_on in enumerate(JUDGED_ON):
        for side, recipe in zip((-_SIDE_BY_SIDE, _SIDE_BY_SIDE), RECIPES, strict=True):
            figures = [of(one) for one in proof.on(judged_on, recipe)]
            for n, figure in enumerate(figures):
                _dot(axes, place + side + _APART * (n - 1), figure, COLOURS[recipe])
            words.append(f"{NAMES[recipe]} on {NAMES[judged_on]}: {_listed(figures)}")
    axes.set_xticks(range(len(JUDGED_ON)), [NAMES[one].replace(" (", "\n(").replace(" for", "\nfor") for one in JUDGED_ON])
    axes.set_ylabel(name)
    axes.set_ylim(top=1.02)
    for recipe in RECIPES:
        axes.plot([], [], marker="o", linestyle="", color=COLOURS[recipe], label=f"trained on {recipe}")
    axes.legend(loc="best")
    return f"{name} by test set. {'; '.join(words)}."


def _dot(axes: Axes, place: float, figure: Figure, colour: str) -> None:
    if figure.value is None:
        return
    if figure.low is not None and figure.high is not None:
        axes.plot([place, place], [figure.low, figure.high], color=colour, linewidth=1.6)
    axes.plot([place], [figure.value], marker="o", markersize=5, color=colour, fillstyle="full" if figure.supported else "none")


def _paint_roc(proof: Proof, axes: Axes) -> str:
    negatives = proof.on(STANDIN, RECIPES[0])[0].n_distinct_negative
    bound, floor = supported_from(negatives), 0.5 / max(negatives, 1)
    axes.axvspan(floor, bound, color=GREY, zorder=0)
    for recipe in RECIPES:
        for one in proof.on(STANDIN, recipe):
            fpr, tpr = (np.asarray(part, np.float64) for part in one.roc)
            label = f"trained on {recipe}" if one.seed == 1 else None
            axes.plot(np.maximum(fpr, floor), tpr, drawstyle="steps-post", linewidth=1.4, color=COLOURS[recipe], label=label)
    chance = np.geomspace(floor, 1, 100)
    axes.plot(chance, chance, color=MUTED, linewidth=1, linestyle="--", label="chance")
    axes.set_xscale("log")
    axes.set_xlim(floor, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("false-positive rate")
    axes.set_ylabel("true-positive rate")
    axes.legend(loc="upper left")
    found = "; ".join(f"{recipe} {_listed([one.auc for one in proof.on(STANDIN, recipe)])}" for recipe in RECIPES)
    return f"ROC curves on the stand-in, false-positive axis logarithmic, supported from {bound:.2g} upwards. AUC: {found}."


def _listed(figures: Sequence[Figure]) -> str:
    return ", ".join("none" if one.value is None else f"{one.value:.3f}" for one in figures)
