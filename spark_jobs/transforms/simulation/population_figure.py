"""The picture of a population: a panel for each quantity, with what is known of real lenses marked.

Drawn on a ``Figure`` without pyplot: nothing is global but the style, which is set and unset here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from schemas.file_commit import unfinished_file
from schemas.locations import Location
from spark_jobs.transforms.simulation.draw_population import QUANTITIES, Population
from spark_jobs.transforms.simulation.known_lens_values import KNOWN, REFERENCES, KnownValue

FloatArray = npt.NDArray[np.float64]

_INK, _MUTED, _POPULATION, _KNOWN, _WARNING = "#2b3138", "#8a929b", "#c8612c", "#2f6690", "#a3243b"
_LOGARITHMIC = ("magnification", "arc_snr", "arc_to_host")
_BINS = 60
_TAIL = 0.002
_HEIGHT_OF_CURVES = 0.72  # above them stand the names of what is known
_DPI = 130
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "svg.hashsalt": "darkhaloscope",
}


def draw_figure(population: Population, title: str, out: Location) -> None:
    """Write the picture; the file's ending says the format (png, svg, pdf)."""
    with mpl.rc_context(_STYLE), unfinished_file(out) as unfinished:
        population_figure(population, title).savefig(unfinished, format=out.suffix[1:], metadata=_timeless(out))


def population_figure(population: Population, title: str) -> Figure:
    """The figure: nine panels in the order of QUANTITIES, and below them whose the known values are."""
    figure = Figure(figsize=(11, 8.2), layout="constrained", dpi=_DPI)
    panels = figure.subplots(3, 3)
    for axes, (name, label) in zip(panels.flat, QUANTITIES.items(), strict=True):
        _panel(axes, population.quantities[name], label, KNOWN.get(name, ()), logarithmic=name in _LOGARITHMIC)
    figure.suptitle(textwrap.fill(title, 150), x=0.01, ha="left", color=_INK, fontsize=10)
    figure.supxlabel(textwrap.fill(REFERENCES, 175), x=0.01, ha="left", color=_MUTED, fontsize=7.5)
    return figure


def _panel(axes: Axes, values: FloatArray, label: str, known: tuple[KnownValue, ...], *, logarithmic: bool) -> None:
    """A histogram with its median in the axis label, ranges as bands at the bottom, medians of known lenses as lines."""
    finite = values[np.isfinite(values) & (values > 0 if logarithmic else True)]
    axes.set_yticks([])
    if not len(finite):
        axes.set_xticks([])
        axes.set_xlabel(label)
        axes.text(0.5, 0.5, "not drawn by this recipe", transform=axes.transAxes, ha="center", color=_MUTED)
        return
    low, high = _limits(finite, known, logarithmic)
    edges = (np.geomspace if logarithmic else np.linspace)(low, high, _BINS + 1).tolist()
    axes.hist(np.clip(finite, low, high), bins=edges, histtype="stepfilled", color=_POPULATION, alpha=0.3)
    axes.hist(np.clip(finite, low, high), bins=edges, histtype="step", color=_POPULATION, linewidth=1.3)
    median = float(np.median(finite))
    axes.axvline(median, ymax=_HEIGHT_OF_CURVES, color=_POPULATION, linewidth=1.6)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(low, high)
    axes.set_ylim(0, axes.get_ylim()[1] / _HEIGHT_OF_CURVES)
    axes.set_xlabel(f"{label}: median {median:.3g}")
    for place, value in enumerate(known):
        _mark(axes, value, 0.97 - 0.1 * place)


def _mark(axes: Axes, value: KnownValue, height: float) -> None:
    """A known value with its name at a height of its own, so that names do not cover one another."""
    colour = _WARNING if "failed" in value.whose else _KNOWN
    trans = axes.get_xaxis_transform()
    behind = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.4}
    text: dict[str, Any] = {"xycoords": trans, "textcoords": "offset points", "color": colour, "fontsize": 8, "va": "top"}
    text["bbox"] = behind
    if not value.is_range:
        axes.plot([value.low, value.low], [0, height], color=colour, linestyle="--", linewidth=1.3, transform=trans)
        axes.annotate(f"{value.whose} {value.low:g}", (value.low, height), (3, 0), ha="left", **text)
        return
    axes.fill_betweenx([height - 0.03, height], value.low, value.high, color=colour, alpha=0.75, transform=trans, lw=0)
    (start, _), (end, _) = axes.transAxes.inverted().transform(axes.transData.transform([(value.low, 0), (value.high, 0)]))
    at_end = start > 1.0 - start and end > 0.7
    place = (value.high if at_end else value.low, height - 0.045)
    axes.annotate(value.whose, place, (0, 0), ha="right" if at_end else "left", **text)


def _limits(values: FloatArray, known: tuple[KnownValue, ...], logarithmic: bool) -> tuple[float, float]:
    """From the lowest to the highest value but for the outermost, known lenses included, with a little air."""
    low, high = np.quantile(values, [_TAIL, 1.0 - _TAIL])
    low, high = min([low, *(value.low for value in known)]), max([high, *(value.high for value in known)])
    if logarithmic:
        return float(low / 1.1), float(high * 1.1)
    air = 0.04 * (high - low) or 0.5
    return float(low - air), float(high + air)


def _timeless(out: Location) -> Mapping[str, None] | None:
    """The key under which a format writes the time or its maker, emptied: the same population gives the same bytes."""
    keys = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}
    return keys.get(out.suffix)
