"""Templates of a foreign source bank: HDF5 with ``images`` (n, s, s) of light and the attribute ``src_pixscale_arcsec``.

Its images are taken as they are and normalised to one: what noise they hold stays in them. Magnitude, redshift, signal to
noise, blur and the catalogue's radius are not in such a file and are NaN; the half-light radius is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

import h5py
import numpy as np
import numpy.typing as npt

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_template import Census, Template, measured_radius_arcsec
from spark_jobs.transforms.bank.template_light import Rejection, RejectionError, half_light_radius

IMAGES = "images"
SCALE = "src_pixscale_arcsec"
_PIXEL_RANGE_ARCSEC = (0.001, 1.0)
_SIDES = (8, 1024)


class ForeignRejection(StrEnum):
    """What a finished image may be refused for beside the reasons of an observed galaxy."""

    NEGATIVE = "pixels negative"


@dataclass(frozen=True)
class ForeignBank:
    """What a file says of itself: images, pixels of a side, arcsec of a pixel."""

    path: Path
    images: int
    size_pix: int
    pixel_scale_arcsec: float

    @property
    def even_square_radius_arcsec(self) -> float:
        """Half-light radius of a square of even light: what an image of noise that was cut at zero comes to."""
        return half_light_radius(np.ones((self.size_pix, self.size_pix))) * self.pixel_scale_arcsec


def open_foreign(path: Path) -> ForeignBank:
    """Look at a file; raises InputError where it is absent, no HDF5, or has no such images or pixel scale."""
    if not path.is_file():
        raise InputError(f"bank {path} is not there")
    try:
        with h5py.File(path, "r") as file:
            if IMAGES not in file or not isinstance(file[IMAGES], h5py.Dataset):
                raise InputError(f"bank {path} holds {', '.join(sorted(file)) or 'nothing'}; wanted a dataset {IMAGES}")
            shape, kind = file[IMAGES].shape, file[IMAGES].dtype.kind
            scale = file.attrs.get(SCALE, file[IMAGES].attrs.get(SCALE))
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(f"bank {path} is damaged, truncated or not an HDF5 file: {error}") from error
    low, high = _SIDES
    if len(shape) != 3 or shape[1] != shape[2] or not low <= shape[1] <= high or kind not in "fiu":
        raise InputError(f"bank {path}: {IMAGES} is of shape {shape}; wanted (n, side, side) of numbers, sides {low} to {high}")
    fine, coarse = _PIXEL_RANGE_ARCSEC
    try:
        pixel = math.nan if scale is None else float(scale)
    except (TypeError, ValueError):
        pixel = math.nan
    if not fine < pixel < coarse:
        raise InputError(f"bank {path}: {SCALE} is {scale}; wanted arcsec of a pixel, {fine} to {coarse}, as an attribute")
    return ForeignBank(path, shape[0], shape[1], pixel)


def foreign_templates(bank: ForeignBank, census: Census) -> Iterator[Template]:
    """The usable images in order, one in memory at a time, every one counted."""
    with h5py.File(bank.path, "r") as file:
        for number in range(bank.images):
            census.seen += 1
            try:
                image = np.asarray(file[IMAGES][number], np.float64)
                template = _template(bank, number, image)
            except RejectionError as rejected:
                census.rejected[rejected.rejection] += 1
                continue
            except (OSError, RuntimeError):
                census.rejected[Rejection.UNREADABLE] += 1
                continue
            census.kept += 1
            yield template


def _template(bank: ForeignBank, number: int, image: npt.NDArray[np.float64]) -> Template:
    if not np.isfinite(image).all():
        raise RejectionError(Rejection.NOT_FINITE)
    if (image < 0).any():
        # The bank's own reasons are of observed galaxies, whose pixels may be negative; a census counts either by its text.
        raise RejectionError(cast(Rejection, ForeignRejection.NEGATIVE))
    total = float(image.sum())
    if not 0 < total < math.inf:
        raise RejectionError(Rejection.NO_FLUX)
    light = (image / total).astype(np.float32)
    return Template(
        template_id=f"adopted-{number:06d}",
        image=light,
        pixel_scale_arcsec=bank.pixel_scale_arcsec,
        mag_f814w=math.nan,
        redshift=math.nan,
        half_light_radius_arcsec=measured_radius_arcsec(light, bank.pixel_scale_arcsec),
        half_light_catalogue_arcsec=math.nan,
        snr=math.nan,
        psf_fwhm_arcsec=math.nan,
        provenance=f"{bank.path.name}, image {number}, as it is, divided by its sum",
    )
