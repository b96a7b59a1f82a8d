"""What is installed: the packages and files on disk, and locked dependencies that no server can exchange."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PYPROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = ("schemas", "spark_jobs", "trainer")
NOT_INSTALLED = {".pyc", ".nbi", ".nbc", ".md"}
LOCKS = sorted([*REPOSITORY.glob("*.lock"), *(REPOSITORY / "deploy").rglob("*.lock")])
ENTRY = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>\d[A-Za-z0-9.+!]*)"
    r"(?: ; [\w.'()!=<> ]+?)?"  # for which Python or system
    r"(?: --hash=sha256:[0-9a-f]{64})+"
)


def test_the_packages_that_are_installed_are_those_on_disk() -> None:
    folders = {path.parent for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")}
    on_disk = [".".join(folder.relative_to(REPOSITORY).parts) for folder in folders]
    assert sorted(PYPROJECT["tool"]["setuptools"]["packages"]) == sorted(on_disk)
    assert all((folder / "__init__.py").is_file() for folder in folders)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_that_is_no_code_is_installed_too(package: str) -> None:
    root = REPOSITORY / package
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"].get(package, [])
    installed = {path for pattern in patterns for path in root.glob(pattern)}
    assert all(any(root.glob(pattern)) for pattern in patterns)
    assert {path for path in root.rglob("*") if path.is_file() and path.suffix not in NOT_INSTALLED | {".py"}} == installed


def locked(path: Path) -> dict[str, str]:
    """Name to version of a lock file whose every entry is a version with its hashes, and nothing else."""
    entries = path.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found: dict[str, str] = {}
    for entry in filter(None, (" ".join(line.split()) for line in entries if not line.startswith("#"))):
        match = ENTRY.fullmatch(entry)
        assert match, f"{path.name}: wanted name==version and its sha256 hashes; seen {entry[:120]!r}"
        found[match["name"].lower().replace("_", "-")] = match["version"]
    return found


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_file_holds_versions_with_hashes_and_names_no_server(path: Path) -> None:
    assert len(locked(path)) > 10
    assert not re.search(
        r"https?:|//|\.(?:org|com|io|net)\b|index-url|find-links|trusted-host", path.read_text(encoding="utf-8")
    )


@pytest.mark.parametrize(
    "entry",
    [
        "numpy==2.4.0",
        "numpy>=2 --hash=sha256:" + "0" * 64,
        "numpy @ file:numpy.whl",
        "-i pypi",
        "numpy==2 --hash=md5:" + "0" * 32,
    ],
)
def test_an_entry_that_is_open_to_exchange_would_be_noticed(entry: str, tmp_path: Path) -> None:
    (tmp_path / "x.lock").write_text(entry + "\n")
    with pytest.raises(AssertionError, match="wanted name==version and its sha256 hashes; seen"):
        locked(tmp_path / "x.lock")


def test_what_the_project_asks_for_is_locked_and_developers_run_the_versions_that_users_get() -> None:
    names = {path.name for path in LOCKS}
    assert {"requirements.lock", "requirements-dev.lock"} <= names
    run, dev = locked(REPOSITORY / "requirements.lock"), locked(REPOSITORY / "requirements-dev.lock")
    gpu = locked(REPOSITORY / "deploy" / "gpu" / "requirements.lock")
    assert {name: dev.get(name) for name in run | gpu} == run | gpu
    extras = PYPROJECT["project"]["optional-dependencies"]
    for lock, groups in ((run, set(extras) - {"dev"}), (dev, set(extras)), (gpu, {"train", "emr"})):
        asked = [*PYPROJECT["project"]["dependencies"], *(line for group in groups for line in extras[group])]
        wanted = {re.split(r"[\[<>=! ]", line)[0].lower() for line in asked} - {"darkhaloscope"}
        assert wanted - lock.keys() == set()
