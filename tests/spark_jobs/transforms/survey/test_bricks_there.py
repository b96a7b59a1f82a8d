"""Not one brick of the hosts is below the folder: one error. A single one that is there, wherever, is enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import InputError
from schemas.locations import Location, location
from spark_jobs.transforms.survey.bricks_there import require_a_brick
from spark_jobs.transforms.survey.cutout_files import CutoutTask
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_brick import BRICK
from tests.spark_jobs.small_hosts import host_row, write_hosts_run

OTHERS = [f"{number:04d}p000" for number in range(5)]
IMAGE = f"legacysurvey-{BRICK}-image-z.fits.fz"
OF_ANOTHER = "legacysurvey-9990p000-image-g.fits.fz"


def tasks_of(root: Path, *files: Sequence[dict[str, Any]]) -> list[CutoutTask]:
    """A cutouts task each for hosts files of these rows."""
    names = [f"shard-{number}.parquet" for number in range(len(files))]
    run = write_hosts_run(root / "plan", dict(zip(names, files, strict=True)))
    return [CutoutTask(run / name, root / "cutouts" / name) for name in names]


def hosts_in(*bricks: str, **changes: Any) -> list[dict[str, Any]]:
    return [host_row(number, 1.0, 2.0, brick, **changes) for number, brick in enumerate(bricks)]


@pytest.fixture(params=["disk", "s3"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Location]:
    """Puts files into a folder of a survey, on disk or in S3, that holds another brick and of one of these no image."""
    s3: S3Store | None = request.getfixturevalue("s3") if request.param == "s3" else None

    def written(*names: str) -> Location:
        for name in (
            f"coadd/999/9990p000/{OF_ANOTHER}",
            f"coadd/000/{OTHERS[0]}/legacysurvey-{OTHERS[0]}-maskbits.fits.fz",
            *names,
        ):
            (tmp_path / "sky" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "sky" / name).touch()
        return location(s3.put(tmp_path / "sky", f"{tmp_path.name}/sky")) if s3 else tmp_path / "sky"

    return written


def test_where_none_is_there_the_error_says_how_many_where_and_what_is_wanted(
    put: Callable[..., Location], tmp_path: Path
) -> None:
    root = put()
    tasks = tasks_of(tmp_path, hosts_in(*OTHERS), hosts_in(*OTHERS, BRICK, "../../etc"))
    with pytest.raises(InputError) as raised:
        require_a_brick(root, tasks)
    assert f"none of the 7 bricks of the hosts is below {root}; wanted the folder that holds coadd/" in str(raised.value)


@pytest.mark.parametrize("folder", [f"coadd/{BRICK[:3]}/{BRICK}/", f"{BRICK[:3]}/{BRICK}/", ""])
def test_one_that_is_there_is_enough_in_each_place_where_bricks_may_lie(
    put: Callable[..., Location], tmp_path: Path, folder: str
) -> None:
    require_a_brick(put(folder + IMAGE), tasks_of(tmp_path, hosts_in(*OTHERS), hosts_in(*OTHERS, BRICK)))


def test_where_no_host_is_to_be_cut_no_brick_is_asked_for(tmp_path: Path) -> None:
    require_a_brick(tmp_path, [])
    require_a_brick(tmp_path, tasks_of(tmp_path, [], hosts_in(*OTHERS, reasons=16)))


def test_a_host_that_the_catalogue_refused_does_not_speak_for_its_brick(put: Callable[..., Location], tmp_path: Path) -> None:
    refused = hosts_in("9990p000", reasons=16)
    with pytest.raises(InputError, match="none of the 5 bricks"):
        require_a_brick(put(), tasks_of(tmp_path, refused + hosts_in(*OTHERS)))


def test_files_are_read_until_the_first_brick_that_is_there_and_folders_of_s3_are_listed_once(
    s3: S3Store, tmp_path: Path
) -> None:
    s3.put_bytes(f"some/coadd/{BRICK[:3]}/{BRICK}/{IMAGE}", b"")
    there = location(f"s3://{BUCKET}/some")
    first, *rest = tasks_of(tmp_path, hosts_in(BRICK), *[hosts_in(*OTHERS)] * 3)
    rest[0].hosts.unlink()  # type: ignore[union-attr]
    asked = len(s3.requests())
    require_a_brick(there, [first, *rest])
    assert len(s3.requests()) - asked == 2  # the folders of these right ascensions, and the planes
    asked = len(s3.requests())
    with pytest.raises(InputError):
        require_a_brick(there, rest[1:])
    assert len(s3.requests()) - asked == 3  # coadd/000/, 000/ and the folder itself
