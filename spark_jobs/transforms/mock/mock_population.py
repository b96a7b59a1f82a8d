"""What lies on a mock brick: luminous red hosts, other galaxies and stars, as one array of objects.

Legend: x, y in pixels from 0 (x west, y north); fluxes in nMgy before Galactic dust; ``shape_r`` is the half-light radius
along the major axis in arcsec; ``e1``, ``e2`` are the catalogue's ellipticity, (1-q)/(1+q) at twice the angle east of
north, so that on the stamp (e1, e2) = -(e1, e2). Position, flux and shape are the truth that the catalogue repeats.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from astropy.cosmology import FlatLambdaCDM

from schemas.survey import PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG
from spark_jobs.transforms.keyed_chance import generator
from spark_jobs.transforms.mock.mock_settings import FieldPopulation, HostPopulation, MockSky, StarPopulation

OBJECT = np.dtype(
    [
        ("population", "U5"),
        ("type", "U3"),
        ("x", "f8"),
        ("y", "f8"),
        *[(f"flux_{band}", "f8") for band in ("g", "r", "z", "w1")],
        ("shape_r", "f8"),
        ("e1", "f8"),
        ("e2", "f8"),
        ("sersic", "f8"),
        ("redshift", "f8"),
    ]
)
Objects = npt.NDArray[np.void]
Array = npt.NDArray[np.float64]

_COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)
_EXP_INDEX, _DEV_INDEX = 1.0, 4.0
_PLACING_ATTEMPTS = 200
_HOST_BORDER = (1 - 0.25 / 0.262) / 2
"""Share of a brick's side without hosts: the survey's bricks overlap by as much, and list such objects in the next brick."""


def objects_of(mock: MockSky, brickname: str) -> Objects:
    """All objects of a brick, hosts first; stars that are drawn beyond the edge are not part of it."""
    area = (mock.brick_size_pix * PIXEL_SCALE_ARCSEC / 3600) ** 2
    hosts, field, stars = mock.sky.hosts, mock.sky.field, mock.sky.stars
    chance = {name: generator(mock.seed, brickname, name) for name in ("hosts", "field", "stars")}
    wanted = mock.hosts_per_brick
    n_hosts = int(chance["hosts"].poisson(hosts.per_square_degree * area)) if wanted is None else wanted
    n_field = int(chance["field"].poisson(field.per_square_degree * area))
    n_stars = int(chance["stars"].poisson(stars.per_square_degree * area))
    return np.concatenate(
        [
            draw_hosts(chance["hosts"], hosts, n_hosts, mock.brick_size_pix),
            draw_field(chance["field"], field, n_field, mock.brick_size_pix),
            draw_stars(chance["stars"], stars, n_stars, mock.brick_size_pix),
        ]
    )


def draw_hosts(rng: np.random.Generator, settings: HostPopulation, count: int, size_pix: int) -> Objects:
    """Massive early types that pass the LRG cut v3, apart from each other where the density allows."""
    kept: list[Objects] = []
    while sum(map(len, kept)) < count:
        candidates = _host_candidates(rng, settings, max(4 * count, 64))
        kept.append(candidates[_passes(candidates, settings)])
    hosts = np.concatenate([*kept, np.zeros(0, OBJECT)])[:count]
    hosts["x"], hosts["y"] = _apart(rng, count, size_pix, settings.separation_arcsec / PIXEL_SCALE_ARCSEC)
    return hosts


def draw_field(rng: np.random.Generator, settings: FieldPopulation, count: int, size_pix: int) -> Objects:
    """Other galaxies: number counts, sizes and colours by magnitude; small ones round (REX), large ones discs (EXP)."""
    objects = np.zeros(count, OBJECT)
    mag_r = _power_law_counts(rng, count, settings.mag_r_range, settings.counts_slope)
    faint = mag_r - 20
    colours = {
        "gr": rng.normal(*settings.colour_gr, count) - settings.bluer_per_mag * faint,
        "rz": rng.normal(*settings.colour_rz, count) - settings.bluer_per_mag * faint,
        "zw1": rng.normal(*settings.colour_zw1, count),
    }
    _set_fluxes(objects, mag_r, colours)
    size = settings.half_light_at_20_arcsec * 10 ** (settings.half_light_slope_dex_per_mag * faint)
    objects["shape_r"] = np.clip(size * np.exp(settings.half_light_scatter * rng.standard_normal(count)), 0.08, 6.0)
    disc = objects["shape_r"] > settings.exp_above_arcsec
    objects["type"] = np.where(disc, "EXP", "REX")
    objects["sersic"] = _EXP_INDEX
    axis_ratio = rng.uniform(0.25, 1.0, count)
    angle = rng.uniform(0, np.pi, count)
    _set_shape(objects, np.where(disc, axis_ratio, 1.0), angle)
    objects["redshift"] = np.clip(settings.redshift_median_at_20 * 1.35**faint * rng.lognormal(0, 0.4, count), 0.02, 4)
    objects["population"] = "field"
    objects["x"], objects["y"] = rng.uniform(-0.5, size_pix - 0.5, (2, count))
    return objects


def draw_stars(rng: np.random.Generator, settings: StarPopulation, count: int, size_pix: int) -> Objects:
    """Point sources along a straight stellar locus; the bright end saturates."""
    objects = np.zeros(count, OBJECT)
    mag_r = _power_law_counts(rng, count, settings.mag_r_range, settings.counts_slope)
    gr = rng.uniform(*settings.colour_gr_range, count)
    rz = 0.55 * gr + 0.15 * np.maximum(gr - 1.2, 0) * 10
    _set_fluxes(objects, mag_r, {"gr": gr, "rz": rz, "zw1": np.full(count, -0.9)})
    objects["type"], objects["population"] = "PSF", "star"
    objects["x"], objects["y"] = rng.uniform(-0.5, size_pix - 0.5, (2, count))
    return objects


def _host_candidates(rng: np.random.Generator, settings: HostPopulation, count: int) -> Objects:
    objects = np.zeros(count, OBJECT)
    z = rng.uniform(*settings.redshift_range, count)
    table = np.array(settings.passive).T
    lstar, gr, rz, zw1 = (np.interp(z, table[0], column) for column in table[1:])
    least, scale = settings.brighter_than_lstar_mag
    brighter = least + rng.exponential(scale, count)
    means = {"gr": gr, "rz": rz, "zw1": zw1}
    colours = {name: mean + settings.colour_scatter_mag * rng.standard_normal(count) for name, mean in means.items()}
    _set_fluxes(objects, lstar - brighter, colours)
    kpc = settings.half_light_kpc * 10 ** (0.4 * settings.half_light_slope * (brighter - 1.5))
    circular = kpc * np.exp(settings.half_light_scatter * rng.standard_normal(count)) / _kpc_per_arcsec(z)
    axis_ratio = settings.axis_ratio_range[0] + np.ptp(settings.axis_ratio_range) * rng.beta(2.5, 1.5, count)
    objects["shape_r"] = np.clip(circular / np.sqrt(axis_ratio), 0.3, 8.0)
    _set_shape(objects, axis_ratio, rng.uniform(0, np.pi, count))
    dev = rng.uniform(size=count) < settings.share_dev
    objects["type"] = np.where(dev, "DEV", "SER")
    objects["sersic"] = np.where(dev, _DEV_INDEX, rng.choice(settings.sersic_n, count))
    objects["redshift"], objects["population"] = z, "host"
    return objects


def _passes(objects: Objects, settings: HostPopulation) -> npt.NDArray[np.bool_]:
    mag = {band: ZEROPOINT_MAG - 2.5 * np.log10(objects[f"flux_{band}"]) for band in ("r", "z", "w1")}
    bright, faint = settings.mag_r_range
    mag_z, rz, zw1 = settings.cut_v3
    in_range = (mag["r"] > bright) & (mag["r"] < faint)
    passed: npt.NDArray[np.bool_] = in_range & (mag["z"] < mag_z) & (mag["r"] - mag["z"] > rz) & (mag["z"] - mag["w1"] > zw1)
    return passed


def _set_fluxes(objects: Objects, mag_r: Array, colours: dict[str, Array]) -> None:
    mag = {"g": mag_r + colours["gr"], "r": mag_r, "z": mag_r - colours["rz"]}
    mag["w1"] = mag["z"] - colours["zw1"]
    for band, values in mag.items():
        objects[f"flux_{band}"] = 10 ** (-0.4 * (values - ZEROPOINT_MAG))


def _set_shape(objects: Objects, axis_ratio: Array, angle_rad: Array) -> None:
    e = (1 - axis_ratio) / (1 + axis_ratio)
    objects["e1"], objects["e2"] = e * np.cos(2 * angle_rad), e * np.sin(2 * angle_rad)


def _power_law_counts(rng: np.random.Generator, count: int, limits: tuple[float, float], slope: float) -> Array:
    """Magnitudes with number counts 10^(slope m) between two limits."""
    low, high = (10 ** (slope * (limit - limits[0])) for limit in limits)
    magnitudes: Array = limits[0] + np.log10(rng.uniform(low, high, count)) / slope
    return magnitudes


def _apart(rng: np.random.Generator, count: int, size_pix: int, separation_pix: float) -> tuple[Array, Array]:
    """Positions at least a separation apart; the separation shrinks by a tenth where a place is not found."""
    placed, border = np.empty((0, 2)), _HOST_BORDER * size_pix
    while len(placed) < count:
        spot = _free_spot(lambda: rng.uniform(border - 0.5, size_pix - border - 0.5, 2), placed, separation_pix)
        if spot is None:
            separation_pix *= 0.9
        else:
            placed = np.vstack([placed, spot])
    return placed[:, 0], placed[:, 1]


def _free_spot(draw: Callable[[], Array], placed: Array, separation_pix: float) -> Array | None:
    for _ in range(_PLACING_ATTEMPTS):
        spot = draw()
        if not len(placed) or np.hypot(*(placed - spot).T).min() >= separation_pix:
            return spot
    return None


def _kpc_per_arcsec(z: Array) -> Array:
    # A fine table instead of one integral a galaxy; the error is below 1e-4.
    grid = np.linspace(0.02, 2.0, 400)
    scale: Array = np.interp(z, grid, 1000 * _COSMOLOGY.angular_diameter_distance(grid).value * np.pi / 180 / 3600)
    return scale
