"""What a Spark worker does to one hosts file: cut its hosts brick by brick into one cutouts file of the same name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract_files import ROWS_PER_GROUP_WITH_BLOBS, Provenance, TableWriter, read_table
from schemas.cutouts import CUTOUTS
from schemas.finished_files import FileEntry, describe_file
from schemas.hosts import HOSTS
from schemas.locations import Location
from spark_jobs.transforms.survey.anchor_hosts import anchors_as_hosts
from spark_jobs.transforms.survey.brick_copies import brick_on_disk, planes_standing
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings, cut_brick
from spark_jobs.transforms.survey.brick_files import find_plane, has_any_image
from spark_jobs.transforms.survey.cutout_rows import HOST_COLUMNS, Row, cutout_rows, to_be_cut

_BYTES_AT_ONCE = 256 * 1024**2
_FAULTS_NAMED = 20


@dataclass(frozen=True)
class CutoutTask:
    """One hosts file, or one of anchors, and the cutouts file to write; ``stands`` where an earlier call wrote it."""

    hosts: Location
    cutouts: Location
    of_anchors: bool = False
    stands: bool = False


@dataclass(frozen=True)
class CutoutAccount:
    """The file; bricks that its hosts lie in, those without a maskbits plane, and what was wrong with some (first 20)."""

    file: FileEntry
    bricks: tuple[str, ...]
    without_maskbits: tuple[str, ...]
    faults: tuple[str, ...]


def write_cutouts(settings: CutoutSettings, provenance: Provenance, task: CutoutTask) -> CutoutAccount:
    """Write the cutouts of one hosts file, or read the file that stands.

    Rows stand brick by brick in the order in which bricks first appear in the hosts, so that each plane is opened once
    and memory holds one decoded plane and the stamps of one brick.
    """
    table = anchors_as_hosts(task.hosts) if task.of_anchors else read_table(task.hosts, HOSTS, HOST_COLUMNS)
    bricks = tuple(pc.unique(table["brickname"]).to_pylist())
    if task.stands:
        unmasked = [brick for brick in bricks if _lacks_mask(settings.bricks, brick)]
        return CutoutAccount(describe_file(task.cutouts, task.cutouts.parent), bricks, tuple(unmasked), ())
    faults: list[str] = []
    unmasked = []
    with TableWriter(task.cutouts, CUTOUTS, provenance) as writer:
        for brick in bricks:
            with brick_on_disk(settings.bricks, brick, settings.bands) as folder:
                here = replace(settings, bricks=folder)
                of_brick = _add_brick(writer, here, brick, table.filter(pc.equal(table["brickname"], brick)))
                unmasked += [brick] if _lacks_mask(folder, brick) else []
            faults += [fault.replace(str(folder), str(settings.bricks)) for fault in of_brick]
    entry = writer.entry(task.cutouts.parent)
    return CutoutAccount(entry, bricks, tuple(unmasked), tuple(faults[:_FAULTS_NAMED]))


def _lacks_mask(root: Location, brick: str) -> bool:
    """Whether a brick has images and no maskbits."""
    if isinstance(root, Path):
        return has_any_image(root, brick) and find_plane(root, brick, "maskbits") is None
    planes = planes_standing(root, brick)
    return any("-image-" in plane.name for plane in planes) and not any("maskbits" in plane.name for plane in planes)


def _add_brick(writer: TableWriter, settings: CutoutSettings, brick: str, table: pa.Table) -> list[str]:
    """Cut a brick's hosts and append their rows; returns what was wrong with the brick.

    More hosts than memory should hold at once are cut in several passes; at 64 pixels that is beyond 2000 in a brick.
    """
    pass_rows = max(1, _BYTES_AT_ONCE // (settings.size**2 * 4 * (2 * len(settings.bands) + 1)))
    faults = set()
    for start in range(0, table.num_rows, pass_rows):
        hosts = table.slice(start, pass_rows).to_pylist()
        stamps = cut_brick(settings, brick, *to_be_cut(hosts))
        faults |= {stamps.fault} - {""}
        for rows in _batched(cutout_rows(settings, hosts, stamps)):
            writer.add_rows(rows)
    return sorted(faults)


def _batched(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in lists of as many as a row group holds, so that blobs do not pile up."""
    while some := list(islice(rows, ROWS_PER_GROUP_WITH_BLOBS)):
        yield some
