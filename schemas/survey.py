"""The survey's fixed figures: bands, pixel scale, zero point, edges of a stamp.

Units: fluxes in nanomaggies (nMgy), that is AB magnitude 22.5 at flux 1; angles in arcsec unless a name says pix.
Source: DESI Legacy Imaging Surveys DR10 description.
"""

from __future__ import annotations

BANDS: tuple[str, ...] = ("g", "r", "z")
PIXEL_SCALE_ARCSEC = 0.262
ZEROPOINT_MAG = 22.5
DEFAULT_STAMP_SIZE_PIX = 64
CELL_NSIDE = 128
"""HEALPix resolution (nested order) of the sky cells that splits are made of: 0.46 degrees."""
