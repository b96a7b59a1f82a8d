"""The tasks of a bundle of hosts: who each is, in which split, what pairs share; whatever bundle a host stands in."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.contract_files import conform
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.split_rule import split_of
from schemas.survey import BANDS
from schemas.tasks import ACCEPTANCE, LENS, NEGATIVE, SOURCE, TASKS
from spark_jobs.recipe import Recipe, read_recipe
from spark_jobs.recipe_negatives import KINDS
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.plan_shard import host_split, plan_shard, task_id, tasks_per_host
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_lenses import recipe_with

SEED = 11
Row = dict[str, Any]
PAIRED = {"replicates": 3, "controls": "paired", "max_tasks": 1000}
GRID_PAIRED = {"replicates": 2, "configurations_per_host": 3, "controls": "paired", "max_tasks": 1000}
DRAWN = [column.name for column in (*LENS, *SOURCE, *ACCEPTANCE)]


def host_table(numbers: range | list[int], **changes: Any) -> pa.Table:
    """Bright red hosts, a few a sky cell, all of one brick."""
    colours = {"mag_g": 19.6, "mag_r": 18.0, "mag_z": 17.1, "z_phot": 0.35}
    rows = [host_row(n, 59.0, -30.0, "0591m305", **({"cell": 100 + n // 4} | colours | changes)) for n in numbers]
    return pa.Table.from_pylist(rows, HOSTS.arrow_schema())


def planned(recipe: Recipe, hosts: pa.Table, bank: SourceBank | None = None, *, shard: int = 0, seed: int = SEED) -> list[Row]:
    """Rows of the plan, checked against the contract."""
    widths = {"0591m305": (1.4, 1.3, 1.2)} if recipe.psf.width == "brick_mean" else {}
    rows: list[Row] = conform(plan_shard(recipe, seed, shard, hosts, bank, widths), TASKS).to_pylist()
    return rows


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> SourceBank:
    return write_small_bank(tmp_path_factory.mktemp("bank") / "bank.h5")


@pytest.fixture(scope="module")
def gen5() -> list[Row]:
    return planned(read_recipe("gen5"), host_table(range(400)))


def test_a_task_s_identity_is_the_published_hash_of_what_defines_it(gen5: list[Row]) -> None:
    recipe = read_recipe("gen5")
    for row in gen5[::37]:
        who = (SEED, recipe.recipe_hash, row["host_id"], row["kind"], row["configuration"], row["replicate"])
        assert row["task_id"] == hashlib.sha256("|".join(map(str, who)).encode()).hexdigest()[:32]
        assert row["task_id"] == task_id(*who)
        assert (row["recipe_hash"], row["run_seed"], row["label"]) == (recipe.recipe_hash, SEED, int(row["kind"] == "lens"))


@pytest.mark.parametrize(
    ("base", "tasks", "each"),
    [("realistic", PAIRED, 6), ("realistic", GRID_PAIRED, 4), ("gen5", GRID_PAIRED, 12), ("gen5", None, 4)],
)
def test_every_host_has_the_number_of_tasks_that_the_guard_counts_with_and_no_identity_twice(
    bank: SourceBank, base: str, tasks: Row | None, each: int
) -> None:
    by_cell = {"split": {"key": "host_cell", "fractions": {"train": 0.4, "val": 0.3, "test": 0.3}}}
    recipe = recipe_with(base, **({"tasks": tasks, **by_cell, "negatives": None} if tasks else {}))
    rows = planned(recipe, host_table(range(20)), bank)
    assert tasks_per_host(recipe) == each
    assert set(Counter(row["host_id"] for row in rows).values()) == {each}
    assert len({row["task_id"] for row in rows}) == len(rows) == 20 * each
    assert [row["host_id"] for row in rows[::each]] == [f"9010-1-{n}" for n in range(20)]  # host by host


def ids_of(numbers: list[int]) -> set[str]:
    return {f"9010-1-{n}" for n in numbers}


def test_a_plan_depends_neither_on_the_order_nor_on_the_company_of_hosts(bank: SourceBank) -> None:
    recipe = recipe_with("realistic", tasks=PAIRED)
    whole = {row["task_id"]: row for row in planned(recipe, host_table(range(24)), bank)}
    for numbers in (list(range(24))[::-1], [5], list(range(3, 9))):
        rows = planned(recipe, host_table(numbers), bank, shard=9)
        assert [row | {"shard": 0} for row in rows] == [whole[row["task_id"]] for row in rows]
        assert {row["task_id"] for row in rows} == {name for name, row in whole.items() if row["host_id"] in ids_of(numbers)}


def test_another_seed_is_another_plan_and_so_is_another_recipe(bank: SourceBank) -> None:
    recipe = recipe_with("realistic", tasks=PAIRED)
    rows = planned(recipe, host_table(range(4)), bank)
    for other in (
        planned(recipe, host_table(range(4)), bank, seed=SEED + 1),
        planned(
            recipe_with("realistic", tasks=PAIRED, psf={"profile": "gaussian", "width": "host"}), host_table(range(4)), bank
        ),
    ):
        assert not {row["task_id"] for row in rows} & {row["task_id"] for row in other}


def test_the_host_s_sky_cell_decides_the_split_and_an_anchor_s_cell_only_tests(bank: SourceBank) -> None:
    recipe = recipe_with(
        "realistic", tasks=PAIRED, split={"key": "host_cell", "fractions": {"train": 0.4, "val": 0.3, "test": 0.3}}
    )
    rows = planned(recipe, host_table(range(120)), bank)
    for row in rows:
        assert row["split"] == split_of(str(row["cell"]), recipe.split.fractions)
    assert {row["split"] for row in rows} == {"train", "val", "test"}
    assert {row["split"] for row in planned(recipe, host_table(range(8), in_anchor_cell=True), bank)} == {"test"}
    assert host_split(recipe, 3, True) == "test"


def test_the_failed_experiment_s_split_is_the_task_s_own_and_tears_hosts_apart(gen5: list[Row]) -> None:
    fractions = read_recipe("gen5").split.fractions
    assert all(row["split"] == split_of(row["task_id"], fractions) for row in gen5)
    torn = defaultdict(set)
    for row in gen5:
        torn[row["host_id"]].add(row["split"])
    assert sum(len(splits) > 1 for splits in torn.values()) > 300
    shares = Counter(row["split"] for row in gen5)
    for split, share in fractions.items():
        assert shares[split] / len(gen5) == pytest.approx(share, abs=4 * (share * (1 - share) / len(gen5)) ** 0.5)


def test_templates_come_from_the_task_s_own_split(bank: SourceBank) -> None:
    fractions = {"train": 0.4, "val": 0.3, "test": 0.3}
    for key, tasks in (("host_cell", PAIRED), ("task_id", PAIRED | {"controls": "unpaired"})):
        recipe = recipe_with("realistic", split={"key": key, "fractions": fractions}, tasks=tasks)
        rows = [row for row in planned(recipe, host_table(range(120)), bank) if row["template_id"]]
        assert {row["split"] for row in rows} == {"train", "val", "test"}
        assert all(split_of(row["template_id"], recipe.split.fractions) == row["split"] for row in rows)


def test_a_pair_shares_everything_but_its_kind_and_what_was_drawn(bank: SourceBank) -> None:
    rows = planned(recipe_with("realistic", tasks=PAIRED, negatives=None), host_table(range(10)), bank)
    pairs = defaultdict(dict)
    for row in rows:
        pairs[row["pair_id"]][row["kind"]] = row
    assert len(pairs) == 30
    own = {"task_id", "kind", "label", *DRAWN, "reasons", *(f"psf_fwhm_used_{band}_arcsec" for band in BANDS)}
    for pair in pairs.values():
        assert set(pair) == {"lens", "control"}
        assert {name for name, value in pair["lens"].items() if value != pair["control"][name]} <= own
        assert {pair["control"][name] for name in DRAWN} == {None}
        assert pair["lens"]["theta_e_arcsec"] > 0
        counts = [pair["lens"][f"n_refused_{reason}"] for reason in ("redshift", "theta_e", "images", "magnification", "snr")]
        assert pair["lens"]["n_drawn"] == 1 + sum(counts)


def test_where_no_draw_is_accepted_the_pair_is_refused_as_one_and_its_draws_stay_counted(bank: SourceBank) -> None:
    accept = {"max_draws": 7, "minimum_redshift_gap": 0.1, "theta_e_range": ["8 arcsec", "9 arcsec"], "minimum_images": 2}
    accept |= {
        f"minimum_{name}": 0.0 for name in ("magnification", "predicted_arc_snr", "theta_e_over_fwhm", "rendered_arc_snr")
    }
    rows = planned(recipe_with("realistic", accept=accept, negatives=None), host_table(range(5)), bank)
    assert len(rows) == 10
    for row in rows:
        reason = Reason.NO_ACCEPTED_DRAW if row["kind"] == "lens" else Reason.PARTNER_REFUSED
        assert row["reasons"] == reason
        assert row["theta_e_arcsec"] is None
        assert row["n_drawn"] == (7 if row["kind"] == "lens" else None)
        if row["kind"] == "lens":
            assert row["n_refused_redshift"] + row["n_refused_theta_e"] == 7
            assert row["n_refused_theta_e"] > 3


def test_hard_negatives_stand_beside_lenses_which_stay_as_they_are_without_them(bank: SourceBank) -> None:
    hosts = host_table(range(300))
    rows = planned(read_recipe("realistic"), hosts, bank)
    negatives = [row for row in rows if row["kind"] not in ("lens", "control")]
    assert {row["kind"] for row in negatives} == set(KINDS)
    expected = 300 * 0.45 / 0.55
    assert len(negatives) == pytest.approx(expected, abs=4 * (expected * (1 - 0.45 / 0.55)) ** 0.5)
    assert len(rows) == pytest.approx(300 * tasks_per_host(read_recipe("realistic")), rel=0.05)
    assert {(row["label"], row["pair_id"], row["reasons"]) for row in negatives} == {(0, None, 0)}
    lenses = {row["host_id"]: [row[name] for name in DRAWN] for row in rows if row["kind"] == "lens"}
    bare = planned(recipe_with("realistic", negatives=None), hosts, bank)
    assert lenses == {row["host_id"]: [row[name] for name in DRAWN] for row in bare if row["kind"] == "lens"}
    assert all([row[name] for name in DRAWN] != lenses[row["host_id"]] for row in negatives)


def test_only_a_hard_negative_has_the_columns_of_one_and_it_is_matched_to_its_own_draw(bank: SourceBank) -> None:
    own = [column.name for column in NEGATIVE]
    for row in planned(read_recipe("realistic"), host_table(range(200)), bank):
        if row["kind"] in ("lens", "control"):
            assert {row[name] for name in own} == {None}
        else:
            assert row["non_lens_property"]
            bound = (1 + (2 * row["theta_e_arcsec"] / row["source_half_light_arcsec"]) ** 2) ** 0.5
            magnified = 2.5 * math.log10(min(row["predicted_magnification"], bound))
            seen = [row[f"added_mag_{band}"] for band in BANDS]
            assert any(m == pytest.approx(row[f"source_mag_{b}"] - magnified) for b, m in zip(BANDS, seen, strict=True) if m)


def test_a_host_without_a_colour_refuses_the_negatives_that_need_one_and_no_lens(bank: SourceBank) -> None:
    rows = planned(read_recipe("realistic"), host_table(range(200), mag_raw_z=None), bank)
    refused = {row["kind"] for row in rows if row["reasons"] == Reason.BAD_PARAMETERS}
    assert {"companion", "spiral"} <= refused <= {"companion", "spiral", "ring"}
    assert {row["reasons"] for row in rows if row["kind"] in ("lens", "control", "unlensed", "shuffled", "trail")} == {0}


def test_where_a_redshift_comes_from_is_told(bank: SourceBank) -> None:
    recipe = read_recipe("realistic")
    for z_phot, origin in ((0.35, "catalogue"), (None, "colour")):
        rows = planned(recipe, host_table(range(4), z_phot=z_phot), bank)
        assert {row["z_lens_origin"] for row in rows} == {origin, None}


def test_half_of_the_failed_experiment_s_hosts_are_controls_and_none_is_both(gen5: list[Row]) -> None:
    kinds = defaultdict(set)
    for row in gen5:
        kinds[row["host_id"]].add(row["kind"])
        assert row["pair_id"] is None
    assert set(map(len, kinds.values())) == {1}
    lenses = sum(kind == {"lens"} for kind in kinds.values())
    assert lenses == pytest.approx(200, abs=4 * 10)


def test_the_failed_experiment_s_grid_is_drawn_evenly_and_exactly(gen5: list[Row]) -> None:
    recipe = read_recipe("gen5")
    seen = Counter(row["configuration"] for row in gen5)
    assert sorted(seen) == list(range(28))
    assert np.abs(np.array(list(seen.values())) - len(gen5) / 28).max() < 5 * (len(gen5) / 28) ** 0.5
    of_host = defaultdict(list)
    for row in gen5:
        of_host[row["host_id"]].append(row["configuration"])
        if row["kind"] == "lens":
            theta_e, offset = recipe.grid[row["configuration"]]
            assert row["theta_e_arcsec"] == theta_e
            assert row["source_mag_r"] == 18.8 + offset
            assert row["source_mag_g"] - row["source_mag_r"] == pytest.approx(-0.3225)
            assert row["source_mag_z"] - row["source_mag_r"] == pytest.approx(0.21)
            assert [row[f"psf_fwhm_used_{band}_arcsec"] for band in BANDS] == [1.4, 1.3, 1.2]
            assert (row["z_lens"], row["z_lens_origin"], row["n_drawn"]) == (None, "none", 1)
    assert all(len(set(numbers)) == 4 for numbers in of_host.values())


def test_a_brick_without_a_mean_psf_width_is_named() -> None:
    recipe = read_recipe("gen5")
    with pytest.raises(InputError, match="recipe gen5 wants brick-mean PSF widths; none known for 0591m305"):
        plan_shard(recipe, SEED, 0, host_table(range(2)), None, {})
