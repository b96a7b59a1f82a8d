"""Templates drawn from the parametric fits of the COSMOS sample, as GalSim's COSMOSCatalog makes them.

The fits are free of the telescope's PSF, so a template holds no blur but its pixel's. COSMOSCatalog drops galaxies with bad
fits and renumbers the rest: the catalogue's own row is ``orig_index``. Angles in arcsec.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import galsim
import numpy as np

from schemas.job_entry import InputError
from spark_jobs.transforms.bank.bank_from_real_galaxies import sersic_radius_arcsec
from spark_jobs.transforms.bank.bank_template import BANK_BAND, Template, measured_radius_arcsec
from spark_jobs.transforms.bank.catalogue_rows import (
    companion,
    id_prefix,
    known_redshift,
    number,
    read_catalogue,
    read_companion,
    require_band,
    require_columns,
)
from spark_jobs.transforms.bank.template_light import Image, Rejection, RejectionError
from spark_jobs.transforms.bank.template_square import fit_square

_SCALE_ARCSEC = 0.03
_RADIUS_RANGE_ARCSEC = (0.01, 5.0)  # fits outside are failures, and some stop GalSim altogether
_RADII_DRAWN = 8.0
_SAMPLES_PER_SIDE = 8


def parametric_makers(catalogue: Path, size: int) -> Iterator[Callable[[], Template]]:
    """One maker a galaxy; raises InputError where the catalogue, its fits or its selection are absent."""
    columns = read_catalogue(catalogue)
    require_columns(catalogue, columns, ("ident", "mag"))
    require_band(catalogue, columns, BANK_BAND)
    beside, selection = companion(catalogue, "_fits"), companion(catalogue, "_selection")
    if not (beside.is_file() and selection.is_file()):
        absent = selection if beside.is_file() else beside
        raise InputError(f"{absent} is not there: parametric templates need fits and selection beside {catalogue.name}")
    fits_columns = read_companion(catalogue, "_fits", len(columns["ident"]))
    require_columns(beside, fits_columns, ("sersicfit", "zphot"))
    try:
        cosmos = galsim.COSMOSCatalog(str(catalogue), use_real=False)
    except (OSError, KeyError, ValueError, galsim.GalSimError) as error:
        raise InputError(f"GalSim cannot open {catalogue} as a COSMOSCatalog: {error}") from error
    offered = {int(row): index for index, row in enumerate(cosmos.orig_index)}
    return (
        partial(_make, catalogue, cosmos, offered.get(row), row, columns, fits_columns, size)
        for row in range(len(columns["ident"]))
    )


def draw_template(profile: galsim.GSObject, radius_arcsec: float, size: int) -> tuple[Image, float]:
    """A profile averaged over pixels of 0.03 arcsec, or of a multiple that lets 8 half-light radii fit; and that scale.

    Sampled in real space, 64 points a pixel: through Fourier space the cusp of a steep bulge would want gigabytes.
    """
    coarser = max(math.ceil(2 * _RADII_DRAWN * radius_arcsec / (size * _SCALE_ARCSEC)), 1)
    scale, fine = _SCALE_ARCSEC * coarser, size * _SAMPLES_PER_SIDE
    image = profile.drawImage(nx=fine, ny=fine, scale=scale / _SAMPLES_PER_SIDE, method="no_pixel", dtype=np.float64).array
    binned = image.reshape(size, _SAMPLES_PER_SIDE, size, _SAMPLES_PER_SIDE).sum(axis=(1, 3))
    return np.asarray(binned, np.float64), scale


def _make(
    catalogue: Path, cosmos: Any, index: int | None, row: int, columns: dict[str, Any], fits_columns: dict[str, Any], size: int
) -> Template:
    if index is None:
        raise RejectionError(Rejection.EXCLUDED)
    radius = sersic_radius_arcsec(fits_columns["sersicfit"][row], _SCALE_ARCSEC)
    low, high = _RADIUS_RANGE_ARCSEC
    if not low <= radius <= high:
        raise RejectionError(Rejection.UNFIT)
    try:
        with np.errstate(all="ignore"):  # an absurd fit divides by zero; what is not finite is rejected below
            profile = cosmos.makeGalaxy(index, gal_type="parametric").withFlux(1.0)
            drawn, scale = draw_template(profile, radius, size)
    except (galsim.GalSimError, ArithmeticError, ValueError) as error:
        raise RejectionError(Rejection.UNFIT) from error
    square, binning = fit_square(drawn, size)
    ident = str(columns["ident"][row])
    return Template(
        template_id=f"{id_prefix(catalogue)}-{ident}",
        image=square,
        pixel_scale_arcsec=scale * binning,
        mag_f814w=number(columns, "mag", row),
        redshift=known_redshift(fits_columns, row),
        half_light_radius_arcsec=measured_radius_arcsec(square, scale * binning),
        half_light_catalogue_arcsec=radius,
        snr=math.inf,
        psf_fwhm_arcsec=0.0,
        provenance=f"{catalogue.name} IDENT {ident}: parametric fit drawn by GalSim {galsim.__version__}",
    )
