"""The response of a network to rings as a map: radius across, brightness upwards, in each cell the share called lenses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes

from trainer.figures_canvas import INK, Drawing, draw
from trainer.judge import Numbers


@dataclass(frozen=True)
class Surface:
    """(radius, magnitude, host) whether a ring is called a lens (0 or 1), and its probability."""

    called: Numbers
    probability: Numbers


def surface_drawing(name: str, surface: Surface, radii_arcsec: Sequence[float], magnitudes: Sequence[float]) -> Drawing:
    """The share of hosts that are called lenses with a ring on them."""
    caption = f"Share of galaxies called lenses with a ring on them: {name}. Upwards the ring is brighter."
    return draw(partial(_paint, name, surface.called.mean(axis=2), radii_arcsec, magnitudes), caption)


def _paint(name: str, share: Numbers, radii_arcsec: Sequence[float], magnitudes: Sequence[float], axes: Axes) -> str:
    axes.imshow(share.T, origin="upper", aspect="auto", cmap="Oranges", vmin=0, vmax=1)
    for n in range(len(radii_arcsec)):
        for m in range(len(magnitudes)):
            colour = "white" if share[n, m] > 0.6 else INK
            axes.text(n, m, f"{share[n, m]:.2f}", ha="center", va="center", fontsize=8.5, color=colour)
    axes.set_xticks(range(len(radii_arcsec)), [f"{radius:g}" for radius in radii_arcsec])
    axes.set_yticks(range(len(magnitudes)), [f"{magnitude:g}" for magnitude in magnitudes])
    axes.grid(visible=False)
    axes.set_xlabel("radius of the ring (arcsec)")
    axes.set_ylabel("r magnitude of the ring")
    rows = "; ".join(
        f"r = {magnitude:g}: " + ", ".join(f"{share[n, m]:.2f}" for n in range(len(radii_arcsec)))
        for m, magnitude in enumerate(magnitudes)
    )
    return f"Map of the share called lenses, rings in {name}, radii {', '.join(f'{r:g}' for r in radii_arcsec)} arcsec. {rows}."
