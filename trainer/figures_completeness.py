"""Figures of completeness: profiles with Wilson intervals, and maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from trainer.figures_canvas import CONTROL_COLOUR, INK, LENS_COLOUR, Drawing, draw

AXIS_NAMES = {
    "theta_e_arcsec": "Einstein radius [arcsec]",
    "theta_e_over_fwhm": "Einstein radius / PSF FWHM in r",
    "psf_fwhm_r_arcsec": "PSF FWHM in r [arcsec]",
    "psf_depth_r_mag": "PSF depth in r [mag]",
    "arc_snr": "arc SNR in r",
    "source_mag_r": "unlensed source r [mag]",
    "source_offset_over_theta_e": "source offset / Einstein radius",
}
MAPS = (
    ("theta_e_arcsec", "source_mag_r"),
    ("theta_e_over_fwhm", "arc_snr"),
    ("theta_e_arcsec", "psf_fwhm_r_arcsec"),
    ("source_mag_r", "source_offset_over_theta_e"),
)


def profile(rows: Sequence[dict[str, Any]], name: str) -> Drawing:
    """Completeness along one axis, of what was offered and of rendered stamps alone."""
    bins = [r for r in rows if r["x_axis"] == name and r["y_axis"] is None]
    shown = [r for r in bins if r["x_low"] is not None and r["n_offered"]]
    rest = sum(r["n_drawn_rows"] for r in bins if r["x_low"] is None)

    def paint(ax: Axes) -> str:
        place = np.arange(len(shown))
        for key, colour, shift, label in (
            ("completeness", LENS_COLOUR, -0.09, "of lenses offered"),
            ("completeness_rendered", CONTROL_COLOUR, 0.09, "of stamps rendered"),
        ):
            at = [k for k, r in enumerate(shown) if r[key] is not None]
            share = np.array([shown[k][key] for k in at])
            ends = np.array([[shown[k][f"{key}_low"], shown[k][f"{key}_high"]] for k in at]).reshape(-1, 2)
            bars = np.clip([share - ends[:, 0], ends[:, 1] - share], 0, None)
            ax.errorbar(place[at] + shift, share, bars, fmt="o", ms=4, color=colour, label=label)
        ax.set(xlabel=AXIS_NAMES[name], ylabel="share found", ylim=(-0.03, 1.03))
        ax.set_xticks(place, [f"{r['x_low']:g}-{r['x_high']:g}\n{r['n_offered']}" for r in shown], fontsize=7)
        ax.legend(fontsize=7)
        return f"Completeness by {AXIS_NAMES[name]} in {len(shown)} bins."

    return draw(paint, f"By {AXIS_NAMES[name]}; under each bin its lenses offered. In no bin: {rest}. Below 10 no share.")


def completeness_map(rows: Sequence[dict[str, Any]], x: str, y: str) -> Drawing:
    """Completeness of lenses offered in cells of two axes; cells with fewer than 10 are empty."""
    cells = [r for r in rows if {r["x_axis"], r["y_axis"]} == {x, y} and r["x_low"] is not None and r["n_offered"]]

    def paint(ax: Axes) -> str:
        xs = sorted({(r["x_low"], r["x_high"]) for r in cells})
        ys = sorted({(r["y_low"], r["y_high"]) for r in cells})
        grid = np.full((len(ys), len(xs)), np.nan)
        for r in cells:
            i, j = ys.index((r["y_low"], r["y_high"])), xs.index((r["x_low"], r["x_high"]))
            share = r["completeness"]
            grid[i, j] = np.nan if share is None else share
            text = f"n={r['n_offered']}" if share is None else f"{share:.2f}"
            ax.text(
                j, i, text, ha="center", va="center", fontsize=6, color="white" if share is not None and share < 0.6 else INK
            )
        ax.grid(visible=False)
        if grid.size:
            ax.figure.colorbar(ax.imshow(grid, vmin=0, vmax=1, origin="lower", aspect="auto", cmap="viridis"), ax=ax)
        ax.set_xticks(range(len(xs)), [f"{a:g}-{b:g}" for a, b in xs], fontsize=6, rotation=40)
        ax.set_yticks(range(len(ys)), [f"{a:g}-{b:g}" for a, b in ys], fontsize=6)
        ax.set(xlabel=AXIS_NAMES[x], ylabel=AXIS_NAMES[y])
        return f"Map of completeness over {AXIS_NAMES[x]} and {AXIS_NAMES[y]}, {len(cells)} cells."

    return draw(paint, f"{AXIS_NAMES[x]} by {AXIS_NAMES[y]}: share found of lenses offered; no colour: fewer than 10.")
