"""One hosts file to one cutouts file, without Spark: passes over a brick change nothing, a file that stands is left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.contract_files import Provenance, read_table
from schemas.cutouts import CUTOUTS
from schemas.locations import location
from spark_jobs.survey_settings import load_survey
from spark_jobs.transforms.survey import cutout_files
from spark_jobs.transforms.survey.brick_cutouts import BrickStamps, CutoutSettings, cut_brick
from spark_jobs.transforms.survey.cutout_files import CutoutTask, write_cutouts
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_brick import BRICK, noise_planes, sky_of, write_brick
from tests.spark_jobs.small_hosts import host_row, write_hosts_run


def test_a_brick_cut_in_several_passes_gives_the_rows_of_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [host_row(n, *sky_of(60 + 9 * n, 120), BRICK, reasons=4 * (n % 3 == 0)) for n in range(10)]
    hosts = write_hosts_run(tmp_path / "plan", {"hosts/a.parquet": rows}) / "hosts" / "a.parquet"
    settings = CutoutSettings(write_brick(tmp_path, noise_planes("g")), load_survey("legacy_dr10"), 32, ("g",))
    once = write_cutouts(settings, Provenance("test"), CutoutTask(hosts, tmp_path / "once" / "a.parquet"))
    monkeypatch.setattr(cutout_files, "_BYTES_AT_ONCE", 3 * 32 * 32 * 4 * 3)  # three hosts a pass
    assert write_cutouts(settings, Provenance("test"), CutoutTask(hosts, tmp_path / "passes" / "a.parquet")) == once
    found = [read_table(tmp_path / name / "a.parquet", CUTOUTS).to_pylist() for name in ("once", "passes")]
    assert found[0] == found[1]
    assert [row["host_id"] for row in found[1]] == [row["host_id"] for row in rows]


def test_a_file_that_stands_is_left_and_its_account_is_the_same(tmp_path: Path) -> None:
    hosts = write_hosts_run(tmp_path / "plan", {"hosts/a.parquet": [host_row(0, *sky_of(99, 99), BRICK)]}) / "hosts/a.parquet"
    planes = {name: plane for name, plane in noise_planes("g").items() if name != "maskbits"}
    settings = CutoutSettings(write_brick(tmp_path, planes), load_survey("legacy_dr10"), 32, ("g",))
    task = CutoutTask(hosts, tmp_path / "a.parquet")
    first = write_cutouts(settings, Provenance("test"), task)
    stands = task.cutouts.stat().st_mtime_ns
    assert write_cutouts(settings, Provenance("test"), replace(task, stands=True)) == first
    assert task.cutouts.stat().st_mtime_ns == stands
    assert first.without_maskbits == (BRICK,)


@pytest.mark.parametrize("below", ["", "coadd/", "flat"])
def test_a_brick_in_s3_gives_the_cutouts_that_it_gives_on_disk_and_is_not_kept(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "scratch"))
    hosts = write_hosts_run(tmp_path / "plan", {"hosts/a.parquet": [host_row(0, *sky_of(99, 99), BRICK)]}) / "hosts/a.parquet"
    planes = {name: plane for name, plane in noise_planes("g").items() if name != "maskbits"}
    root = write_brick(tmp_path / "sky", planes)
    task, prefix = CutoutTask(hosts, tmp_path / "a" / "a.parquet"), f"bricks-{below.strip('/')}"
    for plane in root.rglob("*.fits.fz"):
        name = plane.name if below == "flat" else f"{below}{BRICK[:3]}/{BRICK}/{plane.name}"
        s3.put_bytes(f"{prefix}/{name}", plane.read_bytes())
    settings = CutoutSettings(root, load_survey("legacy_dr10"), 32, ("g",))
    there = replace(settings, bricks=location(f"s3://{BUCKET}/{prefix}"))
    first = write_cutouts(settings, Provenance("test"), task)
    assert first.without_maskbits == (BRICK,) and first.faults == ()
    assert write_cutouts(there, Provenance("test"), task) == first
    assert write_cutouts(there, Provenance("test"), replace(task, stands=True)) == first
    assert list((tmp_path / "scratch").iterdir()) == []
    two = replace(there, bands=("g", "r"))
    (fault,) = write_cutouts(two, Provenance("test"), replace(task, cutouts=tmp_path / "b.parquet")).faults
    assert fault == f"brick {BRICK}: no image-r, invvar-r below s3://{BUCKET}/{prefix}"


def test_copies_of_one_brick_lie_here_at_a_time_and_of_planes_that_are_not_asked_for_only_the_name(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path / "scratch"))
    bricks = (BRICK, "0591m308", "0591m310")
    rows = [host_row(n, *sky_of(99, 99), brick) for n, brick in enumerate(bricks)]
    hosts = write_hosts_run(tmp_path / "plan", {"hosts/a.parquet": rows}) / "hosts/a.parquet"
    for brick in bricks:
        write_brick(tmp_path / "sky", noise_planes("gz", side=200), brick=brick)
    seen = []

    def watched(settings: CutoutSettings, brick: str, *sky: Any) -> BrickStamps:
        seen.append({path.name: path.stat().st_size for path in (tmp_path / "scratch").rglob("*.fz")})
        return cut_brick(settings, brick, *sky)

    monkeypatch.setattr(cutout_files, "cut_brick", watched)
    settings = CutoutSettings(location(s3.put(tmp_path / "sky", "three")), load_survey("legacy_dr10"), 32, ("g",))
    write_cutouts(settings, Provenance("test"), CutoutTask(hosts, tmp_path / "a.parquet"))
    of_g = [*(f"{kind}-g" for kind in ("image", "invvar", "psfsize")), "maskbits"]
    for brick, copies in zip(bricks, seen, strict=True):
        assert {name for name, size in copies.items() if size} == {f"legacysurvey-{brick}-{plane}.fits.fz" for plane in of_g}
        assert f"legacysurvey-{brick}-image-z.fits.fz" in copies
        assert {name.split("-")[1] for name in copies} == {brick}


def test_a_broken_plane_in_s3_is_named_by_its_address(s3: S3Store, tmp_path: Path) -> None:
    hosts = write_hosts_run(tmp_path / "plan", {"hosts/a.parquet": [host_row(0, *sky_of(99, 99), BRICK)]}) / "hosts/a.parquet"
    root = write_brick(tmp_path / "sky", noise_planes("g"))
    for plane in root.rglob("*.fits.fz"):
        whole = plane.read_bytes()
        s3.put_bytes(f"broken/{plane.name}", whole[:3000] if "image" in plane.name else whole)
    settings = CutoutSettings(location(f"s3://{BUCKET}/broken"), load_survey("legacy_dr10"), 32, ("g",))
    (fault,) = write_cutouts(settings, Provenance("test"), CutoutTask(hosts, tmp_path / "a.parquet")).faults
    assert fault.startswith(f"s3://{BUCKET}/broken/legacysurvey-{BRICK}-image-g.fits.fz cannot be read")
