"""Galaxies of known half-light radius in noisy stamps, the catalogues that list them, and templates of a bank."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import galsim
import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.table import Table

from spark_jobs.transforms.bank.bank_template import Template

SCALE_ARCSEC = 0.03
PSF_FWHM_ARCSEC = 0.10
Image = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NoisyGalaxy:
    """A stamp of unit flux with sky noise, and what is true of it: its half-light radius holds the PSF."""

    stamp: Image
    clean: Image
    sigma: float
    radius_arcsec: float


def noisy_galaxy(
    seed: int, *, index: float = 1.0, half_light: float = 0.3, axis_ratio: float = 0.7, snr: float = 60.0, side: int = 161
) -> NoisyGalaxy:
    """A Sersic galaxy behind a Gaussian PSF; ``snr`` is that of the flux within 1.5 half-light radii."""
    clean, radius = _drawn(index, half_light, axis_ratio, side)
    inside = clean[_distance(side) < 1.5 * radius / SCALE_ARCSEC]
    sigma = float(inside.sum()) / (math.sqrt(inside.size) * snr)
    return NoisyGalaxy(clean + np.random.default_rng(seed).normal(0, sigma, clean.shape), clean, sigma, radius)


def growth_radius(image: Image) -> float:
    """Half-light radius in pixels about the middle of an odd square, from its growth curve: another way than the bank's."""
    distance = _distance(len(image)).ravel()
    order = np.argsort(distance)
    return float(np.interp(0.5, np.cumsum(image.ravel()[order]) / image.sum(), distance[order]))


def write_catalogue(folder: Path, stamps: Sequence[Any], *, fitted: Mapping[str, Any] | None = None, **columns: Any) -> Path:
    """A catalogue in GalSim's RealGalaxyCatalog format with its stamps, and ``fitted`` columns in the companion beside it.

    ``columns`` replace those of the same name; a column given as None is left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = len(stamps)
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(stamp) for stamp in stamps)]).writeto(folder / "stamps.fits")
    table: dict[str, Any] = {
        "IDENT": np.arange(number) + 100,
        "MAG": np.full(number, 23.5),
        "BAND": ["F814W"] * number,
        "GAL_FILENAME": ["stamps.fits"] * number,
        "GAL_HDU": np.arange(number) + 1,
        "PIXEL_SCALE": np.full(number, SCALE_ARCSEC),
        "NOISE_MEAN": np.zeros(number),
        "NOISE_VARIANCE": np.full(number, np.nan),
    } | columns
    Table({name: values for name, values in table.items() if values is not None}).write(folder / "galaxies.fits")
    if fitted is not None:
        Table({"IDENT": table["IDENT"], **fitted}).write(folder / "galaxies_fits.fits")
    return folder / "galaxies.fits"


def make_template(name: str = "drawn-1", size: int = 32, **values: Any) -> Template:
    """A round template of unit flux whose other numbers can be chosen."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    image = np.exp(-(x * x + y * y) / 18)
    known: dict[str, Any] = {
        "template_id": name,
        "image": (image / image.sum()).astype(np.float32),
        "pixel_scale_arcsec": SCALE_ARCSEC,
        "mag_f814w": 24.0,
        "redshift": 1.25,
        "half_light_radius_arcsec": 0.106,
        "half_light_catalogue_arcsec": 0.11,
        "snr": 40.0,
        "psf_fwhm_arcsec": PSF_FWHM_ARCSEC,
        "provenance": "drawn for a test",
        "colour_gr": 0.3,
        "colour_rz": math.nan,
    }
    return Template(**(known | values))


@cache
def _drawn(index: float, half_light: float, axis_ratio: float, side: int) -> tuple[Image, float]:
    disc = galsim.Sersic(index, half_light_radius=half_light).shear(q=axis_ratio, beta=0.6 * galsim.radians)
    blurred = galsim.Convolve(disc, galsim.Gaussian(fwhm=PSF_FWHM_ARCSEC))
    wide, clean = (
        blurred.drawImage(nx=width, ny=width, scale=SCALE_ARCSEC, dtype=np.float64).array for width in (max(601, side), side)
    )
    return clean, growth_radius(wide) * SCALE_ARCSEC


def _distance(side: int) -> Image:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(np.hypot(y, x))
