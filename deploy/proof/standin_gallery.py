"""Pictures of the stand-in for the sky, a row a kind, to look at before a figure is believed.

python deploy/proof/standin_gallery.py --stamps standin --out standin.png
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.array_codec import decode_stamp
from schemas.contract_files import read_table
from schemas.job_entry import EXIT_DONE, account, run_job
from schemas.run_record import run_files
from schemas.stamps import STAMPS

JOB = "standin-gallery"
_COLUMNS = ("kind", "stamp_npz", "theta_e_arcsec", "arc_snr", "mag_raw_r", "injected_mag_r")
_SCALES = (1.0, 0.65, 0.30)
"""Factors on g, r, z that make a red galaxy orange and a star-forming one blue."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--stamps", type=Path, required=True, help="finished output of standin_sky.py")
    parser.add_argument("--out", type=Path, required=True, help="PNG file")
    parser.add_argument("--each", type=int, default=12, help="pictures of each kind, the first ones (default 12)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the first stamps of each kind."""
    from matplotlib.figure import Figure

    arguments = build_parser().parse_args(argv)
    files = run_files(arguments.stamps, STAMPS, "split=test/")
    rows = [row for file in files for row in read_table(file, STAMPS, _COLUMNS).to_pylist()]
    kinds = sorted({row["kind"] for row in rows}, key=lambda kind: (kind != "lens", kind))
    figure = Figure(figsize=(1.3 * arguments.each, 1.5 * len(kinds)), layout="constrained", facecolor="white")
    axes = figure.subplots(len(kinds), arguments.each, squeeze=False)
    for place in axes.ravel():
        place.set_axis_off()
    shown = 0
    for line, kind in zip(axes, kinds, strict=True):
        of_kind = [row for row in rows if row["kind"] == kind][: arguments.each]
        for place, row in zip(line, of_kind, strict=False):
            place.imshow(colour_picture(decode_stamp(row["stamp_npz"])), origin="lower", interpolation="nearest")
            place.set_title(_words(row), fontsize=6)
        shown += len(of_kind)
    figure.savefig(arguments.out, dpi=110, metadata={"Software": None})
    account(JOB, f"{shown} stamps of {len(kinds)} kinds in {arguments.out}")
    return EXIT_DONE


def colour_picture(stamp: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """(size, size, 3) colours of a (3, size, size) stamp in nMgy: red from z, green from r, blue from g."""
    from astropy.visualization import make_lupton_rgb

    blue, green, red = (scale * image for scale, image in zip(_SCALES, stamp, strict=True))
    return np.asarray(make_lupton_rgb(red, green, blue, minimum=-0.004, stretch=0.05, Q=8))


def _words(row: dict[str, Any]) -> str:
    if row["theta_e_arcsec"] is None:
        return f"{row['kind']} r {row['mag_raw_r']:.1f}"
    return (
        f"θE {row['theta_e_arcsec']:.2f} r {row['mag_raw_r']:.1f}\narc r {row['injected_mag_r']:.1f} S/N {row['arc_snr']:.0f}"
    )


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
