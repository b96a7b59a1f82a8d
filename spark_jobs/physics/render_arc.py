"""A lensed source as the survey would see it without noise: traced once, blurred in each band.

Legend: images (n, n) nMgy per pixel; centre in pixels from the stamp's first pixel centre; angles and widths in arcsec.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.arc_observables import flux_of
from spark_jobs.physics.azimuthal_shuffle import Tearing, azimuthal_shuffle
from spark_jobs.physics.polar_deposit import REACH
from spark_jobs.physics.psf_convolution import blur, light_spectrum
from spark_jobs.physics.psf_profiles import CircularPsf, PixelPsf
from spark_jobs.physics.ray_trace import GridLight, Lens, check_frame, lensed_light
from spark_jobs.physics.source_light import Source

FloatArray = npt.NDArray[np.float64]

Psf = CircularPsf | PixelPsf

WRAPPED = 1e-6
"""Of its peak is what a PSF may bring back from one edge of the stamp to the other."""
WIDEST_FWHM = 1.3
"""Cells grow with the PSF up to that of this width in arcsec."""
SIGMA_TO_FWHM = 2.3548200450309493
NARROW = 3.8
"""A PSF whose FWHM has fewer pixels than this needs light on half pixels."""


@dataclass(frozen=True)
class Scene:
    """What is behind what, and where on the stamp: ``beta`` is the source's place from the lens centre, arcsec."""

    lens: Lens | None
    source: Source
    beta: tuple[float, float]
    centre_pix: tuple[float, float]
    size: int
    pixel_scale: float

    def __post_init__(self) -> None:
        check_frame(self.beta, self.centre_pix, self.pixel_scale)


@dataclass(frozen=True)
class RenderedArc:
    """Images per band and the magnification: light on the stamp before the PSF over the source's unlensed flux."""

    images: dict[str, FloatArray]
    magnification: float


def render_arc(
    scene: Scene, source_mag: Mapping[str, float], psf: Mapping[str, Psf], tearing: Tearing | None = None
) -> RenderedArc:
    """Noiseless images of the scene in every band of ``psf``.

    Flux is fixed in the source plane by ``source_mag`` (AB, unlensed); magnification is what lensing does to it. With a
    ``tearing`` the arc is shuffled about the lens centre before the PSF; raises LikeItselfError where that leaves it alike
    through the narrowest PSF.
    """
    light = lensed_light(
        scene.lens,
        scene.source,
        scene.beta,
        size=scene.size,
        centre_pix=scene.centre_pix,
        pixel_scale=scene.pixel_scale,
        fine=2 if any(_is_narrow(one, scene.pixel_scale) for one in psf.values()) else 1,
        padding_pix=max(_reach_pix(one, scene.pixel_scale) for one in psf.values()),
        finest_fwhm=min(WIDEST_FWHM, *(one.fwhm_arcsec for one in psf.values())),
    )
    if tearing is not None:
        light = _torn(light, scene, tearing, min(one.fwhm_arcsec for one in psf.values()))
    blurred = blur(light_spectrum(light), list(psf.values()), scene.pixel_scale)
    images = {band: image * float(flux_of(source_mag[band])) for band, image in zip(psf, blurred, strict=True)}
    return RenderedArc(images, float(light.grid.sum()))


def shot_noise(
    arc: npt.NDArray[np.floating], electrons_per_nmgy: npt.ArrayLike, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The arc's own photon noise, Gaussian of variance arc/gain (nMgy^2), of the shape of ``arc``; the gain is broadcast to it.

    The survey image carries the noise of the rest already.
    """
    draw = rng.standard_normal(arc.shape, dtype=np.float32)
    return np.asarray(np.sqrt(np.clip(arc, 0.0, None) / np.asarray(electrons_per_nmgy, float)) * draw)


def _torn(light: GridLight, scene: Scene, tearing: Tearing, fwhm_arcsec: float) -> GridLight:
    """The light with its sectors shuffled, where it can reach the stamp."""
    lit = 2 * REACH + light.fine * light.size + 1
    x, y = (REACH + light.fine * place for place in scene.centre_pix)
    sigma = light.fine * fwhm_arcsec / SIGMA_TO_FWHM / scene.pixel_scale
    grid = light.grid.copy()
    grid[:lit, :lit] = azimuthal_shuffle(light.grid[:lit, :lit], (x, y), tearing, seen_through_pix=sigma).image
    return replace(light, grid=grid)


def _is_narrow(psf: Psf, pixel_scale: float) -> bool:
    return isinstance(psf, CircularPsf) and psf.fwhm_arcsec < NARROW * pixel_scale


def _reach_pix(psf: Psf, pixel_scale: float) -> int:
    return psf.reach_pix() if isinstance(psf, PixelPsf) else math.ceil(psf.reach_arcsec(WRAPPED) / pixel_scale)
