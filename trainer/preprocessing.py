"""From what is read to what the network sees: the one path that training, validation and scoring share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from trainer.metadata import MetadataStatistics, normalise_metadata
from trainer.normalisation import normalise_images
from trainer.train_settings import NormalisationSettings


@dataclass(frozen=True)
class Preprocessing:
    """Normalisation settings and metadata statistics: fixed when training starts, carried by the checkpoint."""

    normalisation: NormalisationSettings
    metadata: MetadataStatistics

    def prepare(self, images: torch.Tensor, metadata: torch.Tensor, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Images (sample, band, y, x) in nMgy and metadata (sample, column) in their units → network input on the device."""
        on_device = images.to(device, non_blocking=True), metadata.to(device, non_blocking=True)
        return normalise_images(on_device[0], self.normalisation), normalise_metadata(on_device[1], self.metadata)

    def to_plain(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        statistics = {key: list(value) for key, value in asdict(self.metadata).items()}
        return {"normalisation": self.normalisation.model_dump(mode="json"), "metadata": statistics}

    @staticmethod
    def from_plain(content: dict[str, Any]) -> Preprocessing:
        """What ``to_plain`` wrote."""
        statistics = {key: tuple(value) for key, value in content["metadata"].items()}
        return Preprocessing(NormalisationSettings.model_validate(content["normalisation"]), MetadataStatistics(**statistics))
