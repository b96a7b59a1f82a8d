"""A population without pixels: the lenses that the plan would draw, the same in any number of threads, all draws counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from schemas.job_entry import InputError
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation import draw_population as module
from spark_jobs.transforms.simulation.draw_population import QUANTITIES, draw_population
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.transforms.simulation.test_plan_shard import SEED, host_table, planned


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    return write_small_bank(tmp_path_factory.mktemp("bank") / "bank.h5")


@pytest.fixture(autouse=True)
def small_bundles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LENSES_AT_ONCE", 64)


def test_its_lenses_are_those_that_the_plan_draws(bank: SourceBank) -> None:
    recipe = recipe_with("realistic", tasks={"replicates": 3, "controls": "paired", "max_tasks": 1000})
    hosts = host_table(range(50))
    lenses = [row for row in planned(recipe, hosts, bank) if row["kind"] == "lens"]
    drawn = draw_population(recipe, SEED, hosts, bank, 150, threads=2)
    assert len(drawn) == len(lenses) == 150
    order = sorted(lenses, key=lambda row: (row["replicate"], int(row["host_id"].split("-")[-1])))
    for name, column in (("theta_e", "theta_e_arcsec"), ("z_source", "z_source"), ("arc_snr", "predicted_arc_snr")):
        assert drawn.quantities[name].tolist() == [row[column] for row in order]
    assert drawn.n_drawn == sum(row["n_drawn"] for row in lenses)
    for reason in ("theta_e", "images", "magnification", "snr", "redshift", "weight"):
        assert drawn.refused[reason] == sum(row[f"n_refused_{reason}"] for row in lenses)


def test_threads_change_nothing_and_progress_is_told_to_the_last_lens(bank: SourceBank) -> None:
    heard: list[int] = []
    one = draw_population(read_recipe("realistic"), 3, host_table(range(40)), bank, 300, threads=1, each_done=heard.append)
    four = draw_population(read_recipe("realistic"), 3, host_table(range(40)), bank, 300, threads=4)
    for name in QUANTITIES:
        assert np.array_equal(one.quantities[name], four.quantities[name]), name
    assert (one.n_drawn, one.refused) == (four.n_drawn, four.refused)
    assert heard == [64, 64, 64, 64, 44]


def test_the_arc_is_as_bright_as_the_magnified_source(bank: SourceBank) -> None:
    drawn = draw_population(read_recipe("realistic"), 3, host_table(range(40), mag_raw_r=18.0), bank, 60, threads=1).quantities
    np.testing.assert_allclose(drawn["arc_mag_r"], drawn["source_mag_r"] - 2.5 * np.log10(drawn["magnification"]))
    np.testing.assert_allclose(drawn["arc_to_host"], 10 ** (-0.4 * (drawn["arc_mag_r"] - 18.0)))


def test_what_weighting_leaves_out_is_counted_and_not_in_the_population(bank: SourceBank) -> None:
    law = {"law": "theta_e", "theta_e": ["0.5 arcsec", "3 arcsec"], "keep": [0.25, 0.25], "reference": "made up here"}
    drawn = draw_population(recipe_with("realistic", weighting=law), 3, host_table(range(100)), bank, 400, threads=2)
    assert len(drawn) + drawn.refused["weight"] == len(drawn.accepted_theta_e) == 400
    assert len(drawn) == pytest.approx(100, abs=4 * 400**0.5 * (0.25 * 0.75) ** 0.5)


def test_tasks_without_any_accepted_draw_are_counted(bank: SourceBank) -> None:
    hosts = pa.concat_tables([host_table(range(20)), host_table(range(20, 30), mag_r=19.9, z_phot=0.15)])
    drawn = draw_population(read_recipe("realistic"), 3, hosts, bank, 30, threads=1)
    assert drawn.without_draw == 10
    assert len(drawn) == 20


def test_the_failed_experiment_s_radii_are_its_grid_in_equal_parts() -> None:
    drawn = draw_population(read_recipe("gen5"), 3, host_table(range(700)), None, 2800, threads=2)
    radii, counts = np.unique(drawn.quantities["theta_e"], return_counts=True)
    assert radii.tolist() == [0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5]
    assert np.abs(counts - 400).max() < 5 * 20
    assert np.isnan(drawn.quantities["z_lens"]).all()
    assert np.median(drawn.quantities["arc_to_host"]) > 0.9


def test_no_host_is_an_error(bank: SourceBank) -> None:
    with pytest.raises(InputError, match="there is no host to draw lenses on"):
        draw_population(read_recipe("realistic"), 3, host_table(range(0)), bank, 10, threads=1)
