"""Anchors for an autopsy: every usable cutout of a table's lenses, judged, whether or not the set was accepted.

What is wrong with a set can be seen only by looking at it; so comparisons are made of any set, recall of accepted ones alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from schemas.anchors import ANCHORS
from schemas.contract_files import row_batches
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.survey import BANDS
from trainer.anchor_positions import separations
from trainer.anchor_rows import read_anchors
from trainer.autopsies.image_sets import ANCHORS as ANCHOR_SET
from trainer.autopsies.image_sets import RANDOM_SKY, ImageSet
from trainer.judge import Judge, Numbers
from trainer.stamp_sources import image_of_cutout

_SAME_POSITION_ARCSEC = 0.1
_NUMERIC = tuple(column.name for column in ANCHORS if column.type in ("float32", "float64") and column.nullable)
_NOT_MEASURED = ("ra_deg", "dec_deg")
Row = dict[str, Any]


def read_anchor_set(anchors: Location, cutouts: Location, judge: Judge, size_pix: int) -> ImageSet:
    """The lenses of an anchors table that have a cutout, judged; raises InputError for cutouts of elsewhere or another size."""
    wanted = {row["name"]: row for row in read_anchors(anchors) if row["label"] == 1 and not row["reasons"]}
    found = read_cutout_rows(cutouts, judge.columns, size_pix)
    both = [name for name in wanted if name in found]
    if not both:
        raise InputError(
            f"cutouts {cutouts} hold none of the {len(wanted)} usable lenses of {anchors}; wanted the cutouts of this table"
        )
    for name in both:
        _require_same_position(wanted[name], found[name], cutouts)
    columns = {key: _numbers([wanted[name][key] for name in both]) for key in _NUMERIC if key not in _NOT_MEASURED}
    return _judged(ANCHOR_SET, [found[name] for name in both], judge, columns)


def read_random_sky(cutouts: Location, judge: Judge, size_pix: int) -> ImageSet:
    """Every cutout of random sky, judged."""
    found = read_cutout_rows(cutouts, judge.columns, size_pix)
    if not found:
        raise InputError(f"cutouts {cutouts} hold no pixels; wanted those of dhs anchors --random-sky")
    return _judged(RANDOM_SKY, list(found.values()), judge, {})


def read_cutout_rows(cutouts: Location, columns: Sequence[str], size_pix: int) -> dict[str, Row]:
    """Rows with pixels by ``host_id``; raises InputError for another size than ``size_pix`` or a column that is lacking."""
    absent = [name for name in columns if name not in CUTOUTS.names]
    if absent:
        raise InputError(f"the network was told {', '.join(absent)}, which the cutouts table does not have")
    stated = [name.format(band=band) for name in _CONDITIONS for band in BANDS]
    names = ["host_id", "ra_deg", "dec_deg", "x_centre_pix", "y_centre_pix", "size_pix", "cutout_npz", *stated, *columns]
    found: dict[str, Row] = {}
    for path in run_files(cutouts, CUTOUTS):
        for batch in row_batches(path, CUTOUTS, dict.fromkeys(names)):
            found |= {row["host_id"]: row | _told(row, columns) for row in batch.to_pylist() if row["cutout_npz"]}
    other = next((row["size_pix"] for row in found.values() if row["size_pix"] != size_pix), None)
    if other is not None:
        raise InputError(
            f"cutouts {cutouts} have {other} pixels; the checkpoint was trained on {size_pix}: "
            f"cut them with dhs cut-hosts --size {size_pix}"
        )
    return found


_CONDITIONS = ("psf_fwhm_{band}_arcsec", "psf_depth_{band}_mag", "sky_sigma_{band}_nmgy")


def _told(row: Row, columns: Sequence[str]) -> Row:
    return {"told": [row[name] for name in columns]}


def _judged(name: str, rows: Sequence[Row], judge: Judge, columns: Mapping[str, Numbers]) -> ImageSet:
    images = np.stack([image_of_cutout(row["cutout_npz"]) for row in rows])
    metadata = _numbers([row["told"] for row in rows]).reshape(len(rows), len(judge.columns))
    fwhm, depth, noise = (_per_band(rows, pattern) for pattern in _CONDITIONS)
    return ImageSet(
        name=name,
        names=np.array([row["host_id"] for row in rows], np.str_),
        images=images,
        x_pix=_numbers([row["x_centre_pix"] for row in rows]),
        y_pix=_numbers([row["y_centre_pix"] for row in rows]),
        logits=judge.logits(images, metadata),
        metadata=metadata,
        units=np.arange(len(rows)),
        unit="object",
        mag_r=columns.get("mag_r", np.full(len(rows), np.nan)),
        fwhm_arcsec=fwhm,
        depth_mag=depth,
        stated_noise=noise,
        columns=columns,
    )


def _require_same_position(anchor: Row, cutout: Row, where: Location) -> None:
    apart = float(separations(anchor["ra_deg"], anchor["dec_deg"], np.array([[cutout["ra_deg"], cutout["dec_deg"]]]))[0])
    if not apart <= _SAME_POSITION_ARCSEC:
        raise InputError(
            f"cutouts {where}: {anchor['name']} was cut {apart:.1f} arcsec from the position in the anchors table; "
            f"wanted within {_SAME_POSITION_ARCSEC}: cut this table's anchors anew"
        )


def _per_band(rows: Sequence[Row], pattern: str) -> Numbers:
    return _numbers([[row[pattern.format(band=band)] for band in BANDS] for row in rows])


def _numbers(values: Sequence[Any]) -> Numbers:
    return np.array(values, dtype=np.float64)  # None becomes NaN
