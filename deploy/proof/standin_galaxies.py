"""Who stands on the sky, lensing aside: massive early types in two components, their satellites, field galaxies and stars.

Legend: positions in arcsec from the galaxy's centre (x west, y north); fluxes in nMgy in g, r, z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from astropy.cosmology import FlatLambdaCDM
from standin_light import Fluxes, Light, Sersic, Star
from standin_settings import Neighbours, Pair, ParentSample

from schemas.survey import ZEROPOINT_MAG

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)
_GRID = np.linspace(0.05, 3.5, 700)
_KPC_PER_ARCSEC = COSMOLOGY.angular_diameter_distance(_GRID).value * 1000 * math.pi / 180 / 3600
_LEAST_RADIUS_ARCSEC = 0.08


@dataclass(frozen=True)
class Host:
    """A massive galaxy: ``fluxes`` of all of it, ``bulge`` and ``halo`` its light."""

    redshift: float
    sigma_v_kms: float
    fluxes: Fluxes
    half_light_arcsec: float
    bulge: Sersic
    halo: Sersic


def fluxes_of(mag_r: float, gr: float, rz: float) -> Fluxes:
    """nMgy in g, r, z of an r magnitude and two colours."""
    return tuple(10 ** (-0.4 * (mag - ZEROPOINT_MAG)) for mag in (mag_r + gr, mag_r, mag_r - rz))  # type: ignore[return-value]


def shared(fluxes: Fluxes, share: float, bluer_gr: float = 0.0, bluer_rz: float = 0.0) -> tuple[Fluxes, Fluxes]:
    """A part with this share of the r light, bluer than the whole by so much, and the rest; at most 95 % of any band."""
    factors = (10 ** (0.4 * bluer_gr), 1.0, 10 ** (-0.4 * bluer_rz))
    part = tuple(flux * min(share * factor, 0.95) for flux, factor in zip(fluxes, factors, strict=True))
    rest = tuple(flux - taken for flux, taken in zip(fluxes, part, strict=True))
    return part, rest  # type: ignore[return-value]


def power_law_counts(rng: np.random.Generator, limits: Pair, slope: float) -> float:
    """A magnitude of counts 10^(slope m) between two limits."""
    low, high = (10 ** (slope * (limit - limits[0])) for limit in limits)
    return float(limits[0] + math.log10(rng.uniform(low, high)) / slope)


def draw_host(rng: np.random.Generator, parent: ParentSample) -> Host:
    """One galaxy of the parent sample: drawn until its magnitude is in range."""
    table = np.array(parent.passive).T
    while True:
        redshift = float(rng.triangular(*parent.redshift))
        brighter = parent.brighter_than_lstar_mag[0] + float(rng.exponential(parent.brighter_than_lstar_mag[1]))
        lstar, gr, rz = (float(np.interp(redshift, table[0], column)) for column in table[1:])
        if parent.mag_r[0] < lstar - brighter < parent.mag_r[1]:
            break
    gr, rz = (colour + parent.colour_scatter_mag * float(rng.standard_normal()) for colour in (gr, rz))
    dex = parent.sigma_dex_per_mag * brighter + parent.sigma_scatter_dex * float(rng.standard_normal())
    kpc = parent.half_light_kpc * 10 ** (parent.half_light_dex_per_mag * (brighter - 1.5))
    kpc *= math.exp(parent.half_light_scatter * rng.standard_normal())
    radius = float(np.clip(kpc / np.interp(redshift, _GRID, _KPC_PER_ARCSEC), 0.35, 6.0))
    fluxes = fluxes_of(lstar - brighter, gr, rz)
    bulge, halo = _two_components(rng, parent, fluxes, radius)
    return Host(redshift, parent.sigma_lstar_kms * 10**dex, fluxes, radius, bulge, halo)


def draw_neighbours(rng: np.random.Generator, settings: Neighbours, host: Host, half_side_arcsec: float) -> list[Light]:
    """Field galaxies and stars at random on the frame, and satellites of the host; the same law for every kind of object."""
    area_arcmin2 = (2 * half_side_arcsec / 60) ** 2
    found: list[Light] = []
    for _ in range(rng.poisson(settings.field_per_arcmin2 * area_arcmin2)):
        mag_r = power_law_counts(rng, settings.field_mag_r, settings.field_slope)
        x, y = rng.uniform(-half_side_arcsec, half_side_arcsec, 2)
        found.append(_field_galaxy(rng, settings, mag_r, float(x), float(y)))
    for _ in range(rng.poisson(settings.stars_per_arcmin2 * area_arcmin2)):
        gr = rng.uniform(0.3, 1.5)
        fluxes = fluxes_of(power_law_counts(rng, settings.stars_mag_r, 0.17), gr, 0.55 * gr + 1.5 * max(gr - 1.2, 0.0))
        found.append(Star(fluxes, *map(float, rng.uniform(-half_side_arcsec, half_side_arcsec, 2))))
    for _ in range(rng.poisson(settings.satellites)):
        found.append(_satellite(rng, settings, host))
    return found


def _two_components(rng: np.random.Generator, parent: ParentSample, fluxes: Fluxes, radius: float) -> tuple[Sersic, Sersic]:
    bluer = rng.normal(*parent.halo_bluer_gr), rng.normal(*parent.halo_bluer_rz)
    of_halo, of_bulge = shared(fluxes, rng.uniform(*parent.halo_share), *bluer)
    angle = rng.uniform(0, math.pi)
    bulge = Sersic(
        of_bulge,
        radius * rng.uniform(*parent.bulge_size),
        float(np.clip(rng.normal(*parent.bulge_index), 2.5, 5.5)),
        rng.uniform(*parent.bulge_axis_ratio),
        angle,
    )
    halo = Sersic(
        of_halo,
        radius * rng.uniform(*parent.halo_size),
        rng.uniform(*parent.halo_index),
        rng.uniform(*parent.halo_axis_ratio),
        angle + parent.twist_rad * rng.standard_normal(),
    )
    return bulge, halo


def _field_galaxy(rng: np.random.Generator, settings: Neighbours, mag_r: float, x: float, y: float) -> Sersic:
    faint = mag_r - 20
    gr = rng.normal(*settings.colour_gr) - settings.bluer_per_mag * faint
    rz = rng.normal(*settings.colour_rz) - settings.bluer_per_mag * faint
    size = settings.half_light_at_20_arcsec * 10 ** (settings.half_light_dex_per_mag * faint)
    size *= math.exp(settings.half_light_scatter * rng.standard_normal())
    axis_ratio, angle = rng.uniform(0.25, 1.0), rng.uniform(0, math.pi)
    radius = max(size * math.sqrt(axis_ratio), _LEAST_RADIUS_ARCSEC)
    return Sersic(fluxes_of(mag_r, gr, rz), radius, rng.uniform(0.7, 2.0), axis_ratio, angle, x, y)


def _satellite(rng: np.random.Generator, settings: Neighbours, host: Host) -> Sersic:
    fainter = rng.uniform(*settings.satellite_fainter_mag)
    away, towards = settings.satellite_reach_arcsec * math.sqrt(rng.uniform(0.01, 1)), rng.uniform(0, 2 * math.pi)
    fluxes, _ = shared(host.fluxes, 10 ** (-0.4 * fainter), 0.05 * fainter + 0.05 * rng.standard_normal(), 0.0)
    radius = max(host.half_light_arcsec * 10 ** (-0.14 * fainter) * math.exp(0.3 * rng.standard_normal()), _LEAST_RADIUS_ARCSEC)
    place = away * math.cos(towards), away * math.sin(towards)
    return Sersic(fluxes, radius, rng.uniform(1.0, 3.5), rng.uniform(0.5, 1.0), rng.uniform(0, math.pi), *place)
