"""The questions of deploy/queries answered over rows whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schemas.refusal_reasons import Reason
from schemas.stamps import STAMP_INDEX
from spark_jobs.transforms.simulation.known_lens_values import KNOWN
from tests.spark_jobs.small_index import SEED, answer, control_row, index_row, write_index, write_plan
from tests.synthetic_stamps import StampsDirectory

Row = dict[str, Any]
FAINT, PARTNER = int(Reason.ARC_TOO_FAINT), int(Reason.PARTNER_REFUSED)


def only(rows: list[Row]) -> Row:
    (row,) = rows
    return row


def picked(rows: list[Row], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_counts_against_plan_tells_lost_tasks_and_rows_that_nobody_planned(tmp_path: Path) -> None:
    planned = [*(index_row(n) for n in range(5)), control_row(5), index_row(6, split="val")]
    rows = [index_row(0), index_row(1), index_row(2, reasons=FAINT), control_row(5), index_row(9, split="test")]
    found = answer("counts_against_plan", write_index(tmp_path / "s", rows), write_plan(tmp_path / "p", planned))
    assert picked(found, "split", "kind", "planned", "made", "refused", "lost") == [
        ("test", "lens", 0, 1, 0, -1),
        ("train", "control", 1, 1, 0, 0),
        ("train", "lens", 5, 2, 1, 2),
        ("val", "lens", 1, 0, 0, 1),
    ]


def test_refusals_by_reason_counts_a_row_under_each_of_its_bits_and_no_other(tmp_path: Path) -> None:
    bits = list(Reason)
    rows = [index_row(n, reasons=int(bit)) for n, bit in enumerate(bits)]
    rows += [
        index_row(100, reasons=int(bits[0] | bits[5] | bits[-1])),
        index_row(101, reasons=0),
        control_row(102, reasons=PARTNER),
    ]
    found = answer("refusals_by_reason", write_index(tmp_path / "s", rows))
    lenses = {row["reason"]: row["refused"] for row in found if row["kind"] == "lens"}
    twice = {bits[0].name, bits[5].name, bits[-1].name}
    assert lenses == {bit.name: 1 + (bit.name in twice) for bit in bits}
    assert only([row for row in found if row["kind"] == "control"]) == {
        "reason": "PARTNER_REFUSED",
        "kind": "control",
        "split": "train",
        "refused": 1,
        "meaning": "the other half of the pair was refused",
    }


def test_refusals_by_brick_shows_the_share_of_the_brick(tmp_path: Path) -> None:
    rows = [index_row(n, brickname="0100p010", reasons=FAINT if n < 3 else 0) for n in range(4)]
    rows += [index_row(9, brickname="0200p010", reasons=FAINT | PARTNER)]
    found = answer("refusals_by_brick", write_index(tmp_path / "s", rows))
    assert picked(found, "brickname", "reason", "refused", "rows_of_brick", "share") == [
        ("0100p010", "ARC_TOO_FAINT", 3, 4, 0.75),
        ("0200p010", "ARC_TOO_FAINT", 1, 1, 1.0),
        ("0200p010", "PARTNER_REFUSED", 1, 1, 1.0),
    ]


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, np.ndarray]]:
    """2000 lenses with drawn values, with refused rows and controls beside them that must not count."""
    rng = np.random.default_rng(5)
    values = {
        "arc_snr": 10 ** rng.normal(1.3, 0.4, 2000),
        "theta_e_over_fwhm": rng.gamma(8, 0.14, 2000),
        "mag_raw_r": rng.normal(18.5, 0.8, 2000),
        "source_mag_r": rng.normal(24.0, 0.7, 2000),
        "injected_mag_r": rng.normal(21.5, 1.0, 2000),
    }
    values["arc_to_host_flux"] = 10 ** (-0.4 * (values["injected_mag_r"] - values["mag_raw_r"]))
    rows = [index_row(n, **{name: float(column[n]) for name, column in values.items()}) for n in range(2000)]
    far = dict.fromkeys(values, 1e3)
    rows += [index_row(3000 + n, reasons=FAINT, **far) for n in range(500)]
    rows += [control_row(4000 + n, mag_raw_r=12.345) for n in range(50)]
    return write_index(tmp_path_factory.mktemp("spread") / "s", rows), values


PERCENTILES = {"p01": 0.01, "p10": 0.1, "median": 0.5, "p90": 0.9, "p99": 0.99}


@pytest.mark.parametrize(
    ("name", "quantity", "relative", "absolute"),
    [("arc_snr", None, 0.012, 0.0), ("theta_e_over_fwhm", None, 0.0, 0.0061)]
    + [("magnitudes", quantity, 0.0, 0.0061) for quantity in ("host", "source", "added light")],
)
def test_percentiles_are_those_of_the_made_lenses(
    spread: tuple[Path, dict[str, np.ndarray]], name: str, quantity: str | None, relative: float, absolute: float
) -> None:
    stamps, values = spread
    column = {"host": "mag_raw_r", "source": "source_mag_r", "added light": "injected_mag_r"}.get(quantity or "", name)
    found = only(
        [row for row in answer(name, stamps) if quantity is None or (row["quantity"] == quantity and row["label"] == 1)]
    )
    assert found["stamps"] == 2000
    for percentile, share in PERCENTILES.items():
        wanted = float(np.quantile(values[column], share, method="inverted_cdf"))
        assert found[percentile] == pytest.approx(wanted, rel=relative, abs=absolute)
    if name == "theta_e_over_fwhm":
        assert found["share_below_one_fwhm"] == pytest.approx(np.mean(values[column] < 1), abs=6e-5)


def test_hosts_of_controls_stand_beside_those_of_lenses(spread: tuple[Path, dict[str, np.ndarray]]) -> None:
    control = only([row for row in answer("magnitudes", spread[0]) if row["label"] == 0])
    assert (control["quantity"], control["stamps"], control["median"]) == ("host", 50, 12.345)


def test_arcs_are_held_against_known_ones_by_host_magnitude(spread: tuple[Path, dict[str, np.ndarray]]) -> None:
    (known,) = KNOWN["arc_mag_r"]
    stamps, values = spread
    found = answer("arc_to_host", stamps)
    assert sum(row["lenses"] for row in found) == 2000
    row = only([row for row in found if row["host_r_from"] == 18])
    inside = (values["mag_raw_r"] >= 18) & (values["mag_raw_r"] < 19)
    arcs, ratio = values["injected_mag_r"][inside], values["arc_to_host_flux"][inside]
    assert row["lenses"] == inside.sum()
    assert row["share_brighter_than_known"] == pytest.approx(np.mean(arcs < known.low), abs=6e-5)
    assert row["share_fainter_than_known"] == pytest.approx(np.mean(arcs > known.high), abs=6e-5)
    assert row["share_outshining_host"] == pytest.approx(np.mean(ratio > 1), abs=6e-5)
    assert row["known_from"] == pytest.approx(10 ** (0.4 * (18.5 - known.high)), abs=6e-5)
    assert row["known_to"] == pytest.approx(10 ** (0.4 * (18.5 - known.low)), abs=6e-5)
    for percentile in ("p10", "median", "p90"):
        wanted = float(np.quantile(ratio, PERCENTILES[percentile], method="inverted_cdf"))
        assert row[percentile] == pytest.approx(wanted, rel=0.013, abs=6e-5)


def test_what_stands_in_two_splits_is_counted_with_an_example_and_the_key_of_the_split(tmp_path: Path) -> None:
    rows = [
        index_row(1),
        index_row(1, split="val", cell=50, template_id="t7"),
        index_row(2, cell=9),
        index_row(3, cell=9, split="test"),
    ]
    rows += [index_row(4, template_id="t7"), index_row(5, template_id="t8"), index_row(6, template_id="t8")]
    found = answer("shared_between_splits", write_index(tmp_path / "s", rows, split_key="task_id"))
    columns = ("what", "there", "in_several_splits", "rows_of_them", "example", "split_key")
    assert picked(found, *columns) == [
        ("host", 6, 1, 2, "9010-1-1", "task_id"),
        ("sky cell", 6, 1, 2, "9", "task_id"),
        ("source template", 2, 1, 2, "t7", "task_id"),
    ]
    host = only(answer("hosts_in_several_splits", tmp_path / "s"))
    assert host == {"run": "s", "host_id": "9010-1-1", "n": 2, "in_train": 1, "in_val": 1, "in_test": 0}


def test_runs_are_told_apart_so_that_two_of_one_sky_share_nothing(tmp_path: Path) -> None:
    one, two = write_index(tmp_path / "a", [index_row(1)]), write_index(tmp_path / "b", [index_row(1, split="test")])
    assert {row["in_several_splits"] for row in answer("shared_between_splits", one, two)} == {0}
    assert answer("hosts_in_several_splits", one, two) == []
    assert only(answer("repeated_tasks", one, two)) == {"task_id": f"{1:032x}", "times": 2}
    assert answer("repeated_tasks", one) == []


def test_stamps_made_twice_are_found_and_repeated_controls_of_a_host_in_a_split_are_not_meant(tmp_path: Path) -> None:
    lens = [index_row(1), index_row(1, task_id="a" * 32)]
    same_host = [control_row(2), control_row(2, task_id="b" * 32)]
    other_host = [control_row(3), control_row(3, task_id="c" * 32, host_id="9010-1-99")]
    other_split = [control_row(4), control_row(4, task_id="d" * 32, split="test")]
    refused = [index_row(5, reasons=FAINT), index_row(5, task_id="e" * 32, reasons=FAINT)]
    alone = [index_row(n) for n in range(6, 30)]
    rows = [*lens, *same_host, *other_host, *other_split, *refused, *alone]
    found = answer("repeated_stamps", write_index(tmp_path / "s", rows))
    assert picked(found, "times", "example", "another") == [
        (2, f"{number:032x}", letter * 32) for number, letter in ((1, "a"), (3, "c"), (4, "d"))
    ]


def test_rows_of_another_recipe_or_seed_stand_first(tmp_path: Path) -> None:
    rows = [*(index_row(n) for n in range(3)), index_row(7, recipe_hash="0" * 16), index_row(8, run_seed=99)]
    found = answer("rows_of_another_recipe", write_index(tmp_path / "s", rows))
    assert picked(found, "verdict", "recipe_hash", "run_seed", "n") == [
        ("ANOTHER", "0" * 16, SEED, 1),
        ("ANOTHER", "5ca1ab1e5ca1ab1e", 99, 1),
        ("as recorded", "5ca1ab1e5ca1ab1e", SEED, 3),
    ]
    unsaid = answer("rows_of_another_recipe", write_index(tmp_path / "t", [index_row(1)], run_seed=None))
    assert only(unsaid)["verdict"] == "ANOTHER"


def test_provenance_tells_the_run_the_code_and_the_place_of_one_stamp(tmp_path: Path) -> None:
    stamps = write_index(tmp_path / "s", [index_row(n) for n in range(20)], code_version="0.1.0+abc")
    found = only(answer("provenance", stamps, given=f"{17:032x}"))
    assert {name: found[name] for name in ("run", "job", "recipe_name", "code_version", "run_seed", "file", "row")} == {
        "run": "s",
        "job": "inject",
        "recipe_name": "small",
        "code_version": "0.1.0+abc",
        "run_seed": SEED,
        "file": "split=train/a.parquet",
        "row": 17,
    }
    assert answer("provenance", stamps, given="0' OR '1'='1") == []


def test_the_selection_function_counts_what_each_cut_turned_down(tmp_path: Path) -> None:
    rows = [index_row(1), index_row(2, reasons=FAINT), index_row(3, reasons=FAINT | int(Reason.MASKED_PIXELS))]
    rows += [index_row(4, reasons=int(Reason.MASKED_PIXELS)), index_row(5, theta_e_arcsec=1.3, n_refused_weight=1)]
    nothing = {"theta_e_arcsec": None, "source_mag_r": None, "n_drawn": 40, "n_refused_images": 38}
    rows += [index_row(6, reasons=int(Reason.NO_ACCEPTED_DRAW), **nothing), control_row(7)]
    found = answer("selection_function", write_index(tmp_path / "s", rows))
    columns = (
        "theta_e_from",
        "source_r_from",
        "lens_tasks",
        "draws",
        "refused_predicted_snr",
        "made",
        "too_faint",
        "other_refusals",
    )
    assert picked(found, *columns) == [
        (1.0, 24.0, 4, 12, 8, 1, 2, 1),
        (1.25, 24.0, 1, 3, 2, 1, 0, 0),
        (None, None, 1, 40, 2, 0, 0, 1),
    ]
    assert picked(found, "refused_images", "refused_weight") == [(None, None), (None, 1), (38, None)]


@pytest.mark.parametrize("column", [column.name for column in STAMP_INDEX if not column.nullable])
def test_a_null_is_found_in_every_column_that_may_hold_none(tmp_path: Path, column: str) -> None:
    rows = [index_row(n) for n in range(9)]
    rows[4] |= {column: None}
    found = answer("nulls_against_contract", write_index(tmp_path / "s", rows))
    assert picked(found, "column_name", "breaches", "total") == [(column, 1, 9)]


def test_no_null_and_no_filled_control_is_no_row(tmp_path: Path) -> None:
    stamps = write_index(tmp_path / "s", [*(index_row(n) for n in range(5)), *(control_row(n) for n in range(5, 9))])
    assert answer("nulls_against_contract", stamps) == []
    assert answer("injected_in_controls", stamps) == []


def test_every_injected_column_that_is_filled_in_controls_is_found(tmp_path: Path) -> None:
    kinds = {"string": "word", "int32": 3, "float64": 0.0}
    filled = {name: kinds[STAMP_INDEX[name].type] for name in STAMP_INDEX.injected_names}
    rows = [control_row(1, **filled), control_row(2, arc_snr=1.0), control_row(3), index_row(4)]
    found = answer("injected_in_controls", write_index(tmp_path / "s", rows))
    assert found[0] == {"column_name": "arc_snr", "breaches": 2, "total": 4}
    assert {row["column_name"] for row in found} == set(STAMP_INDEX.injected_names)


def test_a_real_directory_answers_every_question_as_the_audit_does(stamps_directory: StampsDirectory) -> None:
    found = answer("counts_against_plan", stamps_directory.stamps, stamps_directory.plan)
    assert sum(row["planned"] for row in found) == 160
    assert {row["lost"] for row in found} == {0}
    assert sum(row["refused"] for row in found) == 12
    assert sum(row["refused"] for row in answer("refusals_by_reason", stamps_directory.stamps)) == 18
    assert answer("nulls_against_contract", stamps_directory.stamps) == []
    assert {row["in_several_splits"] for row in answer("shared_between_splits", stamps_directory.stamps)} == {0}
