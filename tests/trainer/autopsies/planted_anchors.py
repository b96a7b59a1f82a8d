"""Anchors for an autopsy with one cause planted why they differ in brightness from the stamps' galaxies, or none.

Galaxies are those of ``gate_stamps``, drawn anew: round, r about 18.8, white sky noise, on 64 pixels. Every draw is keyed by
the name of the anchor, so that two sets differ in what is planted alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.ndimage import gaussian_filter

from schemas.anchors import ANCHORS
from schemas.contract_files import Provenance, write_table
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.survey import BANDS
from tests.synthetic_stamps import SIGMA
from tests.trainer.drawn_anchors import SIZE, chance_of, cutout_row, write_cutout_rows
from trainer.check_anchors import main as check_anchors

Planes = dict[str, npt.NDArray[np.float32]]
OFF_ARCSEC = 173.0
_CONDITIONS = {"psf_fwhm": (1.35, 1.25, 1.2), "psf_depth": (24.7, 23.9, 23.0)}
_COLOUR = {"g": 1.5, "r": 0.0, "z": -0.7}


@dataclass(frozen=True)
class Cause:
    """What is planted; as it stands nothing is. ``off_position`` leaves sky where the galaxy should be."""

    pixels_times: float = 1.0
    smoothed_pix: float = 0.0
    sky_shift_sigma: float = 0.0
    off_position: bool = False
    fainter_mag: float = 0.0
    magnitudes_known: bool = True


CAUSES: Mapping[str, Cause] = {
    "units": Cause(pixels_times=0.3),
    "processing": Cause(smoothed_pix=1.0),
    "position": Cause(off_position=True),
    "population": Cause(fainter_mag=2.4),
}
"""The cause of each name that an autopsy may give."""


@dataclass(frozen=True)
class AnchorPlaces:
    """Where a planted set lies."""

    anchors: Path
    cutouts: Path
    random_sky: Path

    def integrity(self, out: Path) -> Path:
        """The set checked, whatever the verdict is."""
        given = {"--anchors": self.anchors, "--cutouts": self.cutouts, "--random-sky": self.random_sky, "--out": out}
        check_anchors([word for option, path in given.items() for word in (option, str(path))])
        return out


def write_planted(root: Path, cause: Cause, count: int = 40) -> AnchorPlaces:
    """The anchors table, its cutouts and those of random sky."""
    names = [f"planted {n:02d}" for n in range(count)]
    places = AnchorPlaces(root / "anchors", root / "cutouts", root / "sky")
    identity = RunIdentity("anchors", "test", settings={"cause": repr(cause)})
    begin_run(places.anchors, identity)
    table = pa.Table.from_pylist([_anchor(n, name, cause) for n, name in enumerate(names)], ANCHORS.arrow_schema())
    write_table(places.anchors / "anchors.parquet", table, ANCHORS, Provenance("test"))
    finish_run(places.anchors, identity, [places.anchors / "anchors.parquet"], {}, {})
    write_cutout_rows(places.cutouts, [_cutout(n, name, planted_images(name, cause)) for n, name in enumerate(names)])
    sky = [_cutout(n, name, planted_images(name, Cause(off_position=True))) for n, name in enumerate(names)]
    write_cutout_rows(places.random_sky, [row | {"dec_deg": row["dec_deg"] + OFF_ARCSEC / 3600} for row in sky])
    return places


def planted_images(name: str, cause: Cause) -> Planes:
    """The three planes of one anchor: galaxy and noise, smoothed, then lifted, then scaled."""
    galaxy = chance_of(f"galaxy:{name}")
    width, halo = galaxy.uniform(2.2, 4.0), galaxy.uniform(0, 0.5)
    x, y = SIZE / 2 + galaxy.uniform(-0.5, 0.5, 2)
    noise = chance_of(f"noise:{name}:{cause.off_position}")
    planes = {}
    for band in BANDS:
        flux = 10 ** (-0.4 * (magnitude(name, cause) + _COLOUR[band] - 22.5)) * (not cause.off_position)
        image = flux * ((1 - halo) * _round(x, y, width) + halo * _round(x, y, 2.5 * width))
        image += noise.normal(0, SIGMA[band], image.shape)
        if cause.smoothed_pix:
            image = gaussian_filter(image, cause.smoothed_pix)
        planes[band] = ((image + cause.sky_shift_sigma * SIGMA[band]) * cause.pixels_times).astype(np.float32)
    return planes


def magnitude(name: str, cause: Cause) -> float:
    """Total r of the galaxy that the catalogue knows of, wherever the cutout was made."""
    return float(chance_of(f"magnitude:{name}").normal(18.8, 0.5)) + cause.fainter_mag


def _anchor(number: int, name: str, cause: Cause) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(ANCHORS.names) | {"name": name, "ra_deg": 20.0 + 0.1 * number, "dec_deg": 1.0}
    row |= {"object_class": "lens", "label": 1, "discovery": "spectroscopy", "tier": "confident", "reference": "drawn"}
    row |= {"theta_e_arcsec": float(chance_of(f"radius:{name}").uniform(0.8, 1.8)), "reasons": 0, "remark": ""}
    return row | {"mag_r": magnitude(name, cause) if cause.magnitudes_known else None}


def _cutout(number: int, name: str, planes: Planes) -> dict[str, Any]:
    row = cutout_row(name, 20.0 + 0.1 * number, 1.0, planes) | {"masked_fraction": 0.0, "uncovered_fraction": 0.0}
    for n, band in enumerate(BANDS):
        row |= {f"psf_fwhm_{band}_arcsec": _CONDITIONS["psf_fwhm"][n], f"psf_depth_{band}_mag": _CONDITIONS["psf_depth"][n]}
        row |= {f"sky_sigma_{band}_nmgy": SIGMA[band]}
    return row


def _round(x: float, y: float, sigma: float) -> npt.NDArray[np.float64]:
    grid = np.arange(SIZE)
    image = np.exp(-((grid[None, :] - x) ** 2 + (grid[:, None] - y) ** 2) / (2 * sigma**2))
    return np.asarray(image / (2 * np.pi * sigma**2))
