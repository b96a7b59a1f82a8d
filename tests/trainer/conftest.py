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
def chromium() -> str:
    """The browser's program; tests that need it skip where it is not installed."""
    from tests.trainer.browser import installed_chromium

    return installed_chromium()


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


@pytest.fixture(scope="session")
def several(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """Stamps whose test split lies in three files; read only."""
    from tests.trainer.tiny_training import small_stamps, spread_over_files

    directory = small_stamps(tmp_path_factory.mktemp("several"), size=32)
    spread_over_files(directory, "test", 3)
    return directory


@pytest.fixture(scope="session")
def networks(several: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three networks: of different seed, metadata, and input."""
    from tests.trainer.tiny_training import train_tiny, write_settings

    folder = tmp_path_factory.mktemp("networks")
    more = ["", "metadata_columns: [psf_fwhm_z_arcsec, psf_fwhm_r_arcsec]\n", "normalisation: {residual: azimuthal_median}\n"]
    found = []
    for n, text in enumerate(more):
        (folder / str(n)).mkdir()
        settings = write_settings(folder / str(n), epochs=1, more=text)
        train_tiny(several.stamps, folder / str(n) / "out", settings, "--seed", str(n))
        found.append(folder / str(n) / "out" / "best.pt")
    return found
