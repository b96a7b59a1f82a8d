"""The proof's files stand in no package: they are found as their scripts find them. And a small stand-in sky for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.made_once import made_once

sys.path.append(str(REPOSITORY / "deploy" / "proof"))

LENSES, NEGATIVES = 3, 18


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished stand-in of a few objects; read only."""
    import standin_sky

    def draw(root: Path) -> None:
        asked = ["--lenses", str(LENSES), "--negatives", str(NEGATIVES), "--workers", "1"]
        assert standin_sky.main(["--out", str(root / "sky"), *asked]) == 0

    return made_once(tmp_path_factory.getbasetemp(), "standin", draw) / "sky"
