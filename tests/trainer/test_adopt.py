"""The job adopt: what a user types, what stands afterwards, what is told, and that every other job reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from schemas.array_codec import decode_arrays
from schemas.contract_files import read_table
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError, run_job
from schemas.run_record import RunError, read_run
from schemas.scores import SCORES
from tests.trainer.adopting.foreign_files import (
    ForeignNetwork,
    asked,
    awake,
    blob_of,
    images_of,
    sky_header,
    stamp_row,
    write_checkpoint,
    write_cube,
    write_file,
    write_foreign,
)
from tests.trainer.tiny_training import train_tiny, write_settings
from trainer import autopsy, check_anchors, evaluate, gate_data, report, score
from trainer.adopt import JOB, build_parser, main

MIDDLE = 31.5


@pytest.fixture(scope="module")
def stamps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Adopted stamps of 64 pixels; read only."""
    root = tmp_path_factory.mktemp("adopted")
    source = write_foreign(root / "theirs", {"train": 24, "val": 12, "test": 12}, files=2)
    assert main(["--stamps", str(source), "--out", str(root / "stamps"), "--workers", "1"]) == 0
    return root / "stamps"


@pytest.fixture(scope="module")
def network() -> ForeignNetwork:
    return awake(ForeignNetwork())


@pytest.fixture(scope="module")
def checkpoint(network: ForeignNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network, adopted; read only."""
    root = tmp_path_factory.mktemp("network")
    write_checkpoint(root / "best.pt", network)
    assert main(["--checkpoint", str(root / "best.pt"), "--out", str(root / "adopted.pt")]) == 0
    return root / "adopted.pt"


def adopt_small(source: Path, out: Path) -> int:
    return main(["--stamps", str(source), "--out", str(out), "--size", "8", "--workers", "1"])


def test_every_row_is_told_of_and_the_record_says_how_they_were_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [stamp_row(n, "train", 8) for n in range(8)]
    rows[1]["stamp_npz"], rows[2]["cutout_ok"] = blob_of({"r": images_of(0, 8)["r"]}), 0
    write_file(tmp_path / "in" / "region_split=train" / "part.parquet", rows)
    write_file(tmp_path / "in" / "region_split=test" / "part.parquet", [stamp_row(n, "test", 8) for n in range(3)])
    assert adopt_small(tmp_path / "in", tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "dhs adopt: 11 rows of 2 files: 9 usable (train 3 control, 3 lens; test 1 control, 2 lens), 2 refused" in told
    assert "(BAND_MISSING 1, SAID_UNUSABLE 1); 20 columns read, 37 left, named in _run.json; absent: none; " in told
    record = read_run(tmp_path / "out")
    assert record["recipe_name"] == "adopted" and len(record["recipe_hash"]) == 16 and record["rows"] == 2 * 11
    assert record["settings"]["rules"]["psf_depth"] == "as it is: AB mag"
    assert "manifest_00" in record["columns"]["left"] and "psfdepth_r" in record["columns"]["read"]
    assert record["counts"]["reasons"] == {"BAND_MISSING": 1, "SAID_UNUSABLE": 1}


def test_the_same_command_again_changes_nothing_and_goes_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_foreign(tmp_path / "in", {"train": 6, "val": 4}, 8), tmp_path / "out"
    adopt_small(source, out)
    files = {path: path.read_bytes() for path in out.rglob("*.parquet")}
    when = {path: path.stat().st_mtime_ns for path in files}
    assert adopt_small(source, out) == 0
    assert "it stood already, finished" in capsys.readouterr().out
    (out / "_run.json").unlink()
    gone = out / "split=val" / "adopted-00001.parquet"
    gone.unlink()
    assert adopt_small(source, out) == 0
    assert {path: path.read_bytes() for path in out.rglob("*.parquet")} == files
    kept = out / "split=train" / "adopted-00000.parquet"
    assert kept.stat().st_mtime_ns == when[kept]


def test_a_source_that_changed_and_other_rules_are_another_run(tmp_path: Path) -> None:
    source, out = write_foreign(tmp_path / "in", {"train": 6}, 8), tmp_path / "out"
    adopt_small(source, out)
    with pytest.raises(RunError, match=r"out holds another run: .*arc_snr"):
        main(["--stamps", str(source), "--out", str(out), "--size", "8", "--arc-snr", "matched"])
    os.utime(source / "region_split=train" / "part-00000.parquet", ns=(1, 1))
    with pytest.raises(RunError, match=r"out holds another run: settings was .*region_split=train/part-00000\.parquet"):
        adopt_small(source, out)


def test_rows_of_which_none_can_be_used_are_written_and_exit_with_1(tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", {"train": 6}, 16)
    assert adopt_small(source, tmp_path / "out") == 1
    assert read_run(tmp_path / "out")["counts"]["reasons"] == {"OTHER_SIZE": 6}


def test_a_network_trains_on_adopted_stamps(tmp_path: Path) -> None:
    source = write_foreign(tmp_path / "in", {"train": 32, "val": 16}, 16)
    assert main(["--stamps", str(source), "--out", str(tmp_path / "stamps"), "--size", "16", "--workers", "1"]) == 0
    assert train_tiny(tmp_path / "stamps", tmp_path / "training", write_settings(tmp_path, epochs=1)) == 0


def test_the_adopted_network_scores_adopted_stamps_as_the_foreign_one_does(
    stamps: Path, checkpoint: Path, network: ForeignNetwork, tmp_path: Path
) -> None:
    scores, metrics = tmp_path / "scores", tmp_path / "metrics.json"
    asked_for = ["--stamps", str(stamps), "--checkpoint", str(checkpoint), "--out", str(scores)]
    assert score.main([*asked_for, "--device", "cpu", "--workers", "0"]) == 0
    said = {}
    for path in scores.rglob("split=test/*.parquet"):
        table = read_table(path, SCORES)
        said |= dict(zip(table["task_id"].to_pylist(), table["logit"].to_pylist(), strict=True))
    rows = [stamp_row(n, "test") for n in range(12)]
    images = np.stack([np.stack(list(images_of(n // 2, 64, 0.0 if n % 2 else 0.04).values())) for n in range(12)])
    wanted = asked(network, images, np.array([[row["psfsize_r"], row["psfdepth_r"]] for row in rows]))
    np.testing.assert_allclose([said[row["task_id"]] for row in rows], wanted, atol=1e-5)
    assert evaluate.main(["--scores", str(scores), "--out", str(metrics), "--draws", "50"]) == 0
    page = tmp_path / "report.html"
    assert report.main(["--stamps", str(stamps), "--scores", str(scores), "--metrics", str(metrics), "--out", str(page)]) == 0
    assert "adopted" in page.read_text()


def test_the_gate_on_splits_sees_the_galaxies_that_stand_in_two(
    stamps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gate_data.main(["--stamps", str(stamps), "--out", str(tmp_path / "gates"), "--draws", "20"]) == 1
    assert "1 fail, " in (told := capsys.readouterr().out) and "(failed: split_leaks)" in told


def cube(seed: int, galaxy: bool) -> Any:
    radius = np.hypot(*(np.indices((64, 64)) - MIDDLE))
    light = 20 * np.exp(-(radius**2) / 18) / (18 * np.pi) * galaxy
    return (light + np.random.default_rng(seed).normal(0, 0.003, (3, 64, 64))).astype(np.float32)


def test_adopted_anchors_are_checked_and_scored(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = ["name,ra,dec,mag_r,psfsize_r,psfdepth_r"]
    for n in range(24):
        write_cube(tmp_path / "lenses" / f"L{n}.fits", cube(n, True), sky_header(100 + n, 1))
        write_cube(tmp_path / "sky" / f"L{n}.fits", cube(n + 50, False), sky_header(100 + n, 1.05))
        lines.append(f"L{n},{100 + n},1,19.2,1.2,23.8")
    (tmp_path / "list.csv").write_text("\n".join(lines))
    known, sky = tmp_path / "known", tmp_path / "random"
    command = ["--anchors", str(tmp_path / "lenses"), "--catalogue", str(tmp_path / "list.csv"), "--out", str(known)]
    assert main(command) == main(command) == main(["--anchors", str(tmp_path / "sky"), "--out", str(sky)]) == 0
    assert "dhs adopt: 24 cubes: 24 usable, 0 refused; 24 with a known depth; 0 of the list without a cube, 0 cubes not" in (
        capsys.readouterr().out
    )
    tables = {"anchors": known / "anchors", "cutouts": known / "cutouts", "random-sky": sky / "cutouts"}
    given = [word for name, path in tables.items() for word in (f"--{name}", str(path))]
    assert check_anchors.main([*given, "--out", str(tmp_path / "integrity")]) == 0
    asked_for = ["--cutouts", str(known / "cutouts"), "--checkpoint", str(checkpoint), "--out", str(tmp_path / "scores")]
    assert score.main([*asked_for, "--device", "cpu", "--workers", "0"]) == 0
    assert read_run(tmp_path / "scores")["rows"] == 24
    (path,) = (known / "cutouts").glob("*.parquet")
    row = read_table(path, CUTOUTS).to_pylist()[3]
    np.testing.assert_array_equal(decode_arrays(row["cutout_npz"])["image_z"], cube(3, True)[2])


def test_the_autopsy_of_the_owners_own_files_says_what_was_wrong_with_them(
    stamps: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cubes of empty sky under the names of lenses: the failed experiment in small."""
    for n in range(24):
        write_cube(tmp_path / "lenses" / f"L{n}.fits", cube(n, False), sky_header(100 + n, 1))
        write_cube(tmp_path / "sky" / f"L{n}.fits", cube(n + 50, False), sky_header(100 + n, 1.05))
    lines = ["name,ra,dec,mag_r,psfsize_r,psfdepth_r", *(f"L{n},{100 + n},1,19.2,1.2,23.8" for n in range(24))]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    known, sky = tmp_path / "known", tmp_path / "random"
    command = ["--anchors", str(tmp_path / "lenses"), "--catalogue", str(tmp_path / "list.csv"), "--out", str(known)]
    assert main(command) == main(["--anchors", str(tmp_path / "sky"), "--out", str(sky)]) == 0
    tables = {"anchors": known / "anchors", "cutouts": known / "cutouts", "random-sky": sky / "cutouts"}
    given = [word for name, path in tables.items() for word in (f"--{name}", str(path))]
    assert check_anchors.main([*given, "--out", str(tmp_path / "integrity")]) == 1
    tables = {"anchors": known / "anchors", "anchor-cutouts": known / "cutouts", "random-sky-cutouts": sky / "cutouts"}
    tables |= {"integrity": tmp_path / "integrity", "stamps": stamps, "checkpoint": checkpoint, "out": tmp_path / "autopsy"}
    capsys.readouterr()
    given = [word for name, path in tables.items() for word in (f"--{name}", str(path))]
    assert autopsy.main([*given, "--device", "cpu", "--draws", "20"]) == 0
    said = capsys.readouterr().out
    assert "no recall: the anchors were not accepted" in said and "anchors/negatives: position" in said


def test_a_directory_of_something_else_is_not_filled(tmp_path: Path) -> None:
    write_cube(tmp_path / "lenses" / "A.fits", cube(1, True), sky_header(100, 1))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").touch()
    with pytest.raises(InputError, match="out holds files of something else; wanted an empty directory"):
        main(["--anchors", str(tmp_path / "lenses"), "--out", str(tmp_path / "out")])


def test_what_was_assumed_of_a_checkpoint_is_told(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = checkpoint.with_name("best.pt")
    flags = ["--activation", "gelu", "--metadata-linear", "--metadata-first"]
    assert main(["--checkpoint", str(foreign), "--out", str(tmp_path / "other.pt"), *flags]) == 0
    assert "gelu in the head, the metadata branch does not end in one, joined metadata, then image features" in (
        capsys.readouterr().out
    )
    settings = torch.load(tmp_path / "other.pt", weights_only=True)["settings"]["network"]
    assert (settings["head_activation"], settings["metadata_activated"]) == ("gelu", False)
    with pytest.raises(InputError, match="is the checkpoint itself; wanted another file"):
        main(["--checkpoint", str(foreign), "--out", str(foreign)])
    with pytest.raises(InputError, match="is a directory; wanted the name of a file"):
        main(["--checkpoint", str(foreign), "--out", str(tmp_path)])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--stamps", "a", "--bands", "grz"], "--bands was given with --stamps, which it does not belong to; see --help"),
        (["--anchors", "a", "--depth", "mag"], "--depth was given with --anchors"),
        (["--checkpoint", "a", "--workers", "2"], "--workers was given with --checkpoint"),
        (["--stamps", "a", "--metadata-first"], "--metadata-first was given with --stamps"),
        (["--stamps", "a", "--size", "4"], "--size 4 --workers None; wanted 8 to 512 pixels, and one worker or more"),
        (["--stamps", "a", "--workers", "0"], "--workers 0; wanted 8 to 512 pixels, and one worker or more"),
        (["--anchors", "a", "--columns", "b.yaml"], "--columns describes a list given with --catalogue; wanted both"),
    ],
)
def test_flags_that_do_not_go_together_are_told(tmp_path: Path, words: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        main([*words, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


def test_bad_input_is_one_line_and_exit_code_2_and_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for what in ("--stamps", "--anchors", "--checkpoint"):
        assert run_job(JOB, main, [what, str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 2
        told = capsys.readouterr().err
        assert told.startswith("dhs adopt: error: ") and told.count("\n") == 1 and "none" in told
    assert not list(tmp_path.iterdir())


def test_one_of_three_things_is_wanted() -> None:
    for words in ([], ["--stamps", "a", "--anchors", "b"]):
        with pytest.raises(SystemExit):
            build_parser().parse_args([*words, "--out", "c"])
