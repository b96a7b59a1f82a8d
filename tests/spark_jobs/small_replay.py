"""A plan, its cutouts and stamps of five hosts as finished runs, made without Spark by what a Spark worker does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.code_version import code_version
from schemas.contract import Contract
from schemas.contract_files import Provenance, write_table
from schemas.cutouts import CUTOUTS
from schemas.finished_files import file_sha256
from schemas.hosts import HOSTS
from schemas.refusal_reasons import Reason
from schemas.run_record import FINISHED_NAME, RunIdentity, begin_run, finish_run, read_run
from schemas.tasks import TASKS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import write_bank
from spark_jobs.transforms.bank.bank_template import Census
from spark_jobs.transforms.simulation.inject_shard import InjectSettings, ShardTask, inject_shard
from spark_jobs.transforms.simulation.stamp_index import write_index
from tests.spark_jobs.small_bank import template
from tests.spark_jobs.small_hosts import host_row
from tests.spark_jobs.small_lenses import recipe_with
from tests.spark_jobs.small_tasks import SIZE, control_task, cutout_row, lens_task, negative_task, refused_cutout

Row = dict[str, Any]

SEED = 3
HOSTS_OF_RUN = ("1", "10", "2", "3", "4")
"""Host 1's name begins host 10's; host 3's cutout is refused, host 4 has none."""
_OF_HOST: dict[str, Row] = {
    "2": {f"source_mag_{band}": 29.0 for band in "grz"},
    "10": {"source_kind": "template", "template_id": "gaussian-1", "source_size_factor": 1.0},
}


@dataclass(frozen=True)
class ReplayRuns:
    """Folder that holds plan, cutouts, stamps and bank.h5."""

    root: Path

    @property
    def bank(self) -> Path:
        return self.root / "bank.h5"


def task_id(host: str, kind: str) -> str:
    """The task of a host: kind lens or control."""
    return f"{int(host):04d}{'1' if kind == 'lens' else '0'}" + "0" * 27


def make_replay_runs(root: Path) -> ReplayRuns:
    """Make all of it; host 2's lens is too faint, so that its pair is refused; host 10's source is of the bank."""
    recipe = recipe_with("realistic", stamp={"size": f"{SIZE} pix"})
    runs = ReplayRuns(root)
    write_bank(runs.bank, [template(1)], 32, {}, Census(1, 1))
    provenance = Provenance(code_version(), recipe.recipe_hash, SEED, recipe.name)
    plan = _plan(root / "plan", recipe, provenance, file_sha256(runs.bank))
    cutouts = _cutouts(root / "cutouts", provenance)
    _stamps(root / "stamps", recipe, provenance, plan, cutouts, runs.bank)
    return runs


def _rows(recipe: Recipe) -> list[Row]:
    rows = []
    for host in HOSTS_OF_RUN:
        shared = {
            "host_id": f"9010-1-{host}",
            "pair_id": f"{int(host):032d}",
            "split": "train",
            "recipe_hash": recipe.recipe_hash,
        }
        rows.append(lens_task(task_id=task_id(host, "lens"), **shared, **_OF_HOST.get(host, {})))
        rows.append(control_task(task_id=task_id(host, "control"), **shared))
    ring = negative_task("ring", task_id="f" * 32, host_id="9010-1-1", recipe_hash=recipe.recipe_hash)
    return [*rows, ring]


def _write(path: Path, rows: list[Row], contract: Contract, provenance: Provenance) -> Path:
    table = pa.Table.from_pylist([{name: row[name] for name in contract.names} for row in rows], contract.arrow_schema())
    write_table(path, table, contract, provenance)
    return path


def _plan(out: Path, recipe: Recipe, provenance: Provenance, bank: str) -> Path:
    identity = RunIdentity("plan", code_version(), recipe.recipe_hash, SEED, {"bank_sha256": bank})
    begin_run(out, identity)
    (out / "recipe.yaml").write_text(recipe.as_yaml(), encoding="utf-8")
    tasks = _write(out / "tasks" / "shard-00000.parquet", _rows(recipe), TASKS, provenance)
    hosts = [host_row(int(host), 59.0, -30.0, "0591m305") for host in HOSTS_OF_RUN]
    finish_run(out, identity, [tasks, _write(out / "hosts" / "shard-00000.parquet", hosts, HOSTS, provenance)], {}, {})
    return out


def _cutouts(out: Path, provenance: Provenance) -> Path:
    identity = RunIdentity("cut-hosts", code_version())
    begin_run(out, identity)
    rows = [cutout_row(host_id=f"9010-1-{host}") for host in ("10", "1", "2")]
    rows.append(refused_cutout(int(Reason.MASKED_PIXELS)) | {"host_id": "9010-1-3"})
    finish_run(out, identity, [_write(out / "shard-00000.parquet", rows, CUTOUTS, provenance)], {}, {})
    return out


def _stamps(out: Path, recipe: Recipe, provenance: Provenance, plan: Path, cutouts: Path, bank: Path) -> None:
    made_from = {f"{part.name}_sha256": {e["path"]: e["sha256"] for e in read_run(part)["files"]} for part in (plan, cutouts)}
    settings = made_from | {"bank_sha256": file_sha256(bank)}
    identity = RunIdentity("inject", code_version(), recipe.recipe_hash, SEED, settings)
    begin_run(out, identity)
    name = "shard-00000.parquet"
    path = out / "split=train" / f"shard-00000-{recipe.recipe_hash[:8]}.parquet"
    shard = ShardTask(plan / "tasks" / name, plan / "hosts" / name, cutouts / name, {"train": path})
    inject_shard(InjectSettings(recipe, bank, provenance, out), shard)
    index = out / "index" / "split-train.parquet"
    write_index(index, [path], out, provenance)
    finish_run(out, identity, [path, index], {}, {"recipe_name": recipe.name, "split_key": "host_cell"})
    assert (out / FINISHED_NAME).is_file()
