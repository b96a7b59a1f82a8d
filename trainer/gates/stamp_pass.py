"""One pass over the stamps: pixels are read row group by row group, measured and let go; what stays is a row of numbers.

A lens and its control are seldom far apart in a file. The one that comes first waits for the other, at most ``MOST_WAITING`` of
them; of a pair that is farther apart the arc is not measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from trainer.gates import arc_features
from trainer.gates.arc_width_stars import star_features
from trainer.gates.gated_stamps import GatedStamps, Integers, Numbers, Rows
from trainer.gates.stamp_features import Centres, Images, measure_stamps, pixel_hashes
from trainer.stamp_loading import SplitBatches
from trainer.train_settings import DataSettings

MOST_WAITING = 4096
SMALLEST_CORE_FWHM = 1.5
"""A pair has a core where its Einstein radius exceeds this many widths of the PSF."""
_FWHM = tuple(f"psf_fwhm_{band}_arcsec" for band in BANDS)


@dataclass(frozen=True)
class Measured:
    """Features by name (sample, feature) or (sample,), NaN where a stamp could not be read; arcs at the place of their lens."""

    features: Mapping[str, npt.NDArray[np.float64]]
    arcs: Mapping[str, Numbers]
    hashes: Integers
    readable: Rows


def measure(stamps: GatedStamps) -> Measured:
    """Measure every stamp."""
    centres, pairs = centres_of(stamps), _Pairs(stamps)
    found: dict[str, npt.NDArray[np.generic]] = {}
    readable = np.zeros(len(stamps.cells), bool)
    first = 0
    batches = _batches(stamps)
    for batch in tqdm(batches, desc=f"measure {stamps.split}", unit="row group", disable=None):
        rows = np.arange(first, first + len(batch.stamps.labels))
        here = Centres(centres.x_pix[rows], centres.y_pix[rows], centres.core_pix[rows])
        readable[rows] = batch.stamps.weights.numpy() > 0
        features = measure_stamps(batch.stamps.images, here) | star_features(batch.stamps.images.numpy(), here)
        for name, values in features.items():
            room = found.setdefault(name, np.full((len(readable), *values.shape[1:]), _blank(values), values.dtype))
            room[rows] = values
        pairs.take(rows[readable[rows]], batch.stamps.images.numpy()[readable[rows]], centres)
        first += len(rows)
    hashes = found.pop("pixel_hash").astype(np.int64)
    for values in found.values():
        values[~readable] = np.nan
    return Measured({name: values.astype(np.float64) for name, values in found.items()}, pairs.arcs, hashes, readable)


def hash_stamps(stamps: GatedStamps) -> tuple[Integers, Rows]:
    """Only the hashes of the decoded pixels, and which stamps could be read."""
    hashes, readable = [], []
    for batch in tqdm(_batches(stamps), desc=f"hash {stamps.split}", unit="row group", disable=None):
        hashes.append(pixel_hashes(batch.stamps.images.numpy()))
        readable.append(batch.stamps.weights.numpy() > 0)
    return np.concatenate(hashes), np.concatenate(readable)


def centres_of(stamps: GatedStamps) -> Centres:
    """Where the galaxies lie, and the cores of pairs: each ends one PSF width of its band inside the Einstein radius."""
    fwhm = np.stack([stamps.columns[name] for name in _FWHM], axis=1)
    theta_e = stamps.columns["theta_e_arcsec"][:, None]
    core = np.where(theta_e > SMALLEST_CORE_FWHM * fwhm, (theta_e - fwhm) / PIXEL_SCALE_ARCSEC, np.nan)
    of_pair = np.full(core.shape, np.nan)
    lenses, controls = stamps.pairs
    of_pair[lenses] = of_pair[controls] = core[lenses]
    middle = stamps.catalogue.size_pix / 2
    x, y = (np.where(np.isfinite(c), c, middle) for c in (stamps.columns["x_centre_pix"], stamps.columns["y_centre_pix"]))
    return Centres(x, y, of_pair)


class _Pairs:
    """Lenses and controls on their way to each other."""

    def __init__(self, stamps: GatedStamps) -> None:
        lenses, controls = stamps.pairs
        self._other = np.full(len(stamps.cells), -1)
        self._other[lenses], self._other[controls] = controls, lenses
        self._lens = stamps.lens
        self._waiting: dict[int, Images] = {}
        self.arcs = {name: np.full(len(stamps.cells), np.nan) for name in arc_features.NAMES}

    def take(self, rows: Integers, images: Images, centres: Centres) -> None:
        """Match the stamps of a batch with one another and with those that wait."""
        ready: list[tuple[int, Images, Images]] = []
        for row, image in zip(rows.tolist(), images, strict=True):
            other = int(self._other[row])
            if other in self._waiting:
                partner = self._waiting.pop(other)
                ready.append((row, image, partner) if self._lens[row] else (other, partner, image))
            elif other > row:  # one that has passed and does not wait was let go
                self._waiting[row] = image
        if ready:
            lenses = np.array([lens for lens, _, _ in ready])
            here = Centres(centres.x_pix[lenses], centres.y_pix[lenses], centres.core_pix[lenses])
            found = arc_features.arc_features(np.stack([one[1] for one in ready]), np.stack([one[2] for one in ready]), here)
            for name, values in found.items():
                self.arcs[name][lenses] = values
        # A copy, because an image that waits would hold the whole batch in memory.
        self._waiting = {row: image.copy() for row, image in list(self._waiting.items())[-MOST_WAITING:]}


def _batches(stamps: GatedStamps) -> SplitBatches:
    # Unreadable stamps are what a gate counts, so any number of them is let through.
    return SplitBatches(stamps.catalogue, DataSettings(workers=0, max_corrupt=stamps.catalogue.samples))


def _blank(values: npt.NDArray[np.generic]) -> float:
    return np.nan if values.dtype.kind == "f" else 0
