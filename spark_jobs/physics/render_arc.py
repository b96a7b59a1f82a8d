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
from spark_jobs.physics.azimuthal_shuffle import LikeItselfError, Tearing, azimuthal_shuffle
from spark_jobs.physics.polar_deposit import REACH
from spark_jobs.physics.psf_convolution import blur, light_spectrum
from spark_jobs.physics.psf_profiles import CircularPsf, PixelPsf
from spark_jobs.physics.ray_trace import GridLight, Lens, check_frame, lensed_light
from spark_jobs.physics.source_light import Source

FloatArray = npt.NDArray[np.float64]

Psf = CircularPsf | PixelPsf

WRAPPED = 1e-5
"""Of its peak is what a PSF may bring back from one edge of the stamp to the other."""
WIDEST_FWHM = 1.02
"""Cells grow with the PSF up to that of this width in arcsec."""
NOISELESS = 1e-4
"""Of an arc's peak is where its photon noise is left out: a hundredth of that of the peak, itself below the sky's."""
SIGMA_TO_FWHM = 2.3548200450309493
NARROW = 3.8
"""A PSF whose FWHM has fewer pixels than this needs light on half pixels."""


@dataclass(frozen=True)
class Scene:
    """What is behind what, and where on the stamp: ``beta`` is the source's place from the lens centre, arcsec.

    Light is drawn ``margin`` pixels beyond the stamp's edges too, for light that runs over them: a PSF carries some back in.
    """

    lens: Lens | None
    source: Source
    beta: tuple[float, float]
    centre_pix: tuple[float, float]
    size: int
    pixel_scale: float
    margin: int = 0

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
        size=scene.size + 2 * scene.margin,
        centre_pix=(scene.centre_pix[0] + scene.margin, scene.centre_pix[1] + scene.margin),
        pixel_scale=scene.pixel_scale,
        fine=2 if any(_is_narrow(one, scene.pixel_scale) for one in psf.values()) else 1,
        padding_pix=max(_reach_pix(one, scene.pixel_scale) for one in psf.values()),
        finest_fwhm=min(WIDEST_FWHM, *(one.fwhm_arcsec for one in psf.values())),
    )
    unit = _seen(light, scene, psf) if tearing is None else _torn(light, scene, psf, tearing)
    images = {band: image * float(flux_of(source_mag[band])) for band, image in zip(psf, unit, strict=True)}
    return RenderedArc(images, _on_stamp(light, scene.margin))


def shot_noise(
    arc: npt.NDArray[np.floating], electrons_per_nmgy: npt.ArrayLike, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """The arc's own photon noise, Gaussian of variance arc/gain (nMgy^2), of the shape of ``arc``; the gain is broadcast to it.

    The survey image carries the noise of the rest already. Drawn where the arc has more than NOISELESS of its peak.
    """
    variance = np.clip(arc, 0.0, None) / np.asarray(electrons_per_nmgy, float)
    lit = variance > NOISELESS * variance.max(axis=(-2, -1), keepdims=True)
    noise = np.zeros(arc.shape)
    noise[lit] = np.sqrt(variance[lit]) * rng.standard_normal(np.count_nonzero(lit), dtype=np.float32)
    return noise


def _seen(light: GridLight, scene: Scene, psf: Mapping[str, Psf]) -> FloatArray:
    """The light on the stamp behind each PSF, (bands, n, n)."""
    inner = slice(scene.margin, scene.margin + scene.size)
    return blur(light_spectrum(light), list(psf.values()), scene.pixel_scale)[:, inner, inner]


def _torn(light: GridLight, scene: Scene, psf: Mapping[str, Psf], tearing: Tearing) -> FloatArray:
    """As ``_seen``, the light's sectors shuffled where it can reach the stamp, and unlike the whole in every band."""
    lit = 2 * REACH + light.fine * light.size + 1
    centre = (
        REACH + light.fine * (scene.centre_pix[0] + scene.margin),
        REACH + light.fine * (scene.centre_pix[1] + scene.margin),
    )
    sigma = light.fine * max(one.fwhm_arcsec for one in psf.values()) / SIGMA_TO_FWHM / scene.pixel_scale
    grid = light.grid.copy()
    grid[:lit, :lit] = azimuthal_shuffle(light.grid[:lit, :lit], centre, tearing, seen_through_pix=sigma).image
    whole, torn = _seen(light, scene, psf), _seen(replace(light, grid=grid), scene, psf)
    alike = max(float(np.corrcoef(one.ravel(), other.ravel())[0, 1]) for one, other in zip(whole, torn, strict=True))
    if alike > tearing.maximum_correlation:
        raise LikeItselfError(
            f"correlation with the whole arc is {alike:.3f} behind the PSF; wanted {tearing.maximum_correlation}"
        )
    return torn


def _on_stamp(light: GridLight, margin: int) -> float:
    """What lies on the stamp before the PSF; without a margin, what was let in."""
    if not margin:
        return float(light.grid.sum())
    start = REACH + light.fine * margin
    inner = slice(start, start + light.fine * (light.size - 2 * margin))
    return float(light.grid[inner, inner].sum())


def _is_narrow(psf: Psf, pixel_scale: float) -> bool:
    return isinstance(psf, CircularPsf) and psf.fwhm_arcsec < NARROW * pixel_scale


def _reach_pix(psf: Psf, pixel_scale: float) -> int:
    return psf.reach_pix() if isinstance(psf, PixelPsf) else math.ceil(psf.reach_arcsec(WRAPPED) / pixel_scale)
