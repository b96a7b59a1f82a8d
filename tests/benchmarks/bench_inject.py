"""Stamps per second of ``dhs inject`` at local[2], where its time goes, and the same arcs by lenstronomy in the same run.

    python tests/benchmarks/bench_inject.py [--bricks 40] [--repeats 3] [--sample 60] [--supersampling 3 5]

Draws a small sky and plans it by the demo recipe. Then: the whole job, Spark session running already (median of the repeats);
the same shards in this process on one core, with a clock on rendering, coding and writing; and lenstronomy on a sample of the
tasks: the same lens, the same source (a template by INTERPOL), three bands, a Moffat kernel of 33 pixels.
lenstronomy's pixel average blurs by the pixel twice: speed is compared here, accuracy in test_render_random_tasks.py.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from schemas.contract_files import TableWriter, read_table  # noqa: E402
from schemas.run_record import read_run, run_files  # noqa: E402
from schemas.stamps import STAMPS  # noqa: E402
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC  # noqa: E402
from spark_jobs import build_source_bank, cut_hosts, inject, mock_sky, plan_tasks, select_hosts  # noqa: E402
from spark_jobs.physics.psf_profiles import CircularPsf  # noqa: E402
from spark_jobs.session import build_session  # noqa: E402
from spark_jobs.transforms.bank.bank_file import SourceBank  # noqa: E402
from spark_jobs.transforms.simulation import inject_shard, injected_light, make_stamp, task_scene  # noqa: E402

KERNEL_SIDE = 33


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="demo", help="recipe to plan by (default: %(default)s)")
    parser.add_argument("--bricks", type=int, default=40, help="bricks of the sky; 40 make some 8000 stamps")
    parser.add_argument("--stamps-per-shard", type=int, default=1000, help="as dhs plan has it; in production some thousands")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median is taken")
    parser.add_argument("--sample", type=int, default=60, help="tasks that lenstronomy renders")
    parser.add_argument("--supersampling", type=int, nargs="+", default=[3, 5], help="lenstronomy's rays per pixel side")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        build_session("bench", "local[2]")
        prepare(root, arguments.bricks, arguments.recipe, arguments.stamps_per_shard)
        whole = statistics.median(run_inject(root, number) for number in range(arguments.repeats))
        counts = read_run(root / "stamps-0")["counts"]
        rate = counts["rows"] / whole
        print(f"inject, local[2]: {counts['rows']} rows, {counts['made']} made, in {whole:.2f} s: {rate:.0f} rows/s")
        times, alone = shard_times(root)
        print_shares(times, alone, whole)
        compare_rendering(root, arguments.sample, arguments.supersampling, arguments.repeats)


def prepare(root: Path, bricks: int, recipe: str, shard: int) -> None:
    """Sky, hosts, bank, plan and cutouts."""
    sky, bank = root / "sky", root / "bank.h5"
    run(mock_sky, "--out", sky, "--bricks", bricks, "--brick-size", 1000, "--hosts-per-brick", 40)
    run(select_hosts, "--sweeps", sky / "sweep", "--out", root / "hosts")
    run(build_source_bank, "--out", bank, "--procedural", 200)
    planned = ("--recipe", recipe, "--hosts", root / "hosts", "--bank", bank, "--stamps-per-shard", shard)
    run(plan_tasks, *planned, "--out", root / "plan")
    run(cut_hosts, "--hosts", root / "plan", "--bricks", sky, "--out", root / "cutouts")


def run_inject(root: Path, number: int) -> float:
    """Seconds of one whole job."""
    started = time.perf_counter()
    out = root / f"stamps-{number}"
    run(inject, "--plan", root / "plan", "--cutouts", root / "cutouts", "--bank", root / "bank.h5", "--out", out)
    return time.perf_counter() - started


def run(job: Any, *arguments: Any) -> None:
    """One job in this process; it must succeed."""
    if job.main([str(argument) for argument in arguments]):
        raise SystemExit(f"{job.__name__} failed")


def shard_times(root: Path) -> tuple[dict[str, float], float]:
    """Seconds in each part, and of the whole, for all shards one after another in this process."""
    record = read_run(root / "stamps-0")
    recipe = plan_tasks.read_recipe(str(root / "plan" / plan_tasks.RECIPE_FILE))
    provenance = inject.Provenance(record["code_version"], recipe.recipe_hash, record["run_seed"], recipe.name)
    settings = inject_shard.InjectSettings(recipe, root / "bank.h5", provenance, root / "alone")
    call = argparse.Namespace(plan=root / "plan", cutouts=root / "cutouts")
    shards = inject._shards(call, root / "alone", recipe, frozenset())
    times: dict[str, float] = defaultdict(float)
    with clocks(times):
        started = time.perf_counter()
        for shard in shards:
            inject_shard.inject_shard(settings, shard)
        return times, time.perf_counter() - started


@contextmanager
def clocks(times: dict[str, float]) -> Iterator[None]:
    """Put a clock on the parts of a shard's work for as long as the context lasts."""
    places = [
        (injected_light, "render_arc", "rendering"),
        (make_stamp, "shot_noise", "noise"),
        (make_stamp, "effective_gain", "gain"),
        (task_scene.SceneMaker, "scene", "making sources ready"),
        (injected_light, "negative_scene", "making hard negatives ready"),
        (make_stamp, "encode_stamp", "encoding"),
        (make_stamp, "decode_arrays", "decoding cutouts"),
        (inject_shard, "read_table", "reading tasks"),
        (TableWriter, "add_rows", "writing"),
        (TableWriter, "__exit__", "writing"),
    ]
    before = [getattr(owner, name) for owner, name, _ in places]
    for (owner, name, part), function in zip(places, before, strict=True):
        setattr(owner, name, clocked(function, times, part))
    try:
        yield
    finally:
        for (owner, name, _), function in zip(places, before, strict=True):
            setattr(owner, name, function)


def clocked(function: Callable[..., Any], times: dict[str, float], part: str) -> Callable[..., Any]:
    """The function, its seconds added up under ``part``."""

    def with_clock(*args: Any, **kwargs: Any) -> Any:
        started = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            times[part] += time.perf_counter() - started

    return with_clock


def print_shares(times: dict[str, float], alone: float, whole: float) -> None:
    """Shares of one core's work, and what Spark and the driver add when two cores share it."""
    print(f"the same shards on one core, no Spark: {alone:.2f} s")
    for part, seconds in sorted(times.items(), key=lambda item: -item[1]):
        print(f"  {part:<18} {seconds:7.2f} s {100 * seconds / alone:5.1f} %")
    rest = alone - sum(times.values())
    print(f"  {'rows and the rest':<18} {rest:7.2f} s {100 * rest / alone:5.1f} %")
    print(f"Spark, driver, index and unequal shards: {whole - alone / 2:.2f} s of {whole:.2f} s at local[2]")


def compare_rendering(root: Path, sample: int, supersampling: list[int], repeats: int) -> None:
    """Milliseconds per three-band arc, ours and lenstronomy's, of the same tasks: sources, models and PSFs made each time."""
    recipe, bank = plan_tasks.read_recipe(str(root / "plan" / plan_tasks.RECIPE_FILE)), inject_shard._bank(root / "bank.h5")
    maker = make_stamp.StampMaker(recipe, bank)
    lenses = [
        row
        for path in run_files(root / "stamps-0", STAMPS, "split=")
        for row in read_table(path, STAMPS).to_pylist()
        if row["kind"] == "lens" and not row["reasons"]
    ]
    for kind in ("template", "sersic"):
        rows = [row for row in lenses if row["source_kind"] == kind][:sample]
        psfs = [maker._lights.psf(row, row) for row in rows]

        def ours(rows: list[Any] = rows, psfs: list[Any] = psfs) -> None:
            for row, psf in zip(rows, psfs, strict=True):
                maker._lights.light(row, row, psf)

        def theirs(rays: int, at_rays: bool, rows: list[Any] = rows, psfs: list[Any] = psfs) -> None:
            for row, psf in zip(rows, psfs, strict=True):
                models, arguments = lenstronomy_model(row, psf, bank, rays, at_rays)
                for model in models:
                    model.image(*arguments)

        mine = 1e3 * median_seconds(ours, repeats) / len(rows)
        print(f"three-band arc of a {kind}, one core, {len(rows)} tasks: {mine:.2f} ms (accurate to 1e-3 of the peak)")
        for rays in supersampling:
            for where, at_rays in (("pixels, 1 to 2 % of the peak off", False), ("rays", True)):
                per_stamp = 1e3 * median_seconds(partial(theirs, rays, at_rays), repeats) / len(rows)
                ratio = per_stamp / mine
                print(f"  lenstronomy, {rays} x {rays} rays, PSF at the {where}: {per_stamp:.1f} ms; {ratio:.0f} times ours")


def median_seconds(function: Callable[[], None], repeats: int) -> float:
    """Median of the repeats, after one run that does not count."""
    function()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def lenstronomy_model(
    row: dict[str, Any], psf: dict[str, CircularPsf], bank: SourceBank, supersampling: int, supersampled_psf: bool
) -> tuple[list[Any], list[Any]]:
    """An image model a band, as each task needs its own, and the arguments of ``image``."""
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel

    size, p = row["size_pix"], PIXEL_SCALE_ARCSEC
    data = ImageData(
        np.zeros((size, size)),
        background_rms=1.0,
        exposure_time=1.0,
        ra_at_xy_0=-row["x_centre_pix"] * p,
        dec_at_xy_0=-row["y_centre_pix"] * p,
        transform_pix2angle=p * np.eye(2),
    )
    rays = supersampling if supersampled_psf else 1
    half = KERNEL_SIDE // 2 * rays
    y, x = np.mgrid[-half : half + 1, -half : half + 1] * p / rays
    lens = [{"theta_E": row["theta_e_arcsec"], **ellipticity(row["lens_axis_ratio"], row["lens_angle_rad"])}]
    lens[0] |= {"center_x": row["lens_dx_arcsec"], "center_y": row["lens_dy_arcsec"]}
    lens.append({"gamma1": row["shear_1"], "gamma2": row["shear_2"]})
    light, source = lenstronomy_source(row, bank)
    numerics = {"supersampling_factor": supersampling, "supersampling_convolution": supersampled_psf}
    models = []
    for band in BANDS:
        kernel = psf[band].brightness(np.hypot(x, y))
        star = PSF("PIXEL", kernel_point_source=kernel / kernel.sum(), point_source_supersampling_factor=rays)
        models.append(ImageModel(data, star, LensModel(["SIE", "SHEAR"]), LightModel([light]), kwargs_numerics=numerics))
    return models, [lens, [source]]


def lenstronomy_source(row: dict[str, Any], bank: SourceBank) -> tuple[str, dict[str, Any]]:
    """Name and arguments of the task's source."""
    place = {"amp": 1.0, "center_x": row["source_x_arcsec"], "center_y": row["source_y_arcsec"]}
    angle = row["source_angle_rad"]
    if row["source_kind"] == "template":
        scale = float(bank.pixel_scale_arcsec[bank.index(row["template_id"])]) * row["source_size_factor"]
        image = bank.template(row["template_id"]).astype(float)
        return "INTERPOL", place | {"image": image, "scale": scale, "phi_G": angle}
    q = row["source_axis_ratio"]
    shape = {"R_sersic": row["source_half_light_arcsec"] * np.sqrt(q), "n_sersic": row["source_sersic_n"]}
    return "SERSIC_ELLIPSE", place | shape | ellipticity(q, angle)


def ellipticity(q: float, angle: float) -> dict[str, float]:
    """lenstronomy's e1 and e2."""
    e = (1 - q) / (1 + q)
    return {"e1": e * np.cos(2 * angle), "e2": e * np.sin(2 * angle)}


if __name__ == "__main__":
    main()
