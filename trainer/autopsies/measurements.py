"""What the pixels of each image show: middle, sky, noise, texture, normalisation, the galaxy and its place.

Legend: images (object, band g r z, y, x) in nMgy per pixel; results (object,) or (object, band). Noise and texture come from
second differences of pixels, three pixels apart and next to each other: a galaxy's outskirts are smooth and cancel, so that the
noise of the sky is measured on a bright galaxy's stamp too.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch

from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG
from trainer.anchor_integrity import FARTHEST_ARCSEC
from trainer.anchor_photometry import measure_stamp
from trainer.autopsies.failed_experiment import RINGS_PIX
from trainer.autopsies.image_sets import ImageSet
from trainer.gates.stamp_features import ANNULUS_SHARE, Centres, radii
from trainer.judge import Images, Numbers
from trainer.normalisation import outer_mad_clipped, outer_median_and_scatter
from trainer.sky_of_stamps import MAD_TO_SIGMA
from trainer.train_settings import NormalisationSettings

CORE_PIX, APERTURE_PIX = 8.0, 16.0
_PEAK_BOX = 4
_AT_A_TIME = 256
_R = BANDS.index("r")
_GEN5 = NormalisationSettings(kind="gen5")
_FAR, _NEAR = 3, 1
_NOISE_GAIN = np.sqrt(6.0)
"""Scatter of x[-k] - 2 x[0] + x[k] over that of x where the three are independent."""
_CORNER_SHARE = 0.5625
_HALO_SLOPE = 2.5
"""Outskirts of early types fall about as r^-2.5 at 6 to 10 arcsec: what falls so is the galaxy's, the rest the sky's."""

Measured = Mapping[str, Numbers]


def measure(of: ImageSet) -> Measured:
    """Every quantity of every object."""
    parts = []
    for first in range(0, len(of.images), _AT_A_TIME):
        part = slice(first, first + _AT_A_TIME)
        parts.append(_measured(of.images[part], of.x_pix[part], of.y_pix[part]))
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return found | {"expected_noise": expected_noise(of)}


def expected_noise(of: ImageSet) -> Numbers:
    """(object, band) noise of a pixel that the stated point-source depth and PSF imply, for white noise; NaN if unknown."""
    sigma_pix = of.fwhm_arcsec / PIXEL_SCALE_ARCSEC / np.sqrt(8 * np.log(2))
    return np.asarray(10 ** (-0.4 * (of.depth_mag - ZEROPOINT_MAG)) / 5 / np.sqrt(4 * np.pi * sigma_pix**2))


def _measured(images: Images, x: Numbers, y: Numbers) -> dict[str, Numbers]:
    size = images.shape[-1]
    middle = np.full(len(images), size // 2, np.float64)
    r = radii(size, Centres(x, y, np.zeros((len(images), len(BANDS)))))
    about = radii(size, Centres(middle[:1], middle[:1], np.zeros((1, len(BANDS)))))[0]
    outer = about >= ANNULUS_SHARE * size
    level = np.median(images[:, :, outer], axis=2).astype(np.float64)
    flux = np.stack([_flux(images[:, band], r < CORE_PIX, level[:, band]) for band in range(len(BANDS))], axis=1)
    aperture = _flux(images[:, _R], r < APERTURE_PIX, level[:, _R])
    box = slice(size // 2 - _PEAK_BOX, size // 2 + _PEAK_BOX)
    far, near = (_second_differences(images, step, outer) for step in (_FAR, _NEAR))
    centre, scatter = outer_median_and_scatter(torch.from_numpy(images))
    offset = np.array([_offset(*one) for one in zip(images[:, _R], x, y, strict=True)], np.float64)
    return {
        "peak_r": images[:, _R, box, box].max((1, 2)).astype(np.float64),
        "core_flux": flux,
        "aperture_mag": _magnitude(aperture),
        "g_r": _magnitude(flux[:, 0]) - _magnitude(flux[:, 1]),
        "r_z": _magnitude(flux[:, 1]) - _magnitude(flux[:, 2]),
        "half_light_arcsec": _half_light(images[:, _R], r, level[:, _R]) * PIXEL_SCALE_ARCSEC,
        "outer_mean": images[:, :, outer].mean(2, dtype=np.float64),
        "outer_std": images[:, :, outer].std(2, dtype=np.float64),
        "norm_median": centre.numpy().astype(np.float64),
        "norm_mad": scatter.numpy().astype(np.float64) / MAD_TO_SIGMA,
        "ring_means": _ring_means(images, about),
        "noise": far / _NOISE_GAIN,
        "texture": 1 - (near / far) ** 2,
        "pedestal": _pedestal(images, about, far / _NOISE_GAIN),
        "offset_arcsec": offset,
        "centred": (offset <= FARTHEST_ARCSEC).astype(np.float64),
    }


def _flux(plane: Images, inside: npt.NDArray[np.bool_], level: Numbers) -> Numbers:
    """Light inside less the level of the annulus."""
    return np.asarray((np.where(inside, plane, 0).sum((1, 2), dtype=np.float64)) - level * inside.sum((1, 2)))


def _magnitude(flux: Numbers) -> Numbers:
    """AB magnitude, NaN where the flux is not positive."""
    return np.asarray(ZEROPOINT_MAG - 2.5 * np.log10(np.where(flux > 0, flux, np.nan)))


def _half_light(plane: Images, r: Numbers, level: Numbers) -> Numbers:
    """Radius in pixels that holds half of the light within 16 px, by whole pixels of radius; NaN where there is no light."""
    within = np.stack([_flux(plane, r < radius, level) for radius in range(1, int(APERTURE_PIX) + 1)], axis=1)
    total = within[:, -1:]
    reached = (within >= total / 2).argmax(axis=1) + 1.0
    return np.where(total[:, 0] > 0, reached, np.nan)


def _ring_means(images: Images, about: Numbers) -> Numbers:
    """(object, band * ring) mean of the gen5-normalised pixels in rings about the stamp's middle, ring fastest."""
    normalised = outer_mad_clipped(torch.from_numpy(images), _GEN5).numpy()
    rings = [normalised[:, :, (about >= low) & (about < high)] for low, high in RINGS_PIX]
    means = [ring.mean(2, dtype=np.float64) if ring.shape[2] else np.full(ring.shape[:2], np.nan) for ring in rings]
    return np.stack(means, axis=2).reshape(len(images), -1)


def _second_differences(images: Images, step: int, outer: npt.NDArray[np.bool_]) -> Numbers:
    """(object, band) robust scatter of x[-step] - 2 x[0] + x[step] along rows of the annulus."""
    inside = outer[:, step:-step]
    change = images[..., : -2 * step] - 2 * images[..., step:-step] + images[..., 2 * step :]
    values = change[:, :, inside]
    middle = np.median(values, axis=2, keepdims=True)
    mad = np.median(np.abs(values - middle), axis=2)
    return np.asarray(np.maximum(mad.astype(np.float64) * MAD_TO_SIGMA, 1e-12))


def _pedestal(images: Images, about: Numbers, noise: Numbers) -> Numbers:
    """(object, band) level of the sky in units of the noise: annulus and corners, less what falls off as a galaxy does."""
    size = images.shape[-1]
    inner = (about >= ANNULUS_SHARE * size) & (about < (ANNULUS_SHARE + 0.08) * size)
    corner = about >= _CORNER_SHARE * size
    levels = [np.median(images[:, :, part], axis=2).astype(np.float64) for part in (inner, corner)]
    fallen = (about[corner].mean() / about[inner].mean()) ** -_HALO_SLOPE
    return np.asarray((levels[1] - fallen * levels[0]) / (1 - fallen) / noise)


def _offset(plane: Images, x: float, y: float) -> float:
    image = plane.astype(np.float64)
    seen = measure_stamp(image, np.ones_like(image), x, y).offset_arcsec
    return seen if np.isfinite(seen) else float(np.inf)
