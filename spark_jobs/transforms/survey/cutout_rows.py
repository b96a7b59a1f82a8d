"""From hosts and the stamps of their brick to rows of the cutouts table: one row a host, refused ones included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from schemas.array_codec import encode_arrays
from schemas.cutouts import CUTOUTS
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS
from spark_jobs.survey_settings import CutoutLimits
from spark_jobs.transforms.survey.brick_cutouts import BrickStamps, CutoutSettings, Floats
from spark_jobs.transforms.survey.cutout_pixels import StampPixels, judge, noise_correlation, sky_sigma

HOST_COLUMNS = (
    *("host_id", "ra_deg", "dec_deg", "brickname", "cell", "reasons"),
    *(f"psf_fwhm_catalogue_{band}_arcsec" for band in BANDS),
    *(f"psf_depth_{band}_mag" for band in BANDS),
)

Row = dict[str, Any]


def to_be_cut(hosts: Sequence[Mapping[str, Any]]) -> tuple[Floats, Floats]:
    """Right ascension and declination, each (n,), of the hosts that no reason refuses."""
    wanted = [host for host in hosts if host["reasons"] == 0]
    ra, dec = (np.array([host[name] for host in wanted], dtype=np.float64) for name in ("ra_deg", "dec_deg"))
    return ra, dec


def cutout_rows(settings: CutoutSettings, hosts: Sequence[Mapping[str, Any]], stamps: BrickStamps) -> Iterator[Row]:
    """The CUTOUTS rows of hosts of one brick, in their order; ``hosts`` are rows with HOST_COLUMNS.

    ``stamps`` holds what was cut for those ``to_be_cut``. A host that the catalogue refused is not cut: its row carries
    the catalogue's reasons on.
    """
    numbers = iter(range(len(stamps.inside)))
    slots = iter(np.cumsum(stamps.inside) - 1)
    for host in hosts:
        row = _empty_row(settings, host)
        if host["reasons"] == 0:
            _fill(row, settings, host, stamps, next(numbers), int(next(slots)))
        yield row


def _empty_row(settings: CutoutSettings, host: Mapping[str, Any]) -> Row:
    row: Row = dict.fromkeys(CUTOUTS.names)
    row |= {name: host[name] for name in ("host_id", "ra_deg", "dec_deg", "brickname", "cell", "reasons")}
    row |= {"size_pix": settings.size, "bands": "".join(settings.bands)}
    return row | {f"psf_depth_{band}_mag": host[f"psf_depth_{band}_mag"] for band in BANDS}


def _fill(row: Row, settings: CutoutSettings, host: Mapping[str, Any], stamps: BrickStamps, number: int, slot: int) -> None:
    """Complete one row from the brick: entry ``number`` among the hosts cut, ``slot`` among those inside."""
    reasons = stamps.reasons
    if not reasons and not stamps.inside[number]:
        reasons |= Reason.OVER_BRICK_EDGE
    if reasons:
        row["reasons"] = reasons.value
        return
    corner = stamps.corners[slot]
    y, x = (float(value) for value in stamps.pixels[number] - corner)
    images = {band: plane[slot] for band, plane in stamps.images.items()}
    invvars = {band: plane[slot] for band, plane in stamps.invvars.items()}
    pixels = StampPixels(images, invvars, stamps.maskbits[slot], x, y)
    limits = settings.survey.cutouts
    quality = judge(pixels, settings.survey.pixel_bits(settings.bands), limits)
    reasons |= quality.reasons
    row |= {"x_centre_pix": x, "y_centre_pix": y}
    row |= {"masked_fraction": quality.masked_fraction, "uncovered_fraction": quality.uncovered_fraction}
    for band in settings.bands:
        row[f"sky_sigma_{band}_nmgy"] = sky_sigma(invvars[band])
        row[f"noise_correlation_{band}"] = noise_correlation(images[band], invvars[band], x, y)
        measured = float(stamps.psf_plane[band][slot]) if band in stamps.psf_plane else None
        width, origin = _psf_width(measured, host[f"psf_fwhm_catalogue_{band}_arcsec"], limits)
        row |= {f"psf_fwhm_{band}_arcsec": width, f"psf_origin_{band}": origin}
        reasons |= Reason.PSF_UNKNOWN if width is None else Reason(0)
    row["reasons"] = reasons.value
    row["cutout_npz"] = None if reasons else _blob(pixels)


def _psf_width(measured: float | None, catalogue: float | None, limits: CutoutLimits) -> tuple[float | None, str | None]:
    """The psfsize plane's width if it is usable, else the catalogue's, else nothing; and which of them it is."""
    for width, origin in ((measured, "plane"), (catalogue, "catalogue")):
        if width is not None and limits.psf_fwhm_min_arcsec <= width <= limits.psf_fwhm_max_arcsec:
            return width, origin
    return None, None


def _blob(stamp: StampPixels) -> bytes:
    arrays: dict[str, Any] = {f"image_{band}": image for band, image in stamp.images.items()}
    arrays |= {f"invvar_{band}": invvar for band, invvar in stamp.invvars.items()}
    return encode_arrays(arrays | {"maskbits": stamp.maskbits})
