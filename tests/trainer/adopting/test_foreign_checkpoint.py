"""A foreign network says through ours what it says by itself; another one is refused with what does not fit."""

from __future__ import annotations

import argparse
import collections
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from schemas.job_entry import InputError
from tests.trainer.adopting.foreign_files import ForeignNetwork, asked, awake, images_of, write_checkpoint
from trainer.adopting.foreign_checkpoint import COLUMNS, USUAL, HeadReading, adopt_checkpoint, read_foreign
from trainer.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

CPU = torch.device("cpu")
IMAGES = np.stack([np.stack(list(images_of(n, 64, 0.05 * (n % 2)).values())) for n in range(4)])
META = np.array([[1.05, 23.2], [1.25, 23.9], [1.6, 24.4], [0.9, 22.8]])


def ours(checkpoint: Checkpoint, meta: Any = META) -> Any:
    prepared = checkpoint.preprocessing.prepare(torch.from_numpy(IMAGES), torch.from_numpy(meta), CPU)
    with torch.inference_mode():
        return checkpoint.network.eval()(*prepared).numpy()


def model_of(path: Path) -> dict[str, torch.Tensor]:
    return read_foreign(path).model


def rewritten(path: Path, model: Any, **other: Any) -> Path:
    torch.save({"model": model, "opt": {}, "args": argparse.Namespace()} | other, path)
    return path


def test_the_adopted_network_says_what_the_foreign_one_says(
    foreign: ForeignNetwork, foreign_file: Path, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path / "adopted.pt", adopt_checkpoint(foreign_file, HeadReading(), 64))
    checkpoint = load_checkpoint(tmp_path / "adopted.pt", CPU)
    wanted = asked(foreign, IMAGES, META)
    assert np.ptp(wanted) > 0.05
    np.testing.assert_allclose(ours(checkpoint), wanted, atol=1e-5)
    assert checkpoint.preprocessing.metadata.columns == COLUMNS and checkpoint.settings.metadata_columns == COLUMNS
    assert checkpoint.preprocessing.normalisation.kind == checkpoint.settings.normalisation.kind == "gen5"
    assert (checkpoint.origin.recipe_name, checkpoint.origin.size_pix, checkpoint.progress.epochs_done) == ("adopted", 64, 6)


def test_conditions_that_are_not_known_say_the_usual_ones_and_not_zero(foreign: ForeignNetwork, foreign_file: Path) -> None:
    checkpoint = adopt_checkpoint(foreign_file, HeadReading(), 64)
    unknown = ours(checkpoint, np.full_like(META, np.nan))
    np.testing.assert_allclose(unknown, asked(foreign, IMAGES, np.tile(USUAL, (4, 1))), atol=1e-5)
    assert np.abs(unknown - asked(foreign, IMAGES, np.zeros((4, 2)))).max() > 0.05


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.net."])
def test_names_may_stand_behind_any_prefix(foreign_file: Path, tmp_path: Path, prefix: str) -> None:
    model = {prefix + name: tensor for name, tensor in model_of(foreign_file).items()}
    adopted = adopt_checkpoint(rewritten(tmp_path / "best.pt", model), HeadReading(), 64)
    plain = adopt_checkpoint(foreign_file, HeadReading(), 64)
    assert all(torch.equal(a, b) for a, b in zip(*(c.network.state_dict().values() for c in (adopted, plain)), strict=True))


@pytest.mark.parametrize(
    ("bend", "activated", "first"), [(nn.GELU, True, False), (nn.ReLU, False, True)], ids=["gelu", "linear and metadata first"]
)
def test_what_shapes_do_not_say_is_said(tmp_path: Path, bend: type[nn.Module], activated: bool, first: bool) -> None:
    network = awake(ForeignNetwork(bend, metadata_activated=activated, metadata_first=first))
    path = write_checkpoint(tmp_path / "best.pt", network)
    reading = HeadReading("gelu" if bend is nn.GELU else None, activated, first)
    np.testing.assert_allclose(ours(adopt_checkpoint(path, reading, 64)), asked(network, IMAGES, META), atol=1e-5)
    assert np.abs(ours(adopt_checkpoint(path, HeadReading(), 64)) - asked(network, IMAGES, META)).max() > 1e-3


@pytest.mark.parametrize("args", [argparse.Namespace(activation="GELU"), {"act": "gelu"}])
def test_the_activation_is_taken_from_the_arguments_where_they_name_it(foreign_file: Path, tmp_path: Path, args: Any) -> None:
    path = rewritten(tmp_path / "best.pt", model_of(foreign_file), args=args)
    assert adopt_checkpoint(path, HeadReading(), 64).settings.network.head_activation == "gelu"
    assert adopt_checkpoint(path, HeadReading("relu"), 64).settings.network.head_activation == "relu"


def test_weights_of_half_precision_are_widened(foreign_file: Path, tmp_path: Path) -> None:
    model = {name: tensor.half() for name, tensor in model_of(foreign_file).items()}
    adopted = adopt_checkpoint(rewritten(tmp_path / "best.pt", model), HeadReading(), 64)
    assert {tensor.dtype for tensor in adopted.network.state_dict().values()} == {torch.float32}


def test_another_backbone_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "best.pt", resnet18(weights=None).state_dict())
    told = r"holds 122 tensors and no ConvNeXt-Tiny among them .*It begins conv1\.weight \(64, 3, 7, 7\), bn1\.weight \(64,\)"
    with pytest.raises(InputError, match=told):
        adopt_checkpoint(path, HeadReading(), 64)


MISFITS = {
    "a block lacks": (lambda m: m.pop("backbone.features.5.3.block.0.weight"), r"features\.5\.3\.block\.0\.weight is lacking"),
    "a block is wider": (
        lambda m: m.update({"backbone.features.1.0.block.3.bias": torch.zeros(400)}),
        r"features\.1\.0\.block\.3\.bias is \(400,\), wanted \(384,\)",
    ),
    "a norm after the pooling": (
        lambda m: m.update({"backbone.classifier.0.weight": torch.ones(768)}),
        r"backbone\.classifier\.0\.weight \(768,\) has no place",
    ),
    "three metadata": (
        lambda m: m.update({"head.meta_mlp.0.weight": torch.zeros(256, 3)}),
        r"0 layers of shape \(256, 2\) with bias where one is wanted \(head\.metadata\.0\); .*meta_mlp\.0\.weight \(256, 3\)",
    ),
    "a head without bias": (lambda m: m.pop("head.classifier.3.bias"), r"1 layers of shape \(1, 256\) with bias where one is"),
    "two layers alike": (
        lambda m: m.update({"head.extra.weight": torch.zeros(256, 256)}),
        r"2 layers of shape \(256, 256\) with bias where one is wanted",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_another_head_or_backbone_is_refused_with_a_list_of_what_does_not_fit(
    foreign_file: Path, tmp_path: Path, name: str
) -> None:
    change, told = MISFITS[name]
    model = model_of(foreign_file)
    change(model)
    path = rewritten(tmp_path / "best.pt", model)
    with pytest.raises(InputError, match=rf"best\.pt is another architecture: .*{told}.* in all\); wanted ConvNeXt-Tiny"):
        adopt_checkpoint(path, HeadReading(), 64)


def test_a_file_that_would_run_code_is_refused_and_named(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "best.pt", {}, args=argparse.Namespace(out=Path("runs")))
    with pytest.raises(InputError, match=r"does not load without running code: it holds pathlib\.\S*; wanted tensors, numbers"):
        read_foreign(path)
    path = rewritten(tmp_path / "best.pt", {}, args=collections.Counter())
    assert read_foreign(path).args == {}  # torch lets this one in by itself


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"state_dict": {}}, "is a torch file with state_dict; wanted one with model"),
        ({"model": {"a": 1}, "args": {}}, r"is a torch file with args, model; wanted one with model \(tensors by name\)"),
        ([1, 2], "is a torch file with list; wanted one with model"),
    ],
)
def test_a_torch_file_of_another_layout_is_told(tmp_path: Path, content: Any, told: str) -> None:
    torch.save(content, tmp_path / "best.pt")
    with pytest.raises(InputError, match=told):
        read_foreign(tmp_path / "best.pt")


def test_no_file_and_no_torch_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt: no such file; wanted a torch file with model, opt and args"):
        read_foreign(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("no tensors")
    with pytest.raises(InputError, match=r"text\.pt does not load without running code: "):
        read_foreign(tmp_path / "text.pt")
