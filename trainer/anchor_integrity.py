"""Whether a set of anchors is where it says: a galaxy of the right brightness at each position, more often than chance gives.

An experiment was once judged on 68 lenses whose coordinates were all off by arc minutes: the cutouts were random sky. So no
recall is worth a word before this check, made on the pixels that a network would see.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from schemas.anchors import ANCHOR_INTEGRITY
from schemas.array_codec import BlobError, decode_arrays
from schemas.contract_files import read_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.refusal_reasons import names_of
from schemas.run_record import read_run, run_files
from trainer.anchor_photometry import StampMeasurement, measure_stamp
from trainer.anchor_positions import Floats, separations
from trainer.intervals import Interval, exact_interval

FARTHEST_ARCSEC = 1.0
CATALOGUE_TOLERANCE_MAG = 1.0
PLAUSIBLE_MAG = (15.0, 21.5)
"""r magnitudes in the aperture between which a deflector may lie where the list gives none: known ones have 16 to 20."""
MOST_FAILURES = 0.05
TABLE = "integrity.parquet"
_SAME_POSITION_ARCSEC = 0.1
_BAND = "r"
_COLUMNS = ("host_id", "ra_deg", "dec_deg", "x_centre_pix", "y_centre_pix", "bands", "reasons", "cutout_npz")

Row = dict[str, Any]


@dataclass(frozen=True)
class Tally:
    """Objects that were judged, and those among them that hold, with the exact interval of their share."""

    judged: int
    holding: int

    @property
    def share(self) -> Interval:
        """The share that holds."""
        return exact_interval(self.holding, self.judged)


@dataclass(frozen=True)
class Verdict:
    """accepted, refused or not supported, why, and the counts of anchors and of random sky behind it."""

    word: str
    why: str
    anchors: Tally
    control: Tally

    @property
    def accepted(self) -> bool:
        """Whether a figure may be given for this set."""
        return self.word == "accepted"


def read_cutouts(directory: Location) -> dict[str, Row]:
    """Rows of a finished cutouts run by ``host_id``; raises InputError where an identity stands twice or r is lacking."""
    found: dict[str, Row] = {}
    for path in run_files(directory, CUTOUTS):
        for row in read_table(path, CUTOUTS, _COLUMNS).to_pylist():
            if row["host_id"] in found:
                raise InputError(f"cutouts {directory} hold {row['host_id']!r} twice; wanted one row an anchor")
            if _BAND not in row["bands"]:
                raise InputError(f"cutouts {directory} hold the bands {row['bands']}; wanted {_BAND} among them")
            found[row["host_id"]] = row
    return found


def judge_anchors(anchors: Sequence[Mapping[str, Any]], cutouts: Mapping[str, Row], where: str) -> list[Row]:
    """ANCHOR_INTEGRITY rows of anchors, those that the list refused left out. Raises InputError for cutouts of elsewhere."""
    rows = []
    for anchor in tqdm(anchors, desc="anchors", disable=None):
        if anchor["reasons"]:
            continue
        row = _empty_row(anchor, control=False)
        cutout = cutouts.get(anchor["name"])
        if cutout is None:
            row["finding"] = "not judged: there is no cutout of it"
        else:
            _require_same_position(anchor, cutout, where)
            _judge(row, cutout)
        rows.append(row)
    return rows


def judge_random_sky(anchors: Sequence[Mapping[str, Any]], cutouts: Mapping[str, Row]) -> list[Row]:
    """ANCHOR_INTEGRITY rows of random sky: held against the same magnitude as the anchor of that name."""
    rows = []
    for anchor in tqdm(anchors, desc="random sky", disable=None):
        cutout = cutouts.get(anchor["name"])
        if not anchor["reasons"] and cutout is not None:
            row = _empty_row(anchor, control=True) | {"ra_deg": cutout["ra_deg"], "dec_deg": cutout["dec_deg"]}
            _judge(row, cutout)
            rows.append(row)
    return rows


def tally(rows: Sequence[Mapping[str, Any]]) -> Tally:
    """How many of the rows were judged and hold."""
    judged = [row for row in rows if row["judged"]]
    return Tally(len(judged), sum(row["holds"] for row in judged))


def verdict_on(anchors: Sequence[Mapping[str, Any]], control: Sequence[Mapping[str, Any]]) -> Verdict:
    """The set is refused where more than 5 % of its anchors fail, and not supported where chance may do as well."""
    seen, chance = tally(anchors), tally(control)
    failed = seen.judged - seen.holding
    if not seen.judged:
        return Verdict("not supported", "no anchor has a cutout to judge it by", seen, chance)
    if failed > MOST_FAILURES * seen.judged:
        why = f"{failed} of {seen.judged} anchors fail, more than {MOST_FAILURES:.0%}: no recall may be quoted for this set"
        return Verdict("refused", why, seen, chance)
    if not chance.judged:
        return Verdict("not supported", "no random-sky position has a cutout: what chance gives is unknown", seen, chance)
    if chance.share.high >= seen.share.low:
        why = (
            f"{chance.holding} of {chance.judged} random-sky positions hold too, and the intervals overlap: "
            "too few objects, or a check that anything passes"
        )
        return Verdict("not supported", why, seen, chance)
    by_chance = f"{chance.holding} of {chance.judged} random-sky positions hold"
    why = f"{failed} of {seen.judged} anchors fail, no more than {MOST_FAILURES:.0%}; {by_chance}"
    return Verdict("accepted", why, seen, chance)


def require_accepted(directory: Location) -> list[Row]:
    """The anchors that hold, of a set that ``dhs check-anchors`` accepted: ANCHOR_INTEGRITY rows, contaminants included.

    What quotes a figure for real lenses asks here first. Raises InputError where the set was not accepted.
    """
    counts = read_run(directory)["counts"]
    if counts.get("verdict") != "accepted":
        raise InputError(
            f"{directory}: the anchors are {counts.get('verdict')}, {counts.get('why')}; wanted a set that is accepted"
        )
    rows = [
        row for path in run_files(directory, ANCHOR_INTEGRITY, TABLE) for row in read_table(path, ANCHOR_INTEGRITY).to_pylist()
    ]
    return [row for row in rows if row["holds"] and not row["control"]]


def read_planes(cutout: Mapping[str, Any], kind: str, bands: Sequence[str]) -> list[Floats]:
    """The planes ``kind`` (image or invvar) of a cutout, one a band; raises BlobError where the blob does not hold them."""
    arrays = decode_arrays(cutout["cutout_npz"])
    names = [f"{kind}_{band}" for band in bands]
    absent = [name for name in names if name not in arrays or arrays[name].ndim != 2]
    if absent:
        raise BlobError(f"cutout of {cutout['host_id']} holds {', '.join(sorted(arrays))}; wanted images {', '.join(absent)}")
    return [np.asarray(arrays[name], dtype=np.float64) for name in names]


def _empty_row(anchor: Mapping[str, Any], *, control: bool) -> Row:
    names = ("name", "object_class", "label", "discovery", "ra_deg", "dec_deg", "mag_r")
    row: Row = {name: anchor[name] for name in names} | {"control": control, "judged": False, "holds": False}
    measured = ("offset_arcsec", "aperture_flux_r_nmgy", "aperture_mag_r", "source_density")
    return row | dict.fromkeys(measured) | {"reasons": 0, "finding": ""}


def _require_same_position(anchor: Mapping[str, Any], cutout: Row, where: str) -> None:
    """A cutout of elsewhere would be judged in place of the anchor."""
    there = np.array([[cutout["ra_deg"], cutout["dec_deg"]]])
    apart = float(separations(anchor["ra_deg"], anchor["dec_deg"], there)[0])
    if not apart <= _SAME_POSITION_ARCSEC:
        raise InputError(
            f"cutouts {where}: {anchor['name']} was cut {apart:.1f} arcsec from the position in the anchors table; "
            f"wanted within {_SAME_POSITION_ARCSEC}: cut this table's anchors anew"
        )


def _judge(row: Row, cutout: Row) -> None:
    """Fill a row from its cutout."""
    row["reasons"] = cutout["reasons"]
    if cutout["cutout_npz"] is None:
        row["finding"] = f"not judged: the cutout was refused ({', '.join(names_of(cutout['reasons']))})"
        return
    image, invvar = (read_planes(cutout, kind, (_BAND,))[0] for kind in ("image", "invvar"))
    seen = measure_stamp(image, invvar, cutout["x_centre_pix"], cutout["y_centre_pix"])
    row["finding"] = "; ".join(_faults(seen, row["mag_r"]))
    row |= {"judged": True, "holds": not row["finding"], "source_density": seen.source_density}
    row |= {"aperture_flux_r_nmgy": seen.aperture_flux_nmgy, "aperture_mag_r": _known(seen.aperture_mag)}
    row["offset_arcsec"] = _known(seen.offset_arcsec)


def _faults(seen: StampMeasurement, mag_r: float | None) -> list[str]:
    faults = []
    if math.isnan(seen.offset_arcsec):
        faults.append("no source on the stamp")
    elif seen.offset_arcsec > FARTHEST_ARCSEC:
        faults.append(f"the nearest source is {seen.offset_arcsec:.1f} arcsec away; wanted at most {FARTHEST_ARCSEC:g}")
    low, high = PLAUSIBLE_MAG if mag_r is None else (mag_r - CATALOGUE_TOLERANCE_MAG, mag_r + CATALOGUE_TOLERANCE_MAG)
    if not low <= seen.aperture_mag <= high:  # NaN is neither
        light = "no light" if math.isnan(seen.aperture_mag) else f"r = {seen.aperture_mag:.2f}"
        wanted = "a deflector" if mag_r is None else f"catalogued r = {mag_r:.2f}"
        faults.append(f"{light} in the aperture; wanted {low:.1f} to {high:.1f} ({wanted})")
    return faults


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
