"""What several workers share is made by one of them, whole, before any other reads it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.made_once import made_once


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    (tmp_path / "popen-gw0").mkdir()
    return tmp_path / "popen-gw0"


def test_of_many_that_ask_at_once_one_makes_it_and_all_find_it_whole(worker: Path, tmp_path: Path) -> None:
    asked: list[str] = []
    found: list[str] = []

    def slowly(folder: Path) -> None:
        asked.append(folder.name)
        time.sleep(0.05)
        (folder / "whole").write_text("yes")

    def ask() -> None:
        found.append((made_once(worker, "sky", slowly) / "whole").read_text())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (asked, found) == (["sky"], ["yes"] * 4)
    assert (tmp_path / "sky" / "whole").exists()  # beside the workers' folders, where another worker looks


def test_what_failed_is_made_anew_from_nothing(worker: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        made_once(worker, "sky", fails)
    assert list(made_once(worker, "sky", lambda folder: None).iterdir()) == []


def test_without_workers_it_lies_in_the_runs_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    assert made_once(tmp_path, "sky", lambda folder: None) == tmp_path / "sky"
