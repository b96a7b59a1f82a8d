"""What is measured of a source bank: how large its galaxies are on their own pixels, and how much of their light is a floor.

Reads the HDF5 file of ``dhs source-bank`` (datasets ``templates`` (n, size, size), flux per pixel, ``pixel_scale_arcsec`` and
``half_light_catalogue_arcsec`` (n,)), or the failed experiment's (``images``, its scale an attribute, no catalogue).

Legend: image (size, size); radii in pixels where not said; shares of the template's flux.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.scratch_files import on_disk

BORDER_SHARE = 1 / 16
"""The border whose level is taken for the floor is this share of the side wide."""
_EVEN_SQUARE = 1 / math.sqrt(2 * math.pi)
"""Half-light radius of an even square of side one: half of its area is a circle of this radius."""

Image = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BankSample:
    """Templates at even steps (template,): radii in arcsec, NaN where the bank does not say; ``templates`` in the bank."""

    half_light_arcsec: Numbers
    catalogue_arcsec: Numbers
    floor_share: Numbers
    of_even_square: Numbers
    templates: int


def read_bank(place: Location, most: int) -> BankSample:
    """Measure at most so many templates; raises InputError for what is no source bank, or for a damaged one."""
    import h5py

    with on_disk(place) as path:
        try:
            with h5py.File(path, "r") as file:
                images, scale, catalogue = _layout(place, file)
                rows = np.unique(np.linspace(0, len(images) - 1, min(most, len(images))).astype(np.int64))
                found = [_measured(np.asarray(images[int(row)], np.float64)) for row in rows]
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InputError(f"{place} cannot be read as a source bank: {error}; wanted the file of dhs source-bank") from error
    half_light, floor, even = np.array(found, np.float64).T
    return BankSample(half_light * scale[rows], catalogue[rows], floor, even, len(scale))


def half_light_radius(image: Image) -> float:
    """Radius about the centroid of the circle that holds half of the flux; NaN where there is no positive flux."""
    total = float(image.sum())
    if not total > 0:
        return math.nan
    axis = np.arange(len(image), dtype=np.float64)
    x, y = float(image.sum(0) @ axis / total), float(image.sum(1) @ axis / total)
    r = np.hypot(axis[None, :] - x, axis[:, None] - y).ravel()
    order = np.argsort(r, kind="stable")
    inside = np.cumsum(image.ravel()[order])
    return float(r[order[int(np.argmax(inside >= total / 2))]])


def floor_share(image: Image) -> float:
    """Share of the flux that an even floor at the border's mean level holds: one for pure noise, rectified or not."""
    total = float(image.sum())
    width = max(1, round(BORDER_SHARE * len(image)))
    border = np.ones(image.shape, bool)
    border[width:-width, width:-width] = False
    return float(image[border].mean() * image.size / total) if total > 0 else math.nan


def _measured(image: Image) -> tuple[float, float, float]:
    radius = half_light_radius(image)
    return radius, floor_share(image), radius / (_EVEN_SQUARE * len(image))


def _layout(place: Location, file: Any) -> tuple[Any, Numbers, Numbers]:
    """Images, their scale in arcsec and the catalogue's half-light radius in arcsec of each."""
    name = "templates" if "templates" in file else "images"
    images = file[name]
    if images.ndim != 3 or not len(images) or images.shape[1] != images.shape[2]:
        raise InputError(f"{place}: dataset {name} has shape {images.shape}; wanted (n, size, size) with n of one or more")
    if name == "templates":
        return (
            images,
            np.asarray(file["pixel_scale_arcsec"], np.float64),
            np.asarray(file["half_light_catalogue_arcsec"], float),
        )
    scale = float(file.attrs["src_pixscale_arcsec"])
    return images, np.full(len(images), scale), np.full(len(images), np.nan)
