"""Checkpoints: load without running code, whole or not at all, and refused in a sentence where they do not fit."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from schemas.job_entry import InputError
from trainer.checkpoint import Checkpoint, Origin, Progress, checkpoint_hash, load_checkpoint, save_checkpoint
from trainer.lens_network import LensNetwork
from trainer.metadata import MetadataStatistics
from trainer.preprocessing import Preprocessing
from trainer.train_settings import NetworkSettings, NormalisationSettings, TrainSettings

CPU = torch.device("cpu")


def fresh() -> Checkpoint:
    torch.manual_seed(1)
    settings = TrainSettings(network=NetworkSettings(backbone="convnext_mini"))
    statistics = MetadataStatistics(settings.metadata_columns, (1.25, 23.9), (0.1, 0.3))
    return Checkpoint(
        LensNetwork(settings.network, 2),
        settings,
        Preprocessing(NormalisationSettings(softening=5.0), statistics),
        Origin("0.1.0+test", "5ca1ab1e5ca1ab1e", "synthetic", 7, 64),
        Progress(3, 2, 0.91, {"val_loss": 0.3, "val_auc": 0.91}),
    )


def changed(path: Path, **entries: Any) -> Path:
    content = torch.load(path, weights_only=True)
    torch.save(content | entries, path)
    return path


def test_what_is_saved_comes_back_and_the_network_says_the_same(tmp_path: Path) -> None:
    before = fresh()
    digest = save_checkpoint(tmp_path / "best.pt", before)
    after = load_checkpoint(tmp_path / "best.pt", CPU)
    for name in ("settings", "preprocessing", "origin", "progress", "optimiser"):
        assert getattr(after, name) == getattr(before, name), name
    images, metadata = torch.randn(4, 3, 64, 64), torch.randn(4, 2)
    assert torch.equal(before.network.eval()(images, metadata), after.network.eval()(images, metadata))
    assert checkpoint_hash(tmp_path / "best.pt") == digest


def test_the_same_content_gives_the_same_bytes_under_any_name(tmp_path: Path) -> None:
    assert save_checkpoint(tmp_path / "a.pt", fresh()) == save_checkpoint(tmp_path / "longer_name.pt", fresh())


def test_a_write_that_fails_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = save_checkpoint(tmp_path / "best.pt", fresh())

    def full_disk(self: Path, content: bytes) -> int:
        with open(self, "wb") as stream:
            stream.write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_checkpoint(tmp_path / "best.pt", replace(fresh(), progress=Progress(4, 4, 0.95)))
    assert checkpoint_hash(tmp_path / "best.pt") == digest


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    torch.save({"format": "darkhaloscope checkpoint", "model": Path("x")}, path)
    with pytest.raises(InputError, match="not a checkpoint that loads without running code"):
        load_checkpoint(path, CPU)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", pickle.dumps([1, 2])])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "best.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"best.pt is (not a checkpoint|a torch file)"):
        load_checkpoint(tmp_path / "best.pt", CPU)


def test_a_path_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.pt"):
        with pytest.raises(InputError, match=r"no such file; wanted a checkpoint of dhs train"):
            load_checkpoint(path, CPU)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best.pt", fresh())
    content = (tmp_path / "best.pt").read_bytes()
    (tmp_path / "best.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "best.pt", CPU)


def test_a_torch_file_of_someone_else_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {}, "opt": {}, "args": {}}, tmp_path / "theirs.pt")
    with pytest.raises(InputError, match=r"torch file with \['args', 'model', 'opt'\]; wanted a 'darkhaloscope checkpoint'"):
        load_checkpoint(tmp_path / "theirs.pt", CPU)


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best.pt", fresh())
    with pytest.raises(InputError, match="checkpoint format 3; this code reads 2"):
        load_checkpoint(changed(tmp_path / "best.pt", format_version=3), CPU)


def test_another_contract_is_refused(tmp_path: Path) -> None:
    origin = replace(fresh().origin, contract_version="2.3")
    save_checkpoint(tmp_path / "best.pt", replace(fresh(), origin=origin))
    with pytest.raises(InputError, match=r"stamps of contract 2.3; this code reads 1.x"):
        load_checkpoint(tmp_path / "best.pt", CPU)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "best.pt", fresh())
    settings = fresh().settings.model_dump(mode="json")
    settings["network"]["backbone"] = "resnet10"
    with pytest.raises(InputError, match="weights do not fit 'resnet10', which it names"):
        load_checkpoint(changed(tmp_path / "best.pt", settings=settings), CPU)
    settings["network"]["backbone"] = "vit_huge"
    with pytest.raises(InputError, match=r"network\.backbone"):
        load_checkpoint(changed(tmp_path / "best.pt", settings=settings), CPU)
