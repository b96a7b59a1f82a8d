"""A finished file appears under its name in one rename, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.file_commit import commit_bytes
from schemas.locations import LocationError, S3Location


def test_the_file_and_its_folder_stand_with_the_whole_content_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "recipe.yaml"
    for content in (b"first", b"", b"another"):
        commit_bytes(path, content)
        assert path.read_bytes() == content
        assert [file.name for file in path.parent.iterdir()] == ["recipe.yaml"]


def test_nothing_stands_under_the_name_until_the_content_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, seen = tmp_path / "file", []
    replace = os.replace

    def watched(source: Path, target: Path) -> None:
        seen.append((path.exists(), Path(source).read_bytes(), Path(source).parent, Path(target)))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    commit_bytes(path, b"whole")
    assert seen == [(False, b"whole", tmp_path, path)]


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_write_that_breaks_off_leaves_what_stood_before_and_no_remains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes | None
) -> None:
    path = tmp_path / "file"
    if before is not None:
        path.write_bytes(before)

    def full_disk(self: Path, content: bytes) -> int:
        with open(self, "wb") as stream:
            stream.write(content[:2])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space left"):
        commit_bytes(path, b"content")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({"file": before} if before else {})


def test_a_file_in_the_place_of_a_bucket_is_refused() -> None:
    with pytest.raises(LocationError, match="s3://there is a bucket; wanted a name in it for a file"):
        commit_bytes(S3Location("there", ""), b"whole")
