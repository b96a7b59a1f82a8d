"""Draws the parameters of lens tasks from a recipe's priors, redrawing until one is accepted, every refusal counted.

Legend: arrays of shape (n,), one entry a task; magnitudes AB; angles in arcsec or rad as named; NaN stands for null.
A draw is keyed by (run seed, host, replicate, prior, attempt): tasks drawn alone or in any company come out the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.arc_observables import flux_of
from spark_jobs.physics.caustics import caustics
from spark_jobs.physics.einstein_radius import einstein_radius
from spark_jobs.physics.keyed_uniforms import uniforms
from spark_jobs.physics.point_images import point_images
from spark_jobs.recipe import Accept, Recipe
from spark_jobs.recipe_priors import DiscPosition, DispersionRadius, MultiplyImagedPosition
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_priors import Draws, draw_lens_frame, draw_source, host_dispersion
from spark_jobs.transforms.simulation.lens_hosts import LensHosts
from spark_jobs.transforms.simulation.weigh_lenses import chance_to_keep

FloatArray = npt.NDArray[np.float64]

REFUSALS = ("redshift", "theta_e", "images", "magnification", "snr")
"""Why a draw is refused, in the order in which the tests are made: a draw counts under the first that it fails."""
_ACCEPTED = len(REFUSALS)
_DRAWS_AT_ONCE = 8192


@dataclass(frozen=True)
class DrawnLenses:
    """Accepted parameters by column name (NaN where no draw was accepted), draws made, and refusals (n, len(REFUSALS)).

    ``kept`` says which of the accepted draws the recipe's weighting keeps; the others are not drawn again.
    """

    columns: dict[str, npt.NDArray[np.generic]]
    accepted: npt.NDArray[np.bool_]
    kept: npt.NDArray[np.bool_]
    n_drawn: npt.NDArray[np.int64]
    n_refused: npt.NDArray[np.int64]


def draw_lenses(recipe: Recipe, run_seed: int, hosts: LensHosts, bank: SourceBank | None) -> DrawnLenses:
    """One accepted draw for every task, or none within the recipe's number of draws."""
    n = len(hosts)
    limit = recipe.accept.max_draws if recipe.accept else 1
    columns: dict[str, npt.NDArray[np.generic]] = {}
    accepted = np.zeros(n, dtype=bool)
    n_drawn, n_refused = np.zeros(n, dtype=np.int64), np.zeros((n, len(REFUSALS)), dtype=np.int64)
    waiting, first = np.arange(n), 0
    while len(waiting) and first < limit:
        attempts = min(limit - first, max(1, _DRAWS_AT_ONCE // len(waiting)))
        rows = np.repeat(waiting, attempts)
        drawn = _draw(recipe, run_seed, hosts.rows(rows), np.tile(np.arange(first, first + attempts), len(waiting)), bank)
        verdict = _judge(recipe.accept, hosts.rows(rows), drawn).reshape(len(waiting), attempts)
        good = verdict == _ACCEPTED
        chosen = np.where(good.any(axis=1), good.argmax(axis=1), attempts)
        for reason in range(len(REFUSALS)):
            before = np.arange(attempts) < chosen[:, None]
            n_refused[waiting, reason] += ((verdict == reason) & before).sum(axis=1)
        done = chosen < attempts
        n_drawn[waiting] += np.where(done, chosen + 1, attempts)
        source = np.flatnonzero(done) * attempts + chosen[done]
        for name, values in drawn.items():
            empty = np.full(
                n, "" if values.dtype.kind == "U" else np.nan, dtype=values.dtype if values.dtype.kind == "U" else float
            )
            column = columns.setdefault(name, empty)
            column[waiting[done]] = values[source]
        accepted[waiting[done]] = True
        waiting, first = waiting[~done], first + attempts
    chance = chance_to_keep(recipe.weighting, columns) if columns else np.full(n, np.nan)
    kept = uniforms(run_seed, "weighting", hosts.key, hosts.replicate, 0)[:, 0] < chance
    return DrawnLenses(columns, accepted, kept, n_drawn, n_refused)


def _draw(
    recipe: Recipe, run_seed: int, hosts: LensHosts, attempts: npt.NDArray[np.int64], bank: SourceBank | None
) -> dict[str, npt.NDArray[np.generic]]:
    draws = Draws(run_seed, hosts.key, hosts.replicate, attempts)
    frame = draw_lens_frame(recipe.priors, draws, hosts)
    source = draw_source(recipe, draws, hosts, bank)
    sigma = np.full(len(hosts), np.nan)
    theta_e = hosts.grid_theta_e
    if isinstance(recipe.priors.theta_e, DispersionRadius):
        sigma = host_dispersion(recipe.priors.theta_e, draws, hosts, frame["z_lens"])
        theta_e = einstein_radius(sigma, frame["z_lens"], source["z_source"])
    drawn: dict[str, npt.NDArray[np.generic]] = {**frame, **source, "sigma_v_kms": sigma, "theta_e_arcsec": theta_e}
    numbers = {name: np.asarray(values) for name, values in drawn.items() if values.dtype.kind == "f"}
    early = _failed_early(recipe.accept, hosts, numbers) if recipe.accept else {}
    lens = (theta_e > 0) & ~np.any([*early.values(), np.zeros(len(hosts), dtype=bool)], axis=0)
    place = _source_place(recipe.priors.source_position, draws, numbers, lens)
    return drawn | place | _predictions(hosts, numbers | place, lens)


def _source_place(
    prior: MultiplyImagedPosition | DiscPosition, draws: Draws, drawn: dict[str, FloatArray], lens: npt.NDArray[np.bool_]
) -> dict[str, FloatArray]:
    """Where the source stands: evenly over a disc behind the lens, that of all multiply imaged places or of theta_E's size.

    The places are those of the isothermal lens of this shape: a steeper one makes two images of any source, however far.
    """
    reach = np.full(len(lens), np.nan)
    if isinstance(prior, DiscPosition):
        reach = prior.disc_in_theta_e * drawn["theta_e_arcsec"]
    else:
        shape = ("theta_e_arcsec", "lens_axis_ratio", "lens_angle_rad", "shear_1", "shear_2")
        reach[lens] = caustics(*(drawn[name][lens] for name in shape)).reach
    u = draws.uniform("source_position")
    radius, angle = reach * np.sqrt(u[:, 0]), 2 * np.pi * u[:, 1]
    return {"source_x_arcsec": radius * np.cos(angle), "source_y_arcsec": radius * np.sin(angle)}


def _predictions(
    hosts: LensHosts, drawn: dict[str, FloatArray], lens: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.generic]]:
    """Images and magnification of a point at the source's place, and the arc's signal to noise in r that follows.

    Images are searched where ``lens`` says that a draw has not failed already: they are what a draw costs.

    Noise area of an arc: (mu D + P)(D + P) with D and P the equivalent widths, 2 sqrt(pi) sigma, of source and PSF; for a
    point this is the PSF's own and the signal to noise is that of the published depth.
    """
    n_images, magnification = np.zeros(len(hosts)), np.full(len(hosts), np.nan)
    n_images[lens], magnification[lens] = point_images(
        drawn["source_x_arcsec"][lens],
        drawn["source_y_arcsec"][lens],
        theta_e=drawn["theta_e_arcsec"][lens],
        q=drawn["lens_axis_ratio"][lens],
        phi=drawn["lens_angle_rad"][lens],
        gamma1=drawn["shear_1"][lens],
        gamma2=drawn["shear_2"][lens],
        slope=drawn["mass_slope"][lens],
    )
    source = drawn["source_half_light_arcsec"] / 1.1774  # half-light radius of a Gaussian in its sigma
    psf = hosts.fwhm_r / 2.3548
    dilution = psf / np.sqrt((magnification * source + psf) * (source + psf))
    snr = 5.0 * flux_of(drawn["source_mag_r"]) * magnification / flux_of(hosts.depth_r) * dilution
    return {"n_images": n_images, "predicted_magnification": magnification, "predicted_arc_snr": snr}


def _judge(accept: Accept | None, hosts: LensHosts, drawn: dict[str, npt.NDArray[np.generic]]) -> npt.NDArray[np.int64]:
    """Number of the first test that a draw fails, _ACCEPTED where it fails none. An unknown depth or PSF refuses nothing."""
    verdict = np.full(len(hosts), _ACCEPTED)
    if accept is None:
        return verdict
    value = {name: np.asarray(v, float) for name, v in drawn.items() if v.dtype.kind == "f"}
    failed = _failed_early(accept, hosts, value) | {
        "images": value["n_images"] < accept.minimum_images,
        "magnification": value["predicted_magnification"] < accept.minimum_magnification,
        "snr": value["predicted_arc_snr"] < accept.minimum_predicted_arc_snr,
    }
    for number in reversed(range(len(REFUSALS))):
        verdict[failed[REFUSALS[number]]] = number
    return verdict


def _failed_early(accept: Accept, hosts: LensHosts, value: dict[str, FloatArray]) -> dict[str, npt.NDArray[np.bool_]]:
    """Which draws fail the tests that need no images, by name."""
    low, high = accept.theta_e_range
    theta_e = value["theta_e_arcsec"]
    return {
        "redshift": value["z_source"] < value["z_lens"] + accept.minimum_redshift_gap,
        "theta_e": ~((theta_e >= low) & (theta_e <= high))
        | (value["sigma_v_kms"] <= 0.0)
        | (theta_e < accept.minimum_theta_e_over_fwhm * hosts.fwhm_r),
    }
