"""The job cut-hosts: a plan or a selection in, one cutouts file a hosts file out, whatever the partitions or the faults."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest

from schemas.array_codec import decode_arrays
from schemas.contract_files import open_parquet, read_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import EXIT_BAD_INPUT, InputError, run_job
from schemas.refusal_reasons import names_of
from schemas.run_record import FINISHED_NAME, RunError, read_run, run_files
from spark_jobs.cut_hosts import build_parser, main
from tests.spark_jobs.small_brick import BRICK, noise_planes, plane_path, sky_of, write_brick
from tests.spark_jobs.small_hosts import host_row, write_hosts_run

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]
OTHER = "0591m308"


@pytest.fixture(scope="module")
def bricks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_brick(tmp_path_factory.mktemp("bricks"), noise_planes("gr"))
    unmasked = {name: plane for name, plane in noise_planes("gr").items() if name != "maskbits"}
    return write_brick(root, unmasked, brick=OTHER)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three shards: good hosts of two bricks mixed, a host of each fault, and none."""
    mixed = [host_row(n, *sky_of(60 + 20 * n, 100), BRICK if n % 2 else OTHER) for n in range(8)]
    faulty = [host_row(10, *sky_of(5, 5), BRICK), host_row(11, *sky_of(99, 99), "0123p456")]
    faulty.append(host_row(12, *sky_of(100, 100), BRICK, reasons=16))
    files = {f"hosts/shard-0000{n}.parquet": rows for n, rows in enumerate((mixed, faulty, []))}
    return write_hosts_run(tmp_path_factory.mktemp("plan") / "plan", files)


def rows_in(directory: Path) -> list[dict[str, Any]]:
    return [row for path in run_files(directory, CUTOUTS) for row in read_table(path, CUTOUTS).to_pylist()]


def cut(plan: Path, bricks: Path, out: Path, *options: str) -> list[dict[str, Any]]:
    assert main(["--hosts", str(plan), "--bricks", str(bricks), "--out", str(out), "--bands", "gr", *options]) == 0
    return rows_in(out)


def test_every_host_has_a_row_in_the_file_of_its_shard(
    plan: Path, bricks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = cut(plan, bricks, tmp_path / "cutouts")
    files = run_files(tmp_path / "cutouts", CUTOUTS)
    assert [path.name for path in files] == [f"shard-0000{n}.parquet" for n in range(3)]
    assert [read_table(path, CUTOUTS).num_rows for path in files] == [8, 3, 0]
    assert [row["host_id"] for row in rows[:8]] == [f"9010-1-{n}" for n in (0, 2, 4, 6, 1, 3, 5, 7)]  # brick by brick
    assert all(decode_arrays(row["cutout_npz"])["image_r"].shape == (64, 64) for row in rows[:8])
    assert {row["host_id"]: names_of(row["reasons"]) for row in rows[8:]} == {
        "9010-1-10": ["OVER_BRICK_EDGE"],
        "9010-1-11": ["BRICK_MISSING"],
        "9010-1-12": ["NEAR_CELL_BORDER"],
    }
    assert {row[name] for row in rows[8:] for name in ("x_centre_pix", "masked_fraction", "uncovered_fraction")} == {None}
    told = capsys.readouterr().out
    assert "11 hosts in 3 bricks: 8 usable, 3 refused (BRICK_MISSING 1, NEAR_CELL_BORDER 1, OVER_BRICK_EDGE 1)" in told
    assert "1 bricks have no maskbits plane and count as unmasked" in told
    assert "; 1 bricks are spoiled (BRICK_MISSING 1), all named in _run.json, first: brick 0123p456: no image-g" in told
    assert read_run(tmp_path / "cutouts")["counts"]["spoiled_bricks"] == {"BRICK_MISSING": ["0123p456"]}
    assert read_run(tmp_path / "cutouts")["counts"]["bricks_without_maskbits"] == 1


def test_partitions_and_the_way_of_reading_change_nothing(plan: Path, bricks: Path, tmp_path: Path) -> None:
    reference = cut(plan, bricks, tmp_path / "a", "--partitions", "1")
    found = cut(plan, bricks, tmp_path / "b", "--partitions", "7", "--whole-plane-above", "0")
    assert [row["cutout_npz"] for row in found] == [row["cutout_npz"] for row in reference]
    assert found == reference


def test_the_output_of_select_hosts_serves_as_well_as_a_plan(bricks: Path, tmp_path: Path) -> None:
    hosts = write_hosts_run(tmp_path / "hosts", {"sweep-a.parquet": [host_row(0, *sky_of(100, 100), BRICK)]})
    (row,) = cut(hosts, bricks, tmp_path / "out", "--size", "33")
    assert row["size_pix"] == 33
    assert abs(row["x_centre_pix"] - 16) <= 0.5
    assert decode_arrays(row["cutout_npz"])["image_g"].shape == (33, 33)


def test_a_broken_brick_refuses_its_own_hosts_and_no_others(bricks: Path, plan: Path, tmp_path: Path) -> None:
    write_brick(tmp_path, noise_planes("gr"))
    write_brick(tmp_path, noise_planes("gr"), brick=OTHER)
    path = plane_path(tmp_path, "invvar-r", OTHER)
    path.write_bytes(path.read_bytes()[:9000])
    rows = cut(plan, tmp_path, tmp_path / "out")
    assert [names_of(row["reasons"]) for row in rows[:8]] == [["BRICK_UNREADABLE"]] * 4 + [[]] * 4
    assert "invvar-r.fits.fz cannot be read" in read_run(tmp_path / "out")["counts"]["faults"][0]


def test_every_spoiled_brick_is_named_once_by_a_run_that_was_broken_off_too(
    bricks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = [f"{number:04d}p000" for number in range(130)]  # more than faults are told in words
    rows = [host_row(number, *sky_of(100, 100), brick) for number, brick in enumerate([*missing, BRICK])]
    hosts = write_hosts_run(tmp_path / "hosts", {f"hosts/shard-0000{n}.parquet": rows[n * 60 :] for n in range(2)})
    out = tmp_path / "out"
    for _ in range(2):
        cut(hosts, bricks, out)
        assert read_run(out)["counts"]["spoiled_bricks"] == {"BRICK_MISSING": missing}
        assert "; 130 bricks are spoiled (BRICK_MISSING 130), all named in _run.json" in capsys.readouterr().out
        (out / FINISHED_NAME).unlink()


def test_a_folder_without_any_of_the_bricks_is_an_error_and_no_run_of_refused_hosts(
    plan: Path, bricks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, out = tmp_path / "dr10", tmp_path / "out"
    (wrong / "north" / "coadd").mkdir(parents=True)
    words = ["--hosts", str(plan), "--bricks", str(wrong), "--out", str(out), "--bands", "gr"]
    assert run_job("cut-hosts", main, words) == EXIT_BAD_INPUT
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"dhs cut-hosts: error: none of the 3 bricks of the hosts is below {wrong}; wanted the folder that")
    assert not out.exists()
    assert cut(plan, bricks, out)  # the same directory serves once the path is right


def test_a_run_broken_off_goes_on_without_bricks_only_where_none_is_asked_for_any_more(
    plan: Path, bricks: Path, tmp_path: Path
) -> None:
    sky, out = copytree(bricks, tmp_path / "sky"), tmp_path / "out"
    reference = cut(plan, sky, out)
    rmtree(sky / "coadd")  # what was mounted there is not
    (out / FINISHED_NAME).unlink()
    assert cut(plan, sky, out) == reference
    (out / FINISHED_NAME).unlink()
    (out / "shard-00000.parquet").unlink()
    with pytest.raises(InputError, match="none of the 3 bricks of the hosts is below"):
        cut(plan, sky, out)
    assert not (out / "shard-00000.parquet").exists() and not (out / FINISHED_NAME).exists()


def test_a_run_broken_off_before_its_missing_bricks_goes_on_as_it_would_have(bricks: Path, tmp_path: Path) -> None:
    files = {"hosts/a.parquet": [host_row(1, *sky_of(150, 150), BRICK)], "hosts/b.parquet": [host_row(2, 1.0, 2.0, "0999p000")]}
    hosts, out = write_hosts_run(tmp_path / "hosts", files), tmp_path / "out"
    reference = cut(hosts, bricks, out)
    assert [names_of(row["reasons"]) for row in reference] == [[], ["BRICK_MISSING"]]
    (out / FINISHED_NAME).unlink()
    (out / "b.parquet").unlink()
    (out / "deep").mkdir()
    (out / "deep" / "b.parquet").write_bytes((out / "a.parquet").read_bytes())  # of that name, and not that file
    assert cut(hosts, bricks, out) == reference


def test_blobs_lie_in_row_groups_that_a_reader_can_hold(bricks: Path, tmp_path: Path) -> None:
    rows = [host_row(n, *sky_of(100 + 0.2 * n, 150), BRICK) for n in range(600)]
    hosts = write_hosts_run(tmp_path / "hosts", {"hosts/shard-00000.parquet": rows})
    found = cut(hosts, bricks, tmp_path / "out", "--size", "16")
    assert [row["host_id"] for row in found] == [row["host_id"] for row in rows]
    with open_parquet(tmp_path / "out" / "shard-00000.parquet", CUTOUTS) as file:
        assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [256, 256, 88]


def test_a_finished_run_is_left_alone_a_half_finished_one_is_finished_and_another_is_refused(
    plan: Path, bricks: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    reference = cut(plan, bricks, out)
    cut(plan, bricks, out, "--whole-plane-above", "3")  # how pixels are read is not what the run is
    assert "holds this run already, finished: 11 rows; nothing to do" in capsys.readouterr().out
    (out / FINISHED_NAME).unlink()
    (out / "shard-00000.parquet").unlink()
    stands = (out / "shard-00001.parquet").stat().st_mtime_ns
    assert cut(plan, bricks, out) == reference
    assert (out / "shard-00001.parquet").stat().st_mtime_ns == stands
    with pytest.raises(RunError, match="holds another run"):
        cut(plan, bricks, out, "--size", "32")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--size", "4"], "--size 4 pix; wanted 8 to 512"),
        (["--partitions", "0"], "--partitions 0; wanted 1 or more"),
        (["--max-masked-fraction", "1.5"], "max_masked_fraction"),
        (["--whole-plane-above", "-1"], "whole_plane_above"),
        (["--bands", "gu"], "bands 'gu'"),
        (["--bricks", "nowhere"], "--bricks nowhere is not a folder"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(
    plan: Path, bricks: Path, tmp_path: Path, options: list[str], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        main(["--hosts", str(plan), "--bricks", str(bricks), "--out", str(tmp_path / "out"), *options])
    assert not (tmp_path / "out").exists()


def test_hosts_of_an_unfinished_run_are_refused(bricks: Path, tmp_path: Path) -> None:
    (tmp_path / "hosts").mkdir()
    with pytest.raises(RunError, match="holds no run"):
        cut(tmp_path / "hosts", bricks, tmp_path / "out")


def test_the_help_shows_an_example_and_units() -> None:
    text = build_parser().format_help()
    assert "dhs cut-hosts --hosts plan" in text
    assert "PIX" in text


def test_hosts_and_anchors_at_once_are_refused_in_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--hosts", "a", "--anchors", "b", "--bricks", "c", "--out", "d"])
    assert "not allowed with argument" in capsys.readouterr().err
