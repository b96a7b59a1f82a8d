"""Hard negatives drawn about made-up lens draws, and what a test asks of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.recipe import read_recipe
from spark_jobs.recipe_negatives import KINDS, Negatives
from spark_jobs.transforms.simulation.draw_negatives import (
    Matched,
    draw_negatives,
    matched_to,
    negative_keys,
)
from spark_jobs.transforms.simulation.draw_priors import Draws

Array = npt.NDArray[Any]
SEED = 7
HALF_SIDE = 32 * PIXEL_SCALE_ARCSEC
_REALISTIC = read_recipe("realistic").negatives
assert _REALISTIC is not None
NEGATIVES: Negatives = _REALISTIC
G, R, Z = (BANDS.index(band) for band in "grz")
each_kind = pytest.mark.parametrize("kind", KINDS)


def hosts(n: int) -> list[str]:
    return [f"9010-1-{number}" for number in range(n)]


def lens_draws(n: int, **changes: Any) -> dict[str, Array]:
    """Columns of ``n`` accepted lens draws, all different; ``changes`` replaces columns."""
    rng = np.random.default_rng(n)
    columns = {"theta_e_arcsec": rng.uniform(0.5, 2.5, n), "source_half_light_arcsec": rng.uniform(0.05, 0.4, n)}
    columns |= {"predicted_magnification": rng.uniform(3, 30, n), "sigma_v_kms": rng.uniform(160, 400, n)}
    columns |= {f"source_mag_{band}": rng.uniform(22, 25, n) for band in BANDS}
    columns |= {f"lens_d{axis}_arcsec": rng.normal(0, 0.1, n) for axis in "xy"}
    return columns | {name: np.full(n, value) for name, value in changes.items()}


def matched(n: int, **changes: Any) -> Matched:
    """What ``n`` hard negatives are matched to; their hosts are red, no two alike."""
    host_mag = np.array([20.0, 18.5, 17.6]) + np.random.default_rng(n + 1).normal(0, 0.3, (n, 3))
    return matched_to(lens_draws(n, **changes), host_mag, HALF_SIDE)


def draws(n: int, seed: int = SEED) -> Draws:
    return Draws(seed, negative_keys(hosts(n)), np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64))


def drawn(kind: str, to: Matched) -> dict[str, Array]:
    return draw_negatives(NEGATIVES, draws(len(to)), np.full(len(to), kind), to)


def magnitudes(columns: dict[str, Array]) -> Array:
    return np.stack([columns[f"added_mag_{band}"] for band in BANDS], axis=1)


def distance(columns: dict[str, Array]) -> Array:
    return np.hypot(columns["added_x_arcsec"], columns["added_y_arcsec"])


def passing(columns: dict[str, Array], quarter_turns: int = 0) -> Array:
    """How far from the galaxy's centre the line through the light's place at its angle passes."""
    angle = columns["added_angle_rad"] + 0.5 * math.pi * quarter_turns
    return np.asarray(np.abs(columns["added_x_arcsec"] * np.sin(angle) - columns["added_y_arcsec"] * np.cos(angle)))


def even_in(values: Array, low: float, high: float) -> bool:
    """Whether values fill a range as chance does: none outside, and Kolmogorov's distance below a chance of 1e-4."""
    places = np.sort((values - low) / (high - low))
    n = len(places)
    steps = np.arange(n + 1) / n
    apart = max(np.max(steps[1:] - places), np.max(places - steps[:-1]))
    return bool(places[0] >= 0 and places[-1] <= 1 and apart < 2.23 / math.sqrt(n))
