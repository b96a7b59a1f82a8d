"""How long the hosts of one full-size brick take from tiles and from whole planes, side by side in one run.

    python tests/benchmarks/bench_cut_hosts.py [--band g] [--repeats 5] [--real FOLDER]

Draws a brick of 3600 x 3600 pixels in one band in the survey's layout (or takes the real brick in FOLDER), cuts 5 to 1000
hosts at random places both ways, prints the median seconds of each and the number of hosts at which the whole plane
becomes the cheaper way: the default ``whole_plane_above`` of the survey's settings.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from spark_jobs.survey_settings import load_survey  # noqa: E402
from spark_jobs.transforms.survey.brick_cutouts import CutoutSettings, cut_brick  # noqa: E402
from spark_jobs.transforms.survey.brick_files import find_plane  # noqa: E402
from spark_jobs.transforms.survey.brick_plane import frame_of, open_plane  # noqa: E402
from tests.spark_jobs.small_brick import BRICK, noise_planes, write_brick  # noqa: E402

COUNTS = (5, 20, 50, 100, 150, 200, 300, 500, 1000)


def main() -> None:
    """Print the table and the crossing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--band", default="g")
    parser.add_argument("--repeats", type=int, default=5, help="timings of which the median is taken")
    parser.add_argument(
        "--real", type=Path, help="folder with a real brick, for example ../shared/data/legacy_dr6_brick_0959p805"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.real:
            root, brick = arguments.real, next(arguments.real.glob("*image*")).name.split("-")[1]
        else:
            root, brick = write_brick(Path(scratch), noise_planes(arguments.band, 3600)), BRICK
        print(f"brick {brick}, band {arguments.band}, planes: {_planes(root, brick, arguments.band)}")
        _compare(root, brick, arguments.band, arguments.repeats)


def _planes(root: Path, brick: str, band: str) -> str:
    found = [kind for kind in ("image", "invvar", "psfsize") if find_plane(root, brick, kind, band)]
    return ", ".join([*found, "maskbits"] if find_plane(root, brick, "maskbits") else found)


def _compare(root: Path, brick: str, band: str, repeats: int) -> None:
    ratios = []
    print(f"{'hosts':>6} {'tiles, s':>10} {'planes, s':>10} {'tiles/planes':>13}")
    for count in COUNTS:
        sky = _positions(root, brick, band, count)
        times: dict[str, list[float]] = {"tiles": [], "planes": []}
        for _ in range(repeats):  # alternating, so that a slow spell of the machine falls on both
            for way, threshold in (("tiles", 10**6), ("planes", 0)):
                settings = _settings(root, band, threshold)
                start = time.perf_counter()
                stamps = cut_brick(settings, brick, *sky)
                times[way].append(time.perf_counter() - start)
                if stamps.reasons or len(stamps.corners) != count:
                    raise SystemExit(f"the brick could not be cut: {stamps.fault}")
        tiles, planes = (float(np.median(times[way])) for way in ("tiles", "planes"))
        ratios.append(tiles / planes)
        print(f"{count:>6} {tiles:>10.3f} {planes:>10.3f} {tiles / planes:>13.2f}")
    crossing = float(np.exp(np.interp(0.0, np.log(ratios), np.log(COUNTS))))
    chosen = load_survey("legacy_dr10").cutouts.whole_plane_above
    print(f"equal at about {crossing:.0f} hosts; the survey's whole_plane_above is {chosen}")


def _settings(root: Path, band: str, threshold: int) -> CutoutSettings:
    survey = load_survey("legacy_dr10")
    limits = survey.cutouts.model_copy(update={"whole_plane_above": threshold})
    return CutoutSettings(root, survey.model_copy(update={"cutouts": limits}), 64, (band,))


def _positions(root: Path, brick: str, band: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    path = find_plane(root, brick, "image", band)
    if path is None:
        raise SystemExit(f"no image of brick {brick} in band {band} below {root}")
    with open_plane(path) as plane:
        frame = frame_of(plane)
    x, y = np.random.default_rng(count).uniform(40, 3560, (2, count))
    ra, dec = frame.wcs.wcs_pix2world(x, y, 0)
    return ra, dec


if __name__ == "__main__":
    main()
