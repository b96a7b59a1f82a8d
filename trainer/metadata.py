"""The observing conditions that the network is told: chosen columns, normalised with the training set's mean and scatter.

Shapes: values (sample, column) in the columns' own units, NaN where null. A null becomes the training mean, zero after
normalisation, so that a missing value says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from schemas.job_entry import InputError
from schemas.stamps import STAMPS


@dataclass(frozen=True)
class MetadataStatistics:
    """Mean and standard deviation of each metadata column over the training set; part of the checkpoint."""

    columns: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def check_metadata_columns(columns: Sequence[str]) -> None:
    """Raise InputError unless every column is a measured number that also exists for a real galaxy without a lens."""
    for name in columns:
        if name not in STAMPS.names:
            raise InputError(f"metadata column {name!r} is not in the stamps contract")
        column = STAMPS[name]
        if column.injected:
            raise InputError(
                f"metadata column {name!r} exists only because a lens was injected (marked injected in the stamps contract); "
                "a network must never see it. Wanted conditions of the sky, for example psf_fwhm_r_arcsec"
            )
        if column.type not in ("float32", "float64"):
            raise InputError(
                f"metadata column {name!r} is {column.type}: an identity, not a measurement; wanted a float column"
            )
    if len(set(columns)) != len(columns):
        raise InputError(f"metadata columns {', '.join(columns)}: a column is named twice")


def measure_metadata(values: npt.NDArray[np.float64], columns: Sequence[str]) -> MetadataStatistics:
    """Statistics of training values (sample, column); nulls are left out, a column that never varies gets scatter one."""
    for name, column in zip(columns, values.T, strict=True):
        if not np.isfinite(column).any():
            raise InputError(f"metadata column {name!r} is null in all {len(column)} training stamps; choose another column")
    finite = np.where(np.isfinite(values), values, np.nan)
    mean, std = np.nanmean(finite, axis=0), np.nanstd(finite, axis=0)
    constant = std < 1e-9 * np.maximum(np.abs(mean), 1)
    return MetadataStatistics(tuple(columns), tuple(mean.tolist()), tuple(np.where(constant, 1.0, std).tolist()))


def normalise_metadata(values: torch.Tensor, statistics: MetadataStatistics) -> torch.Tensor:
    """(value - mean) / std per column, float32, null as zero; ``values`` (sample, column)."""
    # In float64, because a depth of 23.9 with a scatter of 0.01 keeps few digits in float32.
    mean, std = _on_device(statistics, values.device)
    return torch.nan_to_num((values.double() - mean) / std, nan=0.0, posinf=0.0, neginf=0.0).float()


@lru_cache(maxsize=16)
def _on_device(statistics: MetadataStatistics, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and scatter, sent to the device once."""
    mean, std = (torch.tensor(values, dtype=torch.float64, device=device) for values in (statistics.mean, statistics.std))
    return mean, std
