"""Which hosts a recipe uses and where their rows lie: the driver holds keys alone, and a worker reads its own rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.locations import Location, each_in_order
from schemas.refusal_reasons import names_of
from schemas.survey import BANDS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.simulation.plan_shard import host_split

_KEYS = ("host_id", "cell", "in_anchor_cell")
_JUDGED = ("reasons", "lrg_cuts", "mag_r")
_BRICK_PSF = ("brickname", *(f"psf_fwhm_catalogue_{band}_arcsec" for band in BANDS))
_FILES_KEPT = 2


@dataclass(frozen=True)
class HostRows:
    """Rows of hosts files, in order: the files, and of each row the number of its file and its place in it."""

    files: tuple[Location, ...]
    file: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]


@dataclass(frozen=True)
class UsedHosts:
    """Keys of the hosts that a recipe uses, with ``file`` and ``row`` of each; rows seen, and how many each reason left out."""

    keys: pa.Table
    files: tuple[Location, ...]
    seen: int
    left_out: dict[str, int]

    def rows_of(self, keys: pa.Table) -> HostRows:
        """Where the rows of some of the hosts lie."""
        file, row = (keys[name].to_numpy() for name in ("file", "row"))
        numbers, own = np.unique(file, return_inverse=True)
        return HostRows(tuple(self.files[number] for number in numbers), own.astype(np.int32), row)


def find_used_hosts(recipe: Recipe, files: Sequence[Location]) -> UsedHosts:
    """The hosts of many files that a recipe uses: one file's columns in memory at a time, and the keys of what is used."""
    kept = _KEYS + (_BRICK_PSF if recipe.psf.width == "brick_mean" else ())
    found: list[pa.Table] = []
    left_out: Counter[str] = Counter()
    seen = 0
    for number, table in enumerate(each_in_order(lambda path: read_table(path, HOSTS, (*kept, *_JUDGED)), files)):
        n = table.num_rows
        file, row = pa.array(np.full(n, number, np.int32)), pa.array(np.arange(n, dtype=np.int32))
        used, without = usable_hosts(recipe, table.append_column("file", file).append_column("row", row))
        left_out.update(without)
        seen += n
        found.append(used.select([*kept, "file", "row"]))
    return UsedHosts(pa.concat_tables(found), tuple(files), seen, dict(sorted(left_out.items())))


def read_host_rows(rows: HostRows) -> pa.Table:
    """Those rows of the hosts table, in their order."""
    tables, offsets = [_hosts(path) for path in rows.files], [0]
    for table in tables:
        offsets.append(offsets[-1] + table.num_rows)
    return pa.concat_tables(tables).take(pa.array(np.array(offsets)[rows.file] + rows.row))


def usable_hosts(recipe: Recipe, hosts: pa.Table) -> tuple[pa.Table, dict[str, int]]:
    """Hosts that the recipe uses, and how many rows each reason left out (a row counts under each of its own)."""
    left_out: Counter[str] = Counter()
    for entry in hosts["reasons"].value_counts().to_pylist():
        for name in names_of(entry["values"]):
            left_out[name] += entry["counts"]
    bit = 1 << (int(recipe.hosts.lrg_cut[1:]) - 1)
    fine = pc.equal(hosts["reasons"], 0)
    in_cut = pc.not_equal(pc.bit_wise_and(hosts["lrg_cuts"], bit), 0)
    bright = pc.fill_null(pc.less_equal(hosts["mag_r"], recipe.hosts.faintest_r), False)
    left_out[f"not in LRG cut {recipe.hosts.lrg_cut}"] = int(pc.sum(pc.and_(fine, pc.invert(in_cut))).as_py() or 0)
    left_out[f"fainter than r {recipe.hosts.faintest_r}"] = int(pc.sum(pc.and_not(pc.and_(fine, in_cut), bright)).as_py() or 0)
    used = hosts.filter(pc.and_(pc.and_(fine, in_cut), bright))
    return used, {name: count for name, count in sorted(left_out.items()) if count}


def host_splits(recipe: Recipe, hosts: pa.Table) -> npt.NDArray[np.str_]:
    """Split of each host; a cell is hashed once, however many hosts it has."""
    in_anchor_cell = np.asarray(hosts["in_anchor_cell"].to_numpy(zero_copy_only=False), int)
    places = 2 * hosts["cell"].to_numpy() + in_anchor_cell
    different, which = np.unique(places, return_inverse=True)
    splits = [host_split(recipe, place // 2, bool(place % 2)) for place in different.tolist()]
    return np.array(splits, dtype=str)[which]


@lru_cache(maxsize=_FILES_KEPT)
def _hosts(path: Location) -> pa.Table:
    """A whole hosts file: neighbouring shards lie in the same ones."""
    return read_table(path, HOSTS)
