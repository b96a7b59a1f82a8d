"""dhs audit: the clean directory passes, each planted fault in the rows is found by its check, and the exit codes are kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, InputError, run_job
from schemas.split_rule import split_of
from schemas.stamps import STAMPS
from spark_jobs import audit
from spark_jobs.audit import audit_directory
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.audits.audit_result import Check, Verdict
from spark_jobs.transforms.bank.bank_file import write_bank
from spark_jobs.transforms.bank.bank_template import Census
from tests.spark_jobs.audit_damage import Damaged, Row, rewrite
from tests.spark_jobs.small_bank import template
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory

NOT_CHECKED = {"templates in the bank", "split rule", "hard negatives", "negatives matched to lenses"}
"""Without a bank and a recipe, in a run of lenses and controls."""


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    pairs = {"train": 6, "val": 4, "test": 4}
    return write_stamps_directory(tmp_path_factory.mktemp("audit [1]*"), pairs, size=24, refused_pairs=1)


@pytest.fixture
def broken(clean: StampsDirectory, tmp_path: Path) -> Damaged:
    return Damaged.copy_of(clean, tmp_path)


def failures(run: Damaged | StampsDirectory, **options: Any) -> dict[str, str]:
    """Name to finding of the checks that fail, against the plan."""
    found = audit_directory(run.stamps, run.plan, **options)
    return {check.name: check.found for check in found.breaches}


def check_named(name: str, *arguments: Any, **options: Any) -> Check:
    (check,) = (check for check in audit_directory(*arguments, **options).checks if check.name == name)
    return check


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


@pytest.fixture
def ruled(broken: Damaged) -> Damaged:
    """A run whose plan holds the realistic recipe, and whose cells are where its rule puts them."""
    shutil.copy(files("spark_jobs") / "recipes" / "realistic.yaml", broken.plan / "recipe.yaml")
    for split in ("train", "val", "test"):
        cell = next(n for n in range(1000) if split_of(str(n), read_recipe("realistic").split.fractions) == split)
        broken.change(split, lambda rows, cell=cell: [row.update(cell=cell) for row in rows])  # type: ignore[misc]
    return broken


def test_every_cell_is_where_its_hash_puts_it(ruled: Damaged) -> None:
    check = check_named("split rule", ruled.stamps, ruled.plan)
    assert check.verdict is Verdict.PASS
    assert "3 cells are where the hash of the host_cell puts them" in check.found


def test_a_cell_in_the_split_of_another_hash_is_found_unless_it_is_an_anchor_cell_in_test(ruled: Damaged) -> None:
    cell = ruled.rows("val")[0]["cell"] + 1000 * 1000
    fractions = read_recipe("realistic").split.fractions
    cell = next(n for n in range(cell, cell + 1000) if split_of(str(n), fractions) == "train")
    ruled.change("test", lambda rows: rows[0].update(cell=cell))
    check = check_named("split rule", ruled.stamps, ruled.plan)
    assert check.verdict is Verdict.FAIL
    assert f"1 of 4 cells are not in the split of their hash: {cell} in test" in check.found
    (hosts,) = list((ruled.plan / "hosts").glob("shard-00002*"))
    rows = pq.ParquetFile(hosts).read().to_pylist()
    rows[0] |= {"cell": cell, "in_anchor_cell": True}
    rewrite(hosts, rows, HOSTS.names)
    assert check_named("split rule", ruled.stamps, ruled.plan).verdict is Verdict.PASS


def test_a_recipe_that_splits_by_task_is_held_to_that_rule(ruled: Damaged) -> None:
    shutil.copy(files("spark_jobs") / "recipes" / "gen5.yaml", ruled.plan / "recipe.yaml")
    ruled.change("test", lambda rows: rows[0].update(host_id=ruled.rows("train")[0]["host_id"]))
    assert "tasks are not in the split of their hash" in failures(ruled)["split rule"]
    assert check_named("host in one split", ruled.stamps, ruled.plan).verdict is Verdict.BY_DESIGN


def bank_of(path: Path, *names: str) -> Path:
    """A source bank with these templates."""
    templates = [replace(template(number), template_id=name) for number, name in enumerate(names)]
    write_bank(path, templates, 32, {}, Census(len(names), len(names)))
    return path


def test_templates_are_looked_up_in_the_bank(broken: Damaged, tmp_path: Path) -> None:
    def use(rows: list[Row]) -> None:
        rows[0]["template_id"], rows[2]["template_id"] = "a", "b"

    broken.change("train", use)
    check = check_named("templates in the bank", broken.stamps, None, bank_of(tmp_path / "bank.h5", "a", "c"))
    assert check.verdict is Verdict.FAIL
    assert "1 of 2 templates used are not among the bank's 2: b" in check.found
    full = bank_of(tmp_path / "full.h5", "a", "b")
    assert check_named("templates in the bank", broken.stamps, None, full).verdict is Verdict.PASS


def test_a_file_that_is_no_bank_is_bad_input(clean: StampsDirectory, tmp_path: Path) -> None:
    (tmp_path / "bank.h5").write_text("not HDF5")
    with pytest.raises(InputError, match="not an HDF5 file"):
        audit_directory(clean.stamps, None, tmp_path / "bank.h5")
    with pytest.raises(InputError, match="is not there"):
        audit_directory(clean.stamps, None, tmp_path / "absent.h5")


def test_exit_codes_and_json(
    clean: StampsDirectory, broken: Damaged, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "audit.json"
    assert run_job("audit", audit.main, ["--stamps", str(clean.stamps), "--plan", str(clean.plan)]) == EXIT_DONE
    broken.change("train", lambda rows: rows.append(dict(rows[0])))
    assert run_job("audit", audit.main, ["--stamps", str(broken.stamps), "--json", str(out)]) == EXIT_BREACH
    assert run_job("audit", audit.main, ["--stamps", str(tmp_path / "nothing")]) == EXIT_BAD_INPUT
    assert run_job("audit", audit.main, ["--stamps", str(clean.stamps), "--sample", "-1"]) == EXIT_BAD_INPUT
    assert run_job("audit", audit.main, ["--stamps", str(clean.stamps), "--plan", str(tmp_path / "nothing")]) == EXIT_BAD_INPUT
    printed = capsys.readouterr()
    assert "dhs audit: 25 checks: 21 pass, 4 not checked" in printed.out
    assert "FAIL         duplicate tasks" in printed.out
    assert "wanted a directory that dhs inject filled" in printed.err
    said = json.loads(out.read_text())
    assert said["verdict"] == "FAIL"
    assert {
        "name": "duplicate tasks",
        "found": f"{broken.rows('train')[0]['task_id']} stands 2 times",
        "verdict": "FAIL",
    } in said["checks"]


def test_metadata_only_reads_no_blob(broken: Damaged) -> None:
    """The bytes of every blob are destroyed, and the metadata checks answer as before."""
    path = broken.file("train")
    blobs = [row["stamp_npz"] for row in broken.rows("train") if row["stamp_npz"]]
    content = path.read_bytes()
    for blob in blobs:
        content = content.replace(blob, b"\xff" * len(blob))
    path.write_bytes(content)
    found = audit_directory(broken.stamps, broken.plan, pixels=False)
    assert not found.breaches
    assert {c.name for c in found.checks if c.verdict is Verdict.NOT_CHECKED} == NOT_CHECKED | {"blobs"}
    assert {"files match the record", "blob pages"} <= set(failures(broken))


def test_no_question_names_a_blob_column() -> None:
    from spark_jobs.transforms.audits import audit_queries

    texts = [text for name, text in vars(audit_queries).items() if name.isupper()]
    assert len(texts) > 10
    assert not any(blob in text for text in texts for blob in STAMPS.blob_names)
