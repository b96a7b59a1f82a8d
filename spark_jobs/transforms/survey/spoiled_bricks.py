"""Which bricks' own files cost hosts their cutouts, and why; read from the finished rows, so that a resumed run names all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from schemas.contract_files import read_table
from schemas.cutouts import CUTOUTS
from schemas.locations import Location
from schemas.refusal_reasons import Reason, names_of

SPOILED = (
    Reason.BRICK_MISSING
    | Reason.BRICK_UNREADABLE
    | Reason.BAND_MISSING
    | Reason.WCS_UNEXPECTED
    | Reason.NONFINITE_PIXELS  # no survey means its coadds to hold NaN: an invvar of zero says uncovered
)
"""Reasons that a brick fetched again would do away with."""


def spoiled_bricks(files: Sequence[Location]) -> dict[str, list[str]]:
    """Name of reason to the names of all bricks with a row that it refuses, both sorted, over cutouts files."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in files:
        table = read_table(path, CUTOUTS, ("brickname", "reasons"))
        for group in table.group_by(table.column_names).aggregate([]).to_pylist():
            for name in names_of(group["reasons"] & SPOILED.value):
                found[name].add(group["brickname"])
    return {name: sorted(bricks) for name, bricks in sorted(found.items())}
