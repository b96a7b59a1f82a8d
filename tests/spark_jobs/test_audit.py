"""dhs audit: the clean directory passes, each planted fault in the rows is found by its check, and the exit codes are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spark_jobs.audit import audit_directory
from spark_jobs.transforms.audits.audit_result import Verdict
from tests.spark_jobs.audit_damage import NOT_CHECKED, Damaged, Row, check_named, failures, rewrite
from tests.synthetic_stamps import StampsDirectory


def test_a_clean_directory_passes_every_check(clean: StampsDirectory) -> None:
    found = audit_directory(clean.stamps, clean.plan)
    assert {c.name for c in found.checks if c.verdict is Verdict.NOT_CHECKED} == NOT_CHECKED
    assert {c.name for c in found.checks if c.verdict not in (Verdict.PASS, Verdict.NOT_CHECKED)} == set()
    assert len(found.checks) == 25


def test_counts_and_refusals_are_those_of_the_directory(clean: StampsDirectory) -> None:
    found = audit_directory(clean.stamps)
    lens, control = found.rows[:2]
    assert lens == {"split": "train", "kind": "lens", "made": 5, "refused": 1, "hosts": 6}
    assert control["kind"] == "control"
    assert [row["split"] for row in found.rows] == ["train", "train", "val", "val", "test", "test"]
    assert found.refusals == {"MASKED_PIXELS": 6, "PARTNER_REFUSED": 3}


def test_a_relative_path_is_audited_as_an_absolute_one(clean: StampsDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clean.stamps)
    assert not audit_directory(Path()).breaches


def test_a_lost_row_is_told_with_both_numbers(broken: Damaged) -> None:
    lost = broken.rows("val")[0]["task_id"]
    broken.change("val", lambda rows: rows.pop(0))
    found = failures(broken)
    assert "28 tasks planned, 21 stamps made + 6 refused = 27 rows" in found["rows against the plan"]
    assert f"1 tasks without a row: {lost}" in found["rows against the plan"]


def test_a_row_nobody_planned_is_found(broken: Damaged) -> None:
    def invent(rows: list[Row]) -> None:
        rows[-1]["task_id"] = "f" * 32

    broken.change("test", invent)
    assert "1 rows without a task: " + "f" * 32 in failures(broken)["rows against the plan"]


def test_a_row_that_left_its_planned_split_is_found(broken: Damaged) -> None:
    def relabel(rows: list[Row]) -> None:
        rows[0]["replicate"] = 5

    broken.change("test", relabel)
    found = failures(broken)
    assert set(found) == {"rows against the plan"}
    assert "1 rows differ from their task" in found["rows against the plan"]


def test_without_a_plan_the_comparison_is_not_claimed(clean: StampsDirectory) -> None:
    assert check_named("rows against the plan", clean.stamps).verdict is Verdict.NOT_CHECKED


def test_a_null_where_none_may_be_is_found(broken: Damaged) -> None:
    def erase(rows: list[Row]) -> None:
        rows[2]["ra_deg"] = None

    broken.change("train", erase)
    assert failures(broken) == {"nulls": "stamps.ra_deg: 1 nulls; stamp_index.ra_deg: 1 nulls"}


def test_a_null_task_id_does_not_hide_a_lost_task(broken: Damaged) -> None:
    def erase(rows: list[Row]) -> None:
        rows[0]["task_id"] = None

    broken.change("train", erase)
    found = failures(broken)
    assert "1 tasks without a row" in found["rows against the plan"]
    assert "stamps.task_id: 1 nulls" in found["nulls"]


def test_a_task_made_twice_is_found(broken: Damaged) -> None:
    broken.change("train", lambda rows: rows.append(dict(rows[0])))
    found = failures(broken)
    assert "stands 2 times" in found["duplicate tasks"]
    assert "28 tasks planned, 23 stamps made + 6 refused = 29 rows" in found["rows against the plan"]
    assert "pairs" in found and "pixels stand once" in found


@pytest.mark.parametrize(("reasons", "said"), [(1 << 40, "UNKNOWN_BIT_40"), (-1, "-1")])
def test_an_unknown_reason_is_found(broken: Damaged, reasons: int, said: str) -> None:
    def plant(rows: list[Row]) -> None:
        rows[-1]["reasons"] = reasons

    broken.change("train", plant)
    found = failures(broken)
    assert set(found) == {"reasons"}
    assert said in found["reasons"]


def test_half_a_pair_refused_is_found(broken: Damaged) -> None:
    def refuse(rows: list[Row]) -> None:
        rows[0] |= {"reasons": 1 << 12, "stamp_npz": None}

    broken.change("train", refuse)
    found = failures(broken)
    assert set(found) == {"pairs"}
    assert "1 lenses, 1 controls, 1 made, 1 refused" in found["pairs"]


def test_a_pair_of_two_controls_or_of_two_hosts_is_found(broken: Damaged) -> None:
    def swap(rows: list[Row]) -> None:
        rows[1]["pair_id"], rows[3]["pair_id"] = rows[3]["pair_id"], rows[1]["pair_id"]

    broken.change("train", swap)
    assert "2 hosts" in failures(broken)["pairs"]


@pytest.mark.parametrize(
    ("column", "check"),
    [("host_id", "host in one split"), ("cell", "sky cell in one split"), ("template_id", "source template in one split")],
)
def test_a_group_in_two_splits_is_a_breach_unless_the_recipe_splits_by_task(broken: Damaged, column: str, check: str) -> None:
    value = "cosmos-17" if column == "template_id" else broken.rows("train")[0][column]

    def copy(rows: list[Row]) -> None:
        for row in rows[:2]:
            row[column] = value if column != "template_id" or row["label"] else None

    broken.change("train", copy)
    broken.change("test", copy)
    found = failures(broken)
    assert check in found
    assert "in more than one split: " + str(value) in found[check]
    broken.set_record(split_key="task_id")
    by_design = check_named(check, broken.stamps)
    assert by_design.verdict is Verdict.BY_DESIGN
    assert "leaks by design" in by_design.found


def test_the_split_key_of_the_plan_counts_where_the_stamps_record_has_none(broken: Damaged) -> None:
    host = broken.rows("train")[0]["host_id"]
    broken.change("test", lambda rows: [row.update(host_id=host) for row in rows[:2]])
    Damaged(broken.plan, broken.plan).set_record(split_key="task_id")
    assert check_named("host in one split", broken.stamps, broken.plan).verdict is Verdict.BY_DESIGN


@pytest.mark.parametrize(("kind", "label"), [("lens", 0), ("ring", 1)])
def test_a_label_that_belies_its_kind_is_found(broken: Damaged, kind: str, label: int) -> None:
    broken.change("test", lambda rows: rows[0].update(kind=kind, label=label))
    assert f"1 rows of kind {kind} with label {label}" in failures(broken)["labels and kinds"]


def test_an_injected_column_filled_for_a_control_is_found(broken: Damaged) -> None:
    broken.change("test", lambda rows: [row.update(z_source=0.0) for row in rows if row["kind"] == "control"])
    assert failures(broken) == {"injected columns": "z_source is filled in 4 controls"}


def test_a_lens_without_einstein_radius_is_found(broken: Damaged) -> None:
    broken.change("test", lambda rows: rows[0].update(theta_e_arcsec=None))
    assert "theta_e_arcsec is null in 1 lenses" in failures(broken)["injected columns"]


def test_a_row_in_the_folder_of_another_split_is_found(broken: Damaged) -> None:
    broken.change("test", lambda rows: [row.update(split="val") for row in rows])
    assert "8 rows of split val in split=test/" in failures(broken)["split folders"]


@pytest.mark.parametrize(("column", "value"), [("recipe_hash", "0" * 16), ("run_seed", 99)])
def test_rows_of_another_recipe_or_seed_are_found(broken: Damaged, column: str, value: Any) -> None:
    broken.change("val", lambda rows: rows[0].update({column: value}))
    found = failures(broken)["origin of the rows"]
    assert found.count("rows of recipe") == 2
    assert str(value) in found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows.pop(), "1 stamps rows are not in the index"),
        (
            lambda rows: rows.append(rows[0] | {"row": 99, "task_id": "e" * 32}),
            "1 index rows point at no stamps row: " + "e" * 32,
        ),
        (lambda rows: rows[0].update(mag_raw_r=12.0), "1 index rows differ from their stamps row"),
    ],
)
def test_an_index_out_of_step_is_found(broken: Damaged, change: Callable[[list[Row]], Any], said: str) -> None:
    path = broken.index("val")
    rows = pq.ParquetFile(path).read().to_pylist()
    names = tuple(rows[0])
    change(rows)
    rewrite(path, rows, names)
    broken.record()
    found = failures(broken)
    assert set(found) == {"index against stamps"}
    assert said in found["index against stamps"]
