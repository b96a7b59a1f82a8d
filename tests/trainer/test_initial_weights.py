"""Starting from weights that exist: fitted to a stamp's channels, whole or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torchvision import models

from schemas.job_entry import InputError
from tests.trainer.tiny_training import CPU, small_stamps, train_tiny, write_settings
from trainer.backbones import build_backbone
from trainer.checkpoint import load_checkpoint
from trainer.initial_weights import start_from_weights, weights_identity
from trainer.train_settings import NetworkSettings

NAMES = ("convnext_tiny", "efficientnet_v2_s", "resnet18")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What torchvision would hand out, but for the training."""
    folder, found = tmp_path_factory.mktemp("weights"), {}
    for name in NAMES:
        torch.manual_seed(len(name))
        found[name] = folder / f"{name}.pth"
        torch.save(getattr(models, name)(weights=None).state_dict(), found[name])
    return found


def settings_of(backbone: Any, path: Path | str, stride: Any = 4) -> NetworkSettings:
    return NetworkSettings(backbone=backbone, weights=str(path), stem_stride=stride)


def started(settings: NetworkSettings, channels: int = 3) -> dict[str, torch.Tensor]:
    backbone = build_backbone(settings, channels)
    start_from_weights(backbone, settings)
    return backbone.network.state_dict()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stride", [2, 4])
def test_all_weights_but_the_classifiers_are_taken_over(files: dict[str, Path], name: str, stride: int) -> None:
    theirs, ours = torch.load(files[name]), started(settings_of(name, files[name], stride))
    stem = next(key for key, tensor in ours.items() if tensor.ndim == 4)
    assert {key for key in theirs if not key.startswith(("classifier", "fc"))} == set(ours)
    for key, tensor in ours.items():
        if key != stem:
            assert torch.equal(tensor, theirs[key]), key
    if name != "resnet18":  # whose stem for small stamps is another
        assert torch.equal(ours[stem], theirs[stem].flip(1))


def test_the_first_layer_answers_to_a_red_stamp_as_it_would_to_a_red_picture(files: dict[str, Path]) -> None:
    stamp = torch.rand(1, 3, 64, 64)
    theirs = models.convnext_tiny(weights=None)
    theirs.load_state_dict(torch.load(files["convnext_tiny"]))
    settings = settings_of("convnext_tiny", files["convnext_tiny"])
    for channels in (3, 6):
        backbone = build_backbone(settings, channels)
        start_from_weights(backbone, settings)
        first: Any = backbone.network.features[0][0]  # type: ignore[index,union-attr]
        answer = first(stamp.repeat(1, channels // 3, 1, 1))
        torch.testing.assert_close(answer, theirs.features[0][0](stamp.flip(1)), rtol=1e-4, atol=1e-5)


def test_weights_of_another_network_are_refused_with_how_many_do_not_fit(files: dict[str, Path]) -> None:
    with pytest.raises(InputError, match=r"do not fit 'resnet18': 0 of another shape, 119 lacking, \d+ unknown, first"):
        started(settings_of("resnet18", files["convnext_tiny"]))


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"network.weights is 'absent.pth': no such file; wanted a torchvision state dict"):
        weights_identity(settings_of("resnet18", "absent.pth"))
    (tmp_path / "page.pth").write_text("<html>not found</html>")
    with pytest.raises(InputError, match="is not a file of weights that loads without running code"):
        started(settings_of("resnet18", tmp_path / "page.pth"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(InputError, match="holds no state dictionary"):
        started(settings_of("resnet18", tmp_path / "list.pth"))


def test_imagenet_weights_that_cannot_be_fetched_are_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", unreachable)
    with pytest.raises(InputError, match=r"of resnet18 cannot be fetched .*no route to host.*give their path"):
        started(settings_of("resnet18", "imagenet"))
    with pytest.raises(InputError, match="nobody trained 'resnet10' on ImageNet"):
        started(settings_of("resnet10", "imagenet"))


def test_imagenet_weights_are_those_that_torchvision_hands_out(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetched(url: str, **_: Any) -> dict[str, torch.Tensor]:
        asked.append(url)
        return dict(torch.load(files["convnext_tiny"]))

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetched)
    ours = started(settings_of("convnext_tiny", "imagenet"))
    assert torch.equal(ours["features.1.0.block.0.weight"], torch.load(files["convnext_tiny"])["features.1.0.block.0.weight"])
    assert "convnext_tiny" in asked[0]


def test_a_training_starts_from_the_file_and_its_checkpoint_says_which(files: dict[str, Path], tmp_path: Path) -> None:
    settings = write_settings(tmp_path, backbone="resnet18", epochs=1)
    text = settings.read_text().replace("drop_path: 0.1", f"drop_path: 0.0, weights: {files['resnet18']}")
    settings.write_text(text.replace("learning_rate: 0.002", "learning_rate: 1.0e-9"))
    train_tiny(small_stamps(tmp_path / "data", size=32).stamps, tmp_path / "out", settings)
    best = load_checkpoint(tmp_path / "out" / "best.pt", CPU)
    assert best.origin.initial_weights == weights_identity(settings_of("resnet18", files["resnet18"]))
    theirs = torch.load(files["resnet18"])["layer3.0.conv1.weight"]
    torch.testing.assert_close(best.network.backbone.network.state_dict()["layer3.0.conv1.weight"], theirs, rtol=0, atol=1e-7)
