"""What a stamp's pixels show around a position: the nearest source, the light in an aperture, how crowded it is.

Nothing here knows the PSF: sources are local maxima of the smoothed image, sky and noise are those of the stamp's edge.

Legend: image and invvar (y, x) in nMgy per pixel and nMgy⁻²; positions in pixels, integers at pixel centres, x west, y north.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter

from schemas.survey import PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG

Floats = npt.NDArray[np.float64]

APERTURE_ARCSEC = 3.0
"""Holds at least 40 % (1 mag) of a de Vaucouleurs galaxy whose half-light radius is up to 4 arcsec, behind any seeing of the
survey; a smaller one would need the size of each galaxy to compare its light with a catalogue's."""
_SMOOTHING_PIX = 2.0  # FWHM 1.2 arcsec: about the seeing
_THRESHOLD_SIGMA = 5.0
_PEAK_WINDOW_PIX = 7  # two sources closer than 0.8 arcsec are one
_EDGE_SHARE = 0.125
_MAD_TO_SIGMA = 1.4826


@dataclass(frozen=True)
class StampMeasurement:
    """Offset of the nearest source (NaN where the stamp has none), light in the aperture, other sources per square arcmin."""

    offset_arcsec: float
    aperture_flux_nmgy: float
    source_density: float

    @property
    def aperture_mag(self) -> float:
        """AB magnitude of the aperture; NaN where its flux is not positive."""
        flux = self.aperture_flux_nmgy
        return float(ZEROPOINT_MAG - 2.5 * np.log10(flux)) if flux > 0 else float("nan")


def measure_stamp(image: Floats, invvar: Floats, x: float, y: float) -> StampMeasurement:
    """Measure around (x, y). Pixels without inverse variance count as sky."""
    covered = (invvar > 0) & np.isfinite(image)
    edge = _edge(image.shape) & covered
    sky = float(np.median(image[edge])) if edge.any() else 0.0
    clean = np.where(covered, image - sky, 0.0)
    smooth = gaussian_filter(clean, _SMOOTHING_PIX, mode="constant")
    peaks = _peaks(smooth, _noise(smooth[edge]))
    distance = np.hypot(peaks[:, 1] - x, peaks[:, 0] - y)
    offset = float("nan")
    if len(peaks):
        y_source, x_source = _centroid(smooth, peaks[int(np.argmin(distance))])
        offset = float(np.hypot(x_source - x, y_source - y)) * PIXEL_SCALE_ARCSEC
    others = int((distance * PIXEL_SCALE_ARCSEC > APERTURE_ARCSEC).sum())
    area_arcmin2 = image.size * (PIXEL_SCALE_ARCSEC / 60) ** 2
    return StampMeasurement(offset, _aperture(clean, x, y), others / area_arcmin2)


def _edge(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The frame of a stamp, an eighth of its side wide."""
    width = max(1, round(shape[0] * _EDGE_SHARE))
    edge = np.ones(shape, dtype=bool)
    edge[width:-width, width:-width] = False
    return edge


def _noise(values: Floats) -> float:
    return float(_MAD_TO_SIGMA * np.median(np.abs(values - np.median(values)))) if len(values) else 0.0


def _peaks(smooth: Floats, sigma: float) -> Floats:
    """(source, y x) pixels that are the largest of their window and stand above the noise."""
    highest = maximum_filter(smooth, size=_PEAK_WINDOW_PIX, mode="nearest") == smooth
    return np.argwhere(highest & (smooth > _THRESHOLD_SIGMA * sigma) & (smooth > 0)).astype(np.float64)


def _centroid(smooth: Floats, peak: Floats) -> tuple[float, float]:
    """(y, x) of the light around a peak: the top of the parabola through the logarithm of its pixels, exact for a Gaussian."""
    y, x = int(peak[0]), int(peak[1])
    return y + _top(smooth[y - 1 : y + 2, x]), x + _top(smooth[y, x - 1 : x + 2])


def _top(three: Floats) -> float:
    """Where three neighbours peak, from the middle one; 0 at the border of the stamp, where there are fewer."""
    if len(three) < 3 or not (three > 0).all():
        return 0.0
    before, middle, after = np.log(three)
    bend = before - 2 * middle + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0


def _aperture(clean: Floats, x: float, y: float) -> float:
    rows, columns = np.indices(clean.shape)
    return float(clean[np.hypot(columns - x, rows - y) * PIXEL_SCALE_ARCSEC <= APERTURE_ARCSEC].sum())
