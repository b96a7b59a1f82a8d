"""dhs audit: the split rule, the source bank, and what the command prints and answers with."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_BAD_INPUT, EXIT_BREACH, EXIT_DONE, InputError, run_job
from schemas.split_rule import split_of
from schemas.stamps import STAMPS
from spark_jobs import audit
from spark_jobs.audit import audit_directory
from spark_jobs.recipe import read_recipe
from spark_jobs.transforms.audits.audit_result import Verdict
from spark_jobs.transforms.bank.bank_file import write_bank
from spark_jobs.transforms.bank.bank_template import Census
from tests.spark_jobs.audit_damage import NOT_CHECKED, Damaged, Row, check_named, failures, rewrite
from tests.spark_jobs.small_bank import template
from tests.synthetic_stamps import StampsDirectory


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
