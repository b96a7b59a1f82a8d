"""One task and its host's cutout become one row: what is added, where, what is measured, and why a row is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import yaml
from scipy.special import i0e

from schemas.array_codec import decode_arrays, decode_stamp
from schemas.refusal_reasons import Reason
from schemas.stamps import OBSERVABLES, STAMPS
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from spark_jobs.physics.psf_profiles import CircularPsf
from spark_jobs.physics.ray_trace import Lens
from spark_jobs.physics.render_arc import Scene, render_arc
from spark_jobs.physics.source_light import sersic_source
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.transforms.simulation.make_stamp import StampMaker
from tests.spark_jobs.small_bank import SCALE_ARCSEC, SIGMA_ARCSEC, write_small_bank
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import (
    CENTRE,
    FWHM,
    HOST_MAG,
    RAW_MAGNITUDES,
    SIGMA,
    SIZE,
    control_task,
    cutout_row,
    lens_task,
    refused_cutout,
)

Images = npt.NDArray[np.float64]
Row = dict[str, Any]


def recipe(**entries: Any) -> Recipe:
    """The realistic recipe without shot noise and without judgement of the arc, unless entries say otherwise."""
    return recipe_with("realistic", **({"noise": {"law": "none"}, "accept": None} | entries))


def pair_of(maker_recipe: Recipe | None = None, cutout: Row | None = None, **changes: Any) -> tuple[Row, Row]:
    """Lens and control rows of the hand-made pair, columns of the lens task changed."""
    maker = StampMaker(maker_recipe or recipe(), None)
    lens, control = maker.host_rows([lens_task(**changes), control_task()], cutout or cutout_row(), RAW_MAGNITUDES)
    return lens, control


def pixels_of(row: Row) -> Images:
    return decode_stamp(row["stamp_npz"]).astype(float)


def added(lens: Row, control: Row) -> Images:
    return pixels_of(lens) - pixels_of(control)


@pytest.fixture(scope="module")
def arc() -> dict[str, Images]:
    """The arc of the hand-made task, rendered without the simulation."""
    source = sersic_source(0.05, 1.0)
    scene = Scene(Lens(1.2), source, (0.3, 0.0), CENTRE, SIZE, PIXEL_SCALE_ARCSEC)
    psf = {band: CircularPsf(FWHM[band]) for band in BANDS}
    return render_arc(scene, {"g": 22.9, "r": 22.5, "z": 22.2}, psf).images


def test_the_control_is_the_cutout_to_the_last_bit() -> None:
    _, control = pair_of()
    pixels = decode_arrays(cutout_row()["cutout_npz"])
    made = decode_arrays(control["stamp_npz"])
    assert sorted(made) == ["image_g", "image_r", "image_z"]
    assert all(made[name].tobytes() == pixels[name].tobytes() for name in made)


def test_lens_minus_control_is_the_arc_to_single_precision(arc: dict[str, Images]) -> None:
    lens, control = pair_of()
    ulp = np.spacing(np.abs(pixels_of(lens)).max().astype(np.float32))
    for band, difference in zip(BANDS, added(lens, control), strict=True):
        assert np.abs(difference - arc[band]).max() <= ulp
        assert arc[band].max() > 1000 * ulp


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.5])
def test_the_arc_stands_at_the_lens_s_sub_pixel_place_and_both_images_where_the_sphere_puts_them(angle: float) -> None:
    """An SIS images a point at beta +- theta_e with magnifications theta_e/beta +- 1 (Schneider, Ehlers & Falco 1992)."""
    dx, dy, beta, theta_e = 0.11, -0.07, 0.3, 1.2
    lens, control = pair_of(
        lens_dx_arcsec=dx,
        lens_dy_arcsec=dy,
        source_x_arcsec=beta * math.cos(angle),
        source_y_arcsec=beta * math.sin(angle),
        source_half_light_arcsec=0.02,
    )
    light = added(lens, control)[1]
    outer, inner = theta_e / beta + 1, theta_e / beta - 1
    radius = (outer * (beta + theta_e) + inner * (beta - theta_e)) / (outer + inner)
    y, x = np.indices(light.shape)
    seen = np.array([(light * x).sum(), (light * y).sum()]) / light.sum()
    offset = np.array([dx + radius * math.cos(angle), dy + radius * math.sin(angle)]) / PIXEL_SCALE_ARCSEC
    assert seen == pytest.approx(np.array(CENTRE) + offset, abs=0.02)
    assert lens["magnification"] == pytest.approx(outer + inner, rel=5e-3)


def test_injected_light_is_the_source_s_magnified_in_every_band_with_the_source_s_colours() -> None:
    lens, control = pair_of()
    for band, light in zip(BANDS, added(lens, control), strict=True):
        wanted = lens[f"source_mag_{band}"] - 2.5 * math.log10(lens["magnification"])
        assert lens[f"injected_mag_{band}"] == pytest.approx(22.5 - 2.5 * math.log10(light.sum()), abs=1e-4)
        assert wanted < lens[f"injected_mag_{band}"] < wanted + 0.03  # the PSF's wings leave the stamp
    colour = lens["injected_mag_g"] - lens["injected_mag_z"]
    assert colour == pytest.approx(22.9 - 22.2, abs=0.01)


HAND: dict[str, Callable[[Images], float]] = {
    "arc_snr": lambda a: float(np.linalg.norm(a[:, 10:]) / SIGMA["r"]),
    "arc_peak_snr": lambda a: float(a[:, 10:].max() / SIGMA["r"]),
    "arc_pixels_1sigma": lambda a: float((a[:, 10:] > SIGMA["r"]).sum()),
    "arc_pixels_5sigma": lambda a: float((a[:, 10:] > 5 * SIGMA["r"]).sum()),
    "arc_to_host_flux": lambda a: float(a.sum() / 10 ** ((22.5 - HOST_MAG["r"]) / 2.5)),
    "theta_e_over_fwhm": lambda a: 1.2 / 1.25,
    # 2 theta_e <1/beta> over an exponential disc of scale h, whose <r^2> is 6 h^2.
    "magnification": lambda a: 2 * 1.2 / 0.3 * (1 + 6 * (0.05 / 1.6783) ** 2 / (4 * 0.3**2)),
}


@pytest.mark.parametrize("name", sorted(HAND))
def test_each_observable_is_what_a_hand_computes_from_the_pixels(name: str) -> None:
    lens, control = pair_of()
    assert lens[name] == pytest.approx(HAND[name](added(lens, control)[1]), rel=5e-3)


def test_every_observable_is_computed_and_none_is_where_nothing_was_injected() -> None:
    lens, control = pair_of()
    names = [column.name for column in OBSERVABLES]
    assert set(HAND) | {f"injected_mag_{band}" for band in BANDS} == set(names)
    assert all(math.isfinite(lens[name]) for name in names)
    assert {control[name] for name in (*names, *STAMPS.injected_names)} == {None}


def test_what_is_undefined_is_null_and_not_zero() -> None:
    (lens,) = StampMaker(recipe(), None).host_rows([lens_task()], cutout_row(), {**RAW_MAGNITUDES, "r": None})
    assert lens["arc_to_host_flux"] is None
    assert lens["mag_raw_r"] is None
    assert lens["arc_snr"] > 0


def test_shot_noise_has_the_variance_of_the_arc_s_electrons_and_is_the_task_s_own(arc: dict[str, Images]) -> None:
    gain = 200.0
    noisy = recipe(noise={"law": "shot", "gain": f"{gain} electron/nmgy"})
    draws = [pair_of(noisy, task_id=name * 32) for name in "aac"]
    first, again, other = (added(*pair) for pair in draws)
    assert np.array_equal(first, again)
    lit = np.all([arc[band] > 0.05 * arc[band].max() for band in BANDS], axis=0)
    n = int(lit.sum())
    assert n > 60
    images = np.stack([arc[band] for band in BANDS])
    pulls = ((first - images) / np.sqrt(np.clip(images, 1e-9, None) / gain))[:, lit]
    assert pulls.std(axis=1) == pytest.approx([1.0] * 3, abs=4 / math.sqrt(2 * n))
    assert np.abs(np.corrcoef(pulls) - np.eye(3)).max() < 4 / math.sqrt(n)
    assert not np.any((first == other)[:, lit])
    assert draws[0][0]["arc_snr"] == pair_of()[0]["arc_snr"]  # of the noiseless arc


def test_a_width_that_the_plan_prescribes_wins_over_the_cutout_s_own(arc: dict[str, Images]) -> None:
    own, control = pair_of()
    broad, _ = pair_of(psf_fwhm_used_r_arcsec=2.0)
    assert {band: own[f"psf_fwhm_used_{band}_arcsec"] for band in BANDS} == FWHM
    assert broad["psf_fwhm_used_r_arcsec"] == 2.0
    assert broad["psf_fwhm_r_arcsec"] == FWHM["r"]
    assert broad["theta_e_over_fwhm"] == pytest.approx(0.6)
    change = added(broad, control).max(axis=(1, 2)) / added(own, control).max(axis=(1, 2))
    assert change[[0, 2]] == pytest.approx([1, 1], abs=1e-6)
    assert change[1] < 0.7


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_galaxy_of_the_bank_is_lensed_at_its_own_size_times_the_size_factor(factor: float, tmp_path: Path) -> None:
    """Magnification 2 theta_e <1/beta>, over a Gaussian sqrt(pi/2) / sigma I0(x) exp(-x), x = beta^2 / 4 sigma^2."""
    bank = write_small_bank(tmp_path / "bank.h5", 3)
    galaxy = {"source_kind": "template", "template_id": "gaussian-1", "source_size_factor": factor}
    (row,) = StampMaker(recipe(), bank).host_rows([lens_task(**galaxy)], cutout_row(), RAW_MAGNITUDES)
    sigma = factor * math.hypot(SIGMA_ARCSEC, SCALE_ARCSEC / math.sqrt(6))  # bilinear interpolation broadens it a little
    wanted = 2 * 1.2 * math.sqrt(math.pi / 2) / sigma * i0e(0.3**2 / (4 * sigma**2))
    assert row["magnification"] == pytest.approx(wanted, rel=2e-3)


GONE: list[tuple[Row, Row, Reason]] = [
    ({"theta_e_arcsec": None}, {}, Reason.BAD_PARAMETERS),
    ({"theta_e_arcsec": math.nan}, {}, Reason.BAD_PARAMETERS),
    ({"lens_axis_ratio": 0.0}, {}, Reason.BAD_PARAMETERS),
    ({"source_mag_g": None}, {}, Reason.BAD_PARAMETERS),
    ({"source_mag_r": math.nan}, {}, Reason.BAD_PARAMETERS),
    ({"source_sersic_n": 99.0}, {}, Reason.BAD_PARAMETERS),
    ({"source_kind": "flat_square"}, {}, Reason.BAD_PARAMETERS),
    ({"source_kind": "template", "template_id": "x", "source_size_factor": 1.0}, {}, Reason.TEMPLATE_UNUSABLE),
    ({"lens_dx_arcsec": 60.0}, {}, Reason.SOURCE_OFF_STAMP),
    ({}, {"psf_fwhm_z_arcsec": None}, Reason.PSF_UNKNOWN),
    ({}, {"psf_fwhm_g_arcsec": 0.05}, Reason.PSF_UNKNOWN),
]


@pytest.mark.parametrize(("task", "cutout", "reason"), GONE)
def test_what_cannot_be_made_keeps_its_row_with_the_reason_and_takes_its_partner_along(
    task: Row, cutout: Row, reason: Reason
) -> None:
    lens, control = pair_of(cutout=cutout_row(**cutout), **task)
    assert (lens["reasons"], control["reasons"]) == (reason, Reason.PARTNER_REFUSED)
    assert lens["stamp_npz"] is None
    assert control["stamp_npz"] is None
    assert lens.keys() == set(STAMPS.names)
    assert lens["x_centre_pix"] == CENTRE[0]


def test_a_cutout_without_a_band_refuses_both() -> None:
    for row in pair_of(cutout=cutout_row(bands="gr")):
        assert (row["reasons"], row["stamp_npz"]) == (Reason.BAND_MISSING, None)


def test_a_refused_cutout_hands_its_reasons_on_beside_the_task_s_own() -> None:
    told = int(Reason.OVER_BRICK_EDGE)
    lens, control = pair_of(cutout=refused_cutout(told), reasons=int(Reason.NO_ACCEPTED_DRAW))
    assert (lens["reasons"], control["reasons"]) == (told | Reason.NO_ACCEPTED_DRAW, told)
    assert {lens[name] for name in ("stamp_npz", "x_centre_pix", "arc_snr", "psf_fwhm_used_r_arcsec")} == {None}


def test_an_arc_below_the_recipe_s_signal_to_noise_is_refused_with_what_was_measured() -> None:
    snr = pair_of()[0]["arc_snr"]
    limits = yaml.safe_load(read_recipe("realistic").as_yaml())["accept"]
    for factor, reasons in ((0.99, (0, 0)), (1.01, (Reason.ARC_TOO_FAINT, Reason.PARTNER_REFUSED))):
        judged = recipe(accept=limits | {"minimum_rendered_arc_snr": factor * snr})
        lens, control = pair_of(judged)
        assert (lens["reasons"], control["reasons"]) == reasons
        assert lens["arc_snr"] == snr
        assert (lens["stamp_npz"] is None, control["stamp_npz"] is None) == (bool(reasons[0]), bool(reasons[0]))


def test_pairs_are_refused_one_by_one_and_tasks_without_a_pair_alone() -> None:
    tasks = [lens_task(theta_e_arcsec=None), control_task(), lens_task(pair_id="q" * 32), control_task(pair_id="q" * 32)]
    tasks += [lens_task(pair_id=None, theta_e_arcsec=None), control_task(pair_id=None)]
    rows = StampMaker(recipe(), None).host_rows(tasks, cutout_row(), RAW_MAGNITUDES)
    bad, partner = Reason.BAD_PARAMETERS, Reason.PARTNER_REFUSED
    assert [row["reasons"] for row in rows] == [bad, partner, 0, 0, bad, 0]


QUANTISED = {"stamp": {"size": f"{SIZE} pix", "encoding": "quantised", "step_in_sky_sigma": 0.1}}


def test_a_quantised_stamp_is_the_same_stamp_to_half_a_step_of_its_own_sky() -> None:
    float_lens, float_control = pair_of()
    lens, control = pair_of(recipe(**QUANTISED))
    for whole, kept in ((float_lens, lens), (float_control, control)):
        assert len(kept["stamp_npz"]) < len(whole["stamp_npz"]) / 4
        for band, off in zip(BANDS, pixels_of(kept) - pixels_of(whole), strict=True):
            assert np.abs(off).max() == pytest.approx(0.05 * SIGMA[band], rel=0.01)
    assert {name for name in lens if lens[name] != float_lens[name]} == {"stamp_npz"}


def test_a_quantised_pair_is_one_image_where_no_arc_was_added() -> None:
    """Both have the dithers of their host: what is the same before is the same after."""
    lens, control = pair_of(recipe(**QUANTISED), theta_e_arcsec=0.5, source_x_arcsec=0.1)
    corner = np.s_[:, -6:, -6:]
    assert np.count_nonzero(added(lens, control)[corner]) < 10
    other, _ = pair_of(recipe(**QUANTISED), host_id="9010-1-2")
    assert np.count_nonzero(pixels_of(other)[corner] != pixels_of(control)[corner]) > 90


@pytest.mark.parametrize("changes", [{"sky_sigma_r_nmgy": None}, {"sky_sigma_g_nmgy": 0.0}, {"sky_sigma_z_nmgy": 1e-14}])
def test_where_integers_cannot_hold_a_stamp_it_is_kept_as_float32(changes: Row) -> None:
    _, control = pair_of(recipe(**QUANTISED), cutout_row(**changes))
    assert sorted(decode_arrays(control["stamp_npz"])) == ["image_g", "image_r", "image_z"]
