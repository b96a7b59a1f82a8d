"""What a pair says of its arc: lens minus control is the injected light, its photon noise, and nothing else.

Legend: images (pair, band g r z, y, x) in nMgy per pixel; features (pair,), band r.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.survey import BANDS
from trainer.gates.stamp_features import FAILED_CORE_PIX, Centres

NAMES = ("arc_flux", "arc_dx", "arc_dy", "arc_in_failed_core")
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
    return dict(zip(NAMES, (flux, x - centres.x_pix, y - centres.y_pix, share), strict=True))
