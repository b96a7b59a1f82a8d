"""A mock sky small enough for a test, and one object alone on a brick without noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from spark_jobs.transforms.mock.mock_population import OBJECT
from spark_jobs.transforms.mock.mock_settings import MockSky, load_sky_settings

SIZE = 300
NAME = "1500p020"


def small_mock(**changes: Any) -> MockSky:
    """A mock sky of 300-pixel bricks with five hosts each."""
    values: dict[str, Any] = {"sky": load_sky_settings(), "seed": 3, "brick_size_pix": SIZE, "hosts_per_brick": 5}
    return MockSky(**(values | changes))


def one_object(**values: Any) -> npt.NDArray[np.void]:
    """One de Vaucouleurs host of 20 nMgy in every band near the middle of a small brick, with changes."""
    row = np.zeros(1, OBJECT)
    defaults = {"population": "host", "type": "DEV", "x": 150.3, "y": 148.8, "shape_r": 1.0, "sersic": 4.0}
    defaults |= {f"flux_{band}": 20.0 for band in ("g", "r", "z", "w1")}
    for name, value in (defaults | values).items():
        row[name] = value
    return row
