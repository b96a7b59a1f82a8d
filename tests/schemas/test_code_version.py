"""Which code made a file: one name for the same sources, another for any change in them."""

from __future__ import annotations

import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from schemas.code_version import RELEASE, code_version
from tests.conftest import REPOSITORY

SOURCES = {
    "room_a/__init__.py": "",
    "room_a/one.py": "x = 1\n",
    "room_a/inner/__init__.py": "",
    "room_a/inner/two.py": "y = 2\n",
}


def version_of(folder: Path, sources: dict[str, str], monkeypatch: pytest.MonkeyPatch, packed: bool = False) -> str:
    """The version of the package ``room_a`` written from sources, as a folder or as a zip."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    place = folder
    if packed:
        place = folder / "rooms.zip"
        with zipfile.ZipFile(place, "w") as archive:
            for name in reversed(sources):
                archive.write(folder / name, name)
    with monkeypatch.context() as patch:
        patch.syspath_prepend(place)
        sys.modules.pop("room_a", None)
        return code_version.__wrapped__("room_a")


def test_the_release_is_the_projects_own() -> None:
    assert tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"] == RELEASE


def test_a_version_is_the_release_and_twelve_digits_and_is_the_same_twice() -> None:
    release, _, digits = code_version().partition("+")
    assert release == RELEASE
    assert len(digits) == 12
    assert int(digits, 16) >= 0
    assert code_version() == code_version.__wrapped__() == code_version("schemas", "spark_jobs")
    assert code_version("schemas") != code_version("spark_jobs") != code_version("trainer")


def test_a_folder_and_a_zip_of_the_same_sources_are_the_same_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = version_of(tmp_path / "a", SOURCES, monkeypatch)
    assert folder == version_of(tmp_path / "b", SOURCES, monkeypatch, packed=True)
    assert folder == version_of(tmp_path / "c", dict(reversed(SOURCES.items())), monkeypatch)


@pytest.mark.parametrize(
    "change",
    [
        {"room_a/one.py": "x = 2\n"},
        {"room_a/inner/two.py": "y = 3\n"},
        {"room_a/inner/three.py": ""},
        {"room_a/__init__.py": "x = 1\n", "room_a/one.py": ""},
    ],
    ids=["a number", "a deeper number", "an empty file more", "text that moved"],
)
def test_any_change_of_a_source_is_another_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    before = version_of(tmp_path / "a", SOURCES, monkeypatch)
    assert version_of(tmp_path / "b", SOURCES | change, monkeypatch) != before


def test_what_is_no_source_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = {"room_a/notes.md": "x", "room_a/one.pyc": "x", "room_a/__pycache__/one.py": "x"}
    assert version_of(tmp_path / "a", SOURCES | noise, monkeypatch) == version_of(tmp_path / "b", SOURCES, monkeypatch)


def test_a_package_that_is_not_installed_is_left_out() -> None:
    assert code_version("schemas", "no_such_room") == code_version("schemas")
