"""The image networks by name: pixels in, one feature vector a stamp out. Another one is one function and one line here.

Shapes: normalised images (sample, channel, y, x) → features (sample, features).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import nn
from torchvision.models import convnext_tiny, efficientnet_v2_s
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.resnet import BasicBlock, ResNet

from trainer.train_settings import NetworkSettings


class Backbone(nn.Module):
    """A torchvision network without its classifier, and the length of what it returns."""

    def __init__(self, network: nn.Module, features: int) -> None:
        super().__init__()
        self.network, self.features = network, features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features (sample, features) of images (sample, channel, y, x)."""
        return cast(torch.Tensor, self.network(images).flatten(1))


def build_backbone(settings: NetworkSettings, channels: int = 3) -> Backbone:
    """The backbone that the settings name, with fresh weights from torch's global generator."""
    return _BACKBONES[settings.backbone](settings, channels)


def _convnext_tiny(settings: NetworkSettings, channels: int) -> Backbone:
    """ConvNeXt-T (Liu et al. 2022, arXiv 2201.03545) as torchvision has it: 28 M weights, 768 features."""
    network = convnext_tiny(weights=None, stochastic_depth_prob=settings.drop_path)
    return Backbone(_without_classifier(network, 96, settings.stem_stride, channels), 768)


def _convnext_mini(settings: NetworkSettings, channels: int) -> Backbone:
    """The same blocks, narrow and few: 0.7 M weights, 160 features; for a laptop."""
    widths, depths = (20, 40, 80, 160), (2, 2, 4, 2)
    blocks = [CNBlockConfig(*block) for block in zip(widths, (*widths[1:], None), depths, strict=True)]
    # Layer scale 1e-6 is tuned for 300 epochs of ImageNet; in the few hundred steps of a laptop run such blocks stay asleep.
    network = ConvNeXt(blocks, stochastic_depth_prob=settings.drop_path, layer_scale=0.1)
    return Backbone(_without_classifier(network, widths[0], settings.stem_stride, channels), widths[-1])


def _efficientnet_v2_s(settings: NetworkSettings, channels: int) -> Backbone:
    """EfficientNetV2-S (Tan & Le 2021, arXiv 2104.00298) as torchvision has it: 20 M weights, 1280 features."""
    network = efficientnet_v2_s(weights=None, stochastic_depth_prob=settings.drop_path)
    network.classifier = nn.Identity()
    first = cast(nn.Sequential, network.features[0])
    stem = cast(nn.Conv2d, first[0])
    stem.stride = (settings.stem_stride // 2,) * 2  # the next stage halves the size again
    if channels != stem.in_channels:
        first[0] = _like_torchvisions(nn.Conv2d(channels, stem.out_channels, 3, stem.stride, padding=1, bias=False))
    return Backbone(network, 1280)


def _resnet18(settings: NetworkSettings, channels: int) -> Backbone:
    """ResNet-18 (He et al. 2016, arXiv 1512.03385) with a stem for small stamps: 11 M weights, 512 features."""
    return _resnet((2, 2, 2, 2), settings, channels)


def _resnet10(settings: NetworkSettings, channels: int) -> Backbone:
    """The same with half the blocks: 5 M weights, 512 features. It learns from the fewest steps, so it is the laptop's."""
    return _resnet((1, 1, 1, 1), settings, channels)


def _resnet(blocks: Sequence[int], settings: NetworkSettings, channels: int) -> Backbone:
    network = ResNet(BasicBlock, list(blocks))
    # 3 by 3 instead of 7 by 7 at stride 2; the pooling after it halves the size again, as in the paper.
    network.conv1 = nn.Conv2d(channels, 64, kernel_size=3, stride=settings.stem_stride // 2, padding=1, bias=False)
    network.fc = nn.Identity()
    return Backbone(network, 512)


_BACKBONES: dict[str, Callable[[NetworkSettings, int], Backbone]] = {
    "convnext_tiny": _convnext_tiny,
    "convnext_mini": _convnext_mini,
    "efficientnet_v2_s": _efficientnet_v2_s,
    "resnet18": _resnet18,
    "resnet10": _resnet10,
}


def _without_classifier(network: nn.Module, width: int, stride: int, channels: int) -> nn.Module:
    network.classifier = nn.Identity()
    if stride != 4 or channels != 3:
        stem = nn.Conv2d(channels, width, kernel_size=4, stride=stride, padding=int(stride != 4))
        nn.init.trunc_normal_(stem.weight, std=0.02)  # as torchvision's own stem
        nn.init.zeros_(cast(torch.Tensor, stem.bias))
        cast(nn.Sequential, cast(nn.Sequential, network.features)[0])[0] = stem
    return network


def _like_torchvisions(stem: nn.Conv2d) -> nn.Conv2d:
    nn.init.kaiming_normal_(stem.weight, mode="fan_out")  # as EfficientNet's own stem
    return stem
