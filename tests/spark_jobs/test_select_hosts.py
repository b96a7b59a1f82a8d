"""The job select-hosts: real sweeps, duplicates across files, empty and broken sweeps, finished and half-finished runs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_BAD_INPUT, InputError, run_job
from schemas.locations import files_below, location, relative_path
from schemas.refusal_reasons import names_of
from schemas.run_record import FINISHED_NAME, RunError, read_run, run_files
from spark_jobs import select_hosts
from spark_jobs.select_hosts import WORK, build_parser, find_sweeps, main
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_sweep import DEC, RA, galaxy, write_sweep

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark")]


def hosts_in(directory: Path) -> list[dict[str, Any]]:
    return [row for path in run_files(directory, HOSTS) for row in read_table(path, HOSTS).to_pylist()]


def test_the_real_sweeps_give_their_red_galaxies(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anchors = shared_data / "anchors"
    lists = ["--known-lenses", str(anchors / "lenscat_confident_galaxy.csv"), "--anchors", str(anchors / "slacs_bells.csv")]
    assert main(["--sweeps", str(shared_data / "sweep"), "--out", str(tmp_path / "hosts"), *lists]) == 0
    found = hosts_in(tmp_path / "hosts")
    assert [host["host_id"] for host in found] == ["8000-321640-69", "8000-321640-99"]
    assert [host["lrg_cuts"] for host in found] == [0b11000, 0b11111]
    assert [path.name for path in run_files(tmp_path / "hosts", HOSTS)] == [
        f"sweep-{name}.parquet" for name in ("310m005-320p000", "320m005-330p000", "330m005-340p000")
    ]
    assert read_run(tmp_path / "hosts")["counts"] == {"sweep_rows": 18, "refused": {}, "usable": 2}
    assert "18 catalogue rows in 3 sweeps; 2 hosts of cut v5: 2 usable, 0 refused" in capsys.readouterr().out
    assert not (tmp_path / "hosts" / WORK).exists()


def test_the_real_tractor_files_can_be_named_and_a_stricter_cut_asked(shared_data: Path, tmp_path: Path) -> None:
    files = sorted(str(path) for path in (shared_data / "sweep").glob("tractor-*.fits"))
    main(["--sweeps", *files, "--out", str(tmp_path / "hosts"), "--cut", "v3"])
    found = hosts_in(tmp_path / "hosts")
    assert [(host["host_id"], names_of(host["reasons"])) for host in found] == [
        ("8000-327368-0", []),
        ("8000-331689-21", ["CATALOGUE_MASKED"]),
        ("8000-331689-32", ["CATALOGUE_MASKED"]),
    ]


def test_one_object_in_two_sweeps_is_one_host_and_lenses_and_anchors_are_marked(tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    write_sweep(sweeps / "sweep-a.fits", [galaxy(0, BRICKID=9), galaxy(5), galaxy(9, DEC=DEC + 2)])
    write_sweep(sweeps / "sweep-b.fits", [galaxy(0, BRICKID=8, DEC=DEC + 0.3 / 3600)])
    (tmp_path / "known.csv").write_text(f"name,ra_deg,dec_deg\nx,{RA + 0.005},{DEC + 5 / 3600}\n")
    (tmp_path / "anchors.csv").write_text(f"name,ra_deg,dec_deg\ny,{RA},{DEC + 60 / 3600}\n")
    out = tmp_path / "hosts"
    lists = ["--known-lenses", str(tmp_path / "known.csv"), "--anchors", str(tmp_path / "anchors.csv")]
    assert main(["--sweeps", str(sweeps), "--out", str(out), *lists]) == 0
    found = {host["host_id"]: (names_of(host["reasons"]), host["in_anchor_cell"]) for host in hosts_in(out)}
    assert found == {
        "10000-9-0": (["DUPLICATE_HOST"], True),
        "10000-5-5": (["NEAR_KNOWN_LENS"], True),
        "10000-5-9": ([], False),
        "10000-8-0": ([], True),
    }


def test_a_host_on_an_anchor_is_near_a_known_lens(tmp_path: Path) -> None:
    sweep = write_sweep(tmp_path / "sweep-a.fits", [galaxy(0)])
    (tmp_path / "anchors.csv").write_text(f"ra_deg,dec_deg\n{RA},{DEC}\n")
    main(["--sweeps", str(sweep), "--out", str(tmp_path / "out"), "--anchors", str(tmp_path / "anchors.csv")])
    (host,) = hosts_in(tmp_path / "out")
    assert names_of(host["reasons"]) == ["NEAR_KNOWN_LENS"]


def test_an_empty_sweep_is_a_finished_run_without_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = write_sweep(tmp_path / "sweep-a.fits", [])
    assert main(["--sweeps", str(sweep), "--out", str(tmp_path / "out")]) == 0
    assert read_run(tmp_path / "out")["rows"] == 0
    assert hosts_in(tmp_path / "out") == []
    assert "0 catalogue rows in 1 sweeps; 0 hosts of cut v5: 0 usable, 0 refused" in capsys.readouterr().out


def test_every_unusable_sweep_is_named_and_nothing_counts_as_finished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sweep(tmp_path / "s" / "sweep-a.fits", [galaxy(0)])
    write_sweep(tmp_path / "s" / "sweep-b.fits", [galaxy(0)], without=("NOBS_G",))
    (tmp_path / "s" / "sweep-c.fits").write_bytes(b"not a catalogue")
    code = run_job("select-hosts", main, ["--sweeps", str(tmp_path / "s"), "--out", str(tmp_path / "out")])
    told = capsys.readouterr().err
    assert code == 2
    assert "2 of 3 sweeps cannot be used" in told
    assert "sweep-b.fits lacks the columns NOBS_G" in told
    assert "sweep-c.fits is truncated or not a FITS catalogue" in told
    assert not (tmp_path / "out" / FINISHED_NAME).exists()


def test_a_finished_run_is_left_alone_a_half_finished_one_is_finished_and_another_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        write_sweep(tmp_path / "s" / f"sweep-{name}.fits", [galaxy(n, DEC=DEC + ord(name) / 3600) for n in range(4)])
    asked = ["--sweeps", str(tmp_path / "s"), "--out", str(tmp_path / "out")]
    main(asked)
    files = run_files(tmp_path / "out", HOSTS)
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    main(asked)
    assert "holds this run already, finished: 8 rows; nothing to do" in capsys.readouterr().out
    (tmp_path / "out" / FINISHED_NAME).unlink()
    files[1].unlink()
    stands = files[0].stat().st_mtime_ns
    main(asked)
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == before
    assert files[0].stat().st_mtime_ns == stands
    with pytest.raises(RunError, match=r"holds another run: settings was .*'v5'.* and is now .*'v1'"):
        main([*asked, "--cut", "v1"])


def test_sweeps_that_are_not_there_or_clash_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sweep .*gone\.fits is not there"):
        find_sweeps([tmp_path / "gone.fits"])
    with pytest.raises(InputError, match=r"holds no sweep-\*\.fits file"):
        find_sweeps([tmp_path])
    one = write_sweep(tmp_path / "a" / "sweep-a.fits", [])
    other = write_sweep(tmp_path / "b" / "sweep-a.fits", [])
    with pytest.raises(InputError, match=r"share a hosts file: sweep-a\.parquet"):
        find_sweeps([one, other])
    write_sweep(tmp_path / "a" / "sweep-a-pz.fits", [])
    assert find_sweeps([tmp_path / "a"]) == [one]


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--cut", "v9"], "cut 'v9' is not one of survey legacy_dr10"),
        (["--known-radius", "-1"], r"--known-radius -1\.0 arcsec; wanted a positive distance"),
        (["--require-bands", "gri"], "bands 'gri'; wanted some of grz"),
        (["--survey", "nowhere.yaml"], "survey 'nowhere.yaml'"),
        (["--anchors", "nowhere.csv"], r"nowhere\.csv is not there"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_written(
    tmp_path: Path, option: list[str], told: str
) -> None:
    sweep = write_sweep(tmp_path / "sweep-a.fits", [])
    with pytest.raises(InputError, match=told):
        main(["--sweeps", str(sweep), "--out", str(tmp_path / "out"), *option])
    assert not (tmp_path / "out").exists()


def test_the_help_shows_an_example_and_units() -> None:
    text = build_parser().format_help()
    assert "dhs select-hosts --sweeps" in text
    assert "ARCSEC" in text


def test_sweeps_in_s3_give_the_hosts_that_they_give_on_disk_and_no_half_way_file_stays(
    s3: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(select_hosts, "build_session", lambda job: None)
    monkeypatch.setattr(select_hosts, "map_names", lambda spark, items, work, **_: [work(item) for item in items])
    write_sweep(tmp_path / "sweeps" / "sweep-a.fits", [galaxy(0, BRICKID=9), galaxy(5)])
    write_sweep(tmp_path / "sweeps" / "sweep-b.fits.gz", [galaxy(0, BRICKID=8, DEC=DEC + 0.3 / 3600)])
    (tmp_path / "anchors.csv").write_text(f"ra_deg,dec_deg\n{RA},{DEC + 60 / 3600}\n")
    there = s3.put(tmp_path / "sweeps", "sky/sweeps")
    anchors = s3.put_bytes("sky/anchors.csv", (tmp_path / "anchors.csv").read_bytes())
    local = ["--sweeps", str(tmp_path / "sweeps"), "--anchors", str(tmp_path / "anchors.csv"), "--out", str(tmp_path / "hosts")]
    assert main(local) == main(["--sweeps", there, "--anchors", anchors, "--out", f"s3://{BUCKET}/sky/hosts"]) == 0
    out = location(f"s3://{BUCKET}/sky/hosts")
    assert read_run(out)["files"] == read_run(tmp_path / "hosts")["files"]
    assert read_run(out)["settings"] == read_run(tmp_path / "hosts")["settings"]
    assert [relative_path(file, out) for file in files_below(out)] == [
        *("_run.json", "_started.json", "sweep-a.parquet", "sweep-b.parquet")
    ]
    s3.put_bytes("sky/sweeps/sweep-c.fits", b"no catalogue")
    capsys.readouterr()
    assert run_job("select-hosts", main, ["--sweeps", there, "--out", f"s3://{BUCKET}/sky/other"]) == EXIT_BAD_INPUT
    assert f"1 of 3 sweeps cannot be used: {there}/sweep-c.fits is truncated or not a FITS" in capsys.readouterr().err
