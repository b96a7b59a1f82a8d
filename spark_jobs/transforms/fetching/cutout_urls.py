"""The cutouts of a list of positions: the address of each at the cutout service, and a file name made of the row's name."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import urlencode

from schemas.anchors import ANCHORS
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.transforms.fetching.wanted_file import CubeAsked, WantedFile
from spark_jobs.transforms.survey.anchor_hosts import finished_anchor_files
from spark_jobs.transforms.survey.position_table import POSITION, PositionRow, read_position_rows

_LONGEST_STEM = 80
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_UNSAFE = re.compile(r"[^A-Za-z0-9+._-]")


def read_named_positions(path: Location) -> list[PositionRow]:
    """Rows of a CSV file with name, ra_deg and dec_deg, or those of a finished anchors directory that its list did not refuse.

    Raises InputError for none, or for one without a name.
    """
    if path.is_dir():
        return _anchor_positions(path)
    rows = read_position_rows(path, "table of positions", ("name", *POSITION))
    if not rows:
        raise InputError(f"{path} holds no position; wanted rows of name, ra_deg, dec_deg")
    for row in rows:
        if not row.name:
            raise InputError(f"{path} line {row.line}: no name; wanted one, which becomes the cutout's file name")
    return rows


def _anchor_positions(directory: Location) -> list[PositionRow]:
    rows: list[PositionRow] = []
    for path in finished_anchor_files(directory):
        anchors = read_table(path, ANCHORS, ("name", "ra_deg", "dec_deg", "reasons")).to_pylist()
        usable = [(number, row) for number, row in enumerate(anchors, 1) if row["reasons"] == 0]
        rows += [PositionRow(number, row["name"], row["ra_deg"], row["dec_deg"]) for number, row in usable]
    if not rows:
        raise InputError(f"{directory} holds no usable anchor; wanted the finished output of dhs anchors with one or more")
    return rows


def cutout_files(service: str, layer: str, rows: Sequence[PositionRow], bands: tuple[str, ...], size: int) -> list[WantedFile]:
    """The cutout of each row; raises InputError where two rows would become one file, also where case does not count."""
    files: dict[str, tuple[PositionRow, WantedFile]] = {}
    for row in rows:
        name = f"{safe_stem(row.name)}.fits"
        cube = CubeAsked(bands, size, row.ra_deg, row.dec_deg)
        wanted = WantedFile(name, f"{service}?{_query(layer, cube)}", cube)
        earlier, _ = files.setdefault(name.casefold(), (row, wanted))
        if earlier is not row:
            raise InputError(f"lines {earlier.line} and {row.line} would both become {name}; wanted names that differ")
    return [wanted for _, wanted in files.values()]


def safe_stem(name: str) -> str:
    """A file name without suffix: letters, digits and ``+ . _ -``, spaces as _, no path, not hidden, no option.

    Where more than spaces and dashes had to change, some of the name's hash follows, so that two names stay two.
    """
    plain = re.sub(r"\s+", "_", name.strip().translate(_DASHES))
    safe = _UNSAFE.sub("_", unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode())
    safe = safe.lstrip("._-")[:_LONGEST_STEM]
    if safe and safe == plain:
        return safe
    return f"{safe or 'object'}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def _query(layer: str, cube: CubeAsked) -> str:
    return urlencode(
        {
            "ra": f"{cube.ra_deg % 360:.7f}",
            "dec": f"{cube.dec_deg:.7f}",
            "layer": layer,
            "pixscale": PIXEL_SCALE_ARCSEC,
            "bands": "".join(cube.bands),
            "size": cube.size,
        }
    )
