"""The sky cell of a position where astropy_healpix is not installed: HEALPix, nested order.

Source: Górski et al. 2005 (ApJ 622, 759), section 4 and appendix A; the same cells as ``spark_jobs`` gives its hosts.
Legend: right ascension and declination in degrees, arrays of shape (n,); cells int64 (n,).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.survey import CELL_NSIDE

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
NO_CELL = -1
"""The cell of a position that is not on the sphere."""


def sky_cells(ra_deg: Floats, dec_deg: Floats, nside: int = CELL_NSIDE) -> Integers:
    """The cell of each position, NO_CELL where it is not finite; ``nside`` a power of two."""
    cells = np.full(len(ra_deg), NO_CELL, np.int64)
    good = is_position(ra_deg, dec_deg)
    quarter = np.mod(ra_deg[good] / 90, 4)
    z, cos_dec = np.sin(np.radians(dec_deg[good])), np.cos(np.radians(dec_deg[good]))
    equatorial = _equatorial(quarter, z, nside)
    polar = _polar(quarter, z, cos_dec, nside)
    face, x, y = np.where(np.abs(z) <= 2 / 3, equatorial, polar)
    cells[good] = face * nside**2 + _spread(x) + 2 * _spread(y)
    return cells


def is_position(ra_deg: Floats, dec_deg: Floats) -> npt.NDArray[np.bool_]:
    """Where a position is finite, its declination within the poles."""
    return np.asarray(np.isfinite(ra_deg) & (np.abs(dec_deg) <= 90))


def _equatorial(quarter: Floats, z: Floats, nside: int) -> Integers:
    """(3, n): face, and place on it along x and y, by counting the ascending and descending lines to the west."""
    rising = (nside * (0.5 + quarter - 0.75 * z)).astype(np.int64)
    falling = (nside * (0.5 + quarter + 0.75 * z)).astype(np.int64)
    face_rising, face_falling = rising // nside, falling // nside
    middle = np.where(face_rising == 4, 4, face_rising + 4)
    outer = np.where(face_rising < face_falling, face_rising, face_falling + 8)
    face = np.where(face_rising == face_falling, middle, outer)
    return np.stack([face, falling % nside, nside - rising % nside - 1])


def _polar(quarter: Floats, z: Floats, cos_dec: Floats, nside: int) -> Integers:
    """The same in the caps, where cells narrow towards the pole."""
    column = np.minimum(quarter.astype(np.int64), 3)
    within = quarter - column
    # sqrt(3 (1 - |z|)), written with the cosine so that it keeps its digits at the pole.
    ring = nside * cos_dec / np.sqrt((1 + np.abs(z)) / 3)
    rising = np.minimum((within * ring).astype(np.int64), nside - 1)
    falling = np.minimum(((1 - within) * ring).astype(np.int64), nside - 1)
    north = np.stack([column, nside - falling - 1, nside - rising - 1])
    return np.where(z >= 0, north, np.stack([column + 8, rising, falling]))


def _spread(values: Integers) -> Integers:
    """The bits of each number at the even places."""
    spread = np.zeros_like(values)
    for bit in range(31):
        spread |= ((values >> bit) & 1) << (2 * bit)
    return spread
