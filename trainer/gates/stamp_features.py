"""What gates measure of each stamp, so that no pixel has to be kept: profile, core, annulus, statistics, centroid, hash.

Legend: images (sample, band g r z, y, x), nMgy per pixel; centres in pixels, pixel centres at integers from 0; features
(sample, feature). Brightness features are asinh(flux per pixel / s_b), s_b the published noise of a band, so that neither a
bright host nor the sky is lost. A stamp's own centre is its galaxy's; where the failed experiment measured from the stamp's
middle pixel, so does the feature that bears its name.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from schemas.survey import BANDS
from trainer.normalisation import GEN5_CLIP, outer_mad_clipped, outer_median_and_scatter
from trainer.train_settings import NormalisationSettings

PROFILE_RING_PIX, PROFILE_RINGS = 2.0, 15
CORE_RINGS = 8
FAILED_CORE_PIX = 10.0
CENTRAL_PIX = 8.0
APERTURE_PIX = 16.0
ANNULUS_SHARE = 3 / 8
"""The outer annulus begins at this share of the stamp's side, 24 of 64 px: 6.3 arcsec, beyond the widest arc and two PSFs."""
_CENTROID_SIGMA_PIX, _CENTROID_STEPS, _CENTROID_BOX = 3.0, 4, 12
_R = BANDS.index("r")
_SCALE = np.array([NormalisationSettings().sky_sigma_nmgy[band] for band in BANDS])[:, None]
_GEN5 = NormalisationSettings(kind="gen5")

Images = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Centres:
    """Where each galaxy lies (sample,), and the radius that its arc leaves free (sample, band), in pixels, NaN for none."""

    x_pix: Numbers
    y_pix: Numbers
    core_pix: Numbers


def measure_stamps(images: torch.Tensor, centres: Centres) -> dict[str, npt.NDArray[np.generic]]:
    """Every feature of some stamps, by name."""
    pixels = images.numpy()
    r = radii(pixels.shape[-1], centres)
    offset = centroid_offsets(pixels[:, _R], centres)
    outer = _middle_radii(pixels.shape[-1]) >= ANNULUS_SHARE * pixels.shape[-1]
    central = np.where(r < CENTRAL_PIX, pixels[:, _R], 0).sum((1, 2), dtype=np.float64)
    return {
        "profile": radial_profile(pixels, r),
        "core": core_features(pixels, r, centres.core_pix),
        "failed_core": _statistics(pixels[:, :, _middle_radii(pixels.shape[-1]) < FAILED_CORE_PIX]),
        "annulus": annulus_features(pixels, outer),
        "normalisation": normalisation_features(images),
        "centroid": offset,
        "central_flux": central,
        "aperture_flux": aperture_flux(pixels[:, _R], r, outer),
        "pixel_hash": pixel_hashes(pixels),
    }


def radii(size: int, centres: Centres) -> Numbers:
    """(sample, y, x) distance of each pixel from the stamp's galaxy, pixels."""
    axis = np.arange(size, dtype=np.float64)
    return np.hypot(axis[None, None, :] - centres.x_pix[:, None, None], axis[None, :, None] - centres.y_pix[:, None, None])


def radial_profile(pixels: Images, r: Numbers) -> Numbers:
    """Mean brightness in rings of 2 pixels about the galaxy, all bands."""
    ring = (r / PROFILE_RING_PIX).astype(np.int64)
    mean, _ = _ring_moments(pixels, np.where(ring < PROFILE_RINGS, ring, -1), PROFILE_RINGS)
    return np.asarray(np.arcsinh(mean / _SCALE).reshape(len(pixels), -1))


def core_features(pixels: Images, r: Numbers, core_pix: Numbers) -> Numbers:
    """Mean and scatter in rings of one pixel inside each band's core; NaN outside it, and everywhere where there is none.

    A ring counts where it lies in the core as a whole, so that it holds as many pixels in every stamp.
    """
    ring = np.minimum(r.astype(np.int64), CORE_RINGS)
    mean, scatter = _ring_moments(pixels, np.where(ring < CORE_RINGS, ring, -1), CORE_RINGS)
    outside = ~(np.arange(1, CORE_RINGS + 1) <= core_pix[:, :, None])
    both = [np.where(outside, np.nan, np.arcsinh(part / _SCALE)) for part in (mean, scatter)]
    return np.concatenate(both, axis=1).reshape(len(pixels), -1)


def annulus_features(pixels: Images, outer: npt.NDArray[np.bool_]) -> Numbers:
    """Level, scatter, skewness and likeness of neighbours of the outer annulus, all bands."""
    values = pixels[:, :, outer].astype(np.float64)
    mean, scatter = values.mean(-1, keepdims=True), values.std(-1, keepdims=True)
    skewness = (((values - mean) / np.maximum(scatter, 1e-12)) ** 3).mean(-1)
    both = outer[:, 1:] & outer[:, :-1]
    left, right = (pixels[..., part][:, :, both] - mean for part in (np.s_[:-1], np.s_[1:]))
    likeness = (left * right).mean(-1) / np.maximum(scatter[..., 0] ** 2, 1e-24)
    return np.concatenate([_statistics(pixels[:, :, outer]), np.arcsinh(skewness), likeness], axis=1)


def normalisation_features(images: torch.Tensor) -> Numbers:
    """Median, scatter and clipped share of the gen5 normalisation, all bands."""
    centre, scatter = outer_median_and_scatter(images)
    clipped = (outer_mad_clipped(images, _GEN5).abs() >= GEN5_CLIP).float().mean((2, 3))
    levels = [np.arcsinh(part.numpy().astype(np.float64) / _SCALE[:, 0]) for part in (centre, scatter)]
    return np.concatenate([*levels, clipped.numpy()], axis=1)


def centroid_offsets(plane: Images, centres: Centres) -> Numbers:
    """(sample, 2) centroid minus stated centre along x and y, pixels, under a Gaussian weight that follows it."""
    size = plane.shape[-1]
    x, y = centres.x_pix.copy(), centres.y_pix.copy()
    axis = np.arange(size, dtype=np.float64)
    near = np.maximum(plane - np.median(plane, axis=(1, 2), keepdims=True), 0).astype(np.float64)
    for _ in range(_CENTROID_STEPS):
        in_x = np.exp(-((axis - x[:, None]) ** 2) / (2 * _CENTROID_SIGMA_PIX**2))
        in_y = np.exp(-((axis - y[:, None]) ** 2) / (2 * _CENTROID_SIGMA_PIX**2))
        total = np.einsum("nyx,ny,nx->n", near, in_y, in_x)
        with np.errstate(invalid="ignore", divide="ignore"):
            dx = np.einsum("nyx,ny,nx->n", near, in_y, in_x * (axis - x[:, None])) / total
            dy = np.einsum("nyx,ny,nx->n", near, in_y * (axis - y[:, None]), in_x) / total
        # A round galaxy under a weight of its own width moves the centroid by half the offset: the step is doubled.
        x = np.clip(x + 2 * dx, centres.x_pix - _CENTROID_BOX, centres.x_pix + _CENTROID_BOX)
        y = np.clip(y + 2 * dy, centres.y_pix - _CENTROID_BOX, centres.y_pix + _CENTROID_BOX)
    return np.stack([x - centres.x_pix, y - centres.y_pix], axis=1)


def aperture_flux(plane: Images, r: Numbers, outer: npt.NDArray[np.bool_]) -> Numbers:
    """Flux within 4.2 arcsec of the galaxy less the level of the annulus, nMgy."""
    level = np.median(plane[:, outer], axis=1).astype(np.float64)
    inside = r < APERTURE_PIX
    return np.asarray(np.where(inside, plane - level[:, None, None], 0).sum((1, 2), dtype=np.float64))


def pixel_hashes(pixels: Images) -> npt.NDArray[np.int64]:
    """64 bits of each stamp's decoded pixels."""
    digests = b"".join(hashlib.blake2b(one.tobytes(), digest_size=8).digest() for one in pixels)
    return np.frombuffer(digests, "<i8").astype(np.int64)


def _statistics(values: Images) -> Numbers:
    """Mean, median, scatter, MAD and maximum over the last axis, all bands."""
    middle = np.median(values, axis=-1, keepdims=True)
    mad = np.median(np.abs(values - middle), axis=-1)
    found = [values.mean(-1), middle[..., 0], values.std(-1), mad, values.max(-1)]
    return np.concatenate([np.arcsinh(one / _SCALE[:, 0]) for one in found], axis=1).astype(np.float64)


def _middle_radii(size: int) -> Numbers:
    offset = np.arange(size) - size // 2
    return np.hypot(offset[:, None], offset[None, :])


def _ring_moments(pixels: Images, ring: npt.NDArray[np.int64], rings: int) -> tuple[Numbers, Numbers]:
    """(sample, band, ring) mean and scatter of the pixels that ``ring`` (sample, y, x) numbers; NaN where it numbers none."""
    here = ring.ravel() >= 0
    place = (np.arange(len(pixels))[:, None, None] * rings + ring).ravel()[here]
    room = len(pixels) * rings
    count = np.bincount(place, minlength=room)
    moments = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for band in range(len(BANDS)):
            values = pixels[:, band].ravel()[here].astype(np.float64)
            mean = np.bincount(place, values, room) / count
            square = np.bincount(place, values**2, room) / count
            moments.append((mean, np.sqrt(np.maximum(square - mean**2, 0))))
    means, scatters = (np.stack([m[n].reshape(-1, rings) for m in moments], axis=1) for n in (0, 1))
    return means, scatters
