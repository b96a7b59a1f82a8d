"""Hard negatives as stamps: their light is added and measured as their rows tell, judged, and refused with a reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from schemas.array_codec import decode_arrays, decode_stamp
from schemas.refusal_reasons import Reason
from schemas.stamps import OBSERVABLES
from schemas.survey import BANDS
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.simulation.make_stamp import StampMaker
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import FWHM, RAW_MAGNITUDES, control_task, cutout_row, lens_task, negative_task

Row = dict[str, Any]
MAKER = StampMaker(recipe_with("realistic", noise={"law": "none"}, accept=None), None)


def added(row: Row, control: Row) -> npt.NDArray[np.float64]:
    return decode_stamp(row["stamp_npz"]).astype(float) - decode_stamp(control["stamp_npz"])


@pytest.mark.parametrize("kind", ["unlensed", "ring", "spiral", "companion", "spike"])
def test_a_hard_negative_adds_the_light_that_its_row_tells_of_and_no_magnification(kind: str) -> None:
    task, cutout = negative_task(kind), cutout_row()
    if kind == "spike":
        task |= {"added_x_arcsec": 11.0, "added_angle_rad": 3.0}
    row, control = MAKER.host_rows([task, control_task()], cutout, RAW_MAGNITUDES)
    light = added(row, control)
    assert (row["reasons"], row["label"], row["magnification"]) == (0, 0, None)
    for band, image in zip(BANDS, light, strict=True):
        assert row[f"injected_mag_{band}"] == pytest.approx(22.5 - 2.5 * math.log10(image.sum()), abs=1e-3)
    assert row["injected_mag_g"] - row["injected_mag_r"] == pytest.approx(0.4, abs=0.02)
    assert row["injected_mag_r"] == pytest.approx(
        20.5, abs=0.6 if kind == "spike" else 0.05
    )  # the stamp is 56 pixels wide here
    assert row["arc_snr"] == pytest.approx(
        np.linalg.norm(light[1] * np.sqrt(decode_arrays(cutout["cutout_npz"])["invvar_r"])), rel=1e-4
    )
    assert row["theta_e_over_fwhm"] == pytest.approx(1.2 / FWHM["r"])
    assert {row[column.name] is None for column in OBSERVABLES if column.name != "magnification"} == {False}


def test_a_trail_is_in_one_band_and_judged_there() -> None:
    bright = {f"added_mag_{band}": None for band in BANDS} | {"added_mag_z": 18.5, "added_width_arcsec": 1.0}
    faint = bright | {"added_mag_z": 25.0}
    judge = StampMaker(read_recipe("realistic"), None)
    row, control = judge.host_rows([negative_task("trail", **bright), control_task()], cutout_row(), RAW_MAGNITUDES)
    light = added(row, control)
    assert (row["reasons"], row["injected_mag_r"], row["arc_snr"]) == (0, None, 0.0)
    assert not light[:2].any()
    assert row["injected_mag_z"] == pytest.approx(18.5, abs=0.3)
    (row,) = judge.host_rows([negative_task("trail", **faint)], cutout_row(), RAW_MAGNITUDES)
    assert (row["reasons"], row["stamp_npz"]) == (Reason.ARC_TOO_FAINT, None)


def test_a_shuffled_arc_has_the_flux_of_the_arc_elsewhere_and_is_refused_where_it_stays_one() -> None:
    wide = {"theta_e_arcsec": 2.2, "source_x_arcsec": 0.7}
    torn, whole, control = MAKER.host_rows(
        [negative_task("shuffled", **wide), lens_task(**wide), control_task()], cutout_row(), RAW_MAGNITUDES
    )
    assert torn["reasons"] == 0
    light, before = added(torn, control)[1], added(whole, control)[1]
    assert light.sum() == pytest.approx(before.sum(), rel=0.01)
    assert np.corrcoef(light.ravel(), before.ravel())[0, 1] < 0.55
    (ring,) = MAKER.host_rows([negative_task("shuffled", source_x_arcsec=0.0)], cutout_row(), RAW_MAGNITUDES)
    assert (ring["reasons"], ring["stamp_npz"]) == (Reason.STILL_AN_ARC, None)


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("ring", {"added_width_arcsec": 0.0}, Reason.BAD_PARAMETERS),
        ("ring", {"added_mag_g": None}, Reason.BAD_PARAMETERS),
        ("companion", {"added_x_arcsec": math.nan}, Reason.BAD_PARAMETERS),
        ("companion", {"added_axis_ratio": 1.2}, Reason.BAD_PARAMETERS),
        ("unlensed", {"added_x_arcsec": 60.0}, Reason.SOURCE_OFF_STAMP),
        ("shuffled", {"theta_e_arcsec": -1.0}, Reason.BAD_PARAMETERS),
    ],
)
def test_a_hard_negative_that_cannot_be_is_refused_with_a_reason(kind: str, changes: Row, reason: Reason) -> None:
    (row,) = MAKER.host_rows([negative_task(kind, **changes)], cutout_row(), RAW_MAGNITUDES)
    assert (row["reasons"], row["stamp_npz"]) == (reason, None)


def test_a_kind_that_the_recipe_does_not_have_is_refused() -> None:
    (row,) = StampMaker(recipe_with("realistic", negatives=None), None).host_rows(
        [negative_task("ring")], cutout_row(), RAW_MAGNITUDES
    )
    assert (row["reasons"], row["stamp_npz"]) == (Reason.BAD_PARAMETERS, None)
