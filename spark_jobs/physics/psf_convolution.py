"""From flux on a grid to pixel values behind the PSF of every band: one real FFT of the light, one inverse for all bands.

A pixel value is (light convolved with the PSF) at the pixel's centre, times the pixel's area: the survey's FWHM contains the
pixel, so nothing averages over it. The B-spline that spread the rays is divided out in Fourier space. The grid is padded, so
that what wraps around an edge is a PSF's wing far from its centre. One point a pixel serves PSFs that pixels sample well: what
is finer than a pixel cannot get through them. All in single precision, 1e-7 of the brightest pixel: stamps hold no more.
Legend: images (n, n) flux per pixel; spectra (N, N // 2 + 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.fft import fft, ifft, irfft, rfft, rfft2

from spark_jobs.physics.compiled import compiled
from spark_jobs.physics.polar_deposit import REACH
from spark_jobs.physics.psf_profiles import TABLE_STEP, CircularPsf, PixelPsf
from spark_jobs.physics.ray_trace import GridLight

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex64]


@dataclass(frozen=True)
class LightSpectrum:
    """Fourier transform of the light on a grid, (N, N // 2 + 1), computed once and shared by the bands."""

    values: ComplexArray
    size: int
    fine: int


def light_spectrum(light: GridLight) -> LightSpectrum:
    """Fourier transform of the light."""
    side = light.grid.shape[0]
    lit = 2 * REACH + light.fine * light.size + 1
    spectrum = np.zeros((side, side // 2 + 1), dtype=np.complex64)
    spectrum[:lit] = rfft(light.grid[:lit].astype(np.float32), axis=1)
    return LightSpectrum(np.asarray(fft(spectrum, axis=0, overwrite_x=True)), light.size, light.fine)


def blur(spectrum: LightSpectrum, psfs: Sequence[CircularPsf | PixelPsf], pixel_scale: float) -> FloatArray:
    """Pixel values (bands, n, n) of the light behind the PSFs; ``pixel_scale`` in arcsec.

    Raises ValueError for a pixelised PSF where the light is on a grid finer than pixels.
    """
    side = spectrum.values.shape[0]
    blurred = np.empty((len(psfs), *spectrum.values.shape), dtype=np.complex64)
    for band, psf in enumerate(psfs):
        if isinstance(psf, PixelPsf):
            if spectrum.fine != 1:
                raise ValueError(f"light on {spectrum.fine} points a pixel for a PSF sampled at pixels; wanted one")
            transfer = _pixel_transfer(psf, side)
        else:
            transfer = _transfer(psf, pixel_scale, side, spectrum.fine)
        np.multiply(spectrum.values, transfer, out=blurred[band])
    pixels = slice(REACH, REACH + spectrum.fine * spectrum.size, spectrum.fine)
    rows = ifft(blurred, axis=1, overwrite_x=True)[:, pixels]
    return np.asarray(irfft(rows, n=side, axis=2)[:, :, pixels], np.float64)


@lru_cache(maxsize=64)
def _transfer(psf: CircularPsf, pixel_scale: float, side: int, fine: int) -> ComplexArray:
    """What becomes of each frequency of a grid of ``fine`` points a pixel, (side, side // 2 + 1): the PSF's transfer function,
    the spline divided out, and the points that a pixel's area is. Complex as the light is, since numpy multiplies unlike kinds
    at half the speed. Kept, since a host's tasks share its PSFs."""
    scale = 2.0 * np.pi * psf.scale_arcsec * fine / pixel_scale / TABLE_STEP
    quarter = fine**2 * _quarter(_spline_divided(side), scale, psf.transfer_table(), side)
    whole = np.concatenate([quarter, quarter[(side - 1) // 2 : 0 : -1]]).astype(np.complex64)
    whole.setflags(write=False)
    return whole


@lru_cache(maxsize=64)
def _spline_divided(side: int) -> FloatArray:
    """One over the transfer function of the deposit's spline along an axis, (side // 2 + 1,)."""
    return np.asarray(np.sinc(np.fft.rfftfreq(side)) ** -5.0, np.float64)


def _pixel_transfer(psf: PixelPsf, side: int) -> ComplexArray:
    """As ``_transfer``, of a PSF sampled at pixel centres; one wider than the grid is used as far as the grid reaches."""
    middle = psf.kernel.shape[0] // 2
    reach = min(middle, (side - 1) // 2)
    offsets = np.arange(-reach, reach + 1)
    padded = np.zeros((side, side))
    padded[np.ix_(offsets % side, offsets % side)] = psf.kernel[np.ix_(middle + offsets, middle + offsets)]
    spline = np.sinc(np.fft.fftfreq(side)) ** -5.0
    return np.asarray(rfft2(padded) * spline[:, None] * spline[: side // 2 + 1], np.complex64)


@compiled("float64[:, ::1](float64[::1], float64, float64[::1], int64)")
def _quarter(spline: FloatArray, scale: float, table: FloatArray, side: int) -> FloatArray:
    """The transfer at the frequencies of one sign along both axes."""
    n = spline.size
    values = np.zeros((n, n))
    last = table.size - 2
    for row in range(n):
        fy = row / side
        for col in range(row + 1):
            fx = col / side
            t = scale * math.sqrt(fx * fx + fy * fy)
            k = int(t)
            if k > last:
                break
            value = (table[k] + (t - k) * (table[k + 1] - table[k])) * spline[row] * spline[col]
            values[row, col] = value
            values[col, row] = value
    return values
