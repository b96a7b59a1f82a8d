"""Which pixels of a mock brick the survey would flag: MASKBITS of DR10, from bright stars, saturation and brick borders.

Planes of shape (size, size), int32; x, y in pixels from 0.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from astropy.wcs import WCS
from scipy.ndimage import binary_dilation

from schemas.survey import PIXEL_SCALE_ARCSEC, ZEROPOINT_MAG
from spark_jobs.transforms.mock.brick_tiling import Brick
from spark_jobs.transforms.mock.mock_population import Objects

NPRIMARY, BRIGHT, MEDIUM = 1 << 0, 1 << 1, 1 << 11
SATURATED: Mapping[str, int] = {"g": 1 << 2, "r": 1 << 3, "z": 1 << 4}
ALLMASK: Mapping[str, int] = {"g": 1 << 5, "r": 1 << 6, "z": 1 << 7}
FILTERX: Mapping[str, int] = {"g": 1, "r": 2, "z": 4}

_MEDIUM_LIMIT_MAG, _BRIGHT_LIMIT_MAG = 16.0, 13.0

Mask = npt.NDArray[np.bool_]


def mask_plane(objects: Objects, saturated: Mapping[str, Mask], brick: Brick, wcs: WCS, size_pix: int) -> npt.NDArray[np.int32]:
    """MASKBITS of a brick from its stars, the saturated pixels of each band, and the borders within which it is primary."""
    plane = np.zeros((size_pix, size_pix), np.int32)
    for star in objects[objects["population"] == "star"]:
        _flag_star(plane, float(star["x"]), float(star["y"]), star_magnitude(star))
    for band, cores in saturated.items():
        # A detector masks what bled into the neighbours too; in a deep stack every exposure is flagged there.
        plane[binary_dilation(cores, iterations=2)] |= SATURATED[band]
        plane[cores] |= ALLMASK[band]
    plane[~primary_pixels(brick, wcs, size_pix)] |= NPRIMARY
    return plane


def star_mask_radius_arcsec(magnitude: float) -> float:
    """Radius of the mask around a star: 1630 arcsec times 1.396^-mag (Legacy Surveys DR9, masks page)."""
    return float(1630.0 * 1.396**-magnitude)


def star_magnitude(star: np.void) -> float:
    """The r magnitude, which stands for the Gaia G magnitude that the survey uses."""
    return float(ZEROPOINT_MAG - 2.5 * np.log10(star["flux_r"]))


def primary_pixels(brick: Brick, wcs: WCS, size_pix: int) -> Mask:
    """Pixels whose position belongs to this brick and no other. The borders are followed along pixel rows and columns."""
    if size_pix * PIXEL_SCALE_ARCSEC / 3600 < 0.8 * min(brick.dec2 - brick.dec1, 0.25):
        return np.ones((size_pix, size_pix), np.bool_)
    y, x = np.mgrid[:size_pix, :size_pix]
    ra, dec = wcs.all_pix2world(x.ravel(), y.ravel(), 0)
    return is_primary(brick, ra, dec).reshape(size_pix, size_pix)


def is_primary(brick: Brick, ra_deg: npt.NDArray[np.float64], dec_deg: npt.NDArray[np.float64]) -> Mask:
    """Whether positions lie within the brick's own borders."""
    east = (ra_deg - brick.ra1) % 360.0
    inside: Mask = (east < brick.ra2 - brick.ra1) & (dec_deg >= brick.dec1) & (dec_deg < brick.dec2)
    return inside


def _flag_star(plane: npt.NDArray[np.int32], x: float, y: float, magnitude: float) -> None:
    """MEDIUM within the radius of a star brighter than 16, BRIGHT within half of it for one brighter than 13."""
    if magnitude >= _MEDIUM_LIMIT_MAG:
        return
    radius = star_mask_radius_arcsec(magnitude) / PIXEL_SCALE_ARCSEC
    size = len(plane)
    low_y, high_y = max(int(y - radius), 0), min(int(y + radius) + 2, size)
    low_x, high_x = max(int(x - radius), 0), min(int(x + radius) + 2, size)
    if low_y >= high_y or low_x >= high_x:
        return
    distance = np.hypot(*np.ogrid[low_y - y : high_y - y, low_x - x : high_x - x])
    window = plane[low_y:high_y, low_x:high_x]
    window[distance <= radius] |= MEDIUM
    if magnitude < _BRIGHT_LIMIT_MAG:
        window[distance <= radius / 2] |= BRIGHT
