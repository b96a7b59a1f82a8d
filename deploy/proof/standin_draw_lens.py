"""How lenses are drawn: galaxies of the parent sample and sources behind them, until one passes every cut.

The chance of a draw is proportional to theta_e squared, the cross-section, and the source lies anywhere within theta_e.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from standin_conditions import BandConditions
from standin_galaxies import COSMOLOGY, Host, draw_host, fluxes_of, power_law_counts, shared
from standin_lens import PointImages, PowerLawLens, Source, point_images, predicted_snr
from standin_light import Sersic
from standin_settings import LensPopulation, Settings

_GRID = np.linspace(0.0, 4.0, 801)
_COMOVING = COSMOLOGY.comoving_distance(_GRID).value
_LIGHT_KMS = 299792.458
_HOPELESS = 0.8
"""Share of the least arc SNR that a prediction must reach to be rendered, where the cut itself is made."""
_ARCSEC = 180 * 3600 / math.pi


@dataclass(frozen=True)
class DrawnLens:
    """One draw that passed the cuts made before rendering."""

    host: Host
    lens: PowerLawLens
    source: Source
    z_source: float
    images: PointImages
    predicted_snr: float
    clumps: int
    clump_share: float


def draw_lens(rng: np.random.Generator, settings: Settings, seen: BandConditions) -> DrawnLens | str:
    """One draw under the conditions of r; or why it is refused, in one word, before anything is rendered."""
    law = settings.lenses
    host = draw_host(rng, settings.parent)
    z_source = _source_redshift(rng, law)
    theta_e = einstein_radius(host.sigma_v_kms, host.redshift, z_source)
    weight, radius, angle = rng.uniform(size=3)
    if why := _by_radius(law, theta_e, z_source - host.redshift, weight):
        return why
    lens = _mass(rng, law, host, theta_e)
    away, towards = theta_e * math.sqrt(radius), 2 * math.pi * angle
    source, clumps, share = _source(rng, law, away * math.cos(towards), away * math.sin(towards))
    snr = predicted_snr(lens, source, seen)
    if snr < _HOPELESS * law.least_arc_snr:
        return "snr"
    images = point_images(lens, source.x, source.y)
    if images.number < law.least_images:
        return "images"
    if images.magnification < law.least_magnification:
        return "magnification"
    return DrawnLens(host, lens, source, z_source, images, snr, clumps, share)


def einstein_radius(sigma_v_kms: float, z_lens: float, z_source: float) -> float:
    """4 pi (sigma/c)^2 D_ls/D_s in arcsec, flat cosmology; 0 where the source is in front."""
    lens, source = np.interp([z_lens, z_source], _GRID, _COMOVING)
    return float(4 * math.pi * (sigma_v_kms / _LIGHT_KMS) ** 2 * max(1 - lens / source, 0.0) * _ARCSEC)


def _by_radius(law: LensPopulation, theta_e: float, z_gap: float, weight: float) -> str:
    """What is known before the source is: why the draw is refused, or nothing."""
    if z_gap < law.z_gap:
        return "redshift"
    if not law.theta_e_arcsec[0] < theta_e < law.theta_e_arcsec[1]:
        return "theta_e"
    return "weight" if weight > (theta_e / law.theta_e_arcsec[1]) ** 2 else ""


def _source_redshift(rng: np.random.Generator, law: LensPopulation) -> float:
    grid = np.linspace(*law.z_source, 200)
    scale, power = law.z_source_law
    cumulative = np.cumsum(grid**2 * np.exp(-((grid / scale) ** power)))
    return float(np.interp(rng.uniform(0, cumulative[-1]), cumulative, grid))


def _mass(rng: np.random.Generator, law: LensPopulation, host: Host, theta_e: float) -> PowerLawLens:
    """Mass about the bulge's shape; the slope is drawn again until it is in range."""
    slope = 0.0
    while not law.slope_range[0] < slope < law.slope_range[1]:
        slope = float(rng.normal(*law.slope))
    axis_ratio = host.bulge.axis_ratio + law.mass_axis_ratio_scatter * rng.standard_normal()
    shear, direction = law.shear_mode * rng.rayleigh(), rng.uniform(0, 2 * math.pi)
    return PowerLawLens(
        theta_e=theta_e,
        slope=slope,
        axis_ratio=float(np.clip(axis_ratio, *law.mass_axis_ratio_range)),
        angle_rad=host.bulge.angle_rad + law.mass_angle_scatter_rad * float(rng.standard_normal()),
        shear_1=shear * math.cos(direction),
        shear_2=shear * math.sin(direction),
        x=law.centre_scatter_arcsec * float(rng.standard_normal()),
        y=law.centre_scatter_arcsec * float(rng.standard_normal()),
    )


def _source(rng: np.random.Generator, law: LensPopulation, x: float, y: float) -> tuple[Source, int, float]:
    """A disc, a redder bulge and bluer clumps; also how many clumps and their share of the r light."""
    mag_r = power_law_counts(rng, law.mag_r, law.counts_slope)
    clipped = np.clip(rng.standard_normal(2), -2.5, 2.5)
    gr, rz = (mean + scatter * float(c) for (mean, scatter), c in zip((law.colour_gr, law.colour_rz), clipped, strict=True))
    dex = law.half_light_dex_per_mag * (mag_r - 24.25) + law.half_light_scatter_dex * rng.standard_normal()
    size = float(np.clip(law.half_light_arcsec * 10**dex, *law.half_light_range_arcsec))
    axis_ratio, angle = rng.uniform(0.3, 1.0), rng.uniform(0, math.pi)
    clump_share, number = rng.uniform(*law.clump_share), int(rng.integers(law.clumps[0], law.clumps[1] + 1))
    in_clumps, rest = shared(fluxes_of(mag_r, gr, rz), clump_share, 0.2, 0.1)
    # The bulge's share is of the whole, and no more than half of what is left in any band.
    in_bulge, in_disc = shared(rest, min(rng.uniform(*law.bulge_share) / (1 - clump_share), 0.5), -0.3, -0.15)
    disc = Sersic(in_disc, size, rng.uniform(0.6, 1.3), axis_ratio, angle, x, y)
    bulge_place = x + 0.15 * size * rng.standard_normal(), y + 0.15 * size * rng.standard_normal()
    bulge_shape = (
        size * rng.uniform(0.25, 0.5),
        rng.uniform(1.5, 3.0),
        rng.uniform(0.6, 1.0),
        angle + 0.3 * rng.standard_normal(),
    )
    bulge = Sersic(in_bulge, *bulge_shape, *bulge_place)
    parts = rng.dirichlet(np.ones(number))
    clumps = [_clump(rng, tuple(part * flux for flux in in_clumps), disc) for part in parts]
    return Source(x, y, size, (disc, bulge, *clumps)), number, clump_share


def _clump(rng: np.random.Generator, flux: tuple[float, float, float], disc: Sersic) -> Sersic:
    """A Gaussian (Sersic 0.5) somewhere on the disc; more often on one side, as irregular galaxies have them."""
    away, towards = 0.9 * disc.half_light_arcsec * rng.rayleigh(), rng.uniform(0, 2 * math.pi)
    along, across = away * math.cos(towards), away * math.sin(towards) * disc.axis_ratio
    c, s = math.cos(disc.angle_rad), math.sin(disc.angle_rad)
    place = disc.x + along * c - across * s, disc.y + along * s + across * c
    return Sersic(flux, rng.uniform(0.04, 0.12), 0.5, 1.0, 0.0, *place)
