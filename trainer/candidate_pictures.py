"""Pixels of chosen galaxies from stamps or cutouts, and two pictures of each: as it is, and without its round light."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from schemas.array_codec import BlobError
from schemas.contract import ContractError
from schemas.contract_files import open_parquet, read_group
from schemas.cutouts import CUTOUTS
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.survey import BANDS
from trainer.gallery import BAND_GAIN, Image, colour_picture, png_uri, stretched_picture
from trainer.report_examples import Example, Shown
from trainer.residual_image import without_azimuthal_median, without_gaussian
from trainer.sky_of_stamps import sky_noise
from trainer.stamp_sources import image_of_cutout

_SMOOTHING_PIX = 1.0
_EDGE_PIX = 4
_FAINTEST_SHOWN = 12.0
"""Weighted noises of the sky that the stretch makes bright at least: less would show noise alone."""


def cutout_images(cutouts: Location, hosts: Sequence[str]) -> dict[str, Image]:
    """Images (band, y, x) by host_id; blobs are read only of the row groups that hold a wanted host.

    Raises ContractError for a wanted host without readable pixels: it cannot have been scored.
    """
    wanted = set(hosts)
    images: dict[str, Image] = {}
    for path in run_files(cutouts, CUTOUTS):
        with open_parquet(path, CUTOUTS) as parquet:
            for group in range(parquet.num_row_groups):
                names = read_group(path, parquet, group, ["host_id"])["host_id"].to_pylist()
                rows = [row for row, name in enumerate(names) if name in wanted]
                if rows:
                    blobs = read_group(path, parquet, group, ["cutout_npz"])["cutout_npz"]
                    images |= {names[row]: _image(names[row], blobs[row].as_py()) for row in rows}
    lost = sorted(wanted - images.keys())
    if lost:
        raise ContractError(f"{cutouts} holds no cutout of host {lost[0]}, which has a score")
    return images


def candidate_examples(candidates: pa.Table, images: Mapping[str, Image], key: str) -> list[Example]:
    """What the page shows of each candidate, in order; ``images`` by the value of ``key``."""
    return [_example(row, images[row[key]]) for row in candidates.to_pylist()]


def residual_picture(image: Image) -> Any:
    """Colour composite of a stamp less the azimuthal median of its galaxy, smoothed, stretched as far as its noise allows."""
    left = without_azimuthal_median(torch.from_numpy(np.ascontiguousarray(image))[None])
    smooth = left - without_gaussian(left, _SMOOTHING_PIX)
    noise = sky_noise(smooth, _EDGE_PIX)[0].numpy()
    weight = np.array([BAND_GAIN[band] for band in BANDS])
    floor = _FAINTEST_SHOWN * float(np.hypot.reduce(weight * noise)) / len(BANDS)
    return stretched_picture(smooth[0].numpy(), floor)


def _example(row: Mapping[str, Any], image: Image) -> Example:
    name = f"Candidate {row['rank']}"
    pictures = [
        Shown(png_uri(colour_picture(image)), f"{name}, colour composite.", f"{row['rank']}"),
        Shown(png_uri(residual_picture(image)), f"{name} without its round light, smoothed.", "round light off, smoothed"),
    ]
    facts = [
        ("logit", f"{row['logit']:.2f}"),
        ("p", _probability(row["p_training"])),
        ("RA", f"{row['ra_deg']:.5f}"),
        ("Dec", f"{row['dec_deg']:+.5f}"),
        ("kind", row["kind"]),
    ]
    if row["n_scored"] > 1:
        facts.append(("stamps", f"best of {row['n_scored']}"))
    return Example(pictures, facts, row["host_id"])


def _probability(p: float) -> str:
    return f"{p:.3f}" if 0.001 <= p <= 0.999 else f"1 \u2212 {1 - p:.0e}" if p > 0.5 else f"{p:.0e}"


def _image(host: str, blob: bytes | None) -> Image:
    try:
        image = image_of_cutout(blob or b"")
    except BlobError as error:
        raise ContractError(f"cutout of host {host} cannot be shown: {error}") from error
    return np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0) if not math.isfinite(float(image.sum())) else image
