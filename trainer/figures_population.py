"""Figures of what was made: radii, brightness, redshifts, seeing, and the draws that were refused on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from trainer.figures_canvas import BAND_COLOURS, CONTROL_COLOUR, INK, LENS_COLOUR, Drawing, draw

FloatArray = npt.NDArray[np.float64]
_BINS = 28
_TWO_DECADES = 100.0
_TAIL = 0.002
"""Share of the values that an axis may leave out at either end, so that one outlier does not flatten the rest."""


def histogram(
    series: Mapping[str, FloatArray], axis: str, caption: str, *, colours: Sequence[str] = (), log: bool = False
) -> Drawing | None:
    """Histograms over one axis, each as a share of its own number; None where no series holds a finite value."""
    finite = {name: _usable(values, log) for name, values in series.items()}
    finite = {name: values for name, values in finite.items() if len(values)}
    if not finite:
        return None
    palette = dict(zip(series, colours or (LENS_COLOUR, CONTROL_COLOUR, INK), strict=False))
    return draw(partial(_paint_histogram, finite, axis, palette, log), caption)


def psf_histogram(fwhm: Mapping[str, FloatArray]) -> Drawing | None:
    """PSF width a band, arcsec."""
    named = {f"{band} band": values for band, values in fwhm.items()}
    colours = [BAND_COLOURS[band] for band in fwhm]
    return histogram(named, "PSF FWHM (arcsec)", "Seeing of the stamps, one curve a band.", colours=colours)


def draws_figure(refused: Mapping[str, int], accepted: int) -> Drawing | None:
    """What became of the draws: bars of counts, the accepted ones last. None where nothing was counted."""
    if accepted + sum(refused.values()) == 0:
        return None
    return draw(
        partial(_paint_draws, {**refused, "accepted": accepted}),
        "What became of every draw of a lens and source: the denominator of the selection function.",
    )


def summary(values: FloatArray) -> str:
    """Number, median and central 68 % of finite values, in words."""
    low, middle, high = np.quantile(values, [0.16, 0.5, 0.84])
    return f"{len(values)} values, median {middle:.3g}, central 68 % from {low:.3g} to {high:.3g}"


def log_axis(axes: Axes, low: float, high: float) -> None:
    """A logarithmic x axis that is readable over less than two decades as well."""
    axes.set_xscale("log")
    if high < _TWO_DECADES * low:  # powers of ten would leave one label, or crowd minor ones in exponents
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def _usable(values: FloatArray, log: bool) -> FloatArray:
    finite = values[np.isfinite(values)]
    return finite[finite > 0] if log else finite


def _paint_histogram(series: Mapping[str, FloatArray], axis: str, palette: Mapping[str, str], log: bool, axes: Axes) -> str:
    pooled = np.concatenate(list(series.values()))
    low, high = np.quantile(pooled, [_TAIL, 1 - _TAIL])
    if not high > low:
        pad = 0.05 * abs(low) or 0.5
        low, high, log = low - pad, high + pad, False
    edges = np.geomspace(low, high, _BINS + 1) if log else np.linspace(low, high, _BINS + 1)
    for name, values in series.items():
        weights = np.full(len(values), 1 / len(values))
        style: dict[str, Any] = {"bins": edges, "weights": weights, "color": palette[name]}
        clipped = np.clip(values, edges[0], edges[-1])
        axes.hist(clipped, histtype="stepfilled", alpha=0.18, **style)
        axes.hist(clipped, histtype="step", linewidth=1.6, label=f"{name} ({len(values)})", **style)
    if log:
        log_axis(axes, low, high)
    axes.set_xlabel(axis)
    axes.set_ylabel("share")
    axes.legend(loc="best")
    words = "; ".join(f"{name}: {summary(values)}" for name, values in series.items())
    return f"Histogram of {axis}. {words}."


def _paint_draws(counts: Mapping[str, int], axes: Axes) -> str:
    names = list(counts)[::-1]
    values = [counts[name] for name in names]
    colours = [CONTROL_COLOUR if name != "accepted" else LENS_COLOUR for name in names]
    axes.barh(names, values, color=colours, height=0.62)
    for place, value in enumerate(values):
        axes.annotate(f"{value:,}", (value, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.16)
    axes.set_xlabel("draws")
    total = sum(values)
    return f"Bar chart of {total:,} draws: " + ", ".join(f"{name} {counts[name]:,}" for name in counts) + "."
