"""Networks: shapes at several stamp sizes, the stem option, and a head that listens to the metadata."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import nn

from trainer.backbones import build_backbone
from trainer.lens_network import LensNetwork
from trainer.meta_fusion_head import MetaFusionHead
from trainer.train_settings import BackboneName, NetworkSettings

FEATURES = {"convnext_tiny": 768, "convnext_mini": 160, "efficientnet_v2_s": 1280, "resnet18": 512, "resnet10": 512}


@pytest.mark.parametrize("backbone", get_args(BackboneName))
@pytest.mark.parametrize("stem_stride", [2, 4])
def test_every_backbone_gives_its_features_and_one_logit(backbone: BackboneName, stem_stride: int) -> None:
    settings = NetworkSettings(backbone=backbone, stem_stride=stem_stride)
    network = LensNetwork(settings, 2).eval()
    with torch.inference_mode():
        images = torch.randn(2, 3, 64, 64)
        assert network.backbone(images).shape == (2, FEATURES[backbone])
        assert network(images, torch.zeros(2, 2)).shape == (2,)


@pytest.mark.parametrize("backbone", ["convnext_mini", "efficientnet_v2_s"])
def test_a_stem_of_stride_2_doubles_the_side_of_the_last_stage(backbone: BackboneName) -> None:
    for stride, side in ((4, 2), (2, 4)):
        network = build_backbone(NetworkSettings(backbone=backbone, stem_stride=stride)).network.eval()
        assert network.features(torch.zeros(1, 3, 64, 64)).shape[-2:] == (side, side)  # type: ignore[operator]


def test_the_fusion_head_has_the_layers_of_the_failed_experiment() -> None:
    layers = [layer for layer in MetaFusionHead(768, 2).modules() if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [(2, 256), (256, 256), (1024, 256), (256, 1)]


def test_a_head_learns_what_only_the_metadata_says_and_permuting_it_undoes_that() -> None:
    torch.manual_seed(1)
    features, metadata = torch.randn(256, 16), torch.randn(256, 2)
    labels = (metadata[:, 0] > 0).float()
    head = MetaFusionHead(16, 2)
    optimiser = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(60):
        loss = nn.functional.binary_cross_entropy_with_logits(head(features, metadata), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    right = ((head(features, metadata) > 0) == labels.bool()).float().mean()
    permuted = ((head(features, metadata[torch.randperm(256)]) > 0) == labels.bool()).float().mean()
    assert right > 0.95 and permuted < 0.65


def test_the_same_seed_makes_the_same_network() -> None:
    weights = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        network = LensNetwork(NetworkSettings(backbone="convnext_mini"), 2)
        weights.append(torch.cat([tensor.flatten() for tensor in network.state_dict().values()]))
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])
