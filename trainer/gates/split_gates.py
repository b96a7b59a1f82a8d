"""Gates on what stands twice: a host, a sky cell or the same pixels in two splits, and the same pixels under both labels.

Hosts and cells are counted in the whole index, so their shares are exact. Pixels are compared by a hash of what was decoded:
exact where every stamp was looked at, with Wilson's interval where stamps were drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from schemas.contract_files import row_batches
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX
from trainer.gates.gate import Behind, Evidence, Gate, Limits, Question, Table, too_few, unsupported, worst_of
from trainer.gates.gated_stamps import GatedStamps, gather_stamps, host_hashes
from trainer.gates.stamp_pass import Measured, hash_stamps
from trainer.intervals import Integers, Interval, wilson_interval

SPLIT_LEAKS = Question(
    "split_leaks",
    "Split leakage",
    "Does a host, a sky cell or an image stand in two splits?",
    "share of the hosts, cells or images of the smaller split that stand in the other too; the worst pair of splits",
    Limits(
        (-np.inf, 0.0),
        (-np.inf, 0.01),
        "A galaxy that was trained on says nothing of one that was not, so none may be shared; where images are compared by "
        "sample, one in a hundred must be excluded.",
    ),
)
BOTH_LABELS = Question(
    "both_labels",
    "Same pixels under both labels",
    "Was the arc of every lens drawn, or is a lens the same image as a negative?",
    "share of lenses whose pixels are those of a negative",
    Limits((-np.inf, 0.0), (-np.inf, 0.01), "An image under both labels teaches nothing but noise; none may be."),
)


@dataclass(frozen=True)
class SplitContent:
    """What a split holds: hosts and cells of the whole index, hashed images of the stamps drawn; each sorted, none twice.

    ``whole`` says that every usable stamp was drawn, so that what is counted of its images is exact too.
    """

    hosts: npt.NDArray[np.uint64]
    cells: Integers
    images: Integers
    whole: bool


def split_content(
    directory: Location, stamps: GatedStamps, measured: Measured, most: int, seed: int
) -> dict[str, SplitContent]:
    """The content of every split that stands; pixels of those that were not measured are read for it."""
    found = {}
    for split in SPLITS:
        index = run_files(directory, STAMP_INDEX, under=f"index/split-{split}.parquet")
        hosts, cells, usable = _hosts_and_cells(index[0], seed) if index else (np.empty(0, np.uint64), np.empty(0, np.int64), 0)
        if not usable:
            continue
        drawn = stamps if split == stamps.split else gather_stamps(directory, split, most, seed)
        hashes, readable = (measured.hashes, measured.readable) if drawn is stamps else hash_stamps(drawn)
        found[split] = SplitContent(hosts, cells, np.unique(hashes[readable]), len(drawn.cells) == drawn.usable)
    return found


def split_gate(content: Mapping[str, SplitContent]) -> Gate:
    """Every two splits against each other."""
    if len(content) < 2:
        return unsupported(SPLIT_LEAKS, f"{len(content)} split with stamps; wanted two or more to compare")
    found: dict[str, Interval] = {}
    rows = []
    for one, other in combinations(content, 2):
        for what in ("hosts", "cells", "images"):
            a, b = getattr(content[one], what), getattr(content[other], what)
            shared, of = len(np.intersect1d(a, b)), min(len(a), len(b))
            name = f"{what} of {one} and {other}"
            share = shared / max(of, 1)
            exact = what != "images" or (content[one].whole and content[other].whole)
            found[name] = Interval(share, share, share) if exact else wilson_interval(share, of)
            rows.append((name, f"{shared:,}", f"{of:,}"))
    behind = Behind(n_hosts=sum(len(part.hosts) for part in content.values()), unit="object")
    table = Table("What stands in both of two splits.", ("what", "shared", "of"), rows)
    return worst_of(SPLIT_LEAKS, found, behind, Evidence(table=table))


def labels_gate(stamps: GatedStamps, measured: Measured) -> Gate:
    """Pixels of lenses against those of negatives."""
    lens, others = (measured.hashes[measured.readable & part] for part in (stamps.lens, ~stamps.lens))
    behind = Behind(len(lens), len(others), len(np.unique(stamps.hosts)), len(lens), "object")
    why = too_few(len(lens), len(others), len(lens))
    if why:
        return unsupported(BOTH_LABELS, why, behind)
    same = int(np.isin(lens, others).sum())
    share = same / len(lens)
    exact = len(stamps.cells) == stamps.usable
    found = Interval(share, share, share) if exact else wilson_interval(share, len(lens))
    table = Table(
        "Lenses by their pixels.", ("lenses", "stamps"), [("same as a negative", f"{same:,}"), ("all", f"{len(lens):,}")]
    )
    return worst_of(BOTH_LABELS, {"lenses": found}, behind, Evidence(table=table))


def _hosts_and_cells(index: Location, seed: int) -> tuple[npt.NDArray[np.uint64], Integers, int]:
    """Hosts and cells of the rows that have a stamp, and how many rows those are."""
    hosts, cells, usable = [], [], 0
    for batch in row_batches(index, STAMP_INDEX, ["host_id", "cell", "reasons"]):
        rows = batch.filter(pc.equal(batch["reasons"], 0))
        hosts.append(np.unique(host_hashes(rows["host_id"].unique().to_pylist(), seed)))
        cells.append(np.unique(rows["cell"].to_numpy()))
        usable += rows.num_rows
    every = (np.concatenate(hosts), np.concatenate(cells)) if usable else (np.empty(0, np.uint64), np.empty(0, np.int64))
    return np.unique(every[0]), np.unique(every[1]), usable
