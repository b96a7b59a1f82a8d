"""Lists of bricks become the files that the survey has of each, under the names that cut_hosts looks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.job_entry import InputError
from spark_jobs.transforms.fetching.brick_urls import bricks_of_hosts, count_files, files_of_bricks, read_brick_names
from spark_jobs.transforms.survey.brick_files import find_plane
from tests.spark_jobs.small_hosts import host_row, write_hosts_run

COADD = "https://survey.test/dr10/south/coadd"


def test_the_files_of_a_brick_lie_where_the_survey_keeps_them() -> None:
    wanted = list(files_of_bricks(COADD, ["0591m305"], ("g", "z")))
    assert wanted[0].url == f"{COADD}/059/0591m305/legacysurvey-0591m305-image-g.fits.fz"
    assert [one.path.removeprefix("coadd/059/0591m305/legacysurvey-0591m305-") for one in wanted] == [
        *("image-g.fits.fz", "invvar-g.fits.fz", "psfsize-g.fits.fz"),
        *("image-z.fits.fz", "invvar-z.fits.fz", "psfsize-z.fits.fz", "maskbits.fits.fz"),
    ]
    assert len(wanted) == count_files(1, ("g", "z"))


def test_each_file_is_found_by_the_job_that_cuts(tmp_path: Path) -> None:
    for wanted in files_of_bricks(COADD, ["0591m305"], ("r",)):
        (tmp_path / wanted.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / wanted.path).touch()
    assert all(find_plane(tmp_path, "0591m305", kind, "r") for kind in ("image", "invvar", "psfsize"))
    assert find_plane(tmp_path, "0591m305", "maskbits")


def test_a_list_of_bricks_may_have_remarks_and_repeats(tmp_path: Path) -> None:
    path = tmp_path / "bricks.txt"
    path.write_text("# south\n0591m305\n\n 1500p020  # COSMOS\n0591m305\n")
    assert read_brick_names(path) == ["0591m305", "1500p020"]


@pytest.mark.parametrize(
    "name",
    ["../../../x", "0591m305/..", "/0591m305", "0591m3055", "0591x305", "059\u0661m305", "0591m305 1500p020", "0591M305"],
)
def test_a_name_that_is_no_bricks_is_refused_with_its_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bricks.txt"
    path.write_text(f"1500p020\n{name}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"bricks\.txt line 2: .* is not a brick's name; wanted one such as 0591m305"):
        read_brick_names(path)


@pytest.mark.parametrize("content", [b"", b"# none\n", b"\xff\xfe0591"])
def test_a_list_without_bricks_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bricks.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"names no brick|cannot be read"):
        read_brick_names(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_brick_names(tmp_path / "none.txt")


def test_the_bricks_of_hosts_are_those_in_which_one_would_be_cut(tmp_path: Path) -> None:
    rows = [host_row(1, 1.0, 2.0, "1500p020"), host_row(2, 1.0, 2.0, "0591m305"), host_row(3, 1.0, 2.0, "1500p020")]
    refused = host_row(4, 1.0, 2.0, "2000p100", reasons=1)
    run = write_hosts_run(tmp_path / "hosts", {"hosts/a.parquet": rows[:2], "hosts/b.parquet": [rows[2], refused]})
    assert bricks_of_hosts(run) == ["0591m305", "1500p020"]


@pytest.mark.parametrize(
    ("brick", "reasons", "told"), [("../../etc", 0, "hosts in brick '../../etc'"), ("1500p020", 1, "no host")]
)
def test_hosts_that_name_no_brick_are_refused(brick: str, reasons: int, told: str, tmp_path: Path) -> None:
    run = write_hosts_run(tmp_path / "hosts", {"a.parquet": [host_row(1, 1.0, 2.0, brick, reasons=reasons)]})
    with pytest.raises(InputError, match=told):
        bricks_of_hosts(run)
