"""The host of each lens task, as the columns that the draws need.

Legend: arrays of shape (n,), one entry a task; magnitudes AB, dust-corrected unless named raw; NaN stands for null.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.survey import BANDS
from spark_jobs.physics.catalogue_shape import stamp_ellipticity
from spark_jobs.physics.keyed_uniforms import KeyArray, text_keys
from spark_jobs.recipe import Recipe

FloatArray = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LensHosts:
    """What the draws need to know of the host of each lens task, and the grid values where the recipe has a grid."""

    key: KeyArray
    replicate: Integers
    mag_r: FloatArray
    mag_raw_r: FloatArray
    r_minus_z: FloatArray
    z_phot: FloatArray
    e1: FloatArray
    e2: FloatArray
    fwhm_r: FloatArray
    depth_r: FloatArray
    extinction_mag: FloatArray
    split: npt.NDArray[np.str_]
    grid_theta_e: FloatArray
    grid_offset: FloatArray

    def __len__(self) -> int:
        return len(self.key)

    def rows(self, which: Integers) -> LensHosts:
        """The same columns at some rows; ``extinction_mag`` is (n, bands)."""
        return replace(self, **{field.name: getattr(self, field.name)[which] for field in fields(self)})


def lens_hosts(
    recipe: Recipe, hosts: pa.Table, host: Integers, replicate: Integers, configuration: Integers, split: npt.NDArray[np.str_]
) -> LensHosts:
    """Columns at rows ``host`` of the hosts table, one entry a lens task."""

    def column(name: str) -> FloatArray:
        return np.asarray(hosts[name].to_numpy(zero_copy_only=False), float)[host]

    grid = np.array([[np.nan if value is None else value for value in pair] for pair in recipe.grid], float)
    e1, e2 = stamp_ellipticity(column("shape_e1"), column("shape_e2"))
    with np.errstate(divide="ignore", invalid="ignore"):
        extinction = -2.5 * np.log10(np.stack([column(f"mw_transmission_{band}") for band in BANDS], axis=1))
    return LensHosts(
        key=text_keys(hosts["host_id"].to_pylist())[host],
        replicate=replicate,
        mag_r=column("mag_r"),
        mag_raw_r=column("mag_raw_r"),
        r_minus_z=column("mag_r") - column("mag_z"),
        z_phot=column("z_phot"),
        e1=e1,
        e2=e2,
        fwhm_r=column("psf_fwhm_catalogue_r_arcsec"),
        depth_r=column("psf_depth_r_mag"),
        extinction_mag=extinction,
        split=split,
        grid_theta_e=grid[configuration, 0],
        grid_offset=grid[configuration, 1],
    )
