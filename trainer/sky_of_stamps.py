"""What the edge of a stamp says of its sky: level and noise.

Shapes: images (sample, band, y, x), nMgy per pixel → (sample, band). The frame is the outermost ``edge_pix`` pixels.
"""

from __future__ import annotations

import torch

MAD_TO_SIGMA = 1.4826


def sky_level(images: torch.Tensor, edge_pix: int) -> torch.Tensor:
    """Median of the frame."""
    return median(images[:, :, frame_mask(images.shape[-1], edge_pix, images.device)])


def sky_noise(images: torch.Tensor, edge_pix: int) -> torch.Tensor:
    """1.4826 times the median absolute deviation of the frame."""
    frame = images[:, :, frame_mask(images.shape[-1], edge_pix, images.device)]
    return median((frame - median(frame)[:, :, None]).abs()) * MAD_TO_SIGMA


def frame_mask(size: int, width: int, device: torch.device) -> torch.Tensor:
    """(size, size), true on the frame."""
    inside = torch.zeros(size, dtype=torch.bool, device=device)
    inside[width : size - width] = True
    return ~(inside[:, None] & inside[None, :])


def median(values: torch.Tensor) -> torch.Tensor:
    """Median over the last axis, the mean of the two middle values where the count is even (torch.median takes the lower)."""
    count = values.shape[-1]
    lower = values.kthvalue((count + 1) // 2, dim=-1).values
    return lower if count % 2 else (lower + values.kthvalue(count // 2 + 1, dim=-1).values) / 2
