"""Whether any brick that hosts lie in is there at all, asked before the work: a mistyped folder would refuse every host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pyarrow.compute as pc
from pyarrow import fs

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import S3, Location, S3Location, asked, store
from schemas.survey import BANDS
from spark_jobs.transforms.survey.anchor_hosts import anchors_as_hosts
from spark_jobs.transforms.survey.brick_copies import has_images
from spark_jobs.transforms.survey.brick_files import is_brick_name, plane_path
from spark_jobs.transforms.survey.cutout_files import CutoutTask


def require_a_brick(root: Location, tasks: Sequence[CutoutTask]) -> None:
    """Raise InputError where these tasks have hosts to cut and not one brick of theirs has an image below ``root``.

    The first that has one is enough: files are read until then. In S3 the names of folders are listed, not those of planes.
    """
    wanted: set[str] = set()
    names = cache(_names_in)
    for bricks in map(_bricks_of, tasks):
        if _any_has_images(root, bricks - wanted, names):
            return
        wanted |= bricks
    if wanted:
        raise InputError(
            f"none of the {len(wanted)} bricks of the hosts is below {root}; wanted the folder that holds "
            f"coadd/{plane_path(min(wanted), 'image', BANDS[0]).parent}/ and the like, or the brick files themselves"
        )


def _bricks_of(task: CutoutTask) -> frozenset[str]:
    """Bricks of the hosts of a task that no reason refuses."""
    table = anchors_as_hosts(task.hosts) if task.of_anchors else read_table(task.hosts, HOSTS, ("brickname", "reasons"))
    return frozenset(table.filter(pc.equal(table["reasons"], 0))["brickname"].to_pylist())


def _any_has_images(root: Location, bricks: frozenset[str], names: Callable[[S3Location], frozenset[str]]) -> bool:
    if isinstance(root, Path):
        return any(has_images(root, brick) for brick in bricks)
    bricks = frozenset(filter(is_brick_name, bricks))
    for place in (root / "coadd", root):
        for first in sorted({brick[:3] for brick in bricks}):
            if any(has_images(root, brick) for brick in names(place / first) & bricks):
                return True
    return any(plane_path(brick, "image", band).name in names(root) for brick in bricks for band in BANDS)


def _names_in(folder: S3Location) -> frozenset[str]:
    """Names of what lies directly below a prefix."""
    selector = fs.FileSelector(str(folder).removeprefix(S3), allow_not_found=True)
    return frozenset(info.base_name for info in asked(folder, lambda: store(folder.bucket).get_file_info(selector)))
