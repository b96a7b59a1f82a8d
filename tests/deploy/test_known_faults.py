"""Dependencies with a known fault stop ``make check``; what could not be asked is said and not taken for good."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import REPOSITORY

GOOD = {"name": "numpy", "version": "2.4.0", "vulns": []}
BAD = {"name": "oldlib", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
UNASKED = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("known_faults", REPOSITORY / "deploy" / "known_faults.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def answering(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *packages: dict[str, Any], stdout: str = "") -> int:
    text = stdout or json.dumps({"dependencies": packages, "fixes": []})
    answer = subprocess.CompletedProcess([], 1, text, "WARNING: a\nERROR: no connection\n")
    monkeypatch.setattr(module.subprocess, "run", lambda *_, **__: answer)
    code: int = module.main(Path("some.lock"))
    return code


def test_a_known_fault_is_named_with_the_version_that_mends_it(
    asked: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answering(asked, monkeypatch, GOOD, BAD) == 1
    said = capsys.readouterr()
    assert said.err == "known faults: oldlib 1.0: PYSEC-1, mended in 1.1\n"
    assert said.out == "known faults: 1 in some.lock\n"


def test_without_a_fault_all_is_well_and_an_accepted_one_is_none(
    asked: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answering(asked, monkeypatch, GOOD) == 0
    monkeypatch.setitem(asked.ACCEPTED, "PYSEC-1", "for this test")
    assert answering(asked, monkeypatch, GOOD, BAD) == 0
    assert capsys.readouterr().out == "known faults: 0 in some.lock\n" * 2


def test_what_went_unasked_is_counted_and_said(
    asked: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answering(asked, monkeypatch, GOOD, UNASKED) == 0
    assert "0 in some.lock; 1 of 2 packages went unasked: the index gives no advisories" in capsys.readouterr().out
    assert answering(asked, monkeypatch, stdout="no json") == 0
    assert "some.lock could not be audited: ERROR: no connection" in capsys.readouterr().out
