"""Which hosts are the same object again: measured in two bricks, or in two sweeps.

The first in the order (release, brickid, objid) stays. Only hosts that nothing else refuses are compared: an object whose
first measurement is masked would otherwise be lost altogether.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.spatial import cKDTree

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.locations import Location, map_in_order
from spark_jobs.transforms.sky_positions import Floats, chord, unit_vectors

Integers = npt.NDArray[np.int64]


def duplicate_rows(parts: Sequence[Location], radius_arcsec: float) -> list[Integers]:
    """For each hosts file, the row numbers of hosts that another one, in any of the files, makes superfluous."""
    if not parts:
        return []
    columns = ("host_id", "ra_deg", "dec_deg", "reasons")
    tables = map_in_order(partial(read_table, contract=HOSTS, columns=columns), parts)
    part = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    row = np.concatenate([np.arange(table.num_rows) for table in tables])
    whole = pa.concat_tables(tables)
    usable = np.flatnonzero(np.asarray(whole["reasons"]) == 0)
    order = _identity_order(whole["host_id"].take(pa.array(usable)))
    positions = unit_vectors(np.asarray(whole["ra_deg"])[usable], np.asarray(whole["dec_deg"])[usable])
    again = usable[later_of_pairs(positions, order, radius_arcsec)]
    return [row[again[part[again] == number]] for number in range(len(tables))]


def later_of_pairs(positions: Floats, order: Integers, radius_arcsec: float) -> Integers:
    """Indices of the points that lie within a radius of a point which stays, ascending.

    ``positions`` are unit vectors (n, 3); ``order`` gives each its rank, and the lowest rank stays. Of a chain A-B-C with
    only neighbours inside the radius, B goes and C stays: it is not the same object as A.
    """
    if len(positions) < 2:
        return np.empty(0, dtype=np.int64)
    # Points that coincide exactly would make the default, balanced tree slow to build.
    tree = cKDTree(positions, balanced_tree=False, compact_nodes=False)
    pairs = tree.query_pairs(chord(radius_arcsec), output_type="ndarray")
    swapped = order[pairs[:, 0]] > order[pairs[:, 1]]
    first, second = np.where(swapped, pairs[:, 1], pairs[:, 0]), np.where(swapped, pairs[:, 0], pairs[:, 1])
    gone = np.zeros(len(positions), dtype=bool)
    for index in np.argsort(order[first], kind="stable"):
        gone[second[index]] |= not gone[first[index]]
    return np.flatnonzero(gone)


def _identity_order(host_ids: pa.ChunkedArray) -> Integers:
    """Rank of each host by (release, brickid, objid), then by where it stands."""
    parts = pc.list_flatten(pc.split_pattern(host_ids, "-"))
    numbers = np.asarray(pc.cast(parts, pa.int64())).reshape(-1, 3)
    rank = np.empty(len(numbers), dtype=np.int64)
    rank[np.lexsort(numbers.T[::-1])] = np.arange(len(numbers))
    return rank
