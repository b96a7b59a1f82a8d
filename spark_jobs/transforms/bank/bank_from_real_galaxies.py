"""Templates from real space-telescope stamps: catalogues in GalSim's RealGalaxyCatalog format, with or without PSF files.

The stamps are read as they are, not deconvolved: the telescope's PSF, about 0.1 arcsec, stays in the template and is small
against a ground-based survey's. Fluxes are in the stamp's own unit, angles in arcsec.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_template import BANK_BAND, Template, blurred_radius_arcsec, measured_radius_arcsec
from spark_jobs.transforms.bank.catalogue_rows import (
    id_prefix,
    known_redshift,
    number,
    read_catalogue,
    read_companion,
    require_band,
    require_columns,
)
from spark_jobs.transforms.bank.template_light import Image, Rejection, RejectionError, extract_light, half_light_radius
from spark_jobs.transforms.bank.template_square import fit_square

ACS_PSF_FWHM_ARCSEC = 0.10
"""Width of the ACS F814W PSF on 0.03 arcsec pixels, used where the catalogue's PSF images are not there."""
_WANTED = ("ident", "mag", "gal_filename", "gal_hdu", "pixel_scale", "noise_mean", "noise_variance")
_FAULTS = (OSError, EOFError, TypeError, IndexError, AstropyUserWarning, fits.VerifyError)


@dataclass
class _Images:
    """Stamps by file name and HDU, one file open at a time."""

    folder: Path
    _name: str = ""
    _hdus: list[Image] = field(default_factory=list)

    def find(self, name: str) -> Path | None:
        """The file, plain or gzipped."""
        return next((path for path in (self.folder / name, self.folder / f"{name}.gz") if path.is_file()), None)

    def get(self, name: str, hdu: int) -> Image:
        """A stamp; raises RejectionError where file or HDU is not there, truncated or no image."""
        if name != self._name:
            self._name, self._hdus = name, self._read(name)
        if not 0 <= hdu < len(self._hdus) or self._hdus[hdu].ndim != 2 or self._hdus[hdu].size == 0:
            raise RejectionError(Rejection.UNREADABLE)
        return self._hdus[hdu]

    def _read(self, name: str) -> list[Image]:
        path = self.find(name)
        images: list[Image] = []
        if path is None:
            return images
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
                with fits.open(path, memmap=False) as hdus:
                    for hdu in hdus:
                        images.append(np.asarray(hdu.data, np.float64))
        except _FAULTS:
            return images  # the stamps before the fault are whole; those behind it are rejected one by one
        return images


def real_galaxy_makers(catalogue: Path, image_dir: Path | None, size: int) -> Iterator[Callable[[], Template]]:
    """One maker a galaxy of the catalogue; raises InputError where catalogue or all images are absent.

    ``image_dir`` is where the stamps lie (default: beside the catalogue); ``size`` is the side of a template in pixels.
    """
    columns = read_catalogue(catalogue)
    require_columns(catalogue, columns, _WANTED)
    require_band(catalogue, columns, BANK_BAND)
    rows = len(columns["ident"])
    fits_columns = read_companion(catalogue, "_fits", rows)
    images = _Images(image_dir or catalogue.parent)
    names = sorted({str(name).strip() for name in columns["gal_filename"]})
    absent = [name for name in names if images.find(name) is None]
    if absent:
        raise InputError(f"{catalogue} names images that are not in {images.folder}: {', '.join(absent[:5])}; give --image-dir")
    psfs = _Images(images.folder)
    order = sorted(range(rows), key=lambda row: (str(columns["gal_filename"][row]), row))
    return (partial(_make, catalogue, columns, fits_columns, images, psfs, row, size) for row in order)


def _make(
    catalogue: Path,
    columns: Mapping[str, Any],
    fits_columns: Mapping[str, Any],
    images: _Images,
    psfs: _Images,
    row: int,
    size: int,
) -> Template:
    stamp = images.get(str(columns["gal_filename"][row]).strip(), int(columns["gal_hdu"][row]))
    variance, mean = number(columns, "noise_variance", row), number(columns, "noise_mean", row)
    light = extract_light(
        stamp, sigma=math.sqrt(variance) if variance > 0 else None, background=mean if math.isfinite(mean) else None
    )
    square, binning = fit_square(light.image, size)
    scale = float(columns["pixel_scale"][row])
    fwhm = _psf_fwhm_arcsec(psfs, columns, row, scale)
    ident = str(columns["ident"][row])
    return Template(
        template_id=f"{id_prefix(catalogue)}-{ident}",
        image=square,
        pixel_scale_arcsec=scale * binning,
        mag_f814w=number(columns, "mag", row),
        redshift=known_redshift(fits_columns, row),
        half_light_radius_arcsec=measured_radius_arcsec(square, scale * binning),
        half_light_catalogue_arcsec=_catalogue_radius_arcsec(fits_columns, row, scale, fwhm),
        snr=light.snr,
        psf_fwhm_arcsec=fwhm,
        provenance=f"{catalogue.name} IDENT {ident}: segmented stamp, not deconvolved, binned {binning}x{binning}",
        colour_gr=_colour(fits_columns, row, "hsc_g", "hsc_r"),
        colour_rz=_colour(fits_columns, row, "hsc_r", "hsc_z"),
    )


def _psf_fwhm_arcsec(psfs: _Images, columns: Mapping[str, Any], row: int, scale: float) -> float:
    """Twice the half-light radius of the PSF's core, as for a Gaussian; the usual ACS width where there is no PSF image."""
    if "psf_filename" not in columns or psfs.find(str(columns["psf_filename"][row]).strip()) is None:
        return ACS_PSF_FWHM_ARCSEC
    try:
        psf = psfs.get(str(columns["psf_filename"][row]).strip(), int(columns["psf_hdu"][row]))
    except RejectionError:
        return ACS_PSF_FWHM_ARCSEC
    return 2 * half_light_radius(psf) * scale if psf.sum() > 0 else ACS_PSF_FWHM_ARCSEC


def _catalogue_radius_arcsec(columns: Mapping[str, Any], row: int, scale: float, fwhm: float) -> float:
    """FLUX_RADIUS is measured on the blurred image and is taken as it is; a fitted Sersic radius gets the blur added."""
    radius = number(columns, "flux_radius", row) * scale
    if radius > 0:
        return radius
    if "sersicfit" in columns:
        return blurred_radius_arcsec(sersic_radius_arcsec(columns["sersicfit"][row], scale), fwhm)
    return math.nan


def sersic_radius_arcsec(sersicfit: npt.NDArray[np.float64], scale: float) -> float:
    """Circularised half-light radius of a fit of the COSMOS catalogue: (flux, radius in pixels, n, q, ...)."""
    radius, axis_ratio = float(sersicfit[1]), float(sersicfit[3])
    return radius * math.sqrt(axis_ratio) * scale if radius > 0 and axis_ratio > 0 else math.nan


def _colour(columns: Mapping[str, Any], row: int, blue: str, red: str) -> float:
    magnitudes = (number(columns, blue, row), number(columns, red, row))
    return magnitudes[0] - magnitudes[1] if all(0 < m < 40 for m in magnitudes) else math.nan
