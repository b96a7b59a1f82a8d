"""What a task is drawn with beyond a sphere and a circular PSF: a slope, knots, the image of a star, the cutout's own gain."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from schemas.array_codec import decode_arrays, decode_stamp, encode_arrays
from schemas.refusal_reasons import Reason
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.simulation.make_stamp import StampMaker
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import FWHM, RAW_MAGNITUDES, SIGMA, control_task, cutout_row, lens_task

Row = dict[str, Any]
QUIET = {"noise": {"law": "none"}, "accept": None}
KERNEL = {"profile": "kernel", "width": "host"}


def made(recipe: Recipe, cutout: Row | None = None, **changes: Any) -> Row:
    """The row of the hand-made lens task."""
    return StampMaker(recipe, None).host_rows([lens_task(**changes)], cutout or cutout_row(), RAW_MAGNITUDES)[0]


def added(recipe: Recipe, cutout: Row | None = None, **changes: Any) -> npt.NDArray[np.float64]:
    """What the lens task added to its host, (bands, n, n)."""
    maker, cutout = StampMaker(recipe, None), cutout or cutout_row()
    lens, control = maker.host_rows([lens_task(**changes), control_task()], cutout, RAW_MAGNITUDES)
    return decode_stamp(lens["stamp_npz"]).astype(float) - decode_stamp(control["stamp_npz"])


def stars(width: float = 1.0, bands: tuple[str, ...] = BANDS) -> bytes:
    """The images of stars whose Moffats are ``width`` times as wide as the cutout's."""
    r = PIXEL_SCALE_ARCSEC * np.hypot(*np.mgrid[-30:31, -30:31])
    return encode_arrays(
        {
            f"psf_{band}": (CircularPsf(width * FWHM[band]).brightness(r) * PIXEL_SCALE_ARCSEC**2).astype(np.float32)
            for band in bands
        }
    )


def test_an_arc_behind_the_image_of_a_moffat_is_the_one_behind_the_moffat() -> None:
    circular = added(recipe_with("realistic", **QUIET))
    pixelised = added(recipe_with("realistic", psf=KERNEL, **QUIET), cutout_row(psf_npz=stars()))
    for one, other in zip(circular, pixelised, strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=2e-3 * one.max())
    broad = added(recipe_with("realistic", psf=KERNEL, **QUIET), cutout_row(psf_npz=stars(1.5)))
    assert np.all(broad.max(axis=(1, 2)) < 0.8 * circular.max(axis=(1, 2)))


@pytest.mark.parametrize(
    "kernels", [None, b"no npz", stars(bands=("g", "r")), encode_arrays({f"psf_{b}": np.zeros((5, 5), "f4") for b in BANDS})]
)
def test_a_star_that_is_absent_broken_or_dark_in_one_band_refuses_the_task(kernels: bytes | None) -> None:
    row = made(recipe_with("realistic", psf=KERNEL, **QUIET), cutout_row(psf_npz=kernels))
    assert (row["reasons"], row["stamp_npz"]) == (Reason.PSF_UNKNOWN, None)


def test_a_steeper_mass_moves_the_images_and_no_slope_means_isothermal() -> None:
    recipe = recipe_with("realistic", **QUIET)
    sphere = made(recipe)
    assert made(recipe, mass_slope=2.0)["magnification"] == sphere["magnification"]
    assert made(recipe, mass_slope=1.7)["magnification"] > 1.1 * sphere["magnification"]
    assert made(recipe, mass_slope=5.0)["reasons"] == Reason.BAD_PARAMETERS


def test_a_knotted_source_holds_its_flux_and_is_the_tasks_own() -> None:
    recipe = recipe_with("realistic", **QUIET)
    knotted = {"source_kind": "sersic_knots", "source_half_light_arcsec": 0.3, "source_knots": 8, "source_knot_share": 0.5}
    smooth = made(recipe, source_half_light_arcsec=0.3)
    first, again, other = (made(recipe, **knotted, task_id=name * 32) for name in "aab")
    assert first["magnification"] == pytest.approx(smooth["magnification"], rel=0.35)
    assert first["stamp_npz"] == again["stamp_npz"]
    assert first["stamp_npz"] != other["stamp_npz"]
    assert made(recipe, **knotted | {"source_knots": None})["reasons"] == Reason.BAD_PARAMETERS


def test_the_gain_is_the_cutouts_own_and_is_written_beside_the_stamp() -> None:
    sky = {"g": "22.0 mag/arcsec2", "r": "21.0 mag/arcsec2", "z": "18.5 mag/arcsec2"}
    row = made(recipe_with("realistic", noise={"law": "shot", "sky": sky, "reference": "test"}, accept=None))
    for band, magnitude in (("g", 22.0), ("r", 21.0), ("z", 18.5)):
        photons = 10 ** (0.4 * (22.5 - magnitude)) * PIXEL_SCALE_ARCSEC**2
        assert row[f"gain_{band}"] == pytest.approx(photons / SIGMA[band] ** 2, rel=1e-3)
    one = made(recipe_with("realistic", noise={"law": "shot", "gain": "9000.0 electron/nmgy"}, accept=None))
    assert {one[f"gain_{band}"] for band in BANDS} == {9000.0}
    assert {made(recipe_with("realistic", **QUIET))[f"gain_{band}"] for band in BANDS} == {None}


def test_a_source_that_is_not_behind_its_lens_is_refused() -> None:
    recipe = recipe_with("realistic", **QUIET)
    assert made(recipe, z_lens=0.5, z_source=0.5)["reasons"] == Reason.BAD_PARAMETERS
    assert made(recipe, z_lens=0.5, z_source=0.51)["reasons"] == 0
    assert made(recipe, z_lens=0.5, z_source=math.nan)["reasons"] == Reason.BAD_PARAMETERS


def test_a_band_without_any_inverse_variance_refuses_the_host() -> None:
    cutout = cutout_row()
    pixels = {name: array.copy() for name, array in decode_arrays(cutout["cutout_npz"]).items()}
    pixels["invvar_g"][:] = 0
    rows = StampMaker(recipe_with("realistic", **QUIET), None).host_rows(
        [lens_task(), control_task()], cutout_row(cutout_npz=encode_arrays(pixels)), RAW_MAGNITUDES
    )
    assert [row["reasons"] for row in rows] == [Reason.UNCOVERED_PIXELS] * 2
