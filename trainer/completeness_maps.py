"""Lenses drawn, rendered and found, counted in bins.

Legend: arrays are one element a lens row of the stamps' index (label 1), refused rows included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.completeness import SELECTION_REASONS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from trainer.intervals import wilson_interval

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

FEWEST_IN_BIN = 10
EDGES: dict[str, tuple[float, ...]] = {
    "theta_e_arcsec": (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.5, 6.0),
    "theta_e_over_fwhm": (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 6.0),
    "psf_fwhm_r_arcsec": (0.5, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 2.5),
    "psf_depth_r_mag": (21.0, 22.5, 23.0, 23.4, 23.6, 23.8, 24.0, 24.4, 26.0),
    "arc_snr": (0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 1000.0),
    "source_mag_r": (18.0, 20.0, 21.0, 22.0, 22.5, 23.0, 23.5, 24.0, 25.0, 27.0),
    "source_offset_over_theta_e": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0, 2.0),
}
INDEX_COLUMNS = (
    "task_id", "split", "label", "reasons", "theta_e_arcsec", "psf_fwhm_r_arcsec", "psf_depth_r_mag", "arc_snr",
    "source_mag_r", "source_x_arcsec", "source_y_arcsec",
)  # fmt: skip


@dataclass(frozen=True)
class LensRows:
    """What became of each lens row, and where it lies along each axis (NaN where not known)."""

    offered: Flags
    rendered: Flags
    found: Flags
    values: Mapping[str, Numbers]


def lens_rows(index: pa.Table, scores: pa.Table, threshold: float) -> LensRows:
    """The lens rows of one split; a rendered lens whose logit is NaN is not found.

    A refused row keeps a null arc SNR: the plan's prediction is another quantity than the rendered one, so it goes unbinned.
    Raises InputError where a rendered lens has no score.
    """
    lenses = index.filter(pc.equal(index["label"], 1))
    reasons = lenses["reasons"].to_numpy().astype(np.int64)
    rendered = reasons == 0
    own = (reasons & int(SELECTION_REASONS)) != 0
    foreign = (reasons & ~int(SELECTION_REASONS | Reason.PARTNER_REFUSED)) != 0
    places = pc.index_in(lenses["task_id"], value_set=scores["task_id"].combine_chunks())
    scored = places.is_valid().to_numpy()
    lacking = int(np.count_nonzero(rendered & ~scored))
    if lacking:
        raise InputError(f"{lacking} of {int(rendered.sum())} rendered lenses have no score; wanted the scores of these stamps")
    logits = np.full(lenses.num_rows, np.nan)
    logits[scored] = scores["logit"].to_numpy()[places.filter(pa.array(scored)).to_numpy()]
    return LensRows(rendered | (own & ~foreign), rendered, rendered & (logits >= threshold), _values(lenses))


def count_bins(rows: LensRows, split: str, threshold: float) -> list[dict[str, Any]]:
    """Rows of the completeness table: every profile, then every map, each followed by its unbinned rest."""
    axes: list[tuple[str, ...]] = [(name,) for name in EDGES]
    axes += list(combinations(EDGES, 2))
    head = {"split": split, "threshold": threshold}
    return [head | row for names in axes for row in _grid(rows, names)]


def share_columns(name: str, found: int, n: int) -> dict[str, float | None]:
    """A share with its Wilson interval; null where there are too few."""
    if n < FEWEST_IN_BIN:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    interval = wilson_interval(found / n, n)
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _values(lenses: pa.Table) -> dict[str, Numbers]:
    values = {name: pc.cast(lenses[name], pa.float64()).to_numpy() for name in INDEX_COLUMNS[4:]}
    x, y = values.pop("source_x_arcsec"), values.pop("source_y_arcsec")
    theta_e = np.where(values["theta_e_arcsec"] > 0, values["theta_e_arcsec"], np.nan)
    values["theta_e_over_fwhm"] = theta_e / values["psf_fwhm_r_arcsec"]
    values["source_offset_over_theta_e"] = np.hypot(x, y) / theta_e
    return values


def _grid(rows: LensRows, names: Sequence[str]) -> list[dict[str, Any]]:
    shape = tuple(len(EDGES[name]) - 1 for name in names)
    place = [np.searchsorted(EDGES[name], rows.values[name], "right") - 1 for name in names]
    inside = np.all([(p >= 0) & (p < n) for p, n in zip(place, shape, strict=True)], axis=0)
    rest = int(np.prod(shape))
    number = np.full(len(inside), rest)
    number[inside] = np.ravel_multi_index([p[inside] for p in place], shape)
    chosen = {
        "n_drawn_rows": np.ones(len(inside), bool),
        "n_offered": rows.offered,
        "n_rendered": rows.rendered,
        "n_found": rows.found,
    }
    counts = {name: np.bincount(number[flags], minlength=rest + 1) for name, flags in chosen.items()}
    bins = []
    for k in range(rest + 1):
        n = {name: int(values[k]) for name, values in counts.items()}
        where = np.unravel_index(k, shape) if k < rest else None
        bins.append(_edges(names, where) | n | _shares(n))
    return bins


def _edges(names: Sequence[str], where: Any) -> dict[str, Any]:
    row: dict[str, Any] = {"y_axis": None, "y_low": None, "y_high": None}
    for n, (side, name) in enumerate(zip("xy", names, strict=False)):
        low, high = (None, None) if where is None else EDGES[name][int(where[n]) :][:2]
        row |= {f"{side}_axis": name, f"{side}_low": low, f"{side}_high": high}
    return row


def _shares(n: Mapping[str, int]) -> dict[str, float | None]:
    return (
        share_columns("completeness", n["n_found"], n["n_offered"])
        | share_columns("completeness_drawn", n["n_found"], n["n_drawn_rows"])
        | share_columns("completeness_rendered", n["n_found"], n["n_rendered"])
    )
