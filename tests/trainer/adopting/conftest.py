"""One foreign network with its file, for all that ask it: 28 million weights take a second to draw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.adopting.foreign_files import ForeignNetwork, awake, write_checkpoint


@pytest.fixture(scope="session")
def foreign() -> ForeignNetwork:
    """The failed experiment's network, its blocks awake, ready to answer."""
    return awake(ForeignNetwork())


@pytest.fixture(scope="session")
def foreign_file(foreign: ForeignNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its checkpoint; read only."""
    return write_checkpoint(tmp_path_factory.mktemp("foreign") / "best.pt", foreign)
