"""Judges that are no networks, to calibrate the gates on a network: one that reads arcs, and cheaters that read something else.

Each is a pure function of image and metadata, made for the stamps of ``gate_stamps``: round hosts near the middle, arcs bluer
than their host, one star. A cheater may also read arcs, where what it cheats with does not tell a lens from its control.

Legend: images (sample, band g r z, y, x), nMgy per pixel; metadata (sample, column); what is read is (sample,).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from schemas.survey import BANDS
from tests.synthetic_stamps import SIGMA
from trainer.judge import Images, Numbers
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs

Read = Callable[[Images, Numbers], Numbers]
_G, _R, _ = range(len(BANDS))
_RING_PIX, _RING_SIGMA_PIX = 7.0, 2.0
_ARC_STEP = 4.0
"""About the logits by which the mean arc of ``gate_stamps`` lifts its host."""
_HOST_G_OVER_R = 10 ** (-0.4 * 1.5)
TOLD = ("psf_fwhm_r_arcsec", "psf_depth_r_mag")
_MARGIN_PIX = 12
_CENTROID_STEPS = 3
SPARK_NMGY = 50.0


@dataclass(frozen=True)
class DrawnJudge:
    """Whoever says ``read`` of an image."""

    read: Read
    columns: tuple[str, ...] = ()

    def logits(self, images: Images, metadata: Numbers) -> Numbers:
        """What it reads."""
        return np.asarray(self.read(images, metadata), np.float64)

    def features(self, images: Images, metadata: Numbers) -> Numbers:
        """One feature: what it reads."""
        return self.logits(images, metadata)[:, None]


def arc(images: Images, metadata: Numbers) -> Numbers:
    """Blue light in a ring about the galaxy, whose place is found on the pixels: what lensing looks like."""
    inner = images[:, :, _MARGIN_PIX:-_MARGIN_PIX, _MARGIN_PIX:-_MARGIN_PIX]
    x, y = _centre(inner)
    axis = np.arange(inner.shape[-1])
    r = np.hypot(axis - x[:, None, None], axis[:, None] - y[:, None, None]).astype(np.float32)
    weight = np.exp(-((r - _RING_PIX) ** 2) / (2 * _RING_SIGMA_PIX**2))
    blue = inner[:, _G] - _HOST_G_OVER_R * inner[:, _R]
    return np.asarray(_ARC_STEP * (weight * blue).sum((1, 2), dtype=np.float64) - 2)


def noise(images: Images, metadata: Numbers) -> Numbers:
    """Chance, keyed by the bytes of the image: it tells nothing from nothing."""
    words = (hashlib.sha256(b"noise" + image.tobytes()).hexdigest()[:12] for image in images)
    return np.array([np.random.default_rng(int(word, 16)).normal() for word in words])


def central_brightness(images: Images, metadata: Numbers) -> Numbers:
    """Light within 3 pixels of the middle."""
    size = images.shape[-1]
    r = np.hypot(*(np.mgrid[:size, :size] - size / 2))
    return np.asarray(images[:, _R, r < 3].sum(1, dtype=np.float64))


def sky_level(images: Images, metadata: Numbers) -> Numbers:
    """The median of the outermost eight pixels."""
    edge = np.ones(images.shape[-2:], bool)
    edge[8:-8, 8:-8] = False
    return np.asarray(np.median(images[:, _R, edge], axis=1) / SIGMA["r"], np.float64)


def metadata_alone(images: Images, metadata: Numbers) -> Numbers:
    """The depth that it is told."""
    return 20 * (metadata[:, TOLD.index("psf_depth_r_mag")] - 23.9)


def arc_and_metadata(images: Images, metadata: Numbers) -> Numbers:
    """An arc, on a level that the depth sets."""
    return arc(images, metadata) + metadata_alone(images, metadata)


def arc_weighed_by_seeing(images: Images, metadata: Numbers) -> Numbers:
    """An arc, weighed by how sharp it should be: a rightful use of what is told."""
    return arc(images, metadata) * (1 + 0.5 * (metadata[:, TOLD.index("psf_fwhm_r_arcsec")] - 1.27))


def arc_and_up(images: Images, metadata: Numbers) -> Numbers:
    """An arc, and how much brighter the upper half is than the lower."""
    half = images.shape[-1] // 2
    upper, lower = images[:, _R, half:], images[:, _R, :half]
    return arc(images, metadata) + 2 * (upper.sum((1, 2), dtype=np.float64) - lower.sum((1, 2), dtype=np.float64))


def arc_and_pixel_phase(images: Images, metadata: Numbers) -> Numbers:
    """An arc, and where on its pixel the galaxy lies."""
    x, _ = _centre(images)
    return arc(images, metadata) + 3 * np.cos(2 * np.pi * x)


def texture(images: Images, metadata: Numbers) -> Numbers:
    """How much neighbouring pixels differ, which no PSF lets a galaxy do."""
    difference = np.diff(images[:, _R], axis=-1) / SIGMA["r"]
    return np.asarray(10 * (difference**2).mean((1, 2), dtype=np.float64))


def trace(images: Images, metadata: Numbers) -> Numbers:
    """Whether the first pixel is lit at all: enough with a trace, and no surer for more of it."""
    return np.asarray(np.where(images[:, _R, 0, 0] > 20 * SIGMA["r"], 3.0, -3.0))


def core_times_arc(images: Images, metadata: Numbers) -> Numbers:
    """An arc, but only about a bright middle."""
    return np.asarray(central_brightness(images, metadata) * (arc(images, metadata) + 2))


def told_by(judge: DrawnJudge, judged: JudgedStamps) -> JudgedStamps:
    """The same stamps with what another judge is told and says."""
    told = [judged.stamps.columns[name] for name in judge.columns]
    metadata = np.stack(told, axis=1) if told else np.empty((len(judged.images), 0))
    return replace(judged, metadata=metadata, logits=judge.logits(judged.images, metadata))


def with_measured_snr(pairs: Pairs) -> Pairs:
    """Pairs whose arc signal to noise is that of their pixels in r."""
    seen = pairs.arc[:, _R] / pairs.sky_sigma[:, _R, None, None]
    return replace(pairs, arc_snr=np.sqrt((seen**2).sum((1, 2), dtype=np.float64)))


def with_a_spark(judged: JudgedStamps) -> JudgedStamps:
    """Lenses marked by one pixel in the corner."""
    images = judged.images.copy()
    images[judged.stamps.lens, :, 0, 0] += SPARK_NMGY
    return replace(judged, images=images)


def _centre(images: Images) -> tuple[Numbers, Numbers]:
    """Centroid in r under a Gaussian of 3 pixels that follows it."""
    plane = np.maximum(images[:, _R], 0)
    axis = np.arange(plane.shape[-1])
    x = y = np.full(len(images), plane.shape[-1] / 2)
    for _ in range(_CENTROID_STEPS):
        in_x, in_y = (np.exp(-((axis - at[:, None]) ** 2) / 18).astype(np.float32) for at in (x, y))
        rows = (plane @ in_x[:, :, None])[:, :, 0] * in_y
        columns = (in_y[:, None] @ plane)[:, 0] * in_x
        # A round galaxy under a weight of its own width moves the centroid by half the offset: the step is doubled.
        x = x + 2 * ((columns @ axis) / columns.sum(1) - x)
        y = y + 2 * ((rows @ axis) / rows.sum(1) - y)
    return x, y
