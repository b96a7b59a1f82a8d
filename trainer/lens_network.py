"""The whole network: a backbone for the pixels and the head that adds the observing conditions."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from schemas.survey import BANDS
from trainer.backbones import build_backbone
from trainer.meta_fusion_head import MetaFusionHead
from trainer.train_settings import NetworkSettings


class LensNetwork(nn.Module):
    """Normalised images (sample, channel, y, x) and metadata (sample, column) → logits (sample,)."""

    def __init__(self, settings: NetworkSettings, metadata_columns: int, channels: int = len(BANDS)) -> None:
        super().__init__()
        self.backbone = build_backbone(settings, channels)
        self.head = MetaFusionHead(
            self.backbone.features,
            metadata_columns,
            settings.head_activation,
            metadata_activated=settings.metadata_activated,
        )
        self.to(memory_format=torch.channels_last)  # what convolutions are fastest in, here and in scoring alike

    def forward(self, images: torch.Tensor, metadata: torch.Tensor) -> torch.Tensor:
        """One logit a sample."""
        images = images.contiguous(memory_format=torch.channels_last)
        return cast(torch.Tensor, self.head(self.backbone(images), metadata))
