"""Hosts as the draws see them, without a table: all alike unless told otherwise; and recipes with entries replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from spark_jobs.physics.keyed_uniforms import text_keys
from spark_jobs.recipe import Recipe, parse_recipe, read_recipe
from spark_jobs.transforms.simulation.lens_hosts import LensHosts


def lens_sample(n: int, **changes: Any) -> LensHosts:
    """``n`` lens tasks on as many hosts: r 18.6, r - z 0.9, e 0.2 along +x, FWHM 1.25 arcsec; ``changes`` by field."""
    fields: dict[str, Any] = {"mag_r": 18.6, "mag_raw_r": 18.7, "r_minus_z": 0.9, "z_phot": np.nan, "e1": 0.2, "e2": 0.0}
    fields |= {"fwhm_r": 1.25, "depth_r": 24.0, "grid_theta_e": np.nan, "grid_offset": np.nan}
    columns = {name: np.broadcast_to(np.asarray(value, float), n).copy() for name, value in fields.items()}
    sample = LensHosts(
        key=text_keys([f"9010-1-{number}" for number in range(n)]),
        replicate=np.zeros(n, dtype=np.int64),
        extinction_mag=np.broadcast_to(np.array([0.12, 0.08, 0.04]), (n, 3)).copy(),
        split=np.full(n, "train", dtype="U5"),
        **columns,
    )
    wide = {name: np.broadcast_to(value, getattr(sample, name).shape).copy() for name, value in changes.items()}
    return replace(sample, **wide)


def recipe_with(base: str, priors: dict[str, Any] | None = None, **entries: Any) -> Recipe:
    """A packaged recipe with whole entries replaced, and some of its priors."""
    content = yaml.safe_load(read_recipe(base).as_yaml()) | entries
    content["priors"] |= {name: prior | {"reference": "test"} for name, prior in (priors or {}).items()}
    return parse_recipe(yaml.safe_dump(content), "test")


def angle_between(a: npt.NDArray[Any], b: npt.NDArray[Any] | float) -> npt.NDArray[np.float64]:
    """Difference of two position angles, which repeat after pi, between -pi/2 and pi/2."""
    return np.asarray((np.asarray(a, float) - b + np.pi / 2) % np.pi - np.pi / 2)
