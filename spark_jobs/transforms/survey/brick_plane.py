"""One plane of a brick, opened once: its frame, and squares of its pixels from tiles or from the whole plane.

Legend: a plane is (ny, nx), row y to the north, column x to the west; a corner is (y0, x0), the lowest pixel of a square.
Pixel coordinates have integers at pixel centres and start from 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning
from astropy.wcs import WCS, FITSFixedWarning

from schemas.survey import PIXEL_SCALE_ARCSEC

_SCALE_TOLERANCE = 1e-3
"""Relative error of the pixel scale, and rotation in radians, that a plane may have."""
_SAME_FRAME_PIX = 0.01


class PlaneError(ValueError):
    """A plane cannot be read: truncated, not FITS, or of another shape than its brick."""


class FrameError(ValueError):
    """A plane's WCS is not a TAN projection with north up and x to the west at the survey's pixel scale."""


@dataclass(frozen=True)
class Plane:
    """An open plane; ``stamps`` reads pixels from it."""

    path: Path
    hdu: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ny, nx = self.hdu.shape
        return int(ny), int(nx)

    def stamps(self, corners: npt.NDArray[np.int64], size: int, *, whole: bool) -> npt.NDArray[np.generic]:
        """Squares of ``size`` pixels at corners (n, 2), which must lie inside the plane; shape (n, size, size).

        ``whole`` decodes the plane once and cuts from it; otherwise only the tiles under each square are decoded. The
        pixels are the same. Raises PlaneError where the data cannot be decoded.
        """
        with _reading(self.path):
            pixels = self.hdu.data if whole else self.hdu.section
            found = [np.array(pixels[y : y + size, x : x + size]) for y, x in corners.tolist()]
        return np.stack(found) if found else np.empty((0, size, size))


@contextmanager
def open_plane(path: Path) -> Iterator[Plane]:
    """The image in HDU 1 of a plane's file. Raises PlaneError where it is truncated or not the image that it should be."""
    with ExitStack() as opened:
        with _reading(path):
            # Opened here, since astropy leaves a file open whose header it cannot read.
            stream = opened.enter_context(open(path, "rb"))
            hdu = opened.enter_context(fits.open(stream))[1]
            if hdu.header.get("NAXIS") != 2 or len(hdu.shape) != 2:
                raise PlaneError(f"{path}: HDU 1 has shape {hdu.shape}; wanted an image of two axes")
        yield Plane(path, hdu)


@dataclass(frozen=True)
class BrickFrame:
    """Shape of a brick's planes and the projection that they share."""

    shape: tuple[int, int]
    wcs: WCS

    def pixels_of(self, ra_deg: npt.NDArray[np.float64], dec_deg: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Pixel coordinates (n, 2) as (y, x); NaN where a position is not on this side of the sky."""
        x, y = self.wcs.wcs_world2pix(ra_deg, dec_deg, 0)
        return np.stack([y, x], axis=-1)

    def agrees_with(self, other: BrickFrame) -> bool:
        """Whether a pixel of one is the same place on the sky in the other."""
        if self.shape != other.shape:
            return False
        corner = np.array([[0.0, 0.0], [self.shape[1] - 1, self.shape[0] - 1]])
        sky = self.wcs.wcs_pix2world(corner, 0)
        return bool(np.allclose(other.wcs.wcs_world2pix(sky, 0), corner, rtol=0, atol=_SAME_FRAME_PIX))


def frame_of(plane: Plane) -> BrickFrame:
    """The plane's frame; raises FrameError unless it is TAN, north up, x to the west, at the survey's pixel scale."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)  # dates in old headers; they say nothing about the projection
        try:
            wcs = WCS(plane.hdu.header)
            scale = np.asarray(wcs.pixel_scale_matrix) * 3600 / PIXEL_SCALE_ARCSEC
        except (ValueError, TypeError, KeyError, MemoryError) as error:
            raise FrameError(f"{plane.path}: the header holds no usable WCS: {error}") from error
    wanted = np.array([[-1.0, 0.0], [0.0, 1.0]])
    kinds = [str(kind) for kind in wcs.wcs.ctype]
    if kinds != ["RA---TAN", "DEC--TAN"] or not np.allclose(scale, wanted, rtol=0, atol=_SCALE_TOLERANCE):
        raise FrameError(
            f"{plane.path}: projection {kinds} with {np.round(scale * PIXEL_SCALE_ARCSEC, 5).tolist()} arcsec per pixel; "
            f"wanted TAN, north up, x to the west, {PIXEL_SCALE_ARCSEC} arcsec"
        )
    return BrickFrame(plane.shape, wcs)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Any fault of reading a file becomes PlaneError; the warning that it is truncated is such a fault."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*truncated.*", category=AstropyUserWarning)
            yield
    except (PlaneError, MemoryError):
        raise
    except Exception as error:  # the RICE decoder's errors derive from Exception itself, and each damage has its own
        raise PlaneError(f"{path} cannot be read: {type(error).__name__}: {error}") from error
