"""Whether runs belong together: the hash that later runs note down, and a sentence that names both sides."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from schemas.job_entry import InputError
from schemas.run_record import RunError, RunIdentity, begin_run, finish_run_of_files
from trainer.matching_runs import file_digests, record_hash, require_same


def finished(out: Path, text: str) -> Path:
    identity = RunIdentity("job", "x")
    begin_run(out, identity)
    (out / "a.txt").write_text(text)
    finish_run_of_files(out, identity, {out / "a.txt": 0}, {}, {})
    return out


def test_a_record_is_known_by_the_start_of_its_hash(tmp_path: Path) -> None:
    out = finished(tmp_path / "a", "one")
    assert record_hash(out) == hashlib.sha256((out / "_run.json").read_bytes()).hexdigest()[:16]
    assert file_digests(out) == [hashlib.sha256(b"one").hexdigest()]


def test_an_unfinished_run_has_no_hash(tmp_path: Path) -> None:
    begin_run(tmp_path / "a", RunIdentity("job", "x"))
    with pytest.raises(RunError, match="holds an unfinished run"):
        record_hash(tmp_path / "a")


def test_a_difference_names_both_places_and_both_values() -> None:
    require_same("seed", "a", 1, "b", 1, "the same")
    with pytest.raises(InputError, match=r"^a has seed none, b has 1; wanted the same$"):
        require_same("seed", "a", None, "b", 1, "the same")
    with pytest.raises(InputError, match=r"^a has files no files, b has abc \(2 files\); wanted the same$"):
        require_same("files", "a", [], "b", ["abc", "d"], "the same")
