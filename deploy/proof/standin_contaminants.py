"""What looks like a lens and is none: ring galaxies, face-on spirals, mergers with tails, close companions, edge-on discs.

Every kind keeps the drawn galaxy's r magnitude for what the catalogue calls the galaxy, so none is told by its brightness.
Legend: angles in arcsec from the galaxy's centre (x west, y north); fluxes in nMgy in g, r, z.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from standin_galaxies import Host, fluxes_of, shared
from standin_light import Light, Pattern, Sersic
from standin_settings import Prevalence

from schemas.survey import ZEROPOINT_MAG

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """The galaxy at the centre, and what is beside it and no part of it."""

    galaxy: tuple[Light, ...]
    beside: tuple[Light, ...] = field(default=())


def kind_of(chance: float, prevalence: Prevalence) -> str:
    """The kind of a negative from a uniform number: a contaminant by its prevalence, else control (a plain galaxy)."""
    for name, share in vars(prevalence).items():
        if chance < share:
            return str(name)
        chance -= share
    return "control"


def scene_of(kind: str, rng: np.random.Generator, host: Host) -> Scene:
    """The galaxy of a kind, drawn about a host of the parent sample."""
    return _SCENES[kind](rng, host)


def _plain(rng: np.random.Generator, host: Host) -> Scene:
    return Scene((host.bulge, host.halo))


def _companion(rng: np.random.Generator, host: Host) -> Scene:
    """One or two galaxies at the distance of arcs, half of them bluer than the host."""
    beside = []
    for _ in range(1 + int(rng.uniform() < 0.3)):
        away, towards = rng.uniform(1.0, 3.2), rng.uniform(0, 2 * math.pi)
        blue, mag_r = rng.uniform() < 0.5, rng.uniform(19.8, 22.8)
        colours = (rng.normal(0.5, 0.2), rng.normal(0.35, 0.2)) if blue else _colours(host)
        size = 0.45 * 10 ** (-0.1 * (mag_r - 21)) * math.exp(0.3 * rng.standard_normal())
        shape = size, rng.uniform(0.8, 3.5), rng.uniform(0.3, 1.0), rng.uniform(0, math.pi)
        beside.append(Sersic(fluxes_of(mag_r, *colours), *shape, away * math.cos(towards), away * math.sin(towards)))
    return Scene((host.bulge, host.halo), tuple(beside))


def _spiral(rng: np.random.Generator, host: Host) -> Scene:
    """A red bulge, a disc, two or more blue arms that wind logarithmically (Kennicutt 1981: pitch 10 to 30 degrees)."""
    mag_r = _mag_r(host)
    size = 2.1 * 10 ** (-0.12 * (mag_r - 18)) * math.exp(0.2 * rng.standard_normal())
    axis_ratio, angle = rng.uniform(0.7, 1.0), rng.uniform(0, math.pi)
    whole = fluxes_of(mag_r, rng.normal(0.85, 0.1), rng.normal(0.58, 0.06))
    in_bulge, rest = shared(whole, rng.uniform(0.2, 0.45), -0.2, -0.1)
    in_arms, in_disc = shared(rest, rng.uniform(0.3, 0.55), 0.2, 0.12)
    bulge = Sersic(in_bulge, 0.25 * size, rng.uniform(1.5, 3.5), rng.uniform(0.8, 1.0), angle)
    disc = Sersic(in_disc, size, 1.0, axis_ratio, angle)
    arms = _Arms(
        size / 1.68, axis_ratio, angle, int(rng.choice([2, 2, 2, 3, 4])), math.tan(math.radians(rng.uniform(10, 30))),
        rng.uniform(0, 2 * math.pi), int(rng.choice([-1, 1])), rng.uniform(0, 0.5), rng.uniform(0, 2 * math.pi),
    )  # fmt: skip
    return Scene((bulge, disc, Pattern(in_arms, arms)))


def _ring(rng: np.random.Generator, host: Host) -> Scene:
    """An early-type body in a blue ring of uneven brightness: no lens bends it, stars are born in it."""
    share = rng.uniform(0.06, 0.25)
    in_ring, body = shared(host.fluxes, share, rng.uniform(0.6, 1.0), rng.uniform(0.2, 0.45))
    of_halo = host.halo.flux[1] / host.fluxes[1]
    in_halo, in_bulge = shared(body, of_halo, 0.05, 0.03)
    ring = _Ring(
        rng.uniform(1.4, 4.5), rng.uniform(0.15, 0.5), rng.uniform(0.65, 1.0), rng.uniform(0, math.pi),
        rng.uniform(0, 0.6), rng.uniform(0, 2 * math.pi), rng.uniform(0, 0.5), rng.uniform(0, 2 * math.pi),
    )  # fmt: skip
    return Scene((_with_flux(host.bulge, in_bulge), _with_flux(host.halo, in_halo), Pattern(in_ring, ring)))


def _merger(rng: np.random.Generator, host: Host) -> Scene:
    """A second body close by, and one or two tails that start at a body and curve away."""
    away, towards = rng.uniform(1.2, 3.5), rng.uniform(0, 2 * math.pi)
    place = away * math.cos(towards), away * math.sin(towards)
    in_tails, bodies = shared(host.fluxes, rng.uniform(0.05, 0.15), rng.uniform(0.1, 0.5), rng.uniform(0.05, 0.25))
    in_second, in_first = shared(bodies, 1 / (1 + 10 ** (0.4 * rng.uniform(0.2, 1.8))), rng.normal(0.15, 0.15), 0.05)
    in_halo, in_bulge = shared(in_first, host.halo.flux[1] / host.fluxes[1], 0.05, 0.03)
    size = 0.6 * host.half_light_arcsec * math.exp(0.2 * rng.standard_normal())
    second = Sersic(in_second, size, rng.uniform(1.0, 3.5), rng.uniform(0.5, 1.0), rng.uniform(0, math.pi), *place)
    bodies_seen = (_with_flux(host.bulge, in_bulge), _with_flux(host.halo, in_halo), second)
    starts = [(0.0, 0.0), place][: 1 + int(rng.uniform() < 0.5)]
    tails = [blob for start in starts for blob in _tail(rng, in_tails, len(starts), start)]
    return Scene((*bodies_seen, *tails))


def _edge_on(rng: np.random.Generator, host: Host) -> Scene:
    """A thin disc with a bulge, reddened by its own dust."""
    mag_r = _mag_r(host)
    axis_ratio, angle = rng.uniform(0.10, 0.22), rng.uniform(0, math.pi)
    major = rng.uniform(2.2, 4.5) * 10 ** (-0.1 * (mag_r - 18))
    in_bulge, in_disc = shared(
        fluxes_of(mag_r, rng.normal(1.05, 0.12), rng.normal(0.68, 0.07)), rng.uniform(0.15, 0.4), -0.1, -0.05
    )
    bulge = Sersic(in_bulge, 0.2 * major, rng.uniform(1.5, 3.5), rng.uniform(0.6, 0.95), angle)
    return Scene((bulge, Sersic(in_disc, major * math.sqrt(axis_ratio), 1.0, axis_ratio, angle)))


@dataclass(frozen=True)
class _Arms:
    scale: float
    axis_ratio: float
    angle: float
    number: int
    tan_pitch: float
    start: float
    sense: int
    uneven: float
    brighter_towards: float

    def __call__(self, x: Array, y: Array) -> Array:
        radius, azimuth = _polar(x, y, self.axis_ratio, self.angle)
        radius = np.maximum(radius, 1e-3)
        phase = self.number * (self.sense * azimuth - self.start - np.log(radius / self.scale) / self.tan_pitch)
        along = np.exp(-radius / (1.2 * self.scale)) * (1 - np.exp(-((radius / self.scale) ** 2)))
        return np.asarray(along * ((1 + np.cos(phase)) / 2) ** 3 * (1 + self.uneven * np.cos(azimuth - self.brighter_towards)))


@dataclass(frozen=True)
class _Ring:
    radius: float
    sigma: float
    axis_ratio: float
    angle: float
    one_sided: float
    brighter_towards: float
    two_sided: float
    brighter_along: float

    def __call__(self, x: Array, y: Array) -> Array:
        radius, azimuth = _polar(x, y, self.axis_ratio, self.angle)
        uneven = 1 + self.one_sided * np.cos(azimuth - self.brighter_towards)
        uneven *= 1 + self.two_sided * np.cos(2 * (azimuth - self.brighter_along))
        return np.asarray(np.exp(-((radius - self.radius) ** 2) / (2 * self.sigma**2)) * uneven)


def _polar(x: Array, y: Array, axis_ratio: float, angle: float) -> tuple[Array, Array]:
    c, s = math.cos(angle), math.sin(angle)
    along, across = x * c + y * s, (y * c - x * s) / axis_ratio
    return np.hypot(along, across), np.arctan2(across, along)


def _tail(rng: np.random.Generator, fluxes: tuple[float, float, float], tails: int, start: tuple[float, float]) -> list[Sersic]:
    """Overlapping Gaussians along an arc that grows wider and fainter."""
    length, bend, direction = rng.uniform(4, 9), rng.uniform(-1.8, 1.8), rng.uniform(0, 2 * math.pi)
    steps = np.linspace(0.12, 1.0, 12)
    weights = np.exp(-1.5 * steps) / np.exp(-1.5 * steps).sum() / tails
    blobs = []
    x, y = start
    for step, weight in zip(steps, weights, strict=True):
        heading = direction + bend * step
        x, y = x + length / 12 * math.cos(heading), y + length / 12 * math.sin(heading)
        flux: tuple[float, float, float] = tuple(float(weight) * f for f in fluxes)  # type: ignore[assignment]
        blobs.append(Sersic(flux, 0.45 + 0.35 * step, 0.5, 0.6, heading, x, y))
    return blobs


def _with_flux(body: Sersic, flux: tuple[float, float, float]) -> Sersic:
    return Sersic(flux, body.half_light_arcsec, body.index, body.axis_ratio, body.angle_rad, body.x, body.y)


def _mag_r(host: Host) -> float:
    return ZEROPOINT_MAG - 2.5 * math.log10(host.fluxes[1])


def _colours(host: Host) -> tuple[float, float]:
    g, r, z = (-2.5 * math.log10(flux) for flux in host.fluxes)
    return g - r, r - z


_SCENES: dict[str, Callable[[np.random.Generator, Host], Scene]] = {
    "control": _plain,
    "companion": _companion,
    "spiral": _spiral,
    "ring": _ring,
    "merger": _merger,
    "edge_on": _edge_on,
}
