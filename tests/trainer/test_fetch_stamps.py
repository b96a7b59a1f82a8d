"""A copy that is the original byte for byte, or no finished run at all."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from schemas.job_entry import InputError
from schemas.run_record import RunError, read_run, run_files
from schemas.stamps import STAMPS
from tests.s3_store import S3Store
from tests.trainer.tiny_training import small_stamps
from trainer import fetch_stamps


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return small_stamps(tmp_path / "source").stamps


def fetch(source: Path | str, target: Path) -> int:
    return fetch_stamps.main(["--from", str(source), "--to", str(target)])


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copy_from_s3_is_the_original_and_a_second_call_fetches_nothing(
    s3: S3Store, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = s3.put(source, "copied")
    fetch(place, tmp_path / "copy")
    assert content(tmp_path / "copy") == content(source)
    assert len(run_files(tmp_path / "copy", STAMPS, under="split=")) == 3
    assert "6 fetched, 0 verified" in capsys.readouterr().out
    fetch(place, tmp_path / "copy")
    assert "0 fetched, 6 verified" in capsys.readouterr().out


def test_a_file_that_is_absent_short_or_changed_is_fetched_anew(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch(source, tmp_path / "copy")
    one, two, three = sorted((tmp_path / "copy").glob("split=*/*.parquet"))
    one.unlink()
    two.write_bytes(two.read_bytes()[:-1])
    changed = bytearray(three.read_bytes())
    changed[5000] ^= 1
    three.write_bytes(bytes(changed))
    capsys.readouterr()
    fetch(source, tmp_path / "copy")
    assert "3 fetched, 3 verified" in capsys.readouterr().out
    assert content(tmp_path / "copy") == content(source)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-7], lambda raw: raw[:5000] + b"?" + raw[5001:]])
def test_a_source_that_is_not_what_its_record_says_leaves_no_finished_copy(source: Path, tmp_path: Path, damage: Any) -> None:
    (path,) = (source / "split=val").glob("*.parquet")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=rf"{path.name} has \d+ bytes of SHA-256 .*; the record of the run says"):
        fetch(source, tmp_path / "copy")
    assert not list((tmp_path / "copy").glob("split=val/*")) and not list((tmp_path / "copy").rglob(".*"))
    with pytest.raises(RunError, match=r"_run\.json is not there"):
        read_run(tmp_path / "copy")


def test_another_runs_copy_is_not_overwritten_and_an_unfinished_source_not_fetched(source: Path, tmp_path: Path) -> None:
    fetch(source, tmp_path / "copy")
    other = small_stamps(tmp_path / "other", train_pairs=12).stamps
    with pytest.raises(InputError, match="holds another run than"):
        fetch(other, tmp_path / "copy")
    (other / "_run.json").unlink()
    with pytest.raises(RunError, match="holds an unfinished run"):
        fetch(other, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", ["../outside.parquet", "/tmp/outside.parquet", "split=val/../../x"])
def test_a_record_that_points_outside_is_refused(source: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(source, tmp_path / "hostile")
    record = json.loads((source / "_run.json").read_text())
    record["files"][0]["path"] = name
    (tmp_path / "hostile" / "_run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="which lies outside; nothing was fetched"):
        fetch(tmp_path / "hostile", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
