"""What a plan holds, counted before it is paid for: tasks by shard, split, kind and Einstein radius, refusals, draws."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.refusal_reasons import names_of
from schemas.split_rule import SPLITS
from schemas.tasks import TASKS

THETA_E_EDGES_ARCSEC = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, float("inf"))
COUNTED = ("split", "kind", "theta_e_arcsec", "reasons", *(name for name in TASKS.names if name.startswith("n_")))
"""Columns of the tasks table that are counted."""
_NO_RADIUS = -1


@dataclass(frozen=True)
class TaskCounts:
    """One shard: tasks by (split, kind, bin of theta_E or -1 without one, bit mask of reasons), and sums over its draws."""

    shard: int
    tasks: tuple[tuple[str, str, int, int, int], ...]
    draws: dict[str, int]

    @property
    def rows(self) -> int:
        """Tasks of the shard."""
        return sum(count for *_, count in self.tasks)


def count_tasks(shard: int, table: pa.Table) -> TaskCounts:
    """Counts over the COUNTED columns of one shard's tasks."""
    radius = table["theta_e_arcsec"].to_numpy(zero_copy_only=False)
    bins = np.where(np.isnan(radius), _NO_RADIUS, np.searchsorted(THETA_E_EDGES_ARCSEC, radius, side="right") - 1)
    keys = table.select(["split", "kind", "reasons"]).append_column("bin", pa.array(bins))
    groups = keys.group_by(["split", "kind", "bin", "reasons"]).aggregate([([], "count_all")]).to_pylist()
    names = ("split", "kind", "bin", "reasons", "count_all")
    draws = {name: int(np.nansum(table[name].to_numpy(zero_copy_only=False))) for name in COUNTED if name.startswith("n_")}
    return TaskCounts(shard, tuple(sorted(tuple(group[name] for name in names) for group in groups)), draws)


def sum_up(shards: Sequence[TaskCounts]) -> dict[str, Any]:
    """Counts of the whole plan, for the record of the run."""
    kinds: Counter[str] = Counter()
    radii: Counter[tuple[str, str, int]] = Counter()
    masks: Counter[int] = Counter()
    draws: Counter[str] = Counter()
    for shard in shards:
        draws.update(shard.draws)
        for split, kind, place, reasons, count in shard.tasks:
            kinds[f"{split} {kind}"] += count
            radii[split, kind, place] += count
            masks[reasons] += count
    by_reason: Counter[str] = Counter()
    for mask, count in masks.items():
        by_reason.update(dict.fromkeys(names_of(mask), count))
    sizes = [shard.rows for shard in shards]
    return {
        "tasks": sum(sizes),
        "by_split_and_kind": dict(sorted(kinds.items())),
        "by_split_kind_and_theta_e": {
            f"{split} {kind} {bin_name(place)}": count for (split, kind, place), count in sorted(radii.items())
        },
        "refused": sum(sizes) - masks[0],
        "refused_by_reason": dict(sorted(by_reason.items())),
        "shards": {"number": len(sizes), "smallest": min(sizes), "largest": max(sizes)},
        **dict(sorted(draws.items())),
    }


def bin_name(place: int) -> str:
    """A bin of theta_E in words: its edges in arcsec."""
    if place == _NO_RADIUS:
        return "without theta_E"
    low, high = THETA_E_EDGES_ARCSEC[place : place + 2]
    return f"{low:g} or more" if high == THETA_E_EDGES_ARCSEC[-1] else f"{low:g} to {high:g}"


def counts_csv(shards: Sequence[TaskCounts]) -> str:
    """A line a shard, split, kind and bin of theta_E: tasks, and how many of them are refused already."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("shard", "split", "kind", "theta_e_arcsec", "tasks", "refused"))
    for shard in shards:
        cells: dict[tuple[str, str, int], list[int]] = {}
        for split, kind, place, reasons, count in shard.tasks:
            cell = cells.setdefault((split, kind, place), [0, 0])
            cell[0] += count
            cell[1] += count if reasons else 0
        writer.writerows((shard.shard, split, kind, bin_name(p), *cell) for (split, kind, p), cell in sorted(cells.items()))
    return text.getvalue()


def counts_text(counts: dict[str, Any]) -> str:
    """What ``sum_up`` answered, as the table that is read before anything is paid for: a line a split and kind."""
    radii: dict[str, int] = counts["by_split_kind_and_theta_e"]
    names = [bin_name(place) for place in range(_NO_RADIUS, len(THETA_E_EDGES_ARCSEC) - 1)]
    filled = [name for name in names if any(key.endswith(f" {name}") for key in radii)]
    rows = [["theta_E, arcsec:", "tasks", *filled]]
    order = sorted(counts["by_split_and_kind"].items(), key=lambda entry: (SPLITS.index(entry[0].split(" ")[0]), entry[0]))
    for group, count in order:
        rows.append([group, str(count), *(str(radii.get(f"{group} {name}", 0)) for name in filled)])
    rows.append(["all", str(counts["tasks"])])
    rows[-1] += [str(sum(count for key, count in radii.items() if key.endswith(f" {name}"))) for name in filled]
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    cells = [[row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in rows]
    shards = "{number} shards of {smallest} to {largest} tasks".format(**counts["shards"])
    return "\n".join([*map("  ".join, cells), shards, ""])
