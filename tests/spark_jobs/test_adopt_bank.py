"""The job adopt-bank: what is written, told, refused, and left alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from schemas.job_entry import InputError, run_job
from schemas.locations import location
from spark_jobs.adopt_bank import JOB, main
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank
from tests.s3_store import BUCKET, S3Store
from tests.spark_jobs.small_foreign_bank import SIDE, gaussian, write_foreign_bank


def adopt(source: Path, out: Path) -> int:
    return main(["--bank", str(source), "--out", str(out)])


def test_a_foreign_bank_is_read_as_one_of_ours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = np.zeros((SIDE, SIDE), np.float32)
    source, out = write_foreign_bank(tmp_path / "theirs.h5", [gaussian(3.0), empty, gaussian(5.0)]), tmp_path / "bank.h5"
    assert adopt(source, out) == 0
    bank = open_bank(out)
    assert len(bank) == 2 and bank.size_pix == SIDE
    np.testing.assert_allclose(bank.template("adopted-000002"), gaussian(5.0) / gaussian(5.0).sum(), rtol=1e-4, atol=1e-10)
    assert json.loads(bank.attributes["counts"]) == {"seen": 3, "kept": 2, "rejected": {"total flux not positive": 1}}
    assert bank.provenance[1] == "theirs.h5, image 2, as it is, divided by its sum"
    told = capsys.readouterr().out
    assert "2 templates of 3 galaxies; rejected: 1 total flux not positive; median half-light radius 0.14 arcsec" in told
    assert "where an even square has 1.15; in " in told


def test_a_bank_of_noise_that_was_cut_at_zero_is_told_by_its_radius(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    noise = [np.maximum(rng.normal(0, 1, (SIDE, SIDE)), 0).astype(np.float32) for _ in range(3)]
    assert adopt(write_foreign_bank(tmp_path / "noise.h5", noise), tmp_path / "bank.h5") == 0
    assert "where an even square has 1.15; ABOUT AS SPREAD OUT: its light may be noise" in capsys.readouterr().out


def test_the_same_bank_again_is_left_alone_and_another_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = write_foreign_bank(tmp_path / "theirs.h5", [gaussian(3.0)]), tmp_path / "bank.h5"
    adopt(source, out)
    before = out.read_bytes()
    assert adopt(source, out) == 0
    assert out.read_bytes() == before and "holds this bank already: 1 templates" in capsys.readouterr().out
    write_foreign_bank(source, [gaussian(4.0)])
    with pytest.raises(InputError, match=r"holds another bank, of .*; choose another file, or remove this one"):
        adopt(source, out)


def test_a_bank_without_any_light_leaves_nothing(tmp_path: Path) -> None:
    source = write_foreign_bank(tmp_path / "theirs.h5", [np.zeros((SIDE, SIDE), np.float32)])
    with pytest.raises(InputError, match=r"no template is left for .*bank\.h5: 0 templates of 1 galaxies"):
        adopt(source, tmp_path / "bank.h5")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["theirs.h5"]


def test_a_directory_is_no_place_for_a_bank_and_bad_input_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_foreign_bank(tmp_path / "theirs.h5", [gaussian(3.0)])
    with pytest.raises(InputError, match="is a directory; wanted the name of an HDF5 file"):
        adopt(source, tmp_path)
    assert run_job(JOB, main, ["--bank", str(tmp_path / "none.h5"), "--out", str(tmp_path / "bank.h5")]) == 2
    assert capsys.readouterr().err.startswith("dhs adopt-bank: error: bank ")


def test_a_bank_in_s3_is_adopted_there_and_the_same_again_is_left_alone(
    s3: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_foreign_bank(tmp_path / "theirs.h5", [gaussian(3.0)])
    there, out = s3.put_bytes("adopted/theirs.h5", source.read_bytes()), f"s3://{BUCKET}/adopted/bank.h5"
    words = ["--bank", there, "--out", out]
    assert main(words) == 0
    bank = open_bank(bank_on_disk(location(out)))
    assert bank.provenance[0] == "theirs.h5, image 0, as it is, divided by its sum"
    assert main(words) == 0
    told = capsys.readouterr().out
    assert f"; in {out}\n" in told and f"{out} holds this bank already: 1 templates" in told
    write_foreign_bank(source, [gaussian(4.0)])
    with pytest.raises(InputError, match=f"{out} holds another bank"):
        main(["--bank", str(source), "--out", out])
