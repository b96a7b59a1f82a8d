"""What the mock sky is like: the settings of ``surveys/mock_sky.yaml``, typed, frozen, unknown keys refused.

Magnitudes are AB and free of Galactic dust, angles in arcsec, densities per square degree.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.job_entry import InputError
from spark_jobs.yaml_mapping import read_mapping

PerBand = dict[str, float]
Pair = tuple[float, float]
PassiveRow = tuple[float, float, float, float, float]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Conditions(_Frozen):
    """Seeing, depth, dust and coverage."""

    psf_fwhm_arcsec: PerBand
    psf_fwhm_scatter: float
    psf_fwhm_gradient: float
    psf_fwhm_range_arcsec: Pair
    psf_depth_mag: PerBand
    psf_depth_scatter_mag: float
    sky_mag_per_arcsec2: PerBand
    ebv_median_mag: float
    ebv_scatter: float
    exposures: tuple[int, int]
    saturation_nmgy_per_pixel: float


class HostPopulation(_Frozen):
    """Luminous red galaxies that may be lenses."""

    per_square_degree: float
    separation_arcsec: float
    mag_r_range: Pair
    redshift_range: Pair
    cut_v3: tuple[float, float, float]
    passive: tuple[PassiveRow, ...]
    colour_scatter_mag: float
    brighter_than_lstar_mag: Pair
    half_light_kpc: float
    half_light_slope: float
    half_light_scatter: float
    axis_ratio_range: Pair
    share_dev: float
    sersic_n: tuple[float, ...]


class FieldPopulation(_Frozen):
    """All other galaxies."""

    per_square_degree: float
    mag_r_range: Pair
    counts_slope: float
    half_light_at_20_arcsec: float
    half_light_slope_dex_per_mag: float
    half_light_scatter: float
    exp_above_arcsec: float
    colour_gr: Pair
    colour_rz: Pair
    bluer_per_mag: float
    colour_zw1: Pair
    redshift_median_at_20: float


class StarPopulation(_Frozen):
    """Stars, bright ones included."""

    per_square_degree: float
    mag_r_range: Pair
    counts_slope: float
    colour_gr_range: Pair


class SkySettings(_Frozen):
    """Everything that ``surveys/mock_sky.yaml`` says."""

    conditions: Conditions
    hosts: HostPopulation
    field: FieldPopulation
    stars: StarPopulation


class MockSky(_Frozen):
    """One mock sky: with a brick's name it fixes every byte of that brick.

    ``brick_size_pix`` is the side of a brick, ``hosts_per_brick`` None for the survey's density, ``noise_correlation`` the
    correlation of neighbouring pixels (0 for white noise).
    """

    sky: SkySettings
    seed: int = 1
    brick_size_pix: int = 3600
    hosts_per_brick: int | None = None
    bands: tuple[str, ...] = ("g", "r", "z")
    noise_correlation: float = 0.0


def load_sky_settings(path: Path | None = None) -> SkySettings:
    """The settings of a YAML file (default: the one that comes with the package); raises InputError where it is not one."""
    resource = files("spark_jobs") / "surveys" / "mock_sky.yaml"
    name = str(path) if path else "surveys/mock_sky.yaml"
    try:
        return SkySettings.model_validate(read_mapping(path.read_text() if path else resource.read_text(), name))
    except ValidationError as error:
        raise InputError(f"{name} is not a description of a mock sky: {error}") from error
