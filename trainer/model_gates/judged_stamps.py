"""Stamps in memory with what a judge says of them, and among them the pairs: a host with its arc, and the same host without.

Legend: images (sample or pair, band g r z, y, x), nMgy per pixel; centres in pixels, pixel centres at integers from 0; every
other array is one element a sample or pair, per band where its last axis is a band.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.survey import BANDS
from trainer.gates.gate import Behind
from trainer.gates.gated_stamps import GatedStamps, Integers, Rows, gather_stamps
from trainer.judge import Images, Judge, Numbers
from trainer.sky_of_stamps import sky_noise
from trainer.stamp_loading import SplitBatches
from trainer.train_settings import DataSettings

_EDGE_PIX = 4
FEWEST_FALSE_POSITIVES = 10
"""A rate that fewer negatives pass is known to no better than a third."""


@dataclass(frozen=True)
class JudgedStamps:
    """Samples with their pixels and logits; both NaN where a stamp could not be read."""

    stamps: GatedStamps
    images: Images
    metadata: Numbers
    logits: Numbers

    @property
    def readable(self) -> Rows:
        """Which samples have a logit."""
        return np.asarray(np.isfinite(self.logits))


@dataclass(frozen=True)
class Threshold:
    """The logit above which an image is called a lens, the false positive rate that it has, and the negatives behind it."""

    logit: float
    false_positive_rate: float
    n_negative: int


@dataclass(frozen=True)
class Pairs:
    """Lenses with their own controls. ``units`` is what a bootstrap draws, ``unit`` its name; ``rows`` the lens's sample."""

    rows: Integers
    lens: Images
    control: Images
    metadata: Numbers
    lens_logits: Numbers
    control_logits: Numbers
    theta_e_arcsec: Numbers
    arc_snr: Numbers
    fwhm_arcsec: Numbers
    sky_sigma: Numbers
    x_pix: Numbers
    y_pix: Numbers
    hosts: npt.NDArray[np.str_]
    units: Integers
    unit: str

    @property
    def arc(self) -> Images:
        """The injected light with its photon noise."""
        return self.lens - self.control

    @property
    def gap(self) -> Numbers:
        """How much higher the lens stands than its control, in logits."""
        return self.lens_logits - self.control_logits

    @property
    def radius_pix(self) -> Numbers:
        """(pair, y, x) distance of each pixel from the galaxy."""
        axis = np.arange(self.lens.shape[-1], dtype=np.float64)
        return np.hypot(axis - self.x_pix[:, None, None], axis[:, None] - self.y_pix[:, None, None])

    @property
    def behind(self) -> Behind:
        """The objects of a figure over all pairs."""
        return Behind(len(self.rows), len(self.rows), len(np.unique(self.hosts)), len(np.unique(self.units)), self.unit)

    def of(self, some: Rows | Integers) -> Pairs:
        """Some of the pairs."""
        chosen = {name: value[some] for name, value in vars(self).items() if not isinstance(value, str)}
        return replace(self, **chosen)


def judge_stamps(directory: Location, split: str, most: int, seed: int, judge: Judge) -> JudgedStamps:
    """Read at most about ``most`` stamps of a split, whole hosts by hash of their name, and ask the judge about each."""
    stamps = gather_stamps(directory, split, most, seed)
    absent = [name for name in judge.columns if name not in stamps.columns]
    if absent:
        raise InputError(f"the network was told {', '.join(absent)}, which the index of {directory} does not have")
    # Unreadable stamps take no part, so any number of them is let through.
    batches = SplitBatches(stamps.catalogue, DataSettings(workers=0, max_corrupt=stamps.catalogue.samples))
    images, readable = [], []
    for batch in batches:
        images.append(batch.stamps.images.numpy())
        readable.append(batch.stamps.weights.numpy() > 0)
    pixels, good = np.concatenate(images), np.concatenate(readable)
    metadata = np.stack([stamps.columns[name] for name in judge.columns], axis=1) if judge.columns else np.empty((len(good), 0))
    logits = np.full(len(good), np.nan)
    logits[good] = judge.logits(pixels[good], metadata[good])
    return JudgedStamps(stamps, pixels, metadata, logits)


def calling_threshold(judged: JudgedStamps, false_positive_rate: float) -> Threshold:
    """The logit that so many of the negatives pass, or ten of them where that is more; raises InputError without negatives."""
    negatives = np.sort(judged.logits[judged.readable & ~judged.stamps.lens])
    if len(negatives) < 2 * FEWEST_FALSE_POSITIVES:
        raise InputError(
            f"split {judged.stamps.split!r} has {len(negatives)} negatives to set a threshold by; "
            f"wanted {2 * FEWEST_FALSE_POSITIVES} or more"
        )
    passing = max(FEWEST_FALSE_POSITIVES, round(false_positive_rate * len(negatives)))
    logit = float(negatives[-passing - 1] + negatives[-passing]) / 2
    return Threshold(logit, passing / len(negatives), len(negatives))


def pairs_of(judged: JudgedStamps) -> Pairs:
    """Every lens that has its own control in the split, both readable."""
    stamps = judged.stamps
    lenses, controls = stamps.pairs
    good = judged.readable[lenses] & judged.readable[controls]
    lenses, controls = lenses[good], controls[good]
    units, unit = stamps.units(lenses)
    middle = stamps.catalogue.size_pix / 2
    x, y = (np.nan_to_num(stamps.columns[f"{axis}_centre_pix"][lenses], nan=middle) for axis in "xy")
    return Pairs(
        rows=lenses,
        lens=judged.images[lenses],
        control=judged.images[controls],
        metadata=judged.metadata[lenses],
        lens_logits=judged.logits[lenses],
        control_logits=judged.logits[controls],
        theta_e_arcsec=stamps.columns["theta_e_arcsec"][lenses],
        arc_snr=stamps.columns["arc_snr"][lenses],
        fwhm_arcsec=_per_band(stamps, "psf_fwhm_{band}_arcsec", lenses),
        sky_sigma=pixel_noise(stamps, lenses, judged.images[controls]),
        x_pix=x,
        y_pix=y,
        hosts=stamps.hosts[lenses],
        units=units,
        unit=unit,
    )


def pixel_noise(stamps: GatedStamps, rows: Integers, images: Images) -> Numbers:
    """(row, band) noise of a pixel as the table has it, or from the edge of the stamp where it is null."""
    stated = _per_band(stamps, "sky_sigma_{band}_nmgy", rows)
    if np.isfinite(stated).all():
        return stated
    return np.where(np.isfinite(stated), stated, sky_noise(torch.from_numpy(images), _EDGE_PIX).numpy())


def _per_band(stamps: GatedStamps, name: str, rows: Integers) -> Numbers:
    return np.stack([stamps.columns[name.format(band=band)][rows] for band in BANDS], axis=1)
