"""Fixtures of the trainer's tests: one thread for torch, and one network trained for all that ask it.

Torch's threads wait for each other busily, which costs minutes where cores are shared.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.synthetic_stamps import StampsDirectory, write_stamps_directory


@pytest.fixture(scope="session", autouse=True)
def one_torch_thread() -> None:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def rings(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """Bright rings on 32-pixel stamps; read only."""
    pairs = {"train": 80, "val": 24, "test": 60}
    return write_stamps_directory(tmp_path_factory.mktemp("rings"), pairs, size=32, refused_pairs=1, ring=0.05)


@pytest.fixture(scope="session")
def trained(rings: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained on the bright rings; its directory also gets scores and metrics."""
    from tests.trainer.tiny_training import train_tiny, write_settings  # wants torch, which the first fixture asks for

    folder = tmp_path_factory.mktemp("trained")
    out = folder / "checkpoints"
    assert train_tiny(rings.stamps, out, write_settings(folder, backbone="resnet10", epochs=5)) == 0
    return out
