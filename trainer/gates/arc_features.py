"""What a pair says of its arc: lens minus control is the injected light, its photon noise, and nothing else.

Legend: images (pair, band g r z, y, x) in nMgy per pixel; features (pair,), band r where the name has no other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.survey import BANDS
from trainer.gates.arc_width_moments import EDGE_PIX, brightest_point, light_widths, peaks_at
from trainer.gates.stamp_features import FAILED_CORE_PIX, Centres

_OF_THE_WHOLE = ("arc_flux", "arc_dx", "arc_dy", "arc_in_failed_core")
_OF_ITS_BRIGHTEST_POINT = tuple(f"arc_{what}_{band}" for band in BANDS for what in ("width", "peak"))
NAMES = (*_OF_THE_WHOLE, *_OF_ITS_BRIGHTEST_POINT)
_R = BANDS.index("r")

Images = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


def arc_features(lens: Images, control: Images, centres: Centres) -> dict[str, Numbers]:
    """Flux of the arc (nMgy), its centroid minus the galaxy's stated centre (pixels), its share within 10 px of the middle."""
    arc = lens[:, _R].astype(np.float64) - control[:, _R]
    axis = np.arange(arc.shape[-1], dtype=np.float64)
    middle = axis - arc.shape[-1] // 2
    flux = arc.sum((1, 2))
    inside = np.hypot(middle[:, None], middle[None, :]) < FAILED_CORE_PIX
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = arc.sum(1) @ axis / flux, arc.sum(2) @ axis / flux
        share = arc[:, inside].sum(1) / flux
    found = dict(zip(_OF_THE_WHOLE, (flux, x - centres.x_pix, y - centres.y_pix, share), strict=True))
    return found | arc_widths(lens, control)


def arc_widths(lens: Images, control: Images) -> dict[str, Numbers]:
    """FWHM across the arc at its brightest point in r (pixels) and the brightness there (nMgy per pixel), all bands."""
    if lens.shape[-1] <= 2 * EDGE_PIX:
        return {name: np.full(len(lens), np.nan) for name in _OF_ITS_BRIGHTEST_POINT}
    arcs = lens.astype(np.float64) - control
    point = brightest_point(arcs[:, _R], np.ones_like(arcs[:, _R], bool))
    planes = [arcs[:, band] for band in range(len(BANDS))]
    values = [part for plane in planes for part in (light_widths(plane, point)[0], peaks_at(plane, point))]
    return dict(zip(_OF_ITS_BRIGHTEST_POINT, values, strict=True))
