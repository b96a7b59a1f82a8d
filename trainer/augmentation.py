"""How a training stamp differs from epoch to epoch: by what another night, another pixel grid and another side would have made.

All of it on the device, a batch at a time, drawn by identity (``keyed_chance``). ``vary_stamps`` works on nanomaggies, before
the preparation that scoring shares; ``vary_input`` on what the network sees.

Shapes: images (sample, band, y, x); metadata (sample, column); shifts (sample, 2) along x and y in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch.nn import functional

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from trainer.keyed_chance import KeyedChance
from trainer.residual_image import radius_pix
from trainer.sky_of_stamps import sky_noise
from trainer.train_settings import AugmentationSettings

_SIGMA_TO_FWHM = math.sqrt(8 * math.log(2))
_EDGE_PIX = 4
_PADDING_PIX = 8


def vary_stamps(
    images: torch.Tensor,
    metadata: torch.Tensor,
    columns: Sequence[str],
    settings: AugmentationSettings,
    chance: KeyedChance,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Stamps in nMgy as they might have been observed, and the conditions that go with them; the input is left alone.

    The sub-pixel shift and a Gaussian that widens the PSF are one step in Fourier space. Widths named in the metadata grow
    with the PSF, and the white noise that the Gaussian takes away is put back, so that no stamp is smoother than its sky.
    """
    noise = torch.zeros_like(images[:, :, 0, 0])
    sigma = sky_noise(images, _EDGE_PIX) if settings.changes_noise else noise
    if settings.shift_pix or settings.broadening_arcsec:
        shift = (2 * chance.uniform("shift", 2) - 1) * settings.shift_pix
        fwhm = chance.uniform("broadening") * settings.broadening_arcsec
        images, kept = shifted_and_broadened(images, shift, fwhm / (_SIGMA_TO_FWHM * PIXEL_SCALE_ARCSEC))
        metadata = _broadened(metadata, columns, fwhm)
        noise = noise + (1 - kept[:, None])
    if settings.noise_sigma:
        noise = noise + (chance.uniform("noise level", 1) * settings.noise_sigma) ** 2
    if settings.changes_noise:
        scatter = (sigma * torch.sqrt(noise))[:, :, None, None]
        images = images + scatter * chance.normal("noise", *images.shape[1:])
    if settings.flux_jitter_mag:
        magnitudes = chance.normal("flux", len(BANDS)) * settings.flux_jitter_mag
        images = images * (10 ** (-0.4 * magnitudes))[:, :, None, None]
    if settings.background_sigma:
        images = images + _plane(chance.normal("background", len(BANDS), 3), images.shape[-1]) * (
            settings.background_sigma * sigma[:, :, None, None]
        )
    return images, metadata


def vary_input(images: torch.Tensor, settings: AugmentationSettings, chance: KeyedChance) -> torch.Tensor:
    """Prepared images turned and mirrored, and some without their core, which is then at the level of the sky."""
    if settings.core_dropout:
        core = radius_pix(images.shape[-1], images.device) < settings.core_radius_pix
        hidden = (chance.uniform("core") < settings.core_dropout)[:, None, None, None] & core
        images = images.masked_fill(hidden, 0.0)
    return turn(images, (chance.uniform("orientation") * 8).long()) if settings.flips_and_rotations else images


def turn(images: torch.Tensor, orientation: torch.Tensor) -> torch.Tensor:
    """Each image turned by ``orientation % 4`` right angles, and mirrored where ``orientation`` is 4 or more."""
    places = _places(images.shape[-1], images.device)[orientation.to(images.device, non_blocking=True)]
    return images.flatten(2).gather(2, places[:, None].expand(-1, images.shape[1], -1)).view_as(images)


def shifted_and_broadened(
    images: torch.Tensor, shift: torch.Tensor, sigma_pix: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images moved by ``shift`` and convolved with a Gaussian, (sample,), flux kept; and the share of white noise kept.

    The pixels are taken as samples of a band-limited image, which the survey's PSF makes them; the edge is mirrored.
    """
    padding = min(_PADDING_PIX, images.shape[-1] - 1)
    padded = functional.pad(images, (padding,) * 4, mode="reflect")
    size = padded.shape[-1]
    ky = torch.fft.fftfreq(size, device=images.device)[:, None]
    kx = torch.fft.rfftfreq(size, device=images.device)
    along = shift[:, 1, None, None] * ky + shift[:, 0, None, None] * kx
    damping = torch.exp(-2 * math.pi**2 * sigma_pix[:, None, None] ** 2 * (ky**2 + kx**2))
    transfer = torch.polar(damping, -2 * math.pi * along)
    moved = torch.fft.irfft2(torch.fft.rfft2(padded) * transfer[:, None], s=(size, size))
    twice = torch.where((kx == 0) | (kx == 0.5), 1.0, 2.0)  # frequencies whose mirror image a real transform leaves out
    kept = (damping**2 * twice).sum(dim=(1, 2)) / size**2
    inside = slice(padding, size - padding)
    return moved[:, :, inside, inside], kept


def _broadened(metadata: torch.Tensor, columns: Sequence[str], fwhm_arcsec: torch.Tensor) -> torch.Tensor:
    """Metadata whose PSF widths have grown in quadrature."""
    grown = metadata.clone()
    for n, name in enumerate(columns):
        if name in _WIDTHS:
            grown[:, n] = torch.hypot(metadata[:, n], fwhm_arcsec.to(metadata.dtype))
    return grown


_WIDTHS = frozenset(f"psf_fwhm_{band}_arcsec" for band in BANDS)


def _plane(coefficients: torch.Tensor, size: int) -> torch.Tensor:
    """A level and two slopes, (sample, band, 3), as an image; a slope of 1 rises by 1 from the middle to the edge."""
    along = torch.linspace(-1, 1, size, device=coefficients.device)
    level, slope_x, slope_y = (coefficients[:, :, n, None, None] for n in range(3))
    return level + slope_x * along + slope_y * along[:, None]


@lru_cache(maxsize=8)
def _places(size: int, device: torch.device) -> torch.Tensor:
    """Which pixel each pixel of a turned image is, (8, size * size)."""
    square = torch.arange(size * size).view(size, size)
    turned = [torch.rot90(square, number % 4) for number in range(8)]
    return torch.stack([(one.flip(1) if number >= 4 else one).flatten() for number, one in enumerate(turned)]).to(device)
