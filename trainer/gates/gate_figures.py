"""Pictures behind a verdict: where the interval lies among the limits, and the values that it came from."""

from __future__ import annotations

import math
from functools import partial

from matplotlib.axes import Axes

from trainer.figures_canvas import GREY, INK, Drawing, draw
from trainer.figures_population import histogram
from trainer.gates.gate import Gate, Verdict

VERDICT_COLOURS = {
    Verdict.PASS: "#2e7d4f",
    Verdict.FAIL: "#b3261e",
    Verdict.NOT_SUPPORTED: "#9a7b1c",
    Verdict.CONFOUNDED: "#6b7580",
}
_HARMLESS = "#cfe8d6"
_WIDE = 0.25
"""Room beyond what is drawn, as a share of it."""


def gate_drawings(gate: Gate) -> list[Drawing]:
    """The scale with its interval, the values behind it, and what the gate has drawn; what there is nothing of is not drawn."""
    drawings = [] if gate.interval is None else [draw(partial(_paint_scale, gate), _scale_caption(gate))]
    evidence = gate.evidence
    values = histogram(evidence.series, evidence.axis, evidence.caption) if evidence.series else None
    return [*drawings, *([values] if values else []), *evidence.drawings]


def _scale_caption(gate: Gate) -> str:
    if gate.verdict is Verdict.CONFOUNDED:
        return "The figure with its 95 % interval. No limits: it cannot tell a fault from lensing."
    return "The figure and its 95 % interval. Green is harmless, grey tolerated: off green it fails, within both it passes."


def _paint_scale(gate: Gate, axes: Axes) -> str:
    interval, limits = gate.interval, gate.asked.limits
    if interval is None:
        raise ValueError(f"gate {gate.asked.name} has no figure to draw")
    ends = [interval.value, interval.low, interval.high, *limits.harmless, *limits.tolerated]
    known = [end for end in ends if math.isfinite(end)]
    low, high = min(known), max(known)
    room = _WIDE * ((high - low) or 1)
    low, high = low - room, high + room
    if gate.verdict is not Verdict.CONFOUNDED:
        for (start, stop), colour in ((limits.tolerated, GREY), (limits.harmless, _HARMLESS)):
            axes.axvspan(max(start, low), min(stop, high), color=colour, linewidth=0, zorder=0)
    colour = VERDICT_COLOURS[gate.verdict]
    if math.isfinite(interval.low) and math.isfinite(interval.high):
        axes.plot([interval.low, interval.high], [0, 0], color=colour, linewidth=5, solid_capstyle="butt")
    axes.plot([interval.value], [0], marker="o", color=colour, markersize=11, markeredgecolor="white")
    axes.annotate(
        f"{interval.value:.3g}", (interval.value, 0), xytext=(0, 14), textcoords="offset points", ha="center", color=INK
    )
    axes.set_xlim(low, high)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(gate.asked.title)
    return (
        f"{gate.asked.title}: {interval.value:.3g}, interval {interval.low:.3g} to {interval.high:.3g}; harmless "
        f"{limits.harmless[0]:g} to {limits.harmless[1]:g}, tolerated {limits.tolerated[0]:g} to {limits.tolerated[1]:g}; "
        f"verdict {gate.verdict.value}."
    )
