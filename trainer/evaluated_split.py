"""Every figure of one split as the JSON that ``evaluate.py`` lays out: counts, rates, calibration, conditions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trainer.calibration import reliability
from trainer.intervals import Bootstrap, Interval, Units, bootstrap_units, units_of
from trainer.metrics import RateAtFpr, rates_and_intervals, thinned_curve
from trainer.metrics_by_condition import by_condition, by_kind
from trainer.scored_rows import ScoredRows, scored_rows
from trainer.sky_purity import expected_purity
from trainer.temperature import Temperature, fit_temperature

FITTED_ON = "val"
"""The split whose logits the temperature is fitted to."""


def split_figures(name: str, scores: pa.Table, how: Bootstrap, temperature: Temperature) -> dict[str, Any]:
    """The figures of one split; ``scores`` are its rows under contract, with or without conditions."""
    rows = scored_rows(scores)
    figures = _counts(rows, scores)
    if not (rows.n_positive and rows.n_negative):
        why = f"{rows.n_positive} lenses and {rows.n_negative} negatives; wanted some of both"
        none: dict[str, Any] = {"interval_unit": None, "auc": None, "why": why, "tpr_at_fpr": [], "roc": {"fpr": [], "tpr": []}}
        return figures | none | {"calibration": None, "by_kind": [], "by_condition": None, "why_no_conditions": why}
    names, unit = bootstrap_units(rows.cells, rows.hosts)
    units = units_of(names)
    auc, rates = rates_and_intervals(rows.logits, rows.labels, names, draws=how.draws, seed=how.seed, objects=rows.objects)
    fpr, tpr = thinned_curve(rows.logits, rows.labels)
    conditions = by_condition(rows, rates, how)
    return figures | {
        "interval_unit": unit,
        "auc": plain(auc),
        "why": None,
        "tpr_at_fpr": [_rate(rows, rate, units, how) for rate in rates],
        "roc": {"fpr": fpr.tolist(), "tpr": tpr.tolist()},
        "calibration": _calibration(name, rows, units, how, temperature),
        "by_kind": plain(by_kind(rows, rates, how)),
        "by_condition": plain(conditions) if conditions else None,
        "why_no_conditions": None if conditions else "no stamps were given to take conditions from",
    }


def fitted_temperature(scores: pa.Table, how: Bootstrap) -> Temperature:
    """The temperature of the validation split's rows, or why there is none."""
    if scores.num_rows == 0:
        return Temperature(None, f"the {FITTED_ON} split was not scored")
    rows = scored_rows(scores)
    names, _ = bootstrap_units(rows.cells, rows.hosts)
    return fit_temperature(rows.logits, rows.labels, units_of(names), how)


def temperature_figures(temperature: Temperature) -> dict[str, Any]:
    """T, its interval, and the split that it was fitted on; or why there is none."""
    figures: dict[str, Any] = plain({**_estimate(temperature.interval), "fitted_on": FITTED_ON, "why": temperature.why})
    return figures


def plain(value: Any) -> Any:
    """Records, intervals and lists as JSON takes them; a float that is not finite is null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _counts(rows: ScoredRows, scores: pa.Table) -> dict[str, Any]:
    kinds, numbers = np.unique(rows.kinds[~rows.lens], return_counts=True)
    labels = scores["label"].to_numpy()
    return {
        "n_positive": rows.n_positive,
        "n_negative": rows.n_negative,
        "n_distinct_negative": rows.n_distinct_negative,
        "n_unknown_label": int((~np.isin(labels, (0, 1))).sum()),
        "n_unscored": int((~np.isfinite(scores["logit"].to_numpy())).sum()),
        "negatives_by_kind": dict(zip(kinds.tolist(), numbers.tolist(), strict=True)),
        "prevalence": rows.n_positive / len(rows.labels) if len(rows.labels) else None,
        "n_cells": len(np.unique(rows.cells)),
        "n_hosts": len(np.unique(rows.hosts)),
    }


def _rate(rows: ScoredRows, rate: RateAtFpr, units: Units, how: Bootstrap) -> dict[str, Any]:
    figures: dict[str, Any] = plain(
        {
            "fpr": rate.fpr,
            "tpr": rate.rate.value,
            "low": rate.rate.low,
            "high": rate.rate.high,
            "threshold": rate.threshold,
            "fpr_found": float((rows.logits[~rows.lens] >= rate.threshold).mean()),
            "n_negative": rate.n_negative,
            "expected_false_positives": rate.expected_false_positives,
            "supported": rate.supported,
            "comparable": rate.comparable,
            "purity": [
                {"prevalence": purity.prevalence, **_estimate(purity.interval), "why": purity.why}
                for purity in expected_purity(rows, rate, units, how)
            ],
        }
    )
    return figures


def _calibration(name: str, rows: ScoredRows, units: Units, how: Bootstrap, temperature: Temperature) -> dict[str, Any]:
    """Reliability as scored and with the temperature, which is shown where it was not fitted."""
    why = temperature.why or (f"the temperature was fitted on this split, {name}" if name == FITTED_ON else None)
    after = None
    if why is None and temperature.interval is not None:
        after = reliability(rows.logits, rows.labels, units, how, temperature=temperature.interval.value)
    before = reliability(rows.logits, rows.labels, units, how)
    return {"before": plain(before), "after": plain(after), "why_no_after": why}


def _estimate(interval: Interval | None) -> dict[str, Any]:
    return asdict(interval) if interval else {"value": None, "low": None, "high": None}
