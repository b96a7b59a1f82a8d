"""A gallery of occlusion: pictures of lenses, and below each how much its logit drops where a patch of it is hidden.

Legend: pictures are (y, x, RGB), 0 to 1, first row south; drops (tile row, tile column) in logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from trainer.figures_canvas import INK, Drawing, draw
from trainer.gallery import Image, colour_picture
from trainer.judge import Numbers

_GAP_PIX = 4
_HEATS = "inferno"
_ROWS = ("lens", "its control's", "sky")


@dataclass(frozen=True)
class Occluded:
    """A lens with its logit and its control's, the drops with patches hidden both ways, and the share of the first on arcs."""

    image: Image
    logit: float
    control_logit: float
    by_control: Numbers
    by_sky: Numbers
    on_arc: float


def gallery_drawing(which: str, lenses: Sequence[Occluded]) -> Drawing:
    """One column a lens: its picture, the map with patches as its control's, the map with patches as the sky."""
    caption = (
        f"Lenses {which}, north up. Below each the drop of its logit where a patch has its control's pixels, then where it is "
        "at the level of the sky; bright is much, by the largest drop of each map. Numbers: logits of control and lens."
    )
    return draw(partial(_paint, which, lenses), caption)


def _paint(which: str, lenses: Sequence[Occluded], axes: Axes) -> str:
    side = lenses[0].image.shape[-1]
    step = side + _GAP_PIX
    canvas = np.ones((len(_ROWS) * step - _GAP_PIX, len(lenses) * step - _GAP_PIX, 3))
    for column, lens in enumerate(lenses):
        panels = (colour_picture(lens.image) / 255.0, _heat(lens.by_control, side), _heat(lens.by_sky, side))
        for row, panel in enumerate(panels):
            # Row 0 is the top one, and within a panel the first line is the southern one.
            canvas[row * step : row * step + side, column * step : column * step + side] = panel[::-1]
    axes.imshow(canvas, interpolation="none")
    axes.grid(visible=False)
    axes.set_xticks(
        [column * step + side / 2 for column in range(len(lenses))],
        [f"{lens.control_logit:.1f}, {lens.logit:.1f}" for lens in lenses],
        fontsize=7,
    )
    axes.set_yticks([row * step + side / 2 for row in range(len(_ROWS))], _ROWS, fontsize=7.5, color=INK)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    words = "; ".join(
        f"logit {lens.control_logit:.1f} without, {lens.logit:.1f} with its arc, {lens.on_arc:.0%} of the drops where arcs lie"
        for lens in lenses
    )
    return f"Occlusion maps of {len(lenses)} lenses {which}: {words}."


def _heat(drops: Numbers, side: int) -> npt.NDArray[np.float64]:
    """(y, x, RGB) a map of the drops, by its largest; black where there is none."""
    largest = float(drops.max())
    place = (np.arange(side) * len(drops)) // side
    share = (drops / largest if largest > 0 else drops)[np.ix_(place, place)]
    return np.asarray(mpl.colormaps[_HEATS](share)[..., :3])
