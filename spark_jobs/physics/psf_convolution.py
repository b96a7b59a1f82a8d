"""From flux on half-pixel points to pixel values behind a PSF: one real FFT of the light, one small inverse a band.

A pixel value is (light convolved with the PSF) at the pixel's centre, times the pixel's area: the survey's FWHM contains the
pixel, so nothing averages over it. The B-spline that spread the rays is divided out in Fourier space. The grid is padded to
twice the stamp, so that what wraps around an edge is the PSF's wing a whole stamp away. Every second point is kept, so the
spectrum is folded onto the pixels' frequencies before the inverse.
Legend: grid (4n, 4n) flux; images (n, n) flux per pixel.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, rfft2

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.psf_profiles import TABLE_STEP, CircularPsf

DARK_TRANSFER = 1e-8
"""Frequencies of which the PSF lets less than this through are left out."""
FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]


def light_spectrum(grid: FloatArray) -> ComplexArray:
    """Fourier transform of the light, shape (4n, 2n + 1); computed once and shared by the bands."""
    return np.asarray(rfft2(grid))


def blur(spectrum: ComplexArray, psf: CircularPsf, pixel_scale: float) -> FloatArray:
    """Pixel values (n, n) of the light behind a circular PSF; ``pixel_scale`` in arcsec."""
    size = spectrum.shape[0] // 4
    scale = 2.0 * np.pi * psf.scale_arcsec / (0.5 * pixel_scale)  # t for one cycle per grid step
    folded = _fold(spectrum, _axis_factor(4 * size), scale / TABLE_STEP, psf.transfer_table())
    return np.asarray(irfft2(folded, s=(2 * size, 2 * size), overwrite_x=True)[:size, :size])


def blur_with_kernel(spectrum: ComplexArray, kernel: npt.ArrayLike) -> FloatArray:
    """Pixel values (n, n) of the light behind a pixelised PSF (k, k), k odd, sampled at pixel centres, of sum one.

    Between its samples the kernel is band-limited; one wider than the stamp is used as far as it reaches across the stamp.
    Raises ValueError for a kernel that is not a finite square image with an odd side.
    """
    image = np.asarray(kernel, float)
    if image.ndim != 2 or image.shape[0] != image.shape[1] or image.shape[0] % 2 == 0 or not np.all(np.isfinite(image)):
        raise ValueError(f"PSF kernel of shape {image.shape}; wanted a finite square image with an odd side")
    size = spectrum.shape[0] // 4
    n, middle = 2 * size, image.shape[0] // 2
    offsets = np.arange(-min(middle, size - 1), min(middle, size - 1) + 1)
    padded = np.zeros((n, n))
    padded[np.ix_(offsets % n, offsets % n)] = image[np.ix_(middle + offsets, middle + offsets)]
    rows = np.where(np.fft.fftfreq(n) < 0, np.arange(n) + n, np.arange(n))  # the pixels' frequencies among the grid's
    kept = spectrum[rows, : size + 1] * _axis_factor(2 * n)[rows, None] * _axis_factor(2 * n)[None, : size + 1]
    kept[size, :] = 0.0  # a band-limited kernel has nothing at the Nyquist frequency
    kept[:, size] = 0.0
    return np.asarray(irfft2(kept * rfft2(padded), s=(n, n))[:size, :size])


@lru_cache(maxsize=8)
def _axis_factor(side: int) -> FloatArray:
    """Per frequency of one axis of the grid: one over the transform of the quadratic B-spline, sinc^3."""
    return np.asarray(np.sinc(np.fft.fftfreq(side)) ** -3.0)


@compiled("complex128[:, ::1](complex128[:, ::1], float64[::1], float64, float64[::1])")
def _fold(spectrum: ComplexArray, factor: FloatArray, scale: float, table: FloatArray) -> ComplexArray:
    """Spectrum of every second sample, times a pixel's area in steps (4): the sum over the frequencies that look alike.

    Only frequencies that the PSF lets through are visited. A real image's spectrum is conjugate at the opposite frequency.
    """
    side = spectrum.shape[0]
    n = side // 2
    half = n // 2
    folded = np.zeros((n, half + 1), dtype=np.complex128)
    last = table.size - 2
    while last > 0 and table[last] < DARK_TRANSFER:
        last -= 1
    reach = (last + 1) / scale  # cycles a step
    for row in range(side):
        fy = row / side if row < n else row / side - 1.0
        if abs(fy) >= reach:
            continue
        widest = min(n, int(math.sqrt(reach * reach - fy * fy) * side))
        for col in range(widest + 1):
            fx = col / side
            t = scale * math.sqrt(fx * fx + fy * fy)
            k = min(int(t), last)
            value = spectrum[row, col] * (factor[row] * factor[col] * (table[k] + (t - k) * (table[k + 1] - table[k])))
            if col % n <= half:
                folded[row % n, col % n] += value
            if 0 < col < n and n - col <= half:
                folded[(side - row) % n, n - col] += np.conj(value)
    return folded
