"""Real lenses for a network to look at: the cutouts of anchors that hold, with what a network is told of them.

Legend: images (lens, band g r z, y, x) in nMgy per pixel; metadata (lens, column).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.contract_files import row_batches
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from trainer.anchor_integrity import require_accepted
from trainer.anchor_positions import separations
from trainer.judge import Images, Numbers
from trainer.stamp_sources import image_of_cutout

_SAME_POSITION_ARCSEC = 0.1

Row = dict[str, Any]


@dataclass(frozen=True)
class RealLenses:
    """Lenses of an accepted set of anchors that have a cutout; ``names`` are theirs."""

    names: npt.NDArray[np.str_]
    images: Images
    metadata: Numbers
    x_pix: Numbers
    y_pix: Numbers


def read_real_lenses(integrity: Location, cutouts: Location, columns: Sequence[str], size_pix: int) -> RealLenses:
    """The lenses that ``dhs check-anchors`` found at their places, in the order of its table, from the cutouts it judged.

    Raises InputError for a set that was not accepted, for cutouts of elsewhere or of another size than ``size_pix``, without a
    column that the network is told, or without any of the lenses.
    """
    absent = [name for name in columns if name not in CUTOUTS.names]
    if absent:
        raise InputError(f"the network was told {', '.join(absent)}, which the cutouts table does not have")
    wanted = {row["name"]: row for row in require_accepted(integrity) if row["label"] == 1}
    found = _read_rows(cutouts, columns, wanted)
    if not found:
        raise InputError(f"cutouts {cutouts} hold none of the {len(wanted)} lenses that {integrity} accepted")
    rows = [_checked(wanted[name], found[name], cutouts, size_pix) for name in wanted if name in found]
    metadata = [[np.nan if row[name] is None else row[name] for name in columns] for row in rows]
    return RealLenses(
        np.array([row["host_id"] for row in rows], np.str_),
        np.stack([image_of_cutout(row["cutout_npz"]) for row in rows]),
        np.array(metadata, np.float64).reshape(len(rows), len(columns)),
        np.array([row["x_centre_pix"] for row in rows], np.float64),
        np.array([row["y_centre_pix"] for row in rows], np.float64),
    )


def _read_rows(cutouts: Location, columns: Sequence[str], wanted: dict[str, Row]) -> dict[str, Row]:
    names = ["host_id", "ra_deg", "dec_deg", "x_centre_pix", "y_centre_pix", "size_pix", "cutout_npz", *columns]
    found: dict[str, Row] = {}
    for path in run_files(cutouts, CUTOUTS):
        for batch in row_batches(path, CUTOUTS, dict.fromkeys(names)):
            found |= {row["host_id"]: row for row in batch.to_pylist() if row["host_id"] in wanted and row["cutout_npz"]}
    return found


def _checked(anchor: Row, cutout: Row, where: Location, size_pix: int) -> Row:
    """The cutout, where it is the one that was judged and can stand beside stamps."""
    apart = float(separations(anchor["ra_deg"], anchor["dec_deg"], np.array([[cutout["ra_deg"], cutout["dec_deg"]]]))[0])
    if not apart <= _SAME_POSITION_ARCSEC:
        raise InputError(
            f"cutouts {where}: {anchor['name']} was cut {apart:.1f} arcsec from the position that was judged; "
            f"wanted within {_SAME_POSITION_ARCSEC}: give the cutouts that dhs check-anchors was given"
        )
    if cutout["size_pix"] != size_pix:
        raise InputError(
            f"cutouts {where} have {cutout['size_pix']} pixels and the stamps {size_pix}; wanted the same: "
            f"cut the anchors with --size {size_pix}"
        )
    return cutout
