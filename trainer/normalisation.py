"""How nanomaggies become network input. Training and scoring call the same function with the same stored settings.

Shapes: images (sample, band, y, x), float32, nMgy per pixel, bands g, r, z; the result has the same shape, no unit.

- ``asinh``: ``asinh((x - sky) / (k s_b))``, ``sky`` the median of the stamp's frame, ``s_b`` one published constant per band.
  The same flux gives the same number in every stamp, so colour survives, and a bright host compresses but never clips.
- ``gen5``: ``(x - median) / (1.4826 MAD + 1e-6)`` over pixels farther than a quarter of the stamp from its centre, clipped to
  ±10: the failed experiment's, for its reproduction only. Arcs on bright hosts lie inside the clipped core and vanish.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from schemas.survey import BANDS
from trainer.train_settings import NormalisationSettings

GEN5_CLIP = 10.0
_MAD_TO_SIGMA = 1.4826
_GEN5_FLOOR = 1e-6


def normalise_images(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    """Network input from pixels, by the rule that the settings name."""
    return _RULES[settings.kind](images, settings)


def asinh_of_sky_sigma(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    """``asinh((x - sky) / (k s_b))``, cut only beyond ``clip_sigma`` (at least 1e4) times s_b."""
    sigma = images.new_tensor([settings.sky_sigma_nmgy[band] for band in BANDS])[:, None, None]
    frame = _frame_mask(images.shape[-1], settings.edge_pix, images.device)
    sky = _median(images[:, :, frame])[:, :, None, None]
    in_sigma = ((images - sky) / sigma).clamp(-settings.clip_sigma, settings.clip_sigma)
    return torch.asinh(in_sigma / settings.softening)


def outer_mad_clipped(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    """``(x - median) / (1.4826 MAD + 1e-6)`` over the outer annulus, clipped to ±10 (FACTS 1)."""
    outer = images[:, :, _outer_mask(images.shape[-1], images.device)]
    centre = _median(outer)
    scatter = _median((outer - centre[:, :, None]).abs()) * _MAD_TO_SIGMA + _GEN5_FLOOR
    return ((images - centre[:, :, None, None]) / scatter[:, :, None, None]).clamp(-GEN5_CLIP, GEN5_CLIP)


_RULES: dict[str, Callable[[torch.Tensor, NormalisationSettings], torch.Tensor]] = {
    "asinh": asinh_of_sky_sigma,
    "gen5": outer_mad_clipped,
}


def _frame_mask(size: int, width: int, device: torch.device) -> torch.Tensor:
    inside = torch.zeros(size, dtype=torch.bool, device=device)
    inside[width : size - width] = True
    return ~(inside[:, None] & inside[None, :])


def _outer_mask(size: int, device: torch.device) -> torch.Tensor:
    offset = torch.arange(size, device=device) - size // 2
    return offset[:, None] ** 2 + offset[None, :] ** 2 > (size / 4) ** 2


def _median(values: torch.Tensor) -> torch.Tensor:
    """Median over the last axis, the mean of the two middle values where the count is even (torch.median takes the lower)."""
    count = values.shape[-1]
    lower = values.kthvalue((count + 1) // 2, dim=-1).values
    return lower if count % 2 else (lower + values.kthvalue(count // 2 + 1, dim=-1).values) / 2
