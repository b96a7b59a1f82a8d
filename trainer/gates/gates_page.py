"""The gates as one self-contained HTML page: a light, a figure with its interval and the picture behind it for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer.figures_canvas import Drawing
from trainer.gates.gate import Gate, Verdict
from trainer.gates.gate_figures import VERDICT_COLOURS, gate_drawings
from trainer.gates.gate_files import verdict_counts
from trainer.report_page import environment

_MEANING = {
    Verdict.PASS: "a fault larger than what is tolerated is excluded",
    Verdict.FAIL: "a fault is shown",
    Verdict.NOT_SUPPORTED: "too few objects, one class only, or an interval too wide: nothing is said",
    Verdict.CONFOUNDED: "a figure that cannot tell a fault from lensing: never a verdict",
}


@dataclass(frozen=True)
class Heading:
    """What the page asks, and what it asks it of."""

    title: str
    question: str
    asked_of: str


DATA_HEADING = Heading("gates on data", "Can these stamps be trained on?", "the stamps, before a GPU is paid for")
MODEL_HEADING = Heading(
    "gates on a network", "Is it lensing that this network sees?", "the network, changing one thing in its images"
)


@dataclass(frozen=True)
class ShownGate:
    """A gate as words and pictures."""

    gate: Gate
    colour: str
    figure: str
    objects: str
    drawings: Sequence[Drawing]


def render_page(gates: Sequence[Gate], facts: Mapping[str, str], heading: Heading) -> str:
    """The page as HTML text; the same gates give the same text. ``facts`` says what was looked at."""
    counts = verdict_counts([gate.verdict.value for gate in gates])
    cards = [(verdict.value, counts[verdict.value], VERDICT_COLOURS[verdict], _MEANING[verdict]) for verdict in Verdict]
    shown = [_shown(gate) for gate in gates]
    return environment().get_template("gates.html.j2").render(heading=heading, facts=facts, cards=cards, gates=shown)


def _shown(gate: Gate) -> ShownGate:
    interval, behind = gate.interval, gate.behind
    figure = "no figure" if interval is None else f"{interval.value:.3g} ({interval.low:.3g} to {interval.high:.3g})"
    counted = ((behind.n_positive, "lenses"), (behind.n_negative, "others"), (behind.n_hosts, "hosts"))
    objects = ", ".join(f"{n:,} {name}" for n, name in counted if n) or "none"
    if behind.unit in ("cell", "host"):
        objects += f"; interval over {behind.n_units:,} {behind.unit}s"
    return ShownGate(gate, VERDICT_COLOURS[gate.verdict], figure, objects, gate_drawings(gate))
