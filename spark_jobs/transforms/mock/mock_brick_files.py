"""One mock brick from name to files: what a Spark worker does, and what it leaves out because it stands already."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spark_jobs.transforms.mock.brick_fits_writer import brick_file, brick_wcs, write_masks, write_plane
from spark_jobs.transforms.mock.brick_tiling import Brick
from spark_jobs.transforms.mock.mock_brick import draw_band
from spark_jobs.transforms.mock.mock_maskbits import mask_plane
from spark_jobs.transforms.mock.mock_population import objects_of
from spark_jobs.transforms.mock.mock_settings import MockSky
from spark_jobs.transforms.mock.mock_sweep import write_sweep


@dataclass(frozen=True)
class BrickJob:
    """One brick to draw below ``root``."""

    root: str
    brick: Brick
    mock: MockSky


@dataclass(frozen=True)
class SweepJob:
    """One sweep file to write below ``root`` once its bricks stand."""

    root: str
    name: str
    bricks: tuple[Brick, ...]
    mock: MockSky


@dataclass(frozen=True)
class BrickDrawn:
    """What came of a brick: its files as text paths and how many objects of each population lie on it."""

    files: tuple[str, ...]
    hosts: int
    field: int
    stars: int
    drawn: bool


def files_of(job: BrickJob) -> list[Path]:
    """The files of a brick, the maskbits last: they are written last."""
    root, name = Path(job.root), job.brick.name
    planes = [brick_file(root, name, kind, band) for band in job.mock.bands for kind in ("image", "invvar", "psfsize")]
    return [*planes, brick_file(root, name, "maskbits")]


def draw_brick(job: BrickJob) -> BrickDrawn:
    """Draw and write one brick, or find that all its files stand: each appears by one rename, so a file there is whole."""
    files = files_of(job)
    stands = all(path.exists() for path in files)
    objects = objects_of(job.mock, job.brick.name)
    if not stands:
        _write_brick(job)
    counts = [int((objects["population"] == name).sum()) for name in ("host", "field", "star")]
    return BrickDrawn(tuple(str(path) for path in files), counts[0], counts[1], counts[2], not stands)


def draw_sweep(job: SweepJob) -> tuple[tuple[str, int], ...]:
    """Write one sweep with its redshifts; path as text and number of rows of each file."""
    return tuple((str(path), rows) for path, rows in write_sweep(Path(job.root), job.name, job.bricks, job.mock).items())


def _write_brick(job: BrickJob) -> None:
    root, brick, mock = Path(job.root), job.brick, job.mock
    objects = objects_of(mock, brick.name)
    saturated = {}
    for band in mock.bands:
        planes = draw_band(mock, brick.name, band, objects)
        saturated[band] = planes.saturated
        for kind, plane in (("image", planes.image), ("invvar", planes.invvar), ("psfsize", planes.psfsize)):
            write_plane(brick_file(root, brick.name, kind, band), plane, brick, kind, band)
    masks = mask_plane(objects, saturated, brick, brick_wcs(brick, mock.brick_size_pix), mock.brick_size_pix)
    write_masks(brick_file(root, brick.name, "maskbits"), masks, brick)
