"""What is left of a stamp without its galaxy's smooth light: three more channels in which an arc stands out.

Subtracting the central galaxy before the network improves finders (Ishida et al. 2024, arXiv 2411.07492).

Shapes: images (sample, band, y, x), nMgy per pixel; the result is the same. The galaxy is taken to lie at pixel ``size // 2``
along both axes, where the cutouts have it to half a pixel.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.nn import functional


def without_azimuthal_median(images: torch.Tensor) -> torch.Tensor:
    """Each pixel less the median of the pixels around the centre at its radius, rings a pixel wide, linear between them."""
    size = images.shape[-1]
    places, counts = _rings(size, images.device)
    values = images.flatten(2)[:, :, places]  # (sample, band, ring, pixel of the ring), what is too much repeats the first
    beyond = torch.arange(places.shape[1], device=images.device) >= counts[:, None]
    ordered = values.masked_fill(beyond, float("inf")).sort(dim=-1).values
    middle = torch.stack([(counts - 1) // 2, counts // 2], dim=-1).expand(*images.shape[:2], -1, -1)
    profile = ordered.gather(-1, middle).mean(dim=-1)
    inner, share = _interpolation(size, images.device)
    smooth = profile[:, :, inner] * (1 - share) + profile[:, :, inner + 1] * share
    return images - smooth


def without_gaussian(images: torch.Tensor, sigma_pix: float) -> torch.Tensor:
    """Each pixel less the image blurred with a Gaussian: what varies faster than that."""
    kernel = _gaussian(sigma_pix, images.shape[-1], images.device)
    half, bands = len(kernel) // 2, images.shape[1]
    padded = functional.pad(images, (half,) * 4, mode="reflect")
    rows = functional.conv2d(padded, kernel.view(1, 1, 1, -1).expand(bands, 1, 1, -1), groups=bands)
    return images - functional.conv2d(rows, kernel.view(1, 1, -1, 1).expand(bands, 1, -1, 1), groups=bands)


def radius_pix(size: int, device: torch.device) -> torch.Tensor:
    """Distance of each pixel from the galaxy's place, (size, size)."""
    offset = torch.arange(size, device=device) - size // 2
    return torch.hypot(offset[:, None].float(), offset[None, :].float())


@lru_cache(maxsize=8)
def _rings(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels of each ring, (ring, longest ring), and how many there are."""
    ring = radius_pix(size, torch.device("cpu")).round().long().flatten()
    counts = torch.bincount(ring)
    places = torch.zeros(len(counts), int(counts.max()), dtype=torch.long)
    for n, count in enumerate(counts.tolist()):
        places[n, :count] = torch.nonzero(ring == n)[:, 0]
    return places.to(device), counts.to(device)


@lru_cache(maxsize=8)
def _interpolation(size: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """The ring inside each pixel's radius, (size, size), and the share of the next one."""
    radius = radius_pix(size, device)
    inner = radius.floor().long().clamp(max=int(radius.max().round()) - 1)
    return inner, (radius - inner).clamp(max=1)


@lru_cache(maxsize=8)
def _gaussian(sigma: float, size: int, device: torch.device) -> torch.Tensor:
    half = min(int(4 * sigma + 0.5), size - 1)  # reflection cannot reach farther
    kernel = torch.exp(-0.5 * (torch.arange(-half, half + 1, device=device) / sigma) ** 2)
    return kernel / kernel.sum()
