"""A figure of what a network answers along one axis, with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, NullFormatter, NullLocator

from trainer.figures_canvas import CONTROL_COLOUR, INK, LENS_COLOUR, Drawing, draw
from trainer.intervals import Interval

_COLOURS = (LENS_COLOUR, CONTROL_COLOUR, INK)


@dataclass(frozen=True)
class Axis:
    """What is varied and what is answered, in words with units; ``log`` where values grow by factors."""

    varied: str
    answered: str
    log: bool = False


def curve_drawing(at: Sequence[float], series: Mapping[str, Sequence[Interval]], axis: Axis, caption: str) -> Drawing:
    """Up to three curves over the values ``at``."""
    return draw(partial(_paint, at, series, axis), caption)


def _paint(at: Sequence[float], series: Mapping[str, Sequence[Interval]], axis: Axis, axes: Axes) -> str:
    words = []
    for colour, (name, found) in zip(_COLOURS, series.items(), strict=False):
        values = [one.value for one in found]
        axes.plot(at, values, marker="o", markersize=4, linewidth=1.6, color=colour, label=name)
        axes.fill_between(at, [one.low for one in found], [one.high for one in found], color=colour, alpha=0.18, linewidth=0)
        words.append(f"{name} " + ", ".join(f"{value:.2f} at {place:g}" for place, value in zip(at, values, strict=True)))
    if axis.log:
        axes.set_xscale("log")
        axes.set_xticks(list(at))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(axis.varied)
    axes.set_ylabel(axis.answered)
    if len(series) > 1:
        axes.legend(loc="best")
    return f"{axis.answered} over {axis.varied}: {'; '.join(words)}."
