"""Rings drawn on galaxies without an arc: which of them does the network call lenses?

A ring is a Gaussian in radius about the galaxy, added after the PSF. It is a stimulus, never a label: a ring in a source's
colours at a lens's radius is a lens. The failed experiment's ring, exp(-(r - 15)^2 / 20) of 0.01 nMgy in every band about the
stamp's middle pixel, is one point of the family.

Legend: images (sample, band g r z, y, x), nMgy per pixel; radii and widths (standard deviation) in pixels where not in arcsec.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG
from trainer.gates.class_gates import words_of
from trainer.gates.class_scores import Chance
from trainer.gates.drawn_figures import mean_interval, ratio_of_means
from trainer.gates.gate import Behind, Evidence, Gate, Limits, Question, Table, Verdict, judged, too_few, unsupported
from trainer.gates.gated_stamps import Integers
from trainer.intervals import Interval
from trainer.judge import Images, Judge, Numbers
from trainer.model_gates.judged_stamps import JudgedStamps, Threshold, pixel_noise
from trainer.model_gates.ring_figures import Surface, surface_drawing

SEED_RADIUS_PIX, SEED_WIDTH_PIX, SEED_AMPLITUDE_NMGY = 15.0, math.sqrt(10.0), 0.01
RADII_ARCSEC = (1.0, 1.5, 2.2, 3.0, 4.0, 5.5)
MAGNITUDES = (19.0, 20.0, 21.0, 22.0, 23.0)
IMPOSSIBLE_ARCSEC = 5.5
MOST_HOSTS = 60
_FWHM_TO_SIGMA = 1 / math.sqrt(8 * math.log(2))
_HOST_RADIUS_PIX = 8.0
_ARC_COLOUR = {"g": 0.3, "r": 0.0, "z": -0.2}
"""Magnitude less that in r of a star-forming galaxy at z 0.8 to 3."""
_R = BANDS.index("r")

SEED_RING = Question(
    "seed_ring",
    "The failed experiment's ring",
    "What does the ring that took the failed network from 0.0001 to 1.0000 do to this one?",
    "share of galaxies without an arc that are called lenses with that ring on them",
    Limits((-math.inf, 0), (-math.inf, 0), "No limits: it is as bright as an arc of r = 20.3, and may be called one."),
)
IMPOSSIBLE_RING = Question(
    "impossible_ring",
    "Rings that cannot be lensing",
    "Does the network call a ring a lens that has its host's colours and a radius that no galaxy reaches?",
    f"share called lenses of host-coloured rings of {IMPOSSIBLE_ARCSEC} arcsec and r = 20 to 22, less that of the galaxies "
    "without them, over that of the lenses",
    Limits(
        (-math.inf, 0.25),
        (-math.inf, 0.50),
        "An Einstein radius of 5.5 arcsec asks for 450 km/s and more, and a lensed galaxy has not its lens's colours. A "
        "network for which such rings are half as good as lenses has learned rings.",
    ),
)


@dataclass(frozen=True)
class Hosts:
    """Galaxies as the survey saw them, one stamp each; ``rows`` are their samples, ``noise`` (host, band) that of a pixel."""

    rows: Integers
    images: Images
    metadata: Numbers
    logits: Numbers
    x_pix: Numbers
    y_pix: Numbers
    width_pix: Numbers
    noise: Numbers


def ring_gates(judge: Judge, judged_stamps: JudgedStamps, threshold: Threshold, how: Chance) -> list[Gate]:
    """The gates of this room."""
    hosts = plain_hosts(judged_stamps)
    return [
        impossible_ring_gate(judge, judged_stamps, hosts, threshold, how),
        seed_ring_gate(judge, judged_stamps, hosts, threshold, how),
    ]


def plain_hosts(of: JudgedStamps) -> Hosts:
    """Up to ``MOST_HOSTS`` galaxies without added light, a stamp each, in the order of the split."""
    stamps = of.stamps
    rows = np.flatnonzero(stamps.control & of.readable)
    rows = np.sort(rows[np.unique(stamps.hosts[rows], return_index=True)[1]])[:MOST_HOSTS]
    middle = stamps.catalogue.size_pix / 2
    x, y = (np.nan_to_num(stamps.columns[f"{axis}_centre_pix"][rows], nan=middle) for axis in "xy")
    fwhm = np.nan_to_num(stamps.columns["psf_fwhm_r_arcsec"][rows], nan=1.25)
    noise = pixel_noise(stamps, rows, of.images[rows])
    width = fwhm * _FWHM_TO_SIGMA / PIXEL_SCALE_ARCSEC
    return Hosts(rows, of.images[rows], of.metadata[rows], of.logits[rows], x, y, width, noise)


def impossible_ring_gate(judge: Judge, of: JudgedStamps, hosts: Hosts, threshold: Threshold, how: Chance) -> Gate:
    """The verdict, with the whole family as evidence."""
    lenses = np.flatnonzero(of.stamps.lens & of.readable)
    behind, why = _behind(of, hosts, lenses)
    if why:
        return unsupported(IMPOSSIBLE_RING, why, behind)
    called_lenses = (of.logits[lenses] > threshold.logit).astype(np.float64)
    if not called_lenses.any():
        return unsupported(IMPOSSIBLE_RING, "no lens of the split is called one at this threshold", behind)
    surfaces = ring_surfaces(judge, hosts, threshold)
    radius = RADII_ARCSEC.index(IMPOSSIBLE_ARCSEC)
    bright = [MAGNITUDES.index(magnitude) for magnitude in (20.0, 21.0, 22.0)]
    called_rings = surfaces["host's colours"].called[radius, bright].mean(axis=0) - (hosts.logits > threshold.logit)
    units, _ = of.stamps.units(np.concatenate([hosts.rows, lenses]))
    values, ring = np.concatenate([called_rings, called_lenses]), np.arange(len(units)) < len(hosts.rows)
    figure = ratio_of_means(values, ring, units, how)
    drawings = [surface_drawing(name, surface, RADII_ARCSEC, MAGNITUDES) for name, surface in surfaces.items()]
    table = Table(
        f"Share called lenses, host-coloured rings of {IMPOSSIBLE_ARCSEC} arcsec; of the lenses {called_lenses.mean():.3f}, "
        f"of the galaxies as they are {(hosts.logits > threshold.logit).mean():.3f}.",
        ("r magnitude of the ring", "share called lenses"),
        [
            (f"{magnitude:g}", words_of(_mean(surfaces["host's colours"].called[radius, n], of, hosts, how)))
            for n, magnitude in enumerate(MAGNITUDES)
        ],
    )
    return judged(IMPOSSIBLE_RING, figure, behind, Evidence(table=table, drawings=drawings))


def seed_ring_gate(judge: Judge, of: JudgedStamps, hosts: Hosts, threshold: Threshold, how: Chance) -> Gate:
    """The failed experiment's ring on every host."""
    behind, why = _behind(of, hosts, hosts.rows)
    if why:
        return unsupported(SEED_RING, why, behind)
    size = hosts.images.shape[-1]
    middle = np.full(len(hosts.rows), size // 2, np.float64)
    ring = SEED_AMPLITUDE_NMGY * ring_profile(size, middle, middle, SEED_RADIUS_PIX, np.full(len(middle), SEED_WIDTH_PIX))
    after = judge.logits(np.asarray(hosts.images + ring[:, None], np.float32), hosts.metadata)
    magnitude = ZEROPOINT_MAG - 2.5 * math.log10(float(ring[0].sum()))
    snr = float(np.nanmedian(np.sqrt((ring**2).sum((1, 2))) / hosts.noise[:, _R]))
    p = {"as it is": 1 / (1 + np.exp(-hosts.logits)), "with the ring": 1 / (1 + np.exp(-after))}
    rows = [(name, words_of(_mean(values, of, hosts, how)), f"{np.median(values):.4f}") for name, values in p.items()]
    table = Table(
        f"The ring has r = {magnitude:.1f}, a matched signal to noise of {snr:.0f} in r. The failed network: 0.0001, 1.0000.",
        ("galaxy", "mean probability", "median"),
        rows,
    )
    told = f"not a verdict: the ring is as bright as an arc of r = {magnitude:.1f}, seen at {snr:.0f} sigma"
    called = _mean((after > threshold.logit).astype(np.float64), of, hosts, how)
    evidence = Evidence(p, "probability", "What the network says of galaxies without an arc, and with the ring on them.", table)
    return Gate(SEED_RING, Verdict.CONFOUNDED, told, called, behind, evidence)


def ring_surfaces(judge: Judge, hosts: Hosts, threshold: Threshold) -> Mapping[str, Surface]:
    """What the network says of rings by radius and r magnitude: in three colours as wide as the PSF, and wide and grey."""
    wide = np.full(len(hosts.rows), SEED_WIDTH_PIX)
    grey = np.ones((1, len(BANDS)))
    arc = np.array([[10 ** (-0.4 * _ARC_COLOUR[band]) for band in BANDS]])
    families = {
        "a lensed galaxy's colours": (arc, hosts.width_pix),
        "host's colours": (host_colours(hosts), hosts.width_pix),
        "grey": (grey, hosts.width_pix),
        "grey, as wide as the failed experiment's": (grey, wide),
    }
    return {name: _surface(judge, hosts, colour, width, threshold) for name, (colour, width) in families.items()}


def ring_profile(size: int, x_pix: Numbers, y_pix: Numbers, radius_pix: float, width_pix: Numbers) -> Numbers:
    """(host, y, x) a ring whose crest is one."""
    axis = np.arange(size, dtype=np.float64)
    r = np.hypot(axis - x_pix[:, None, None], axis[:, None] - y_pix[:, None, None])
    return np.asarray(np.exp(-((r - radius_pix) ** 2) / (2 * width_pix[:, None, None] ** 2)))


def host_colours(hosts: Hosts) -> Numbers:
    """(host, band) flux over that in r within 8 px of the galaxy; grey where it has no light there."""
    axis = np.arange(hosts.images.shape[-1], dtype=np.float64)
    near = np.hypot(axis - hosts.x_pix[:, None, None], axis[:, None] - hosts.y_pix[:, None, None]) < _HOST_RADIUS_PIX
    flux = np.where(near[:, None], hosts.images, 0).sum((2, 3), dtype=np.float64)
    lit = (flux > 0).all(axis=1, keepdims=True)
    return np.where(lit, flux / np.where(lit, flux[:, [_R]], 1), 1.0)


def _surface(judge: Judge, hosts: Hosts, colour: Numbers, width_pix: Numbers, threshold: Threshold) -> Surface:
    size = hosts.images.shape[-1]
    called = np.empty((len(RADII_ARCSEC), len(MAGNITUDES), len(hosts.rows)))
    probability = np.empty_like(called)
    for n, radius in enumerate(RADII_ARCSEC):
        profile = ring_profile(size, hosts.x_pix, hosts.y_pix, radius / PIXEL_SCALE_ARCSEC, width_pix)
        profile /= profile.sum((1, 2), keepdims=True)
        for m, magnitude in enumerate(MAGNITUDES):
            flux = 10 ** (-0.4 * (magnitude - ZEROPOINT_MAG)) * colour
            images = np.asarray(hosts.images + flux[:, :, None, None] * profile[:, None], np.float32)
            logits = judge.logits(images, hosts.metadata)
            called[n, m], probability[n, m] = logits > threshold.logit, 1 / (1 + np.exp(-logits))
    return Surface(called, probability)


def _mean(values: Numbers, of: JudgedStamps, hosts: Hosts, how: Chance) -> Interval:
    return mean_interval(values, of.stamps.units(hosts.rows)[0], how)


def _behind(of: JudgedStamps, hosts: Hosts, others: Integers) -> tuple[Behind, str | None]:
    """The objects behind a figure, and why there are too few: half of the hosts that a ring is drawn on are enough."""
    units, unit = of.stamps.units(hosts.rows)
    lenses = int(np.count_nonzero(of.stamps.lens[others]))
    behind = Behind(lenses, len(hosts.rows), len(np.unique(of.stamps.hosts[hosts.rows])), len(np.unique(units)), unit)
    return behind, too_few(lenses or len(hosts.rows), len(hosts.rows), behind.n_units, fewest=MOST_HOSTS // 2)
