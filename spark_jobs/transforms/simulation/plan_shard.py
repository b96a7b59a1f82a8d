"""The tasks of a bundle of hosts: a pure function of (recipe, run seed, host rows, bank), written as the tasks table."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.split_rule import split_of
from schemas.survey import BANDS
from schemas.tasks import TASKS
from spark_jobs.physics.keyed_uniforms import text_keys, uniforms
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_lenses import REFUSALS, DrawnLenses, draw_lenses
from spark_jobs.transforms.simulation.lens_hosts import lens_hosts

Columns = dict[str, npt.NDArray[np.generic]]


def task_id(run_seed: int, recipe_hash: str, host_id: str, kind: str, configuration: int, replicate: int) -> str:
    """Identity of a task: first 32 hex digits of the SHA-256 of what defines it."""
    text = f"{run_seed}|{recipe_hash}|{host_id}|{kind}|{configuration}|{replicate}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def host_split(recipe: Recipe, cell: int, in_anchor_cell: bool) -> str:
    """Split of a host under a recipe that splits by sky cell; a cell with a known lens of the anchor list only ever tests."""
    return "test" if in_anchor_cell else split_of(str(cell), recipe.split.fractions)


def tasks_per_host(recipe: Recipe) -> int:
    """Number of tasks of each host, the same for every one."""
    configurations = min(recipe.tasks.configurations_per_host, len(recipe.grid))
    return recipe.tasks.replicates * configurations * (2 if recipe.tasks.controls == "paired" else 1)


def plan_shard(
    recipe: Recipe,
    run_seed: int,
    shard: int,
    hosts: pa.Table,
    bank: SourceBank | None,
    brick_fwhm: Mapping[str, tuple[float, ...]],
) -> pa.Table:
    """The tasks of ``hosts`` (rows of the hosts table) under the TASKS contract, host by host.

    ``brick_fwhm`` gives the mean PSF widths (one a band, arcsec) of each brick where the recipe wants them, else is empty.
    """
    rows = _identities(recipe, run_seed, shard, hosts)
    lenses = np.flatnonzero(rows["label"] == 1)
    reasons = np.zeros(len(rows["label"]), dtype=np.int64)
    made: Columns = {}
    if len(lenses):
        host, replicate, configuration = (
            np.asarray(rows[name], int)[lenses] for name in ("host", "replicate", "configuration")
        )
        of_lenses = lens_hosts(recipe, hosts, host, replicate, configuration, np.asarray(rows["split"], str)[lenses])
        drawn = draw_lenses(recipe, run_seed, of_lenses, bank)
        reasons[lenses[~drawn.accepted]] = Reason.NO_ACCEPTED_DRAW.value
        bricks = np.array(hosts["brickname"].to_pylist())[host]
        made = _lens_columns(drawn) | _prescribed_psf(recipe, bricks.tolist(), brick_fwhm)
    _refuse_partners(rows, reasons)
    return _table(rows, lenses, made, reasons)


def _identities(recipe: Recipe, run_seed: int, shard: int, hosts: pa.Table) -> Columns:
    """Who each task is: host row, kind, configuration, replicate, ids and split."""
    host_ids = hosts["host_id"].to_pylist()
    cells, anchors = hosts["cell"].to_pylist(), hosts["in_anchor_cell"].to_pylist()
    keys = text_keys(host_ids)
    wanted = min(recipe.tasks.configurations_per_host, len(recipe.grid))
    paired = recipe.tasks.controls == "paired"
    control_host = ~np.full(len(host_ids), paired) & (uniforms(run_seed, "control_role", keys, 0, 0)[:, 0] < 0.5)
    records = []
    for replicate in range(recipe.tasks.replicates):
        chance = [uniforms(run_seed, "grid", keys, replicate, number)[:, 0] for number in range(len(recipe.grid))]
        chosen = np.sort(np.argsort(np.stack(chance, axis=1), axis=1)[:, :wanted], axis=1)
        for host, host_id in enumerate(host_ids):
            kinds = ("lens", "control") if paired else (("control",) if control_host[host] else ("lens",))
            for configuration in chosen[host].tolist():
                pair = task_id(run_seed, recipe.recipe_hash, host_id, "pair", configuration, replicate) if paired else None
                for kind in kinds:
                    name = task_id(run_seed, recipe.recipe_hash, host_id, kind, configuration, replicate)
                    by_cell = recipe.split.key == "host_cell"
                    split = (
                        host_split(recipe, cells[host], anchors[host]) if by_cell else split_of(name, recipe.split.fractions)
                    )
                    records.append((host, replicate, name, pair, host_id, cells[host], split, kind, configuration))
    records.sort(key=lambda record: record[0])
    names = ("host", "replicate", "task_id", "pair_id", "host_id", "cell", "split", "kind", "configuration")
    columns: Columns = {name: np.array(values) for name, values in zip(names, zip(*records, strict=True), strict=True)}
    columns["label"] = (columns["kind"] == "lens").astype(np.int16)
    n = len(records)
    return columns | {
        "shard": np.full(n, shard),
        "recipe_hash": np.full(n, recipe.recipe_hash),
        "run_seed": np.full(n, run_seed),
    }


def _refuse_partners(rows: Columns, reasons: npt.NDArray[np.int64]) -> None:
    """A pair is made or refused as one: the control of a refused lens is refused too."""
    refused = {pair for pair, reason in zip(rows["pair_id"], reasons, strict=True) if reason and pair is not None}
    for number, pair in enumerate(rows["pair_id"]):
        if pair in refused and not reasons[number]:
            reasons[number] = Reason.PARTNER_REFUSED.value


def _lens_columns(drawn: DrawnLenses) -> Columns:
    """Drawn parameters and the account of the draws, as columns of the tasks table at the lens tasks."""
    made: Columns = {name: values for name, values in drawn.columns.items() if name in TASKS.names}
    made["n_drawn"] = drawn.n_drawn
    made |= {f"n_refused_{reason}": drawn.n_refused[:, number] for number, reason in enumerate(REFUSALS)}
    return made


def _prescribed_psf(recipe: Recipe, bricks: Sequence[str], brick_fwhm: Mapping[str, tuple[float, ...]]) -> Columns:
    """PSF widths that the recipe prescribes for the arcs; none where the cutout's own is used."""
    if recipe.psf.width == "host":
        return {}
    absent = sorted(set(bricks) - set(brick_fwhm))
    if absent:
        raise InputError(f"recipe {recipe.name} wants brick-mean PSF widths; none known for {', '.join(absent[:5])}")
    widths = np.array([brick_fwhm[brick] for brick in bricks], float)
    return {f"psf_fwhm_used_{band}_arcsec": widths[:, number] for number, band in enumerate(BANDS)}


def _table(rows: Columns, lenses: npt.NDArray[np.int64], made: Columns, reasons: npt.NDArray[np.int64]) -> pa.Table:
    """The TASKS table: identity columns for every row, drawn columns at the lens tasks, null elsewhere and where NaN."""
    everywhere = rows | {"reasons": reasons}
    arrays = []
    for column in TASKS:
        values: list[object]
        if column.name in everywhere:
            values = everywhere[column.name].tolist()
        else:
            values = [None] * len(reasons)
            for place, value in zip(lenses.tolist(), made[column.name].tolist() if column.name in made else (), strict=False):
                values[place] = None if value == "" or (isinstance(value, float) and math.isnan(value)) else value
        arrays.append(pa.array(values, column.arrow_field.type))
    return pa.Table.from_arrays(arrays, schema=TASKS.arrow_schema())
