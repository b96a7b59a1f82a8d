"""A lensed source as the survey would see it without noise: traced once, blurred in each band.

Legend: images (n, n) nMgy per pixel; centre in pixels from the stamp's first pixel centre; angles and widths in arcsec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spark_jobs.physics.arc_observables import flux_of
from spark_jobs.physics.psf_convolution import blur, light_spectrum
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens, lensed_light
from spark_jobs.physics.source_light import Source

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """What is behind what, and where on the stamp: ``beta`` is the source's place from the lens centre, arcsec."""

    lens: Lens | None
    source: Source
    beta: tuple[float, float]
    centre_pix: tuple[float, float]
    size: int
    pixel_scale: float


@dataclass(frozen=True)
class RenderedArc:
    """Images per band and the magnification: light on the stamp before the PSF over the source's unlensed flux."""

    images: dict[str, FloatArray]
    magnification: float


def render_arc(scene: Scene, source_mag: Mapping[str, float], psf: Mapping[str, CircularPsf]) -> RenderedArc:
    """Noiseless images of the scene in every band of ``psf``.

    Flux is fixed in the source plane by ``source_mag`` (AB, unlensed); magnification is what lensing does to it.
    """
    light = lensed_light(
        scene.lens, scene.source, scene.beta, size=scene.size, centre_pix=scene.centre_pix, pixel_scale=scene.pixel_scale
    )
    spectrum = light_spectrum(light)
    images = {band: blur(spectrum, psf[band], scene.pixel_scale) * float(flux_of(source_mag[band])) for band in psf}
    return RenderedArc(images, float(light.sum()))


def shot_noise(arc: FloatArray, electrons_per_nmgy: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The arc's own photon noise, Gaussian of variance arc/gain (nMgy^2); the survey image carries the rest already."""
    return np.asarray(np.sqrt(np.clip(arc, 0.0, None) / electrons_per_nmgy) * rng.standard_normal(arc.shape))
