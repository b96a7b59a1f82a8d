"""Positions on the sphere: unit vectors, nearest neighbours, the sky cell and its border.

Legend: right ascension and declination in degrees, ICRS, arrays of shape (n,); distances in arcsec unless named otherwise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from astropy_healpix import HEALPix
from scipy.spatial import cKDTree

from schemas.survey import CELL_NSIDE

Floats = npt.NDArray[np.float64]
NO_CELL = -1
"""The cell of a position that is not finite."""
_DIRECTIONS = 8


def unit_vectors(ra_deg: Floats, dec_deg: Floats) -> Floats:
    """Directions as unit vectors, shape (n, 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def chord(angle_arcsec: float) -> float:
    """Straight distance between two unit vectors that are an angle apart."""
    return float(2 * np.sin(np.radians(angle_arcsec / 3600) / 2))


def is_position(ra_deg: Floats, dec_deg: Floats) -> npt.NDArray[np.bool_]:
    """Where a position is finite and on the sphere."""
    on_sphere: npt.NDArray[np.bool_] = np.isfinite(ra_deg) & (np.abs(dec_deg) <= 90)
    return on_sphere


def is_near(ra_deg: Floats, dec_deg: Floats, others: Floats, radius_arcsec: float) -> npt.NDArray[np.bool_]:
    """Where a position has one of ``others`` (unit vectors, (m, 3)) within a radius; False where it is not finite."""
    near = np.zeros(len(ra_deg), dtype=bool)
    good = is_position(ra_deg, dec_deg)
    if len(others) and good.any():
        distance, _ = cKDTree(others).query(unit_vectors(ra_deg[good], dec_deg[good]), k=1)
        near[good] = np.asarray(distance) <= chord(radius_arcsec)
    return near


def sky_cells(ra_deg: Floats, dec_deg: Floats) -> npt.NDArray[np.int64]:
    """HEALPix cell, nested order, of each position; NO_CELL where it is not finite."""
    cells = np.full(len(ra_deg), NO_CELL, dtype=np.int64)
    good = is_position(ra_deg, dec_deg)
    if good.any():
        cells[good] = _cell_of(np.radians(ra_deg[good]), np.radians(dec_deg[good]))
    return cells


def is_near_cell_border(ra_deg: Floats, dec_deg: Floats, distance_arcsec: float) -> npt.NDArray[np.bool_]:
    """Where the border of the position's own cell is closer than a distance.

    A position is near if one corner of the octagon drawn around the circle of that radius falls in another cell. Cells
    are convex at this size, so none within the distance is missed; some up to 8 % farther are taken too.
    """
    cells = sky_cells(ra_deg, dec_deg)
    near = np.zeros(len(ra_deg), dtype=bool)
    good = cells != NO_CELL
    ra, dec = np.radians(ra_deg[good]), np.radians(dec_deg[good])
    radius = np.radians(distance_arcsec / 3600) / np.cos(np.pi / _DIRECTIONS)
    for bearing in 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS:
        near[good] |= _cell_of(*_moved(ra, dec, radius, bearing)) != cells[good]
    return near


def _moved(ra: Floats, dec: Floats, distance: float, bearing: float) -> tuple[Floats, Floats]:
    """Positions a distance away along the great circle of a bearing east of north; all in radians."""
    sin_dec = np.sin(dec) * np.cos(distance) + np.cos(dec) * np.sin(distance) * np.cos(bearing)
    east = np.sin(bearing) * np.sin(distance) * np.cos(dec)
    return ra + np.arctan2(east, np.cos(distance) - np.sin(dec) * sin_dec), np.arcsin(np.clip(sin_dec, -1, 1))


def _cell_of(ra: Floats, dec: Floats) -> npt.NDArray[np.int64]:
    import astropy.units as u

    cells: npt.NDArray[np.int64] = HEALPix(nside=CELL_NSIDE, order="nested").lonlat_to_healpix(ra * u.rad, dec * u.rad)
    return cells
