"""What the edge of a stamp says of its sky: level and noise.

Shapes: images (sample, band, y, x), nMgy per pixel → (sample, band). The frame is the outermost ``edge_pix`` pixels.
"""

from __future__ import annotations

from functools import lru_cache

import torch

MAD_TO_SIGMA = 1.4826


def sky_level(images: torch.Tensor, edge_pix: int) -> torch.Tensor:
    """Median of the frame."""
    return median(_frame(images, edge_pix))


def sky_noise(images: torch.Tensor, edge_pix: int) -> torch.Tensor:
    """1.4826 times the median absolute deviation of the frame."""
    frame = _frame(images, edge_pix)
    return median((frame - median(frame)[:, :, None]).abs()) * MAD_TO_SIGMA


def places_of(mask: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Where a mask (y, x) on the CPU is true, as places in flattened images on the device.

    An image that is indexed with a mask on a GPU has the training thread wait for all work there, to count its pixels.
    """
    return torch.nonzero(mask.flatten())[:, 0].to(device)


def median(values: torch.Tensor) -> torch.Tensor:
    """Median over the last axis, the mean of the two middle values where the count is even (torch.median takes the lower)."""
    count = values.shape[-1]
    lower = values.kthvalue((count + 1) // 2, dim=-1).values
    return lower if count % 2 else (lower + values.kthvalue(count // 2 + 1, dim=-1).values) / 2


def _frame(images: torch.Tensor, width: int) -> torch.Tensor:
    """Pixels of the frame, (sample, band, pixel)."""
    return images.flatten(2).index_select(2, _frame_places(images.shape[-1], width, images.device))


@lru_cache(maxsize=16)
def _frame_places(size: int, width: int, device: torch.device) -> torch.Tensor:
    frame = torch.ones(size, size, dtype=torch.bool)
    frame[width : size - width, width : size - width] = False
    return places_of(frame, device)
