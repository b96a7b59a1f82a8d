"""Sets of images in memory, of planted anchors, for the rooms of an autopsy that need no files."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from schemas.survey import BANDS
from tests.synthetic_stamps import SIGMA
from tests.trainer.autopsies.planted_anchors import Cause, magnitude, planted_images
from trainer.autopsies.image_sets import ImageSet
from trainer.judge import Numbers

FWHM_ARCSEC = {"g": 1.35, "r": 1.25, "z": 1.2}
DEPTH_MAG = {"g": 24.7, "r": 23.9, "z": 23.0}


def drawn_set(
    name: str, cause: Cause, count: int = 24, columns: Mapping[str, Numbers] | None = None, logits: Numbers | None = None
) -> ImageSet:
    """Objects that are units of their own; two sets of other names hold other galaxies."""
    names = [f"{name}:{n}" for n in range(count)]
    images = np.stack([np.stack([planted_images(one, cause)[band] for band in BANDS]) for one in names])
    conditions = [np.tile([of[band] for band in BANDS], (count, 1)) for of in (FWHM_ARCSEC, DEPTH_MAG, SIGMA)]
    middle = np.full(count, images.shape[-1] / 2)
    known = [magnitude(one, cause) if cause.magnitudes_known else np.nan for one in names]
    return ImageSet(
        name=name,
        names=np.array(names),
        images=images,
        x_pix=middle,
        y_pix=middle,
        logits=np.zeros(count) if logits is None else logits,
        metadata=np.empty((count, 0)),
        units=np.arange(count),
        unit="object",
        mag_r=np.array(known, np.float64),
        fwhm_arcsec=conditions[0],
        depth_mag=conditions[1],
        stated_noise=conditions[2],
        columns=columns or {},
    )
