"""A folder of cubes, one an object, and a list of their names and positions → rows of the anchors and of the cutouts table.

Their files hold no inverse variance: it is taken as 1 / s² throughout, s being 1.4826 times the median absolute deviation of
the pixels farther than a quarter of the stamp from its middle. A galaxy's wings and neighbours make s too large, never too
small; noise that neighbouring pixels share makes sums of pixels less certain than it says.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from schemas.anchors import ANCHORS, LENS_CLASS
from schemas.array_codec import encode_arrays
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS
from trainer.adopting.foreign_cubes import SUFFIXES, Cube, CubeError, Image, names_of_files, read_cube
from trainer.adopting.sky_cells import sky_cells
from trainer.anchor_rows import Row, anchor_rows
from trainer.anchor_tables import AnchorColumns, read_anchor_table

_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class AdoptedAnchors:
    """Rows of both tables; names of the list without a file, and of files that the list does not name."""

    anchors: list[Row]
    cutouts: list[Row]
    without_file: list[str]
    unlisted: list[str]


def listed_anchors(catalogue: Location, columns: AnchorColumns) -> tuple[list[Row], dict[str, Row]]:
    """Rows of the anchors table from a list, and PSF widths (arcsec) and depths (AB mag) by name, where a CSV has them."""
    rows = anchor_rows(read_anchor_table(catalogue, columns), catalogue.name, columns.units.theta_e)
    if catalogue.suffix.lower() != ".csv":
        return rows, {}
    texts = list(csv.DictReader(catalogue.read_text(encoding="utf-8-sig").splitlines()))
    conditions = {row["name"]: _conditions(text) for row, text in zip(rows, texts, strict=True)}
    return rows, conditions


def adopt_anchors(folder: Path, listed: Sequence[Row], conditions: Mapping[str, Row], size: int, bands: str) -> AdoptedAnchors:
    """Read every cube of a folder; a file that cannot be used keeps its rows, with a reason and a remark.

    Raises InputError where there is no cube at all, none can be used, or two are of one name.
    """
    files = _files_by_name(folder)
    found = AdoptedAnchors([dict(row) for row in listed], [], [], [])
    taken: set[str] = set()
    for row in found.anchors:
        key = _plain(row["name"])
        if key in files and key not in taken:
            taken.add(key)
            found.cutouts.append(_adopt(row, files[key], conditions, size, bands))
        else:
            found.without_file.append(row["name"])
    for key in sorted(files.keys() - taken):
        row = _unlisted_row(files[key], folder, bool(listed))
        found.unlisted.append(row["name"])
        found.anchors.append(row)
        found.cutouts.append(_adopt(row, files[key], conditions, size, bands))
    if all(row["reasons"] for row in found.cutouts):
        first = found.cutouts[0]["host_id"]
        said = next(row["remark"] for row in found.anchors if row["name"] == first)
        raise InputError(f"{folder}: none of {len(files)} cubes can be used; the first, {first}: {said}")
    return found


def outer_sigma(image: Image) -> float:
    """Noise of one pixel in nMgy: 1.4826 MAD of the pixels farther than a quarter of the stamp from its middle."""
    offset = np.arange(image.shape[0]) - (image.shape[0] - 1) / 2
    outer = image[np.hypot(offset[:, None], offset[None, :]) > image.shape[0] / 4].astype(np.float64)
    return float(_MAD_TO_SIGMA * np.median(np.abs(outer - np.median(outer))))


def _files_by_name(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder} is not a directory; wanted a folder of FITS cubes, one an object")
    files: dict[str, Path] = {}
    for path in names_of_files(folder):
        earlier = files.setdefault(_plain(_stem(path)), path)
        if earlier != path:
            raise InputError(f"{folder}: {earlier.name} and {path.name} are of one object; wanted one file an object")
    if not files:
        raise InputError(f"{folder} holds no file that ends in {', '.join(SUFFIXES)}; wanted one FITS cube an object")
    return files


def _adopt(row: Row, path: Path, conditions: Mapping[str, Row], size: int, bands: str) -> Row:
    """The cutouts row of an anchor; what is wrong is added to the anchor's remark, a position where it had none."""
    cutout: Row = dict.fromkeys(CUTOUTS.names) | {"host_id": row["name"], "brickname": "", "size_pix": size}
    cutout |= {"bands": "".join(BANDS), "reasons": 0, **conditions.get(row["name"], {})}
    try:
        cube = read_cube(path, size, bands)
        _take_position(row, cube)
        cutout |= _pixels(row, cube)
    except CubeError as error:
        cutout["reasons"] = int(error.reason)
        _remark(row, f"{path.name}: {error}")
    ra, dec = (math.nan if row[name] is None else row[name] for name in ("ra_deg", "dec_deg"))
    cell = int(sky_cells(np.array([ra]), np.array([dec]))[0])
    return cutout | {"ra_deg": ra, "dec_deg": dec, "cell": cell}


def _take_position(row: Row, cube: Cube) -> None:
    """Where no list says the position, that of the image's middle."""
    if row["ra_deg"] is None and cube.middle_deg is not None:
        row["ra_deg"], row["dec_deg"] = cube.middle_deg
        row["reasons"] &= ~int(Reason.POSITION_UNREADABLE)
        _remark(row, "position from the image's WCS")


def _pixels(row: Row, cube: Cube) -> Row:
    """What the pixels give: centre, noise, blob. Raises CubeError where the object is not on them, or a band is blank."""
    size = cube.images.shape[-1]
    position = row["ra_deg"] is not None
    x, y = cube.place_of(row["ra_deg"], row["dec_deg"]) if position else ((size - 1) / 2,) * 2
    if not (-0.5 <= x < size - 0.5 and -0.5 <= y < size - 0.5):  # NaN is neither
        middle = cube.middle_deg or (math.nan, math.nan)
        seen = f"the image lies around ({middle[0]:.5f}, {middle[1]:.5f}) deg and the list says "
        text = f"{seen}({row['ra_deg']:.5f}, {row['dec_deg']:.5f}): {x:.0f}, {y:.0f} px; wanted it on the image"
        raise CubeError(Reason.OFF_ITS_IMAGE, text)
    sigmas = [outer_sigma(image) for image in cube.images]
    blank = [band for band, sigma in zip(BANDS, sigmas, strict=True) if not sigma > 0]
    if blank:
        raise CubeError(Reason.UNCOVERED_PIXELS, f"no noise in {', '.join(blank)}: half of the outer pixels are the same")
    arrays: dict[str, Any] = {f"image_{band}": image for band, image in zip(BANDS, cube.images, strict=True)}
    for band, sigma in zip(BANDS, sigmas, strict=True):
        arrays[f"invvar_{band}"] = np.full((size, size), sigma**-2, np.float32)
    arrays["maskbits"] = np.zeros((size, size), np.int32)
    found: Row = {f"sky_sigma_{band}_nmgy": sigma for band, sigma in zip(BANDS, sigmas, strict=True)}
    return found | {"x_centre_pix": x, "y_centre_pix": y, "cutout_npz": encode_arrays(arrays)}


def _unlisted_row(path: Path, folder: Path, listed: bool) -> Row:
    row: Row = dict.fromkeys(ANCHORS.names)
    row |= {"name": _stem(path), "object_class": LENS_CLASS, "label": 1, "discovery": "unknown", "tier": ""}
    row |= {"reference": folder.name, "reasons": int(Reason.POSITION_UNREADABLE), "remark": ""}
    if listed:
        _remark(row, "the list does not name it")
    return row


def _remark(row: Row, text: str) -> None:
    row["remark"] = f"{row['remark']}; {text}" if row["remark"] else text


def _conditions(text: Mapping[str, str]) -> Row:
    """PSF widths and depths of a CSV's row by our names; what is not a positive number is left null."""
    found: Row = {}
    for name, column in ((f"psfsize_{b}", f"psf_fwhm_{b}_arcsec") for b in BANDS):
        found[column] = _positive(text.get(name, ""))
    for name, column in ((f"psfdepth_{b}", f"psf_depth_{b}_mag") for b in BANDS):
        found[column] = _positive(text.get(name, ""))
    return found


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None


def _stem(path: Path) -> str:
    return re.sub(r"\.(fits|fit)(\.gz|\.fz)?$", "", path.name, flags=re.IGNORECASE)


def _plain(name: str) -> str:
    """A name without what lists and files write differently: case, blanks, underscores, brackets."""
    return re.sub(r"[^a-z0-9+.\-]", "", name.lower())
