"""How nanomaggies become network input. Training and scoring call the same function with the same stored settings.

Shapes: images (sample, band, y, x), float32, nMgy per pixel, bands g, r, z; the result has the same shape, no unit, and with
``residual`` three more channels: the stamp less its smooth light (``residual_image``), as ``asinh(x / (k s_b))``.

- ``asinh``: ``asinh((x - sky) / (k s_b))``, ``sky`` the median of the stamp's frame, ``s_b`` one published constant per band.
  The same flux gives the same number in every stamp, so colour survives, and a bright host compresses but never clips.
- ``gen5``: ``(x - median) / (1.4826 MAD + 1e-6)`` over pixels farther than a quarter of the stamp from its centre, clipped to
  ±10: the failed experiment's, for its reproduction only. Arcs on bright hosts lie inside the clipped core and vanish.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch

from schemas.survey import BANDS
from trainer.residual_image import without_azimuthal_median, without_gaussian
from trainer.sky_of_stamps import MAD_TO_SIGMA, median, places_of, sky_level
from trainer.train_settings import NormalisationSettings

GEN5_CLIP = 10.0
_GEN5_FLOOR = 1e-6


def normalise_images(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    """Network input from pixels, by the rule that the settings name; (sample, settings.channels, y, x)."""
    prepared = _RULES[settings.kind](images, settings)
    if settings.residual == "none":
        return prepared
    gaussian = settings.residual == "gaussian"
    residual = without_gaussian(images, settings.residual_sigma_pix) if gaussian else without_azimuthal_median(images)
    return torch.cat([prepared, _asinh(residual, settings)], dim=1)


def asinh_of_sky_sigma(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    """``asinh((x - sky) / (k s_b))``, cut only beyond ``clip_sigma`` (at least 1e4) times s_b."""
    return _asinh(images - sky_level(images, settings.edge_pix)[:, :, None, None], settings)


def outer_mad_clipped(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    """``(x - median) / (1.4826 MAD + 1e-6)`` over the outer annulus, clipped to ±10 (FACTS 1)."""
    centre, scatter = outer_median_and_scatter(images)
    return ((images - centre[:, :, None, None]) / scatter[:, :, None, None]).clamp(-GEN5_CLIP, GEN5_CLIP)


def outer_median_and_scatter(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What ``gen5`` takes off and divides by: the median and the floored 1.4826 MAD of the outer annulus, (sample, band)."""
    outer = images.flatten(2).index_select(2, _outer_places(images.shape[-1], images.device))
    centre = median(outer)
    return centre, median((outer - centre[:, :, None]).abs()) * MAD_TO_SIGMA + _GEN5_FLOOR


_RULES: dict[str, Callable[[torch.Tensor, NormalisationSettings], torch.Tensor]] = {
    "asinh": asinh_of_sky_sigma,
    "gen5": outer_mad_clipped,
}


def _asinh(images: torch.Tensor, settings: NormalisationSettings) -> torch.Tensor:
    sigma = _sky_sigma(tuple(settings.sky_sigma_nmgy[band] for band in BANDS), images.dtype, images.device)
    return torch.asinh((images / sigma).clamp(-settings.clip_sigma, settings.clip_sigma) / settings.softening)


@lru_cache(maxsize=16)
def _sky_sigma(sigma: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """(band, 1, 1), sent to the device once: every small number sent to a GPU has the training thread wait."""
    return torch.tensor(sigma, dtype=dtype, device=device)[:, None, None]


@lru_cache(maxsize=16)
def _outer_places(size: int, device: torch.device) -> torch.Tensor:
    offset = torch.arange(size) - size // 2
    return places_of(offset[:, None] ** 2 + offset[None, :] ** 2 > (size / 4) ** 2, device)
