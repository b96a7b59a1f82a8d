"""Weighting: the chance that each law gives, that draws are kept as often as it says, and radii made to come equally often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from schemas.refusal_reasons import Reason
from spark_jobs.recipe_weighting import CrossSectionWeighting, RadiusWeighting
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_lenses import draw_lenses
from spark_jobs.transforms.simulation.weigh_lenses import chance_to_keep, even_radii
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_lenses import lens_sample, recipe_with
from tests.spark_jobs.transforms.simulation.test_plan_shard import PAIRED, host_table, planned

AREA: dict[str, Any] = {"law": "cross_section", "whole_at": "2.5 arcsec", "reference": "made up here"}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    return write_small_bank(tmp_path_factory.mktemp("bank") / "bank.h5")


def by_radius(radii: list[float], keep: list[float]) -> RadiusWeighting:
    content = {"law": "theta_e", "theta_e": [f"{radius} arcsec" for radius in radii], "keep": keep}
    return RadiusWeighting.model_validate(content | {"reference": "made up here"})


def lenses(theta_e: list[float], q: float = 1.0) -> dict[str, Any]:
    n = len(theta_e)
    shape = {"lens_axis_ratio": q, "lens_angle_rad": 0.3, "shear_1": 0.0, "shear_2": 0.0}
    return {"theta_e_arcsec": np.array(theta_e)} | {name: np.full(n, value) for name, value in shape.items()}


def test_no_weighting_keeps_everything_that_was_drawn() -> None:
    assert chance_to_keep(None, lenses([0.5, 3.0, np.nan])).tolist()[:2] == [1.0, 1.0]
    assert np.isnan(chance_to_keep(None, lenses([np.nan]))[0])


def test_chances_by_radius_are_straight_between_and_level_beyond() -> None:
    law = by_radius([1.0, 2.0], [0.2, 0.6])
    assert chance_to_keep(law, lenses([0.5, 1.0, 1.25, 2.0, 9.0])) == pytest.approx([0.2, 0.2, 0.3, 0.6, 0.6])
    assert np.isnan(chance_to_keep(law, lenses([np.nan]))[0])


def test_the_chance_by_cross_section_goes_with_the_square_of_the_radius_and_is_whole_from_where_the_recipe_says() -> None:
    law = CrossSectionWeighting.model_validate(AREA | {"whole_at": "2 arcsec"})
    assert chance_to_keep(law, lenses([0.5, 1.0, 2.0, 3.0, np.nan]))[:4] == pytest.approx([1 / 16, 0.25, 1.0, 1.0], rel=2e-3)
    flat = chance_to_keep(law, lenses([1.0], q=0.5))
    assert flat[0] < chance_to_keep(law, lenses([1.0]))[0]  # the cut of an ellipsoid is smaller than the sphere's circle


def test_draws_are_kept_as_often_as_the_law_says_and_are_otherwise_the_same(bank: SourceBank) -> None:
    hosts = lens_sample(2500, mag_r=np.random.default_rng(2).uniform(17.2, 19.5, 2500), z_phot=0.4)
    plain = draw_lenses(recipe_with("realistic"), 5, hosts, bank)
    drawn = draw_lenses(recipe_with("realistic", weighting=AREA), 5, hosts, bank)
    assert plain.kept[plain.accepted].all()
    assert np.array_equal(plain.n_drawn, drawn.n_drawn)
    assert np.array_equal(plain.columns["theta_e_arcsec"], drawn.columns["theta_e_arcsec"], equal_nan=True)
    law = CrossSectionWeighting.model_validate(AREA)
    chance = chance_to_keep(law, drawn.columns)
    for low, high in ((0.0, 0.15), (0.15, 0.4), (0.4, 0.99)):
        here = drawn.accepted & (chance >= low) & (chance < high)
        expected, n = float(chance[here].mean()), int(here.sum())
        assert n > 100
        assert drawn.kept[here].mean() == pytest.approx(expected, abs=4 * (expected * (1 - expected) / n) ** 0.5)
    assert drawn.kept[drawn.accepted & (chance >= 1.0)].all()


def test_a_draw_left_out_by_weight_keeps_its_row_its_parameters_and_its_reason_and_so_does_its_pair(bank: SourceBank) -> None:
    rows = planned(recipe_with("realistic", tasks=PAIRED, weighting=AREA, negatives=None), host_table(range(60)), bank)
    out = [row for row in rows if row["reasons"] == Reason.WEIGHTED_OUT]
    kept = [row for row in rows if row["kind"] == "lens" and not row["reasons"]]
    assert len(out) + len(kept) == 180
    assert 10 < len(kept) < 150
    assert {row["kind"] for row in out} == {"lens"}
    assert all(row["n_refused_weight"] == 1 and row["theta_e_arcsec"] > 0 for row in out)
    assert {row["n_refused_weight"] for row in kept} == {0}
    assert sum(row["reasons"] == Reason.PARTNER_REFUSED for row in rows) == len(out)
    whole = planned(recipe_with("realistic", tasks=PAIRED, negatives=None), host_table(range(60)), bank)
    assert {row["theta_e_arcsec"] for row in kept} < {row["theta_e_arcsec"] for row in whole}


def test_even_radii_are_even() -> None:
    rng = np.random.default_rng(1)
    theta_e = np.clip(rng.gamma(6.0, 0.2, 200_000), 0.3, 3.2)
    radii, keep = even_radii(theta_e, (0.5, 2.5))
    assert (radii[0], radii[-1], keep.max()) == (0.5, 2.5, 1.0)
    law = by_radius(radii.tolist(), keep.tolist())
    kept = theta_e[rng.uniform(size=len(theta_e)) < chance_to_keep(law, lenses(theta_e.tolist()))]
    counts, _ = np.histogram(kept, np.linspace(0.5, 2.5, 9))
    before, _ = np.histogram(theta_e, np.linspace(0.5, 2.5, 9))
    assert before.max() / before.min() > 10
    assert counts.max() / counts.min() < 1.6  # straight lines between nine radii follow the law only so far


def test_too_few_draws_to_judge_by_are_told() -> None:
    with pytest.raises(ValueError, match=r"120 draws between 0\.5 and 2\.5 arcsec; wanted 900 or more"):
        even_radii(np.full(120, 1.0), (0.5, 2.5))
