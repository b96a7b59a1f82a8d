"""Figures of where the scores hold: reliability of the probabilities, and lenses found by what they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from trainer.figures_canvas import CONTROL_COLOUR, INK, LENS_COLOUR, MUTED, Drawing, draw
from trainer.report_metrics import Calibration, Condition, Estimate, Part, Reliability, Share

_RATE_COLOURS = (CONTROL_COLOUR, LENS_COLOUR, INK, MUTED)


def reliability_figure(split: str, calibration: Calibration, temperature: Estimate | None) -> Drawing:
    """Observed share of lenses against the mean p of bins with equally many stamps, before and after the temperature."""
    scaled = temperature is not None and temperature.value is not None and calibration.after is not None
    said = (
        f" Filled: as scored; open: with the logits divided by T = {temperature.value:.2f}." if scaled and temperature else ""
    )
    caption = (
        f"Reliability on the {split} split: on the dashed line p is right. Bars are Wilson intervals of the bins; p is the "
        f"probability at this split's share of lenses, not the sky's.{said}"
    )
    return draw(partial(_paint_reliability, calibration), caption)


def found_figure(condition: Condition, label: str, caption: str) -> Drawing | None:
    """Share of lenses found in each part of a condition, at each supported threshold; None where no part has enough lenses."""
    if not any(cell.tpr for cell in condition.cells):
        return None
    return draw(partial(_paint_found, condition.cells, label), caption)


def percent(fpr: float) -> str:
    """A rate as people say it: 0.1 %."""
    return f"{100 * fpr:g}\u00a0%"


def span(cell: Part) -> str:
    """The values of a condition that a part covers."""
    return f"\u2265 {cell.lower:g}" if cell.upper is None else f"{cell.lower:g}\u2013{cell.upper:g}"


def _paint_reliability(calibration: Calibration, axes: Axes) -> str:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle="--")
    _reliability(axes, calibration.before, LENS_COLOUR, LENS_COLOUR, "as scored")
    words = f"as scored, ECE {calibration.before.ece.value:.3f}"
    if calibration.after:
        _reliability(axes, calibration.after, CONTROL_COLOUR, "white", "with temperature")
        words += f"; with temperature, ECE {calibration.after.ece.value:.3f}"
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("mean p of the bin")
    axes.set_ylabel("share of lenses in it")
    axes.legend(loc="upper left")
    return f"Reliability diagram with {len(calibration.before.bins)} bins: {words}."


def _reliability(axes: Axes, table: Reliability, colour: str, fill: str, label: str) -> None:
    x = [b.mean_p for b in table.bins]
    y, error = _bars([b.observed for b in table.bins])
    axes.errorbar(x, y, yerr=error, fmt="o-", color=colour, markerfacecolor=fill, markersize=4, linewidth=1.1, label=label)


def _paint_found(cells: Sequence[Part], label: str, axes: Axes) -> str:
    rates = sorted({share.split_fpr for cell in cells for share in cell.tpr or []}, reverse=True)
    words = []
    for n, rate in enumerate(rates):
        found = [(place, share) for place, cell in enumerate(cells) for share in _at(cell.tpr, rate)]
        y, error = _bars([share for _, share in found])
        x = [place + 0.12 * (n - (len(rates) - 1) / 2) for place, _ in found]
        colour = _RATE_COLOURS[n % len(_RATE_COLOURS)]
        axes.errorbar(
            x, y, yerr=error, fmt="o", color=colour, markersize=4, capsize=2, label=("" if n else "FPR ") + percent(rate)
        )
        words.append(
            f"at FPR {percent(rate)} " + ", ".join(f"{span(cells[place])}: {share.value:.2f}" for place, share in found)
        )
    axes.set_xlim(-0.6, len(cells) - 0.4)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xticks(range(len(cells)), [f"{span(cell)}\n{cell.n_positive:,}" for cell in cells], fontsize=7.5)
    axes.set_xlabel(f"{label}; below: lenses")
    axes.set_ylabel("share of lenses found")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=4, columnspacing=1.0, handlelength=1.0, handletextpad=0.3)
    return f"Share of lenses found by {label}: {'; '.join(words)}."


def _at(shares: Sequence[Share] | None, rate: float) -> list[Share]:
    return [share for share in shares or [] if share.split_fpr == rate]


def _bars(estimates: Sequence[Estimate]) -> tuple[list[float], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Values, and the lengths of their bars below and above."""
    ends = np.array([[e.low, e.value, e.high] for e in estimates], dtype=np.float64)
    return ends[:, 1].tolist(), np.maximum(np.stack([ends[:, 1] - ends[:, 0], ends[:, 2] - ends[:, 1]]), 0)
