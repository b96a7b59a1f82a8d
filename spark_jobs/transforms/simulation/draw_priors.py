"""One draw of each prior: columns of chance in, columns of parameters out.

Legend: as in draw_lenses. A prior's name in the recipe is the name of its chance; a second number of the same prior has its
own name, so that no two draws share one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from schemas.job_entry import InputError
from schemas.split_rule import SPLITS
from schemas.survey import BANDS
from spark_jobs.physics.keyed_uniforms import KeyArray, normals, uniforms
from spark_jobs.physics.velocity_dispersion import absolute_magnitude, faber_jackson
from spark_jobs.recipe import Recipe
from spark_jobs.recipe_priors import (
    DispersionRadius,
    FixedColours,
    FlatSquareLight,
    HostOffsetMagnitude,
    LightTiedMass,
    Priors,
    SersicLight,
    TemplateMagnitude,
    TemplateRedshift,
    UniformMagnitude,
    UniformMass,
)
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.lens_hosts import LensHosts

FloatArray = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Draws:
    """The chance of a set of draws: two numbers a row for each name."""

    run_seed: int
    key: KeyArray
    replicate: npt.NDArray[np.int64]
    attempt: npt.NDArray[np.int64]

    def uniform(self, name: str) -> FloatArray:
        """Uniform in (0, 1), shape (n, 2)."""
        return uniforms(self.run_seed, name, self.key, self.replicate, self.attempt)

    def normal(self, name: str) -> FloatArray:
        """Standard normal, shape (n, 2)."""
        return normals(self.run_seed, name, self.key, self.replicate, self.attempt)


def draw_lens_frame(priors: Priors, draws: Draws, hosts: LensHosts) -> dict[str, FloatArray]:
    """Redshift, shape, shear and centre of the lens."""
    z_lens = _lens_redshift(priors, draws, hosts)
    axis_ratio, angle = _mass_shape(priors.mass_ellipticity, draws, hosts)
    u = draws.uniform("shear")
    strength = priors.shear.mode * np.sqrt(-2.0 * np.log(u[:, 0]))
    offset = priors.centre_offset.scatter * draws.normal("centre_offset")
    return {
        "z_lens": z_lens,
        "lens_axis_ratio": axis_ratio,
        "lens_angle_rad": angle,
        "shear_1": strength * np.cos(2 * np.pi * u[:, 1]),
        "shear_2": strength * np.sin(2 * np.pi * u[:, 1]),
        "lens_dx_arcsec": offset[:, 0],
        "lens_dy_arcsec": offset[:, 1],
    }


def host_dispersion(prior: DispersionRadius, draws: Draws, hosts: LensHosts, z_lens: FloatArray) -> FloatArray:
    """Velocity dispersion in km/s; zero where it is below the prior's minimum, which refuses the draw."""
    magnitude = absolute_magnitude(hosts.mag_r, z_lens, prior.k_correction_per_redshift, prior.evolution_per_redshift)
    sigma = faber_jackson(
        magnitude,
        log_sigma=prior.log_sigma,
        slope_per_mag=prior.slope_per_mag,
        pivot_mag=prior.pivot,
        scatter_draw=prior.scatter * draws.normal("theta_e")[:, 0],
    )
    return np.where(sigma < prior.minimum_sigma, 0.0, sigma)


def draw_source(recipe: Recipe, draws: Draws, hosts: LensHosts, bank: SourceBank | None) -> Columns:
    """Kind, light, redshift and magnitudes of the source; its place is drawn where theta_E is known."""
    source = _source_light(recipe, draws, hosts, bank)
    row = np.asarray(source.pop("bank_row"), int)
    source["source_angle_rad"] = 2 * np.pi * draws.uniform("source_angle")[:, 0]
    source["z_source"] = _source_redshift(recipe.priors.source_redshift, draws, row, bank)
    magnitudes = _source_magnitudes(recipe.priors, draws, hosts, row, bank)
    return source | {f"source_mag_{band}": magnitudes[:, number] for number, band in enumerate(BANDS)}


def _lens_redshift(priors: Priors, draws: Draws, hosts: LensHosts) -> FloatArray:
    prior = priors.lens_redshift
    if prior is None:
        return np.full(len(hosts), np.nan)
    guess = prior.intercept + prior.slope_per_mag * hosts.r_minus_z + prior.scatter * draws.normal("lens_redshift")[:, 0]
    z = np.where(np.isfinite(hosts.z_phot), hosts.z_phot, guess)
    return np.clip(z, prior.minimum, prior.maximum)


def _mass_shape(prior: LightTiedMass | UniformMass, draws: Draws, hosts: LensHosts) -> tuple[FloatArray, FloatArray]:
    """Axis ratio and angle of the mass."""
    u, normal = draws.uniform("mass_ellipticity_uniform"), draws.normal("mass_ellipticity")
    if isinstance(prior, UniformMass):
        return prior.minimum_axis_ratio + u[:, 0] * (prior.maximum_axis_ratio - prior.minimum_axis_ratio), np.pi * u[:, 1]
    light = np.hypot(hosts.e1, hosts.e2)
    ellipticity = np.abs(light + prior.ellipticity_scatter * normal[:, 0])
    axis_ratio = np.clip((1 - ellipticity) / (1 + ellipticity), prior.minimum_axis_ratio, 1.0)
    tied = 0.5 * np.arctan2(hosts.e2, hosts.e1) + np.radians(prior.angle_scatter) * normal[:, 1]
    return axis_ratio, np.where(light > prior.angle_known_above_ellipticity, tied, np.pi * u[:, 1]) % np.pi


def _source_light(recipe: Recipe, draws: Draws, hosts: LensHosts, bank: SourceBank | None) -> Columns:
    n, prior = len(hosts), recipe.priors.source_light
    nan = np.full(n, np.nan)
    u = draws.uniform("source_light")
    if isinstance(prior, FlatSquareLight):
        half_light = np.full(n, prior.side / np.sqrt(2 * np.pi))  # circle that holds half of the square's area
        return _light(np.full(n, "flat_square"), nan, nan, half_light, np.full(n, ""), np.full(n, -1))
    if isinstance(prior, SersicLight):
        index, axis_ratio = _between(prior.sersic_index_range, u[:, 0]), _between(prior.axis_ratio_range, u[:, 1])
        half_light = _between(prior.half_light_range, draws.uniform("source_size")[:, 0])
        return _light(np.full(n, "sersic"), index, axis_ratio, half_light, np.full(n, ""), np.full(n, -1))
    if bank is None:
        raise InputError(f"recipe {recipe.name} draws its sources from a bank and none was given; wanted --bank FILE.h5")
    row = _bank_rows(recipe, hosts, bank, u[:, 0])
    sersic = u[:, 1] < prior.sersic_share
    shape = draws.uniform("source_sersic")
    index = np.where(sersic, _between(prior.sersic_index_range, shape[:, 0]), np.nan)
    axis_ratio = np.where(sersic, _between(prior.sersic_axis_ratio_range, shape[:, 1]), np.nan)
    half_light = bank.half_light_radius_arcsec[row] / np.where(sersic, np.sqrt(axis_ratio), 1.0)
    kind = np.where(sersic, "sersic", "template")
    return _light(kind, index, axis_ratio, half_light, np.asarray(bank.template_id[row]), row)


def _light(
    kind: npt.NDArray[np.str_],
    index: FloatArray,
    axis_ratio: FloatArray,
    half_light: FloatArray,
    template: npt.NDArray[np.str_],
    row: npt.NDArray[np.int64],
) -> Columns:
    return {
        "source_kind": kind,
        "source_sersic_n": index,
        "source_axis_ratio": axis_ratio,
        "source_half_light_arcsec": half_light,
        "source_size_factor": np.where(kind == "template", 1.0, np.nan),
        "template_id": template,
        "bank_row": row,
    }


def _bank_rows(recipe: Recipe, hosts: LensHosts, bank: SourceBank, u: FloatArray) -> npt.NDArray[np.int64]:
    """A galaxy of the bank for each row, out of the task's own split."""
    rows = np.full(len(hosts), -1)
    for split in SPLITS:
        here = hosts.split == split
        if here.any():
            own = bank.rows_of_split(split, recipe.split.fractions)
            if not len(own):
                raise InputError(f"the {len(bank)} templates of {bank.path} hash to no {split} split; wanted a larger bank")
            rows[here] = own[np.minimum((u[here] * len(own)).astype(int), len(own) - 1)]
    return rows


def _source_redshift(
    prior: TemplateRedshift | None, draws: Draws, row: npt.NDArray[np.int64], bank: SourceBank | None
) -> FloatArray:
    if prior is None:
        return np.full(len(row), np.nan)
    low, high = (ndtr((edge - prior.mean) / prior.scatter) for edge in (prior.minimum, prior.maximum))
    drawn = prior.mean + prior.scatter * ndtri(low + draws.uniform("source_redshift")[:, 0] * (high - low))
    if bank is None:
        return np.asarray(drawn)
    known = np.where(row >= 0, bank.redshift[row], np.nan)
    return np.where(np.isfinite(known), known, drawn)


def _source_magnitudes(
    priors: Priors, draws: Draws, hosts: LensHosts, row: npt.NDArray[np.int64], bank: SourceBank | None
) -> FloatArray:
    """Magnitudes in g, r, z, shape (n, 3). Dust dims a source whose magnitude is not tied to the host's as observed."""
    colour, law = priors.source_colour, priors.source_magnitude
    normal = draws.normal("source_colour")
    if isinstance(colour, FixedColours):
        g_minus_r, r_minus_z = np.full(len(row), colour.g_offset), np.full(len(row), -colour.z_offset)
    else:
        g_minus_r = colour.g_minus_r + colour.g_minus_r_scatter * normal[:, 0]
        r_minus_z = colour.r_minus_z + colour.r_minus_z_scatter * normal[:, 1]
    if isinstance(law, HostOffsetMagnitude):
        r = hosts.mag_raw_r + hosts.grid_offset
    elif isinstance(law, TemplateMagnitude) and bank is not None:
        r = bank.mag_f814w[row] + law.colour_factor * r_minus_z
    elif isinstance(law, UniformMagnitude):
        r = _between(law.range, draws.uniform("source_magnitude")[:, 0])
    else:
        raise InputError("source_magnitude law template needs a source bank and none was given; wanted --bank FILE.h5")
    magnitudes = np.stack([r + g_minus_r, r, r - r_minus_z], axis=1)
    return magnitudes if isinstance(law, HostOffsetMagnitude) else magnitudes + hosts.extinction_mag


def _between(edges: tuple[float, float], u: FloatArray) -> FloatArray:
    return edges[0] + u * (edges[1] - edges[0])
