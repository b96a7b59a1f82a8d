"""Stamps for calibrating gates: pairs in which lens = control + arc + the arc's photon noise, clean or with one fault planted.

On top of ``synthetic_stamps``: the rows are its own, the pixels are drawn anew. Hosts are a round core with a halo
and a star beside it, arcs are one-sided rings of known magnitude as wide as the PSF, the sky's noise is white. Every
draw is keyed by the name of the pair.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.array_codec import encode_stamp
from schemas.locations import location
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from tests.synthetic_stamps import SIGMA, StampsDirectory, write_stamps_directory
from tests.trainer.tiny_training import rewrite_stamps
from trainer.gates.arc_width_moments import FWHM_IN_SIGMA
from trainer.gates.class_scores import Chance
from trainer.gates.data_gates import GatedData, data_gates, gather_data
from trainer.gates.gate import Gate, Verdict

Image = npt.NDArray[np.float64]
HOW = Chance(draws=100, seed=1)
SIZE = 64
_GAIN = 1e4  # electrons per nMgy


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with the lenses of a set; as it stands nothing is. Magnitudes, shares, pixels, PSF widths."""

    brighter_host_mag: float = 0.0
    brighter_sky_sigma: float = 0.0
    noisier: float = 0.0
    arc_as_bright_as_host: bool = False
    arc_shift_pix: float = 0.0
    arc_blur: float = 1.0
    star_blur: float = 1.0
    no_arc: float = 0.0
    pixels_times: float = 1.0
    shuffled: bool = False


def write_pairs(root: Path, pairs: Mapping[str, int], fault: Fault | None = None) -> StampsDirectory:
    """A stamps directory of so many pairs a split; ``fault`` is that of every split."""
    directory = write_stamps_directory(root, pairs, size=SIZE, refused_pairs=1)
    for split in pairs:
        rewrite_stamps(directory, split, partial(_redrawn, fault or Fault()))
    return directory


def gated(directory: StampsDirectory, split: str = "train", most: int = 10**6) -> GatedData:
    """What the gates look at."""
    return gather_data(location(str(directory.stamps)), split, location(str(directory.plan)), most, seed=1)


def by_name(data: GatedData, how: Chance = HOW) -> dict[str, Gate]:
    """Every gate's answer."""
    return {gate.asked.name: gate for gate in data_gates(data, how)}


def names(gates: Mapping[str, Gate], verdict: Verdict) -> set[str]:
    """The gates with one verdict."""
    return {name for name, gate in gates.items() if gate.verdict is verdict}


def _redrawn(fault: Fault, row: dict[str, Any]) -> dict[str, Any]:
    if row["reasons"]:
        return row
    rng = np.random.default_rng(int(hashlib.sha256(row["pair_id"].encode()).hexdigest()[:12], 16))
    cell = np.random.default_rng(row["cell"])
    lens = row["label"] == 1
    depth = cell.normal(0, 0.1)
    magnitude, blue, red = rng.normal(18.8, 0.5), rng.normal(1.5, 0.15), rng.normal(0.7, 0.1)
    host_mag = magnitude - (fault.brighter_host_mag if lens else 0)
    mags = {"g": host_mag + blue, "r": host_mag, "z": host_mag - red}
    x, y = SIZE / 2 + rng.uniform(-0.5, 0.5, 2)
    theta_e, angle, width = rng.uniform(1.0, 2.6), rng.uniform(0, 2 * np.pi), rng.uniform(2.2, 4.0)
    arc_mag = magnitude if fault.arc_as_bright_as_host else rng.uniform(20.5, 22.5)
    arc_mags = {"g": arc_mag + 0.3, "r": arc_mag, "z": arc_mag - 0.2}
    halo, far, towards, star_mag = rng.uniform(0, 0.5), rng.uniform(6, 26), rng.uniform(0, 2 * np.pi), rng.uniform(20, 23)
    swapped = bool(rng.uniform() < 0.5) and fault.shuffled
    drawn = rng.uniform() >= fault.no_arc
    images = {}
    for band in BANDS:
        noise = rng.normal(0, SIGMA[band], (SIZE, SIZE))
        psf = row[f"psf_fwhm_{band}_arcsec"] / PIXEL_SCALE_ARCSEC / FWHM_IN_SIGMA
        photons, more_noise = rng.normal(0, 1, (SIZE, SIZE)), rng.normal(0, SIGMA[band], (SIZE, SIZE))
        host = (1 - halo) * _gaussian(x, y, width) + halo * _gaussian(x, y, 2.5 * width)
        star = _gaussian(x + far * np.cos(towards), y + far * np.sin(towards), fault.star_blur * psf)
        image = _flux(mags[band]) * host + _flux(star_mag) * star + noise
        if lens != swapped and drawn:
            ring = _ring(x + fault.arc_shift_pix, y, theta_e / PIXEL_SCALE_ARCSEC, angle, fault.arc_blur * psf)
            arc = _flux(arc_mags[band]) * ring
            image += arc + photons * np.sqrt(arc / _GAIN)
        if lens:
            image += fault.brighter_sky_sigma * SIGMA[band]
            image += fault.noisier * more_noise
        images[band] = (fault.pixels_times * image).astype(np.float32)
    row |= {f"mag_raw_{band}": mags[band] for band in BANDS} | {"x_centre_pix": x, "y_centre_pix": y}
    row |= {f"psf_depth_{band}_mag": row[f"psf_depth_{band}_mag"] + depth for band in BANDS}
    row["stamp_npz"] = encode_stamp(images)
    if lens:
        row |= {"theta_e_arcsec": theta_e, "arc_to_host_flux": _flux(arc_mag) / _flux(host_mag)}
        row |= {f"injected_mag_{band}": arc_mags[band] for band in BANDS}
    return row


def _flux(magnitude: float) -> float:
    return float(10 ** (-0.4 * (magnitude - 22.5)))


def _gaussian(x: float, y: float, sigma: float) -> Image:
    along, across = (np.exp(-((np.arange(SIZE) - centre) ** 2) / (2 * sigma**2)) for centre in (x, y))
    return np.asarray(across[:, None] * along[None, :] / (2 * np.pi * sigma**2))


def _ring(x: float, y: float, radius: float, angle: float, width: float) -> Image:
    """A ring of total light one, brighter on one side; ``width`` is its sigma."""
    dx, dy = np.arange(SIZE)[None, :] - x, np.arange(SIZE)[:, None] - y
    r = np.hypot(dx, dy)
    towards = (dx * np.cos(angle) + dy * np.sin(angle)) / np.maximum(r, 1e-9)
    image = np.exp(-((r - radius) ** 2) / (2 * width**2)) * (1 + 0.8 * towards)
    return np.asarray(image / image.sum())
