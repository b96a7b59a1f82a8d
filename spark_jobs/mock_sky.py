"""Draw survey bricks and catalogues in the layout of the Legacy Surveys, so that everything runs where no survey data is."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from schemas.code_version import code_version
from schemas.job_entry import InputError, account, run_job
from schemas.locations import local_path
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run_of_files
from spark_jobs.band_choice import parse_bands
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.transforms.mock.brick_table import write_brick_table
from spark_jobs.transforms.mock.brick_tiling import Brick
from spark_jobs.transforms.mock.mock_brick_files import BrickDrawn, BrickJob, SweepJob, draw_brick, draw_sweep
from spark_jobs.transforms.mock.mock_positions import bricks_at_positions, default_bricks
from spark_jobs.transforms.mock.mock_settings import MockSky, load_sky_settings
from spark_jobs.transforms.mock.mock_sweep import sweep_name

JOB = "mock-sky"
_SIZE_RANGE = (100, 3600)
_LARGEST_CORRELATION = 0.7

DESCRIPTION = """\
Draw a sky: bricks of g, r, z images with inverse variance, masks and PSF sizes, and the sweep catalogues that go with them,
under the names and in the format of the DESI Legacy Surveys DR10. Luminous red hosts, field galaxies and stars, Moffat
seeing that changes over the brick, noise derived from depth. Every byte follows from the seed and the brick's name.
"""
EPILOG = """\
example:
  dhs mock-sky --out sky --bricks 20 --brick-size 1200 --hosts-per-brick 60
then:
  dhs select-hosts --sweeps sky/sweep --out hosts
  dhs cut-hosts --hosts hosts --bricks sky --out cutouts

What is drawn (densities, colours, seeing, depth) is in spark_jobs/surveys/mock_sky.yaml; give a copy with --settings.
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs mock-sky``."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--out", type=local_path, required=True, help="directory on disk to fill, laid out like the survey's")
    add("--bricks", type=int, default=1, help="number of bricks, spread over the sky so that splits fill (default: 1)")
    add("--positions", help="draw the survey bricks that own these positions instead: 'ra,dec; ra,dec' in degrees")
    add("--brick-size", type=int, default=3600, help="side of a brick in pixels of 0.262 arcsec (default: 3600, the survey's)")
    add("--hosts-per-brick", type=int, help="luminous red galaxies on each brick (default: the survey's density, 1230 deg^-2)")
    add("--bands", default="grz", help="bands to draw, for example g (default: grz)")
    add("--noise-correlation", type=float, default=0.0, help="correlation of neighbouring pixels, 0 to 0.7 (default: 0)")
    add("--settings", type=local_path, help="YAML of populations and conditions (default: the one that comes with the package)")
    add("--seed", type=int, default=1, help="seed of the sky (default: 1)")
    add("--master", help="Spark master (default: spark-submit's own, else local[*])")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Draw what the arguments ask for; a finished sky is left as it is, an unfinished one is finished."""
    args = build_parser().parse_args(argv)
    mock = _mock_sky(args)
    bricks = bricks_at_positions(args.positions) if args.positions else default_bricks(args.bricks)
    settings = {"mock": mock.model_dump(mode="json"), "bricks": [brick.name for brick in bricks]}
    identity = RunIdentity(JOB, code_version(), run_seed=mock.seed, settings=settings)
    if begin_run(args.out, identity) is RunState.FINISHED:
        account(JOB, f"{args.out} holds this sky already, finished; nothing to do")
        return 0
    spark = build_session(JOB, args.master)
    drawn = map_names(spark, [BrickJob(str(args.out), brick, mock) for brick in bricks], draw_brick, what="bricks")
    sweeps = map_names(spark, _sweep_jobs(args.out, bricks, mock), draw_sweep, what="sweeps")
    files = {Path(name): 0 for result in drawn for name in result.files}
    files |= {Path(name): rows for result in sweeps for name, rows in result}
    files |= {write_brick_table(args.out, bricks): len(bricks)}
    finish_run_of_files(args.out, identity, files, _counts(drawn), {})
    account(JOB, _summary(args.out, mock, drawn))
    return 0


def _mock_sky(args: argparse.Namespace) -> MockSky:
    low, high = _SIZE_RANGE
    if not low <= args.brick_size <= high:
        raise InputError(f"--brick-size {args.brick_size}; wanted {low} to {high} pixels")
    if args.hosts_per_brick is not None and args.hosts_per_brick < 0:
        raise InputError(f"--hosts-per-brick {args.hosts_per_brick}; wanted 0 or more")
    if not 0 <= args.noise_correlation <= _LARGEST_CORRELATION:
        raise InputError(f"--noise-correlation {args.noise_correlation}; wanted 0 to {_LARGEST_CORRELATION}")
    return MockSky(
        sky=load_sky_settings(args.settings),
        seed=args.seed,
        brick_size_pix=args.brick_size,
        hosts_per_brick=args.hosts_per_brick,
        bands=parse_bands(args.bands),
        noise_correlation=args.noise_correlation,
    )


def _sweep_jobs(out: Path, bricks: Sequence[Brick], mock: MockSky) -> list[SweepJob]:
    boxes: dict[str, list[Brick]] = defaultdict(list)
    for brick in bricks:
        boxes[sweep_name(brick)].append(brick)
    return [SweepJob(str(out), name, tuple(inside), mock) for name, inside in sorted(boxes.items())]


def _counts(drawn: Sequence[BrickDrawn]) -> dict[str, int]:
    names = ("hosts", "field", "stars")
    return {"bricks": len(drawn)} | {name: sum(getattr(result, name) for result in drawn) for name in names}


def _summary(out: Path, mock: MockSky, drawn: Sequence[BrickDrawn]) -> str:
    counts = _counts(drawn)
    new = sum(result.drawn for result in drawn)
    standing = f" ({len(drawn) - new} stood already)" if new < len(drawn) else ""
    return (
        f"{counts['bricks']} bricks{standing} of {mock.brick_size_pix}x{mock.brick_size_pix} pixels in {''.join(mock.bands)}: "
        f"{counts['hosts']} hosts, {counts['field']} field galaxies, {counts['stars']} stars; in {out}"
    )


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
