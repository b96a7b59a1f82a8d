"""Scored rows without a file, their table with conditions, and the metrics.json that dhs evaluate makes of it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.scores import SCORES
from trainer.evaluated_split import fitted_temperature, split_figures, temperature_figures
from trainer.intervals import Bootstrap
from trainer.scored_rows import ScoredRows
from trainer.temperature import Temperature

HOW = Bootstrap(50, 1)


def scored_table(n: int, seed: int, steepness: float = 1.0) -> pa.Table:
    """``n`` scored rows with conditions, half lenses; a steepness of two makes p too sure."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    columns = {
        "task_id": [f"{k:032x}" for k in range(n)],
        "host_id": [f"h{k // 2}" for k in range(n)],
        "cell": np.arange(n) // 2 % 30,
        "split": ["test"] * n,
        "kind": np.where(labels == 1, "lens", np.where(np.arange(n) % 4 == 0, "ring", "control")),
        "label": labels,
        "logit": steepness * (2 * rng.normal(size=n) + 4 * labels - 2),
        "checkpoint_hash": ["c"] * n,
    }
    table = pa.table(columns).cast(SCORES.arrow_schema())
    lens = labels == 1
    conditions = {
        "theta_e_over_fwhm": np.where(lens, rng.uniform(0.6, 1.6, n), np.nan),
        "arc_snr": np.where(lens, rng.uniform(5, 60, n), np.nan),
        "psf_depth_r_mag": rng.normal(23.9, 0.2, n),
        "psf_fwhm_r_arcsec": rng.normal(1.25, 0.1, n),
    }
    for name, values in conditions.items():
        table = table.append_column(name, pa.array(values))
    return table


def evaluated(n: int = 2400, temperature: Temperature | None = None) -> dict[str, Any]:
    """metrics.json as dhs evaluate lays it out."""
    fitted = temperature or fitted_temperature(scored_table(2000, 2, 2.0), HOW)
    figures = split_figures("test", scored_table(n, 1, 2.0), HOW, fitted)
    content: dict[str, Any] = json.loads(
        json.dumps({"temperature": temperature_figures(fitted), "splits": {"test": figures}}, allow_nan=False)
    )
    return content


def scored_sample(n: int, shift: float = 2.0, seed: int = 1, *, kind: str = "ring") -> ScoredRows:
    """``n`` rows, lens and negative in turn, two a host; every negative shows pixels of its own."""
    rng, labels = np.random.default_rng(seed), np.arange(n) % 2
    return ScoredRows(
        logits=rng.normal(size=n) + shift * labels,
        labels=labels,
        cells=np.arange(n) // 2 % 40,
        hosts=np.arange(n) // 2,
        kinds=np.where(labels == 1, "lens", kind),
        objects=np.arange(n),
    )
