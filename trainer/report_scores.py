"""What the scores section says of metrics.json, as text: rates, calibration, and parts of the split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trainer.figures_calibration import found_figure, percent, reliability_figure
from trainer.figures_canvas import Drawing
from trainer.figures_scores import roc_figure, supported_from
from trainer.report_metrics import Estimate, KindOfNegative, Metrics, OperatingPoint, Part, Purity, Share, SplitMetrics

CARD_FPR = 0.01
"""The rate that stands among the headline figures, and in tables that have room for one."""
_FOUND_BY = {
    "theta_e_over_fwhm": ("θE / PSF FWHM (r)", "Lenses found by Einstein radius over PSF width."),
    "arc_snr": ("arc signal to noise (r)", "Lenses found by the signal to noise of the arc."),
}
_SKY = {"psf_depth_r_mag": "depth, r (mag)", "psf_fwhm_r_arcsec": "PSF FWHM, r (arcsec)"}
_WILSON = "Bars: Wilson intervals, with the thresholds of the whole split held fixed."


def scores_content(metrics: Metrics) -> dict[str, Any]:
    """The split that the report leads with: what the template of the section needs beside the histogram of scores."""
    name, split = metrics.shown()
    rate = shown_rate(split)
    return {
        "split": name,
        "auc": estimate_words(split.auc, split.why or "")[0],
        "bound": f"{supported_from(split.n_distinct):.2g}",
        "points": [rate_row(point) for point in split.tpr_at_fpr],
        "purities": [f"1 in {1 / purity.prevalence:,.0f}" for purity in _purities(split)],
        "calibration": _calibration_rows(split, metrics.temperature),
        "prevalence": percent(round(split.prevalence, 3)) if split.prevalence is not None else "",
        "why_no_after": (split.calibration.why_no_after if split.calibration else None) or "",
        "rate": percent(rate) if rate else "",
        "kinds": [_kind_row(kind, rate) for kind in split.by_kind],
        "parts": _sky_rows(split, rate),
    }


def scores_figures(metrics: Metrics) -> list[Drawing | None]:
    """ROC, reliability, and lenses found by what they are; None where an evaluation lacks what a figure needs."""
    name, split = metrics.shown()
    figures = [roc_figure(name, split)]
    if split.calibration:
        figures.append(reliability_figure(name, split.calibration, metrics.temperature))
    for condition, (label, caption) in _FOUND_BY.items():
        table = (split.by_condition or {}).get(condition)
        figures.append(found_figure(table, label, f"{caption} {_WILSON}") if table else None)
    return figures


def shown_rate(split: SplitMetrics) -> float | None:
    """The rate that tables of parts speak of: 1 % where it is supported, else the smallest that is; None where none is."""
    supported = [point.fpr for point in split.tpr_at_fpr if point.supported]
    return next((fpr for fpr in supported if is_card_rate(fpr)), min(supported, default=None))


def is_card_rate(fpr: float) -> bool:
    """Whether a rate is that of the headline figures."""
    return abs(fpr - CARD_FPR) < 1e-9


def estimate_words(estimate: Estimate | None, why: str) -> tuple[str, str]:
    """A figure and its interval as text."""
    if estimate is None or estimate.value is None:
        return "none", (estimate.why if estimate else "") or why
    return f"{estimate.value:.4f}", _interval(estimate.low, estimate.high, 4)


def rate_row(point: OperatingPoint) -> dict[str, Any]:
    """A row of the table of rates; a rate that the negatives do not support is not printed."""
    expected = point.expected_false_positives
    row: dict[str, Any] = {
        "supported": point.supported and point.tpr is not None,
        "fpr": percent(point.fpr),
        "negatives": f"{point.n_negative:,}",
        "false": f"{expected:,.0f}" if expected >= 100 else f"{expected:.3g}",
        "purity": [_purity_words(purity) for purity in point.purity],
    }
    if point.tpr is None or not point.supported:
        return row | {"tpr": "not supported", "interval": f"not supported by {point.n_negative:,} negatives"}
    ends = [None if bound is None else 100 * bound for bound in (point.low, point.high)]
    return row | {"tpr": f"{100 * point.tpr:.1f}\u00a0%", "interval": _interval(ends[0], ends[1], 1, "\u00a0%")}


def _purities(split: SplitMetrics) -> Sequence[Purity]:
    return split.tpr_at_fpr[0].purity if split.tpr_at_fpr else []


def _purity_words(purity: Purity) -> str:
    if purity.value is None:
        return "not supported"
    ends = "" if purity.low is None or purity.high is None else f" ({100 * purity.low:.2g} to {100 * purity.high:.2g})"
    return f"{100 * purity.value:.2g}\u00a0%{ends}"


def _calibration_rows(split: SplitMetrics, temperature: Estimate | None) -> list[dict[str, str]]:
    if split.calibration is None:
        return []
    tables = [("as scored", split.calibration.before)]
    if split.calibration.after and temperature and temperature.value is not None:
        tables.append((f"logits divided by T = {_with_ends(temperature, 2)}", split.calibration.after))
    return [
        {
            "name": name,
            "ece": _with_ends(table.ece, 3),
            "if_calibrated": f"{table.ece_if_calibrated:.3f}",
            "brier": _with_ends(table.brier, 3),
        }
        for name, table in tables
    ]


def _kind_row(kind: KindOfNegative, rate: float | None) -> dict[str, str]:
    return {
        "kind": kind.kind,
        "negatives": f"{kind.n_distinct_negative:,}",
        "auc": _with_ends(kind.auc, 3, kind.why),
        "mistaken": _share_words(kind.fpr, rate, kind.why),
    }


def _sky_rows(split: SplitMetrics, rate: float | None) -> list[dict[str, str]]:
    conditions = split.by_condition or {}
    return [
        {"condition": label, **_part_row(cell, rate)}
        for name, label in _SKY.items()
        if name in conditions
        for cell in conditions[name].cells
    ]


def _part_row(cell: Part, rate: float | None) -> dict[str, str]:
    return {
        "span": f"{cell.lower:.2f}" + ("" if cell.upper is None else f" to {cell.upper:.2f}"),
        "lenses": f"{cell.n_positive:,}",
        "negatives": f"{cell.n_negative:,}",
        "auc": _with_ends(cell.auc, 3, cell.why),
        "found": _share_words(cell.tpr, rate, cell.why),
        "mistaken": _share_words(cell.fpr, rate, cell.why),
    }


def _share_words(shares: Sequence[Share] | None, rate: float | None, why: str | None) -> str:
    share = next((share for share in shares or [] if share.split_fpr == rate), None)
    if share is None or share.value is None or share.low is None or share.high is None:
        return why or "none"
    return f"{100 * share.value:.1f}\u00a0% ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _with_ends(estimate: Estimate | None, digits: int, why: str | None = None) -> str:
    if estimate is None or estimate.value is None:
        return why or "none"
    ends = ""
    if estimate.low is not None and estimate.high is not None:
        ends = f" ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"
    return f"{estimate.value:.{digits}f}{ends}"


def _interval(low: float | None, high: float | None, digits: int, unit: str = "") -> str:
    if low is None or high is None:
        return "no interval: too few groups"
    return f"95\u00a0% interval {low:.{digits}f} to {high:.{digits}f}{unit}"
