"""The look of every figure: one size, one palette, a sentence for those who cannot see it; out comes SVG for an <img>.

Figures are drawn on ``Figure`` objects without pyplot, so nothing is global but the style, which is set and unset here.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LENS_COLOUR = "#c8612c"
CONTROL_COLOUR = "#2f6690"
INK = "#2b3138"
MUTED = "#8a929b"
GREY = "#e7e9ec"
BAND_COLOURS = {"g": "#3c8d5a", "r": "#c8612c", "z": "#7b4b94"}
_SIZE_INCH = (4.4, 2.9)
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GREY,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "svg.fonttype": "path",  # the same on a machine without the font
    "svg.hashsalt": "darkhaloscope",  # the same inputs give the same bytes
}


@dataclass(frozen=True)
class Drawing:
    """A figure in the page: its data URI, what it shows in words (for those who cannot see it), and its caption."""

    uri: str
    alt: str
    caption: str


def draw(paint: Callable[[Axes], str], caption: str) -> Drawing:
    """Let ``paint`` draw on fresh axes and return the alternative text; the result is a self-contained SVG image."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE_INCH, layout="constrained")
        alt = paint(figure.add_subplot())
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Drawing("data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii"), alt, caption)
