"""What is asked about images in memory: a trained network, or a committee, behind one small face. Gates and autopsy ask it.

Shapes: images (sample, band g r z, y, x) in nMgy per pixel, float32; metadata (sample, column) in the columns' units, NaN for
null, its columns those that the judge names; logits (sample,) float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from trainer.committee import combined_logits
from trainer.scored_files import Member

_AT_A_TIME = 256

Images = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


class Judge(Protocol):
    """Whoever says how lens-like an image is."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Metadata columns that it wants, in order."""

    def logits(self, images: Images, metadata: Numbers) -> Numbers:
        """Its scores, larger for lenses."""

    def features(self, images: Images, metadata: Numbers) -> Numbers:
        """What it makes of the pixels before it decides, (sample, feature)."""


@dataclass(frozen=True)
class NetworkJudge:
    """Networks that have been trained, each with the preparation that it was trained with."""

    members: Sequence[Member]
    rule: str
    device: torch.device

    @property
    def columns(self) -> tuple[str, ...]:
        """The metadata of all members."""
        return self.members[0].columns

    def logits(self, images: Images, metadata: Numbers) -> Numbers:
        """One network's scores, or the committee's by its rule."""
        said = np.stack([self._passed(member, images, metadata, pooled=False)[:, 0] for member in self.members])
        return said[0] if len(self.members) == 1 else combined_logits(said, self.rule)

    def features(self, images: Images, metadata: Numbers) -> Numbers:
        """The pooled features of every member's backbone, side by side."""
        return np.concatenate([self._passed(member, images, metadata, pooled=True) for member in self.members], axis=1)

    @torch.inference_mode()
    def _passed(self, member: Member, images: Images, metadata: Numbers, *, pooled: bool) -> Numbers:
        """(sample, number) what a member's network returns, a part of the images at a time."""
        network, preparation = member.checkpoint.network, member.checkpoint.preprocessing
        network.eval()
        mine = [self.columns.index(name) for name in preparation.metadata.columns]
        parts = []
        for first in range(0, len(images), _AT_A_TIME):
            part = slice(first, first + _AT_A_TIME)
            told = torch.from_numpy(np.ascontiguousarray(metadata[part][:, mine]))
            seen = torch.from_numpy(np.ascontiguousarray(images[part]))
            prepared, conditions = preparation.prepare(seen, told, self.device)
            answer = network.backbone(prepared) if pooled else network(prepared, conditions)[:, None]
            parts.append(answer.float().cpu().numpy().astype(np.float64))
        return np.concatenate(parts) if parts else np.empty((0, 1))
