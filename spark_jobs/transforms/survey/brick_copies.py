"""A brick in S3 as files of this machine for as long as its hosts are cut: each plane fetched whole, once, then removed.

Reading tiles over the network would be a request a host, band and plane; a brick is ten objects of some MB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from schemas.locations import Location, S3Location, files_below
from schemas.scratch_files import copy_object, scratch_file
from schemas.survey import BANDS
from spark_jobs.transforms.survey.brick_files import has_any_image, is_brick_name, plane_path

_KINDS = ("image", "invvar", "psfsize")


@contextmanager
def brick_on_disk(root: Location, brick: str, bands: Sequence[str]) -> Iterator[Path]:
    """A folder in which the planes of a brick are found: the root itself on disk, else copies of what stands in S3.

    Images of bands that are not asked for are empty files: that they stand is all that is looked at. Raises LocationError
    where S3 does not give a plane whole.
    """
    if isinstance(root, Path):
        yield root
        return
    wanted = {plane_path(brick, kind, band).name for kind in _KINDS for band in bands} | {plane_path(brick, "maskbits").name}
    with scratch_file(brick) as folder:
        folder.mkdir()
        for plane in planes_standing(root, brick):
            if plane.name in wanted:
                copy_object(plane, folder / plane.name)
            else:
                (folder / plane.name).touch()
        yield folder


def has_images(root: Location, brick: str) -> bool:
    """Whether a brick has an image in any band below a root."""
    if isinstance(root, Path):
        return has_any_image(root, brick)
    return any("-image-" in plane.name for plane in planes_standing(root, brick))


def planes_standing(root: S3Location, brick: str) -> list[S3Location]:
    """The planes of a brick below a root, in any of the places in which they are looked for on disk.

    One listing where the root is the survey's tree, or its coadd folder; one question a plane where all files lie in it.
    """
    if not is_brick_name(brick):
        return []
    names = [plane_path(brick, kind, band) for kind in _KINDS for band in BANDS] + [plane_path(brick, "maskbits")]
    known = {name.name for name in names}
    for place in (root / "coadd", root):
        listed = files_below(place / names[0].parent.as_posix())
        if found := [plane for plane in listed if plane.name in known]:
            return found
    return [root / name.name for name in names if (root / name.name).exists()]
