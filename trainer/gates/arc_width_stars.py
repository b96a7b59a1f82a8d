"""Neighbours on a stamp, candidates for stars: the brightest light beside the galaxy once its own symmetry is taken off.

Legend: images (sample, band g r z, y, x) in nMgy per pixel; features (sample, band): peak in nMgy per pixel, widths in pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.survey import BANDS
from trainer.gates.arc_width_moments import EDGE_PIX, brightest_point, light_widths, peaks_at
from trainer.gates.stamp_features import Centres, Images, Numbers

NEAREST_PIX = 12.0
"""Closer to the galaxy its own structure would pass for a neighbour."""
_R = BANDS.index("r")


def star_features(images: Images, centres: Centres) -> dict[str, npt.NDArray[np.generic]]:
    """Peak and the two widths of one neighbour a stamp, found in r; NaN where a stamp is too small to hold one."""
    size = images.shape[-1]
    names = ("star_peak", "star_across", "star_along")
    if size <= 2 * EDGE_PIX + NEAREST_PIX:
        return {name: np.full(images.shape[:2], np.nan) for name in names}
    light = less_its_half_turn(images, centres)
    axis = np.arange(size)
    far = (
        np.hypot(axis[None, None, :] - centres.x_pix[:, None, None], axis[None, :, None] - centres.y_pix[:, None, None])
        >= NEAREST_PIX
    )
    point = brightest_point(light[:, _R], far)
    widths = [light_widths(light[:, band], point) for band in range(len(BANDS))]
    peaks = [peaks_at(light[:, band], point) for band in range(len(BANDS))]
    columns = (peaks, [across for across, _ in widths], [along for _, along in widths])
    return {name: np.stack(values, axis=1) for name, values in zip(names, columns, strict=True)}


def less_its_half_turn(images: Images, centres: Centres) -> Numbers:
    """Each image less itself turned by 180 degrees about the galaxy, to half a pixel; zero where that falls off the stamp.

    A galaxy's light is point-symmetric, a neighbour's is not: it stays, and its negative appears on the other side.
    """
    size = images.shape[-1]
    axis = np.arange(size)
    back_x, back_y = (np.rint(2 * c).astype(np.int64)[:, None] - axis for c in (centres.x_pix, centres.y_pix))
    on = [(back >= 0) & (back < size) for back in (back_x, back_y)]
    back_x, back_y = np.clip(back_x, 0, size - 1), np.clip(back_y, 0, size - 1)
    sample = np.arange(len(images))[:, None, None, None]
    band = np.arange(images.shape[1])[None, :, None, None]
    turned = images[sample, band, back_y[:, None, :, None], back_x[:, None, None, :]]
    inside = on[1][:, None, :, None] & on[0][:, None, None, :]
    return np.where(inside, images.astype(np.float64) - turned, 0.0)
