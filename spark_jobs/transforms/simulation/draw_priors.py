"""One draw of each prior: columns of chance in, columns of parameters out.

Legend: as in draw_lenses. A prior's name in the recipe is the name of its chance; a second number of the same prior has its
own name, so that no two draws share one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from schemas.job_entry import InputError
from schemas.split_rule import SPLITS
from schemas.survey import BANDS
from spark_jobs.physics.einstein_radius import MAX_REDSHIFT, angular_diameter_distance, distance_modulus
from spark_jobs.physics.keyed_uniforms import KeyArray, normals, uniforms
from spark_jobs.physics.velocity_dispersion import absolute_magnitude, faber_jackson
from spark_jobs.recipe import Recipe
from spark_jobs.recipe_priors import (
    ISOTHERMAL,
    BankLight,
    DispersionRadius,
    FlatSquareLight,
    HostOffsetMagnitude,
    LightTiedMass,
    NormalSlope,
    Priors,
    SersicLight,
    ShiftedRedshift,
    TemplateMagnitude,
    TemplateRedshift,
    UniformMagnitude,
    UniformMass,
)
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_colours import KnownColours, draw_colours
from spark_jobs.transforms.simulation.lens_hosts import LensHosts

FloatArray = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Draws:
    """The chance of a set of draws: two numbers a row for each name."""

    run_seed: int
    key: KeyArray
    replicate: npt.NDArray[np.int64]
    attempt: npt.NDArray[np.int64]

    def rows(self, which: npt.NDArray[np.generic]) -> Draws:
        """The chance of some of the draws: the numbers that they have among all."""
        return replace(self, key=self.key[which], replicate=self.replicate[which], attempt=self.attempt[which])

    def uniform(self, name: str) -> FloatArray:
        """Uniform in (0, 1), shape (n, 2)."""
        return uniforms(self.run_seed, name, self.key, self.replicate, self.attempt)

    def normal(self, name: str) -> FloatArray:
        """Standard normal, shape (n, 2)."""
        return normals(self.run_seed, name, self.key, self.replicate, self.attempt)


def draw_lens_frame(priors: Priors, draws: Draws, hosts: LensHosts) -> dict[str, npt.NDArray[Any]]:
    """Redshift and its origin, shape, slope, shear and centre of the lens."""
    z_lens, z_origin = _lens_redshift(priors, draws, hosts)
    axis_ratio, angle = _mass_shape(priors.mass_ellipticity, draws, hosts)
    u = draws.uniform("shear")
    strength = priors.shear.mode * np.sqrt(-2.0 * np.log(u[:, 0]))
    offset = priors.centre_offset.scatter * draws.normal("centre_offset")
    return {
        "z_lens": z_lens,
        "z_lens_origin": z_origin,
        "mass_slope": _mass_slope(priors, draws),
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
    moved = _source_redshift(recipe.priors.source_redshift, draws, row, bank)
    source |= {"z_source": moved.redshift, "z_source_origin": moved.origin}
    for name in ("source_half_light_arcsec", "source_size_factor"):
        source[name] = np.asarray(source[name], float) * moved.size_factor
    return source | _source_magnitudes(recipe.priors, draws, hosts, _Galaxies(row, bank, moved))


@dataclass(frozen=True)
class _Redshifts:
    """Redshift and its origin, and what moving there does to the angular size and the magnitude."""

    redshift: FloatArray
    origin: npt.NDArray[np.str_]
    size_factor: FloatArray
    dimming_mag: FloatArray


@dataclass(frozen=True)
class _Galaxies:
    """Each source's galaxy of the bank (row -1 without one), at the redshift that it has or is moved to."""

    row: Integers
    bank: SourceBank | None
    moved: _Redshifts

    def known(self) -> KnownColours:
        """Colours that the bank knows; those of a galaxy that was moved are not known where it is now."""
        colours = np.full((2, len(self.row)), np.nan)
        if self.bank is not None:
            colours = np.stack([self.bank.colour_gr[self.row], self.bank.colour_rz[self.row]])
        colours[:, (self.row < 0) | (self.moved.origin == "shifted")] = np.nan
        return KnownColours(self.moved.redshift, colours[0], colours[1])


def _lens_redshift(priors: Priors, draws: Draws, hosts: LensHosts) -> tuple[FloatArray, npt.NDArray[np.str_]]:
    prior = priors.lens_redshift
    if prior is None:
        return np.full(len(hosts), np.nan), np.full(len(hosts), "none")
    guess = prior.intercept + prior.slope_per_mag * hosts.r_minus_z + prior.scatter * draws.normal("lens_redshift")[:, 0]
    in_catalogue = np.isfinite(hosts.z_phot)
    z = np.where(in_catalogue, hosts.z_phot, guess)
    kept = np.clip(z, prior.minimum, prior.maximum)
    return kept, np.where(kept != z, "clipped", np.where(in_catalogue, "catalogue", "colour"))


def _mass_slope(priors: Priors, draws: Draws) -> FloatArray:
    prior = priors.mass_slope
    if not isinstance(prior, NormalSlope):
        return np.full(len(draws.key), ISOTHERMAL)
    return _normal_within(prior, draws.uniform("mass_slope")[:, 0])


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
    u = draws.uniform("source_light")
    if isinstance(prior, FlatSquareLight):
        half_light = np.full(n, prior.side / np.sqrt(2 * np.pi))  # circle that holds half of the square's area
        return _light(np.full(n, "flat_square"), half_light)
    if isinstance(prior, SersicLight):
        light = _light(np.full(n, "sersic"), _between(prior.half_light_range, draws.uniform("source_size")[:, 0]))
        index, axis_ratio = _between(prior.sersic_index_range, u[:, 0]), _between(prior.axis_ratio_range, u[:, 1])
        return light | {"source_sersic_n": index, "source_axis_ratio": axis_ratio}
    if bank is None:
        raise InputError(f"recipe {recipe.name} draws its sources from a bank and none was given; wanted --bank FILE.h5")
    row = _bank_rows(recipe, hosts, bank, u[:, 0])
    return _bank_light(prior, draws, bank, row, u[:, 1] < prior.sersic_share)


def _bank_light(prior: BankLight, draws: Draws, bank: SourceBank, row: Integers, sersic: npt.NDArray[np.bool_]) -> Columns:
    """Galaxies of the bank as they are, or as Sersic profiles with and without knots."""
    factor = _between(prior.size_factor_range, draws.uniform("source_size")[:, 0])
    light = _light(np.full(len(row), "template", dtype="U12"), factor * bank.half_light_radius_arcsec[row])
    light |= {"source_size_factor": factor, "template_id": np.asarray(bank.template_id[row]), "bank_row": row}
    few = draws.rows(sersic)
    shape, knots, shares = (few.uniform(name) for name in ("source_sersic", "source_knots", "source_knot_share"))
    axis_ratio = _between(prior.sersic_axis_ratio_range, shape[:, 1])
    knotted = knots[:, 0] < prior.knots_share
    low, high = prior.knot_number_range
    number = np.minimum(np.floor(_between((low, high + 1), knots[:, 1])), high)
    drawn = {
        "source_kind": np.where(knotted, "sersic_knots", "sersic"),
        "source_sersic_n": _between(prior.sersic_index_range, shape[:, 0]),
        "source_axis_ratio": axis_ratio,
        "source_half_light_arcsec": np.asarray(light["source_half_light_arcsec"], float)[sersic] / np.sqrt(axis_ratio),
        "source_knots": np.where(knotted, number, np.nan),
        "source_knot_share": np.where(knotted, _between(prior.knot_flux_share_range, shares[:, 0]), np.nan),
    }
    for name, values in drawn.items():
        light[name][sersic] = values
    return light


def _light(kind: npt.NDArray[np.str_], half_light: FloatArray) -> Columns:
    """Every column of a source's light, null but for kind and size; ``bank_row`` -1 where there is no bank."""
    n = len(kind)
    unknown = ("source_sersic_n", "source_axis_ratio", "source_size_factor", "source_knots", "source_knot_share")
    columns: Columns = {name: np.full(n, np.nan) for name in unknown}
    columns |= {"template_id": np.full(n, ""), "bank_row": np.full(n, -1)}
    return columns | {"source_kind": kind, "source_half_light_arcsec": half_light}


def _bank_rows(recipe: Recipe, hosts: LensHosts, bank: SourceBank, u: FloatArray) -> Integers:
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
    prior: TemplateRedshift | ShiftedRedshift | None, draws: Draws, row: Integers, bank: SourceBank | None
) -> _Redshifts:
    unmoved = {"size_factor": np.ones(len(row)), "dimming_mag": np.zeros(len(row))}
    if prior is None:
        return _Redshifts(np.full(len(row), np.nan), np.full(len(row), ""), **unmoved)
    u = draws.uniform("source_redshift")
    drawn = _normal_within(prior, u[:, 0])
    own = np.full(len(row), np.nan) if bank is None else np.where(row >= 0, bank.redshift[row], np.nan)
    known = np.isfinite(own)
    redshift, origin = np.where(known, own, drawn), np.where(known, "template", "drawn")
    if isinstance(prior, TemplateRedshift):
        return _Redshifts(redshift, origin, **unmoved)
    shifted = known & (own > 0) & (own < MAX_REDSHIFT) & (u[:, 1] < prior.share)
    before, after = np.where(shifted, own, 1.0), np.where(shifted, drawn, 1.0)
    dimming = distance_modulus(after) - distance_modulus(before) + prior.k_correction_per_redshift * (after - before)
    size = angular_diameter_distance(before) / angular_diameter_distance(after)
    return _Redshifts(np.where(shifted, drawn, redshift), np.where(shifted, "shifted", origin), size, dimming)


def _source_magnitudes(priors: Priors, draws: Draws, hosts: LensHosts, galaxies: _Galaxies) -> Columns:
    """Magnitudes in g, r, z and the colours' origin. Dust dims a source whose magnitude is not the host's as observed."""
    law = priors.source_magnitude
    known, types = galaxies.known(), draws.uniform("source_type")[:, 0]
    colours = draw_colours(priors.source_colour, known, draws.normal("source_colour"), types)
    if isinstance(law, HostOffsetMagnitude):
        r = hosts.mag_raw_r + hosts.grid_offset
    elif isinstance(law, TemplateMagnitude) and galaxies.bank is not None:
        f814w = galaxies.bank.mag_f814w[galaxies.row] + law.scatter * draws.normal("source_magnitude")[:, 0]
        r = f814w + galaxies.moved.dimming_mag + law.colour_factor * colours.r_minus_z
    elif isinstance(law, UniformMagnitude):
        r = _between(law.range, draws.uniform("source_magnitude")[:, 0])
    else:
        raise InputError("source_magnitude law template needs a source bank and none was given; wanted --bank FILE.h5")
    magnitudes = np.stack([r + colours.g_minus_r, r, r - colours.r_minus_z], axis=1)
    if not isinstance(law, HostOffsetMagnitude):
        magnitudes = magnitudes + hosts.extinction_mag
    columns: Columns = {f"source_mag_{band}": magnitudes[:, number] for number, band in enumerate(BANDS)}
    return columns | {"source_colour_origin": colours.origin}


def _normal_within(prior: TemplateRedshift | ShiftedRedshift | NormalSlope, u: FloatArray) -> FloatArray:
    """The normal law cut to the prior's range, by its inverse."""
    low, high = (ndtr((edge - prior.mean) / prior.scatter) for edge in (prior.minimum, prior.maximum))
    return np.asarray(prior.mean + prior.scatter * ndtri(low + u * (high - low)))


def _between(edges: tuple[float, float], u: FloatArray) -> FloatArray:
    return edges[0] + u * (edges[1] - edges[0])
