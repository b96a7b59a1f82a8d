"""How a galaxy's own light is taken out of a noisy space-telescope stamp, so that light and not noise carries the flux.

The naive recipe (deconvolve, clip at zero, normalise) fills the stamp with rectified noise. Here nothing is deconvolved
and no noise is clipped: inside the segment connected to the centre the pixels are kept as they are, outside it they are
replaced by their own elliptical average as far as that stands above its error, and by zero beyond. Neighbours are left out
of the average. What sinks below the noise is lost: 5 % of the flux and half-light radius (PSF included) of a disc of 0.3
arcsec at a signal to noise of 55, more where the galaxy is fainter or its profile steeper. Touching galaxies are not parted.
Legend: images of shape (ny, nx), flux per pixel; positions (y, x) in pixels from 0; sigma is the noise of one pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_dilation, binary_fill_holes, gaussian_filter, label

Image = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_SMOOTHING_PIX = 1.5
_SEGMENT_SIGMAS = 1.5
_NEIGHBOUR_SIGMAS = 3.0
_RING_WIDTH_PIX = 1.5
_LEAST_SEGMENT_PIX = 8
_LEAST_AXIS_RATIO = 0.2
_BORDER_PIX = 3
_EIGHT_CONNECTED = np.ones((3, 3), np.bool_)


class Rejection(StrEnum):
    """Why a galaxy does not become a template."""

    UNREADABLE = "image unreadable"
    NOT_FINITE = "pixels not finite"
    NO_LIGHT = "no light connected to the centre"
    NO_FLUX = "total flux not positive"
    FAINT = "signal to noise too low"
    TOO_LARGE = "light does not fit the template"
    SIZE = "half-light radius disagrees with the catalogue"
    UNFIT = "catalogue has no usable fit"
    ROW = "catalogue gives no magnitude or pixel scale"
    EXCLUDED = "left out by GalSim's COSMOSCatalog"


class RejectionError(ValueError):
    """A galaxy cannot become a template; ``rejection`` says why."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.value)
        self.rejection = rejection


@dataclass(frozen=True)
class Light:
    """A galaxy's light: ``image`` sums to ``flux``; ``snr`` is that of the segment's pixels for white noise."""

    image: Image
    flux: float
    snr: float


def extract_light(stamp: npt.ArrayLike, sigma: float | None = None, background: float | None = None) -> Light:
    """The light of the galaxy at a stamp's centre; noise and background are measured on the border where not given.

    Raises RejectionError where pixels are not finite, nothing is connected to the centre, or the flux is not positive.
    """
    image = np.asarray(stamp, dtype=np.float64)
    if not np.isfinite(image).all():
        raise RejectionError(Rejection.NOT_FINITE)
    border = _border(image)
    image = image - (float(np.median(border)) if background is None else background)
    sigma = _scatter(border) if sigma is None else sigma
    smoothed = gaussian_filter(image, _SMOOTHING_PIX)
    white_sigma = sigma / (2 * math.sqrt(math.pi) * _SMOOTHING_PIX)
    smoothed_sigma = max(_scatter(_border(_unmirrored(smoothed))), white_sigma)
    segment, neighbours = _segments(smoothed, smoothed_sigma)
    # Drizzled pixels share noise: a mean over n of them is less certain than sigma / sqrt(n) by this factor.
    correlated = smoothed_sigma / white_sigma if sigma > 0 else 1.0
    signal = float(image[segment].sum())
    if not signal > 0:  # a hole of bad pixels, filled, can outweigh the light around it
        raise RejectionError(Rejection.NO_FLUX)
    wings = _wings(image, segment, neighbours, sigma * correlated)
    weight = gaussian_filter(segment.astype(np.float64), 1.0) * ~neighbours
    light = weight * image + (1 - weight) * wings
    flux = float(light.sum())
    if not flux > 0:
        raise RejectionError(Rejection.NO_FLUX)
    return Light(light, flux, signal / (sigma * math.sqrt(segment.sum())) if sigma > 0 else math.inf)


def half_light_radius(image: Image) -> float:
    """Radius in pixels of the circle about the light's centroid that holds half of the flux (SExtractor's FLUX_RADIUS).

    For a Sersic profile of axis ratio q it is within a few per cent of sqrt(q) times the radius along the major axis.
    """
    fine = 3  # each pixel in nine parts: radii of a few pixels are then good to a hundredth of a pixel
    y0, x0 = centroid(image)
    values = np.repeat(np.repeat(image, fine, axis=0), fine, axis=1).ravel() / fine**2
    y, x = (((np.arange(side * fine) + 0.5) / fine - 0.5) for side in image.shape)
    radius = np.hypot(y[:, None] - y0, x[None, :] - x0).ravel()
    order = np.argsort(radius)
    growth = np.cumsum(values[order])
    crossing = int(np.argmax(growth >= growth[-1] / 2))
    return float(radius[order][crossing])


def centroid(image: Image) -> tuple[float, float]:
    """Flux-weighted mean position (y, x) in pixels."""
    total = image.sum()
    y, x = (np.arange(side) for side in image.shape)
    return float((image.sum(axis=1) * y).sum() / total), float((image.sum(axis=0) * x).sum() / total)


def _segments(smoothed: Image, sigma: float) -> tuple[Mask, Mask]:
    """The segment that holds the brightest pixel near the centre, and all significant others with a margin."""
    labels, count = label(smoothed > _SEGMENT_SIGMAS * sigma, _EIGHT_CONNECTED)
    ny, nx = smoothed.shape
    reach_y, reach_x = max(ny // 6, 3), max(nx // 6, 3)
    window = np.s_[ny // 2 - reach_y : ny // 2 + reach_y + 1, nx // 2 - reach_x : nx // 2 + reach_x + 1]
    inner, inner_labels = smoothed[window], labels[window]
    chosen = int(inner_labels.flat[int(np.argmax(inner))])
    if chosen == 0 or int((labels == chosen).sum()) < _LEAST_SEGMENT_PIX:
        raise RejectionError(Rejection.NO_LIGHT)
    segment: Mask = binary_fill_holes(labels == chosen)
    neighbours = np.zeros(smoothed.shape, np.bool_)
    for other in range(1, count + 1):
        if other != chosen and smoothed[labels == other].max() > _NEIGHBOUR_SIGMAS * sigma:
            neighbours |= labels == other
    if neighbours.any():
        neighbours = binary_dilation(neighbours, iterations=3) & ~segment
    return segment, neighbours


def _wings(image: Image, segment: Mask, neighbours: Mask, sigma: float) -> Image:
    """The elliptical average outside the segment, up to where the average of whole rings is lost in its own error.

    Just outside the segment it is low, because the segment took the pixels that noise made high: the two make up for each
    other, so whole rings decide how far the light goes. An average that rises outwards is noise, or light of something else.
    """
    radius = elliptical_radius(np.where(segment, image, 0.0))
    ring = (radius / _RING_WIDTH_PIX).astype(np.int64)
    outside, outside_counts = _ring_means(image, ring, ~segment & ~neighbours)
    whole, whole_counts = _ring_means(image, ring, ~neighbours)
    filled = np.flatnonzero(outside_counts)
    lost = np.flatnonzero(whole[filled] < sigma / np.sqrt(whole_counts[filled]))
    last = int(lost[0]) if len(lost) else len(filled)
    if last == 0:
        return np.zeros_like(image)
    kept = filled[:last]
    means = np.minimum(outside[kept], np.minimum.accumulate(whole[kept]))
    wings: Image = np.interp(radius, (kept + 0.5) * _RING_WIDTH_PIX, means, right=0.0)
    return wings


def _ring_means(image: Image, ring: npt.NDArray[np.int64], chosen: Mask) -> tuple[Image, npt.NDArray[np.int64]]:
    """Mean of the chosen pixels of each ring, zero where there is none, and how many they are."""
    counts = np.bincount(ring[chosen], minlength=ring.max() + 1)
    return np.bincount(ring[chosen], image[chosen], minlength=ring.max() + 1) / np.maximum(counts, 1), counts


def elliptical_radius(light: Image) -> Image:
    """Radius of every pixel in the ellipse of the light's second moments, scaled so that its area is pi r^2."""
    y0, x0 = centroid(light)
    y, x = np.mgrid[: light.shape[0], : light.shape[1]] - np.array([y0, x0])[:, None, None]
    total = light.sum()
    moments = np.array([[(light * x * x).sum(), (light * x * y).sum()], [(light * x * y).sum(), (light * y * y).sum()]]) / total
    values, axes = np.linalg.eigh(moments)
    axis_ratio = max(math.sqrt(max(values[0], 0.0) / values[1]), _LEAST_AXIS_RATIO) if values[1] > 0 else 1.0
    minor, major = (axes[0, k] * x + axes[1, k] * y for k in (0, 1))
    radius: Image = np.hypot(major * math.sqrt(axis_ratio), minor / math.sqrt(axis_ratio))
    return radius


def _unmirrored(smoothed: Image) -> Image:
    """Without the outermost pixels, which smoothing made noisier than the rest by mirroring the image at its edge."""
    width = _BORDER_PIX
    return smoothed[width:-width, width:-width] if min(smoothed.shape) > 4 * width else smoothed


def _border(image: Image) -> Image:
    width = _BORDER_PIX
    inner = np.zeros(image.shape, np.bool_)
    inner[width:-width, width:-width] = True
    values: Image = image[~inner]
    return values


def _scatter(values: Image) -> float:
    """Robust standard deviation: 1.4826 times the median absolute deviation."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))
