"""The head that joins image features with observing conditions and says one logit.

Shapes: features (sample, image_features), metadata (sample, metadata_columns) normalised → logit (sample,).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

HIDDEN = 256
_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU}


class MetaFusionHead(nn.Module):
    """Metadata through 256 → 256, joined with the image features, through 256 to one logit."""

    def __init__(
        self, image_features: int, metadata_columns: int, activation: str = "relu", *, metadata_activated: bool = True
    ) -> None:
        super().__init__()
        bend = _ACTIVATIONS[activation]
        self.metadata = nn.Sequential(nn.Linear(metadata_columns, HIDDEN), bend(), nn.Linear(HIDDEN, HIDDEN))
        if metadata_activated:
            self.metadata.append(bend())
        self.fusion = nn.Sequential(nn.Linear(image_features + HIDDEN, HIDDEN), bend(), nn.Linear(HIDDEN, 1))

    def forward(self, features: torch.Tensor, metadata: torch.Tensor) -> torch.Tensor:
        """Logit of each sample: positive means more likely a lens than not, at the training set's prevalence."""
        joined = torch.cat([features, self.metadata(metadata)], dim=1)
        return cast(torch.Tensor, self.fusion(joined).squeeze(1))
