"""A source bank by hand: round Gaussian galaxies of known magnitude, redshift and size; every second redshift unknown."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank, write_bank
from spark_jobs.transforms.bank.bank_template import Census, Template

SCALE_ARCSEC = 0.03
SIGMA_ARCSEC = 0.09


def template(number: int, size: int = 32) -> Template:
    """Galaxy ``number``: F814W 23 + number/50, redshift 1 + number/100 or unknown, half-light radius of its Gaussian."""
    offset = (np.arange(size) - 0.5 * (size - 1)) * SCALE_ARCSEC
    light = np.exp(-0.5 * (offset[:, None] ** 2 + offset**2) / SIGMA_ARCSEC**2)
    radius = SIGMA_ARCSEC * math.sqrt(2 * math.log(2))
    return Template(
        template_id=f"gaussian-{number}",
        image=(light / light.sum()).astype(np.float32),
        pixel_scale_arcsec=SCALE_ARCSEC,
        mag_f814w=23 + number / 50,
        redshift=math.nan if number % 2 else 1 + number / 100,
        half_light_radius_arcsec=radius,
        half_light_catalogue_arcsec=radius,
        snr=math.inf,
        psf_fwhm_arcsec=0.0,
        provenance="test",
    )


def write_small_bank(path: Path, count: int = 60) -> SourceBank:
    """A bank of ``count`` such galaxies, opened."""
    write_bank(path, (template(number) for number in range(count)), 32, {}, Census(count, count))
    return open_bank(path)
