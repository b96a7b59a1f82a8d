"""Draws the README's picture from a stamps directory: hosts, the stamps made of them, and the arcs alone.

    python deploy/readme_picture.py --stamps output/demo-.../stamps --out deploy/pictures/stamps.png

Lenses come by rule, at fixed ranks of arc signal to noise in the test split, so the picture flatters nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from matplotlib.figure import Figure

from trainer.gallery import colour_picture, difference_picture
from trainer.report_examples import load_rows, partner_rows, spread_rows
from trainer.report_inputs import ReportPaths, read_inputs

RANKS = (0.35, 0.6, 0.8, 0.93, 0.985)
TITLES = (
    "the host as the survey sees it: the control",
    "with the lensed source: the stamp",
    "difference: the arc alone, stretched",
)


def main() -> None:
    """Draw one column a lens and one row a picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stamps", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    inputs = read_inputs(ReportPaths(arguments.stamps))
    ranked = spread_rows(inputs, 1000)
    rows = [ranked[int(rank * len(ranked))] for rank in RANKS]
    partners = partner_rows(inputs, rows)
    images = load_rows(inputs, [*rows, *partners.values()])
    figure = Figure(figsize=(1.75 * len(rows), 5.9), layout="constrained", facecolor="white")
    axes = figure.subplots(3, len(rows))
    for column, row in enumerate(rows):
        lens, control = images[row], images[partners[row]]
        pictures = (colour_picture(control), colour_picture(lens), difference_picture(lens, control))
        for line, picture in enumerate(pictures):
            axes[line, column].imshow(picture, origin="lower", interpolation="nearest")
            axes[line, column].set_axis_off()
        facts = f"θE {inputs.number('theta_e_arcsec', row):.2f}″, arc r {inputs.number('injected_mag_r', row):.1f}"
        axes[2, column].set_title(facts, fontsize=7.5, y=-0.14, color="#555b63")
    for line, title in enumerate(TITLES):
        axes[line, 0].set_title(title, fontsize=8.5, loc="left")
    figure.savefig(arguments.out, dpi=110, metadata={"Software": None})


if __name__ == "__main__":
    main()
