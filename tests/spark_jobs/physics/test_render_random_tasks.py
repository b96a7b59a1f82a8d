"""Arcs of random tasks of every recipe against a converged lenstronomy rendering: flux, worst pixel and centroid.

The tasks are the plan's own. Each is drawn behind a PSF of random width at a random place within a pixel, in one band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from lenstronomy.LensModel.lens_model import LensModel

from schemas.hosts import HOSTS
from schemas.survey import PIXEL_SCALE_ARCSEC
from spark_jobs.physics.knotted_sersic import KnottedSersic, knotted_sersic
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import Scene, render_arc
from spark_jobs.physics.source_light import Source, sersic_source, template_source
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.recipe_priors import BankLight, FlatSquareLight
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank, write_bank
from spark_jobs.transforms.bank.bank_from_procedural import procedural_makers
from spark_jobs.transforms.bank.bank_template import Census
from spark_jobs.transforms.simulation.plan_shard import plan_shard
from tests.spark_jobs.physics.converged_rendering import (
    USUAL_CARE,
    Care,
    LensedScene,
    SersicLight,
    TemplateLight,
    blurred,
    cells_of,
)
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_lenses import recipe_with

TASKS_EACH = 200
TOLERANCE = 1e-3
FWHM_RANGE = (0.75, 1.6)  # r, of the survey
BANK_SIZE = 64
FLAT_SQUARE_PIXELS = 96  # a side, as the failed experiment's templates had
SLOPES = {"law": "normal", "mean": 2.08, "scatter": 0.16, "minimum": 1.6, "maximum": 2.5}
FINEST_CARE = Care(bend=2e-8, depth=6, faint=1e-7)
Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """Ours against the reference: fluxes relative, the worst pixel in peaks, the centroid in pixels."""

    task: str
    magnification: float
    flux: float
    pixel: float
    centroid: float


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    """Made-up galaxies with knots."""
    path = tmp_path_factory.mktemp("bank") / "bank.h5"
    write_bank(path, (make() for make in procedural_makers(60, 1, BANK_SIZE)), BANK_SIZE, {}, Census(60, 60))
    return open_bank(path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), [("realistic", 1), ("demo", 2), ("gen5", 3)])
def test_random_tasks_agree_with_a_converged_rendering(name: str, seed: int, bank: SourceBank) -> None:
    recipe = read_recipe(name)
    found = [difference(recipe, row, bank, number) for number, row in enumerate(random_tasks(recipe, seed, bank))]
    assert len(found) == TASKS_EACH
    check(found)


@pytest.mark.slow
def test_random_lenses_of_other_slopes_agree_with_a_converged_rendering(bank: SourceBank) -> None:
    recipe = recipe_with("realistic", {"mass_slope": SLOPES})
    tasks = random_tasks(recipe, 4, bank, 60)
    assert len({task["mass_slope"] for task in tasks}) == 60
    check([difference(recipe, row, bank, number) for number, row in enumerate(tasks)])


@pytest.mark.parametrize(("q", "slope"), [(1.0, 2.0), (0.8, 2.0), (0.3, 2.0), (0.6, 1.7), (0.5, 2.4)])
def test_the_references_compiled_lens_is_lenstronomys_epl(q: float, slope: float) -> None:
    x, y = np.random.default_rng(1).uniform(-8, 8, (2, 1000))
    lens = {"theta_E": 1.3, "gamma": slope, "e1": (1 - q) / (1 + q), "e2": 0.0, "center_x": 0.0, "center_y": 0.0}
    compiled, exact = (LensModel([name]).alpha(x, y, [lens]) for name in ("EPL_NUMBA", "EPL"))
    np.testing.assert_allclose(compiled, exact, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", ["realistic", "gen5"])
def test_the_reference_has_converged(name: str, bank: SourceBank) -> None:
    recipe = read_recipe(name)
    for number, task in enumerate(random_tasks(recipe, 1, bank, 3)):
        _, lensed, psf = drawn(recipe, task, bank, number)
        usual, finest = (
            blurred(cells_of(lensed, care), psf.fwhm_arcsec, psf.beta, PIXEL_SCALE_ARCSEC) for care in (USUAL_CARE, FINEST_CARE)
        )
        assert usual.sum() == pytest.approx(finest.sum(), rel=1e-4)
        np.testing.assert_allclose(usual, finest, rtol=0, atol=1e-4 * finest.max())


def check(found: list[Difference]) -> None:
    """Every difference is within the tolerance; the worst of each sort are named where one is not."""
    told = []
    for part in ("magnification", "flux", "pixel", "centroid"):
        over = sorted((getattr(one, part), one.task) for one in found if not getattr(one, part) < TOLERANCE)
        told += [f"{part} of {len(over)} in {len(found)}, worst first:"] if over else []
        told += [f"  {value:.2e} {task}" for value, task in over[:-6:-1]]
    assert not told, "\n".join(told)


def random_tasks(recipe: Recipe, seed: int, bank: SourceBank, count: int = TASKS_EACH) -> list[Row]:
    """The first ``count`` lens tasks of the recipe's plan for bright red hosts of many magnitudes and shapes."""
    rng = np.random.default_rng(seed)
    hosts = [_host(number, rng) for number in range(2 * count)]
    table = pa.Table.from_pylist(hosts, HOSTS.arrow_schema())
    widths = {"0591m305": (1.35, 1.25, 1.2)} if recipe.psf.width == "brick_mean" else {}
    rows = plan_shard(recipe, seed, 0, table, bank, widths).to_pylist()
    return [row for row in rows if row["kind"] == "lens" and not row["reasons"]][:count]


def drawn(recipe: Recipe, task: Row, bank: SourceBank, number: int) -> tuple[Scene, LensedScene, CircularPsf]:
    """One task as a scene, as the reference's scene, and a PSF; the place within a pixel and the width are the number's."""
    rng = np.random.default_rng(number)
    size = recipe.size_pix
    x, y = (0.5 * (size - 1) + rng.uniform(-0.5, 0.5) + task[f"lens_d{axis}_arcsec"] / PIXEL_SCALE_ARCSEC for axis in "xy")
    psf = CircularPsf(rng.uniform(*FWHM_RANGE), recipe.psf.profile, recipe.psf.beta)
    slope = task["mass_slope"] or 2.0
    shape = (task["theta_e_arcsec"], task["lens_axis_ratio"], task["lens_angle_rad"])
    shear, beta = (task["shear_1"], task["shear_2"]), (task["source_x_arcsec"], task["source_y_arcsec"])
    source, light = _source(recipe, task, bank)
    scene = Scene(Lens(*shape, *shear, slope=slope), source, beta, (x, y), size, PIXEL_SCALE_ARCSEC)
    return scene, LensedScene(*shape, slope, shear, light, beta, (x, y), size, PIXEL_SCALE_ARCSEC), psf


def difference(recipe: Recipe, task: Row, bank: SourceBank, number: int, care: Care = USUAL_CARE) -> Difference:
    """Render one task both ways."""
    scene, lensed, psf = drawn(recipe, task, bank, number)
    arc = render_arc(scene, {"r": 22.5}, {"r": psf})
    cells = cells_of(lensed, care)
    reference, image = blurred(cells, psf.fwhm_arcsec, psf.beta, scene.pixel_scale), arc.images["r"]
    y, x = np.mgrid[: scene.size, : scene.size]
    centroids = [[np.sum(one * axis) / one.sum() for axis in (x, y)] for one in (image, reference)]
    return Difference(
        f"task {number}: {scene.lens}, {task['source_kind']} at {scene.beta}, {psf.fwhm_arcsec:.3f} arcsec",
        abs(arc.magnification / cells.sum() - 1),
        abs(image.sum() / reference.sum() - 1),
        float(np.abs(image - reference).max() / reference.max()),
        float(np.hypot(*np.subtract(*centroids))),
    )


def _host(number: int, rng: np.random.Generator) -> Row:
    """A host that the recipes take: r 16.5 to 19.5, redshift known or not, elongated or round."""
    r = rng.uniform(16.5, 19.5)
    row = {"mag_g": r + 1.5, "mag_r": r, "mag_z": r - rng.uniform(0.6, 1.2), "mag_raw_r": r + 0.1, "cell": number // 4}
    row |= {"shape_e1": rng.uniform(-0.3, 0.3), "shape_e2": rng.uniform(-0.2, 0.2)}
    row |= {"z_phot": rng.uniform(0.2, 0.7) if rng.uniform() < 0.7 else None}
    row |= {"psf_fwhm_catalogue_r_arcsec": rng.uniform(0.9, 1.5)}
    return host_row(number, 59.0, -30.0, "0591m305", **row)


def _source(recipe: Recipe, task: Row, bank: SourceBank) -> tuple[Source, SersicLight | TemplateLight]:
    """The task's source and the reference's own idea of its light."""
    kind, angle, prior = task["source_kind"], task["source_angle_rad"], recipe.priors.source_light
    shape = (task["source_half_light_arcsec"], task["source_sersic_n"], task["source_axis_ratio"])
    if kind == "sersic":
        return sersic_source(*shape, angle), SersicLight(*shape, angle)
    if kind == "template":
        image = bank.template(task["template_id"]).astype(float)
        scale = float(bank.pixel_scale_arcsec[bank.index(task["template_id"])]) * task["source_size_factor"]
    elif kind == "sersic_knots" and isinstance(prior, BankLight):
        knots = (task["source_knots"], task["source_knot_share"], prior.knot_fwhm)
        galaxy = knotted_sersic(KnottedSersic(*shape, *knots), np.random.default_rng(task["source_knots"]))
        image, scale = galaxy.image, galaxy.pixel_scale_arcsec
    elif kind == "flat_square" and isinstance(prior, FlatSquareLight):
        image = np.full((FLAT_SQUARE_PIXELS, FLAT_SQUARE_PIXELS), FLAT_SQUARE_PIXELS**-2.0)
        scale = prior.side / FLAT_SQUARE_PIXELS
    else:
        raise ValueError(f"source kind {kind!r} has no reference here; wanted one, so that every kind is compared")
    return template_source(image, scale, angle), TemplateLight(image, scale, angle)
