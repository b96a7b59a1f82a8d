"""A set of images with all that a comparison needs: pixels, places, logits, catalogue magnitudes, depth and units to draw.

Legend: images (object, band g r z, y, x) in nMgy per pixel; centres in pixels, pixel centres at integers from 0; everything
else (object,) or (object, band), NaN for unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.survey import BANDS
from trainer.gates.gated_stamps import Integers, Rows
from trainer.judge import Images, Numbers
from trainer.model_gates.judged_stamps import JudgedStamps

LENSES, NEGATIVES, ANCHORS, RANDOM_SKY = "lenses", "negatives", "anchors", "random sky"
OF_STAMPS = (
    "theta_e_arcsec",
    "arc_snr",
    "arc_peak_snr",
    "arc_to_host_flux",
    "injected_mag_r",
    "mag_raw_r",
    "psf_fwhm_r_arcsec",
)


@dataclass(frozen=True)
class ImageSet:
    """Objects of one origin. ``units`` is what a bootstrap draws, ``unit`` its name; ``columns`` what a table says of them."""

    name: str
    names: npt.NDArray[np.str_]
    images: Images
    x_pix: Numbers
    y_pix: Numbers
    logits: Numbers
    metadata: Numbers
    units: Integers
    unit: str
    mag_r: Numbers
    fwhm_arcsec: Numbers
    depth_mag: Numbers
    stated_noise: Numbers
    columns: Mapping[str, Numbers]

    @property
    def probability(self) -> Numbers:
        """Sigmoid of the logit."""
        return np.asarray(1 / (1 + np.exp(-self.logits)))

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return len(np.unique(self.units))

    def of(self, some: Rows | Integers, name: str = "") -> ImageSet:
        """Some of the objects, under another name where one is given."""
        kept: dict[str, Any] = {key: value[some] for key, value in vars(self).items() if isinstance(value, np.ndarray)}
        kept |= {"columns": {key: value[some] for key, value in self.columns.items()}, "name": name or self.name}
        return replace(self, **kept)


def set_of_stamps(judged: JudgedStamps, rows: Integers, name: str) -> ImageSet:
    """Some readable stamps, drawn by cell or host."""
    stamps = judged.stamps
    units, unit = stamps.units(rows)
    middle = stamps.catalogue.size_pix / 2
    x, y = (np.nan_to_num(stamps.columns[f"{axis}_centre_pix"][rows], nan=middle) for axis in "xy")
    return ImageSet(
        name=name,
        names=stamps.hosts[rows],
        images=judged.images[rows],
        x_pix=x,
        y_pix=y,
        logits=judged.logits[rows],
        metadata=judged.metadata[rows],
        units=units,
        unit=unit,
        mag_r=stamps.columns["mag_raw_r"][rows],
        fwhm_arcsec=_per_band(stamps.columns, "psf_fwhm_{band}_arcsec", rows),
        depth_mag=_per_band(stamps.columns, "psf_depth_{band}_mag", rows),
        stated_noise=_per_band(stamps.columns, "sky_sigma_{band}_nmgy", rows),
        columns={key: stamps.columns[key][rows] for key in OF_STAMPS},
    )


def _per_band(columns: Mapping[str, Numbers], name: str, rows: Integers) -> Numbers:
    return np.stack([columns[name.format(band=band)][rows] for band in BANDS], axis=1)
