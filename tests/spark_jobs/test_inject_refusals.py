"""What the job inject refuses: another run's directory, bank, recipe or cutouts, each in one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.contract_files import Provenance, read_table, write_table
from schemas.cutouts import CUTOUTS
from schemas.finished_files import file_sha256
from schemas.job_entry import EXIT_BAD_INPUT, InputError, run_job
from schemas.run_record import FINISHED_NAME, STARTED_NAME, RunError, read_run
from spark_jobs import inject
from spark_jobs.inject import main
from spark_jobs.inject_inputs import check_inputs
from spark_jobs.recipe import read_recipe
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_plan import SIZE, SmallRun, copy_of

pytestmark = pytest.mark.spark


def attempt(run: SmallRun, out: Path, **changes: Any) -> int:
    """Call the job; its arguments by name."""
    arguments = {"plan": run.plan, "cutouts": run.cutouts, "bank": run.bank, "out": out} | changes
    words = [word for name, value in arguments.items() if value is not None for word in (f"--{name}", value)]
    return main([str(word) for word in words])


def _another_recipe(run: SmallRun, where: Path) -> dict[str, Any]:
    """A plan whose record and recipe agree, of a recipe with less noise."""
    planned = copy_of(run.plan, where / "plan")
    text = (planned / "recipe.yaml").read_text().replace("22.04 mag/arcsec2", "22.14 mag/arcsec2")
    (planned / "recipe.yaml").write_text(text)
    record = read_run(planned) | {"recipe_hash": read_recipe(planned / "recipe.yaml").recipe_hash}
    (planned / FINISHED_NAME).write_text(json.dumps(record))
    return {"plan": planned}


def test_a_directory_with_another_run_is_refused(
    small_run: SmallRun, reseeded_plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = copy_of(small_run.cutouts, tmp_path / "cutouts")
    record = read_run(other)
    record["files"][0]["sha256"] = "0" * 64
    (other / FINISHED_NAME).write_text(json.dumps(record))
    cases: list[tuple[dict[str, Any], str]] = [
        ({"plan": reseeded_plan}, "run_seed was 1 and is now 2"),
        (_another_recipe(small_run, tmp_path), "recipe_hash was"),
        ({"cutouts": other}, r"settings was \{'cutouts_sha256': \{'shard-00000.parquet': '"),
    ]
    for changes, told in cases:
        with pytest.raises(RunError, match=f"holds another run: .*{told}") as refusal:
            attempt(small_run, small_run.stamps, **changes)
        assert len(str(refusal.value)) < 1500
    monkeypatch.setattr(inject, "code_version", lambda: "0.1.0+other")
    with pytest.raises(RunError, match=r"code_version was .* and is now '0.1.0.other'"):
        attempt(small_run, small_run.stamps)


def test_a_recipe_changed_under_the_plan_is_refused(small_run: SmallRun, tmp_path: Path) -> None:
    planned = copy_of(small_run.plan, tmp_path / "plan")
    recipe = planned / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("mode: 0.04", "mode: 0.05"))
    with pytest.raises(RunError, match=r"recipe\.yaml has hash .*; the plan was made with .*: plan again"):
        attempt(small_run, tmp_path / "stamps", plan=planned)
    assert not (tmp_path / "stamps").exists()


def test_another_bank_or_none_is_refused(small_run: SmallRun, tmp_path: Path) -> None:
    write_small_bank(tmp_path / "wrong.h5", 4)
    old = tmp_path / "old.h5"
    old.write_bytes(small_run.bank.read_bytes())
    with h5py.File(old, "r+") as file:
        file.attrs["bank_version"] = "2.0"
    begins = file_sha256(small_run.bank)[:12]
    cases = {
        tmp_path / "wrong.h5": f"wrong.h5 is not the bank that the plan was made with \\(its SHA-256 begins {begins}\\)",
        old: "old.h5 is a source bank of version 2.0; this code reads 1.x",
        tmp_path / "nowhere.h5": "nowhere.h5 is not there; make one with dhs source-bank",
        None: "draws its sources from a bank and none was given; wanted --bank FILE.h5",
    }
    for bank, told in cases.items():
        with pytest.raises(InputError, match=told):
            attempt(small_run, tmp_path / "stamps", bank=bank)
    assert not (tmp_path / "stamps").exists()


def test_cutouts_of_another_size_are_refused_before_anything_is_written(small_run: SmallRun, tmp_path: Path) -> None:
    smaller = copy_of(small_run.cutouts, tmp_path / "cutouts")
    record = read_run(smaller)
    record["settings"]["size_pix"] = 32
    (smaller / FINISHED_NAME).write_text(json.dumps(record))
    with pytest.raises(InputError, match=f"have 32 pixels; recipe small makes stamps of {SIZE}.*--size {SIZE}"):
        attempt(small_run, tmp_path / "stamps", cutouts=smaller)
    with pytest.raises(InputError, match="--partitions 0; wanted 1 or more"):
        attempt(small_run, tmp_path / "stamps", partitions=0)
    assert not (tmp_path / "stamps").exists()


def test_cutouts_without_a_shard_are_an_error_and_no_reason_to_refuse_its_hosts(small_run: SmallRun, tmp_path: Path) -> None:
    fewer = copy_of(small_run.cutouts, tmp_path / "cutouts")
    (fewer / "shard-00001.parquet").unlink()
    with pytest.raises(RunError, match=r"shard-00001\.parquet is in the record of the run but not on disk"):
        attempt(small_run, tmp_path / "stamps", cutouts=fewer)
    record = read_run(fewer)
    record["files"] = [entry for entry in record["files"] if entry["path"] != "shard-00001.parquet"]
    (fewer / FINISHED_NAME).write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"lacks 1 of the plan's 11 shards, the first shard-00001.parquet; wanted .*cut-hosts"):
        attempt(small_run, tmp_path / "stamps", cutouts=fewer)
    (fewer / FINISHED_NAME).unlink()
    with pytest.raises(RunError, match="holds an unfinished run"):
        attempt(small_run, tmp_path / "stamps", cutouts=fewer)


def test_cutouts_of_quite_other_hosts_are_refused_and_those_of_one_shard_are_enough(
    small_run: SmallRun, tmp_path: Path
) -> None:
    others = copy_of(small_run.cutouts, tmp_path / "cutouts")
    shards = sorted(others.glob("shard-*.parquet"))
    for shard in shards:
        table = read_table(shard, CUTOUTS)
        names = pa.array([f"another-{name}" for name in table["host_id"].to_pylist()])
        write_table(shard, table.set_column(table.column_names.index("host_id"), "host_id", names), CUTOUTS, Provenance("x"))
    with pytest.raises(InputError, match=r"cutouts has none of the plan's hosts; wanted the output of dhs cut-hosts --hosts"):
        attempt(small_run, tmp_path / "stamps", cutouts=others)
    assert not (tmp_path / "stamps").exists()
    (others / shards[-1].name).write_bytes((small_run.cutouts / shards[-1].name).read_bytes())
    record = read_run(small_run.plan)
    check_inputs(small_run.plan, others, small_run.bank, record, read_recipe(small_run.plan / "recipe.yaml"))


def test_a_row_too_few_fails_the_job_with_both_numbers_and_no_record(small_run: SmallRun, tmp_path: Path) -> None:
    planned, out = copy_of(small_run.plan, tmp_path / "plan"), tmp_path / "stamps"
    record = read_run(planned)
    tasks = record["counts"]["tasks"]
    record["counts"]["tasks"] = tasks + 1
    (planned / FINISHED_NAME).write_text(json.dumps(record))
    with pytest.raises(RunError, match=f"the plan has {tasks + 1} tasks and .* has {tasks} rows; wanted the same"):
        attempt(small_run, out, plan=planned)
    assert not (out / FINISHED_NAME).exists()


def test_a_damaged_cutout_met_by_a_worker_ends_in_one_line_and_an_unfinished_run(
    small_run: SmallRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, out = copy_of(small_run.cutouts, tmp_path / "cutouts"), tmp_path / "stamps"
    path = damaged / "shard-00001.parquet"
    table = read_table(path, CUTOUTS)
    blobs = [b"PK not an npz" if blob else None for blob in table["cutout_npz"].to_pylist()]
    assert any(blobs)
    broken = table.set_column(table.num_columns - 1, table.schema.field("cutout_npz"), [blobs])
    write_table(path, broken, CUTOUTS, Provenance("test"))
    words = ["--plan", small_run.plan, "--cutouts", damaged, "--bank", small_run.bank, "--out", out]
    assert run_job("inject", main, [str(word) for word in words]) == EXIT_BAD_INPUT
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("dhs inject: error: blob of 13 bytes is not a readable npz")
    assert (out / STARTED_NAME).exists()
    assert not (out / FINISHED_NAME).exists()


def test_a_damaged_page_of_the_cutouts_is_one_line_that_names_the_file(
    small_run: SmallRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged, out = copy_of(small_run.cutouts, tmp_path / "cutouts"), tmp_path / "stamps"
    path = damaged / "shard-00001.parquet"
    page = pq.read_metadata(path).row_group(0).column(CUTOUTS.names.index("cutout_npz"))
    content = bytearray(path.read_bytes())
    content[page.data_page_offset + page.total_compressed_size // 2] ^= 1
    path.write_bytes(content)
    words = ["--plan", small_run.plan, "--cutouts", damaged, "--bank", small_run.bank, "--out", out]
    assert run_job("inject", main, [str(word) for word in words]) == EXIT_BAD_INPUT
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith(f"dhs inject: error: {path}, row group 0: ") and "CRC" in told
    assert not (out / FINISHED_NAME).exists()
