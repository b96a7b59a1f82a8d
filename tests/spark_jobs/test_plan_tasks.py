"""The job plan: what it counts, what it refuses before anything is written, and that a plan broken off is finished alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_BAD_INPUT, InputError, run_job
from schemas.run_record import FINISHED_NAME, RunError, read_run, run_files
from schemas.split_rule import split_of
from schemas.tasks import TASKS
from spark_jobs import plan_tasks
from spark_jobs.plan_tasks import build_parser, main
from spark_jobs.recipe import read_recipe
from tests.spark_jobs.small_bank import write_small_bank
from tests.spark_jobs.small_plan import SmallRun, copy_of, plan

pytestmark = pytest.mark.spark


def task_rows(directory: Path) -> list[dict[str, Any]]:
    return [row for path in run_files(directory, TASKS, "tasks/") for row in read_table(path, TASKS).to_pylist()]


def hashes(directory: Path) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in read_run(directory)["files"]}


def attempt(run: SmallRun, out: Path, *options: Any, **changes: Any) -> int:
    """Call the job; its arguments by name, ``None`` leaves one out."""
    arguments = {"recipe": run.recipe, "hosts": run.hosts, "bank": run.bank, "out": out, "stamps_per_shard": 24} | changes
    words = [word for name, value in arguments.items() if value is not None for word in (f"--{name.replace('_', '-')}", value)]
    return main([str(word) for word in (*words, *options)])


def test_the_record_counts_what_the_files_hold(small_run: SmallRun) -> None:
    record, rows = read_run(small_run.plan), task_rows(small_run.plan)
    counts = record["counts"]
    assert counts["tasks"] == len(rows) == len({row["task_id"] for row in rows})
    assert Counter(row["kind"] for row in rows if row["kind"] in ("lens", "control")) == {"lens": 80, "control": 80}
    assert counts["by_split_and_kind"] == Counter(f"{row['split']} {row['kind']}" for row in rows)
    assert counts["n_drawn"] == sum(row["n_drawn"] or 0 for row in rows)
    refused = sum(value for name, value in counts.items() if name.startswith("n_refused_"))
    assert (
        counts["n_drawn"] == refused + len(rows) - 80
    )  # every lens, and every draw that a negative is matched to, was accepted
    assert (counts["refused"], counts["hosts"], counts["hosts_left_out"]) == (0, 40, {})
    assert (record["recipe_name"], record["split_key"], record["run_seed"]) == ("small", "host_cell", 1)


def test_every_shard_has_its_hosts_and_its_tasks_and_one_split(small_run: SmallRun) -> None:
    hosts, tasks = (run_files(small_run.plan, table, under) for table, under in ((HOSTS, "hosts/"), (TASKS, "tasks/")))
    assert (
        [path.name for path in hosts] == [path.name for path in tasks] == [f"shard-{n:05d}.parquet" for n in range(len(hosts))]
    )
    fractions = read_recipe(small_run.recipe).split.fractions
    for number, (hosts_file, tasks_file) in enumerate(zip(hosts, tasks, strict=True)):
        ids = read_table(hosts_file, HOSTS)["host_id"].to_pylist()
        rows = read_table(tasks_file, TASKS).to_pylist()
        assert list(dict.fromkeys(row["host_id"] for row in rows)) == ids
        assert len(ids) <= 4  # about five stamps each
        assert {row["shard"] for row in rows} == {number}
        assert {row["split"] for row in rows} == {split_of(str(rows[0]["cell"]), fractions)}
    assert {row["split"] for row in task_rows(small_run.plan)} == {"train", "val", "test"}


def test_the_recipe_beside_the_plan_is_the_recipe_whole(small_run: SmallRun) -> None:
    kept = read_recipe(small_run.plan / "recipe.yaml")
    assert kept.recipe_hash == read_recipe(small_run.recipe).recipe_hash == read_run(small_run.plan)["recipe_hash"]


def test_partitions_and_the_size_of_shards_change_no_task(small_run: SmallRun, tmp_path: Path) -> None:
    again = plan(small_run, tmp_path / "again", "--partitions", 2)
    assert hashes(again) == hashes(small_run.plan)
    other = plan(small_run, tmp_path / "other", "--stamps-per-shard", 9, "--partitions", 7)
    by_id = {row["task_id"]: row | {"shard": 0} for row in task_rows(other)}
    assert by_id == {row["task_id"]: row | {"shard": 0} for row in task_rows(small_run.plan)}
    assert len(run_files(other, TASKS, "tasks/")) == 40


def test_a_finished_plan_is_left_alone_and_the_job_says_so(small_run: SmallRun, capsys: pytest.CaptureFixture[str]) -> None:
    before = (small_run.plan / FINISHED_NAME).stat().st_mtime_ns
    assert attempt(small_run, small_run.plan) == 0
    tasks = read_run(small_run.plan)["counts"]["tasks"]
    assert f"holds this plan already, finished: {tasks} tasks; nothing to do" in capsys.readouterr().out
    assert (small_run.plan / FINISHED_NAME).stat().st_mtime_ns == before


def test_a_plan_broken_off_is_finished_to_the_same_bytes(small_run: SmallRun, tmp_path: Path) -> None:
    out = copy_of(small_run.plan, tmp_path / "plan")
    for lost in (FINISHED_NAME, "tasks/shard-00002.parquet", "tasks/shard-00003.parquet", "hosts/shard-00003.parquet"):
        (out / lost).unlink()
    stands = (out / "tasks/shard-00000.parquet").stat().st_mtime_ns
    assert attempt(small_run, out) == 0
    assert hashes(out) == hashes(small_run.plan)
    assert (out / "tasks/shard-00000.parquet").stat().st_mtime_ns == stands


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"seed": 2}, "run_seed was 1 and is now 2"),
        ({"recipe": "demo"}, "recipe_hash was"),
        ({"stamps_per_shard": 99}, r"settings was \{'stamps_per_shard': 24\} and is now \{'stamps_per_shard': 99\}"),
    ],
)
def test_a_directory_with_another_plan_is_refused(small_run: SmallRun, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(RunError, match=f"holds another run: .*{told}") as refusal:
        attempt(small_run, small_run.plan, **changes)
    assert len(str(refusal.value)) < 1000


def test_another_code_version_is_refused(small_run: SmallRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_tasks, "code_version", lambda: "0.1.0+other")
    with pytest.raises(RunError, match=r"code_version was .* and is now '0.1.0.other'"):
        attempt(small_run, small_run.plan)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"seed": -1}, "--seed -1; wanted 0 or more"),
    ({"stamps_per_shard": 0}, "--stamps-per-shard 0; wanted 1 or more"),
    ({"max_tasks": 0}, "--max-tasks 0; wanted 1 or more"),
    ({"partitions": -2}, "--partitions -2; wanted 1 or more"),
    ({"max_tasks": 225}, "40 hosts with 5.64 tasks each make about 226 tasks; at most 225 are allowed.*raise --max-tasks"),
    ({"bank": None}, "recipe small draws its sources from a bank and none was given; wanted --bank FILE.h5"),
    ({"bank": "nowhere.h5"}, "source bank nowhere.h5 is not there; make one with dhs source-bank"),
    ({"recipe": "gen6"}, "no recipe 'gen6'; wanted a .yaml file or one of demo, gen5, realistic"),
]


@pytest.mark.parametrize(("changes", "told"), BAD)
def test_what_cannot_be_planned_is_refused_before_anything_is_written(
    small_run: SmallRun, tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        attempt(small_run, tmp_path / "plan", **changes)
    assert not (tmp_path / "plan").exists()


def test_the_recipe_s_own_limit_guards_and_the_command_line_s_wins(small_run: SmallRun, tmp_path: Path) -> None:
    tight = tmp_path / "tight.yaml"
    tight.write_text(small_run.recipe.read_text().replace("max_tasks: 500", "max_tasks: 100"))
    with pytest.raises(InputError, match="make about 226 tasks; at most 100 are allowed"):
        attempt(small_run, tmp_path / "plan", recipe=tight)
    assert attempt(small_run, tmp_path / "plan", recipe=tight, max_tasks=226) == 0


def test_hosts_none_of_which_can_be_used_are_counted_by_reason(small_run: SmallRun, tmp_path: Path) -> None:
    faint = tmp_path / "faint.yaml"
    faint.write_text(small_run.recipe.read_text() + "hosts: {lrg_cut: v5, faintest_r: 10 mag}\n")
    with pytest.raises(InputError, match=r"none of 40 hosts can be used by recipe small: fainter than r 10\.0 40"):
        attempt(small_run, tmp_path / "plan", recipe=faint)


def test_hosts_of_an_unfinished_run_are_refused(small_run: SmallRun, tmp_path: Path) -> None:
    (tmp_path / "hosts").mkdir()
    with pytest.raises(RunError, match=r"holds no run: _run\.json is not there"):
        attempt(small_run, tmp_path / "plan", hosts=tmp_path / "hosts")


def test_a_bank_too_small_for_the_splits_ends_in_one_line(
    small_run: SmallRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_small_bank(tmp_path / "one.h5", 1)
    words = [
        "--recipe",
        small_run.recipe,
        "--hosts",
        small_run.hosts,
        "--out",
        tmp_path / "plan",
        "--bank",
        tmp_path / "one.h5",
    ]
    assert run_job("plan", main, [str(word) for word in words]) == EXIT_BAD_INPUT
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("dhs plan: error: the 1 templates of")
    assert told.endswith("split; wanted a larger bank")


def test_the_failed_experiment_is_planned_without_a_bank_and_with_its_bricks_mean_widths(
    small_run: SmallRun, tmp_path: Path
) -> None:
    out = tmp_path / "gen5"
    assert attempt(small_run, out, recipe="gen5", bank=None) == 0
    widths: dict[str, set[Any]] = {}
    hosts = {row["host_id"]: row for path in run_files(out, HOSTS, "hosts/") for row in read_table(path, HOSTS).to_pylist()}
    for row in (row for row in task_rows(out) if row["label"]):
        widths.setdefault(hosts[row["host_id"]]["brickname"], set()).add(row["psf_fwhm_used_r_arcsec"])
    for brick, seen in widths.items():
        own = [host["psf_fwhm_catalogue_r_arcsec"] for host in hosts.values() if host["brickname"] == brick]
        assert list(seen) == pytest.approx([sum(own) / len(own)])
    assert len(widths) > 2


def test_the_help_shows_an_example_and_what_a_shard_weighs() -> None:
    text = " ".join(build_parser().format_help().split())
    assert "dhs plan --recipe realistic --hosts hosts --bank cosmos.h5 --out plan --seed 1" in text
    assert "a file of about 250 MB" in text
    assert "demo, gen5, realistic" in text
