"""The tasks of a bundle of hosts: a pure function of (recipe, run seed, host rows, bank), written as the tasks table."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.split_rule import split_of
from schemas.survey import BANDS, PIXEL_SCALE_ARCSEC
from schemas.tasks import TASKS
from spark_jobs.physics.keyed_uniforms import text_keys, uniforms
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_lenses import REFUSALS, DrawnLenses, draw_lenses
from spark_jobs.transforms.simulation.draw_negatives import (
    draw_negatives,
    matched_to,
    negative_keys,
    negative_kinds,
    without_light,
)
from spark_jobs.transforms.simulation.draw_priors import Draws
from spark_jobs.transforms.simulation.lens_hosts import LensHosts, lens_hosts

Columns = dict[str, npt.NDArray[np.generic]]


def task_id(run_seed: int, recipe_hash: str, host_id: str, kind: str, configuration: int, replicate: int) -> str:
    """Identity of a task: first 32 hex digits of the SHA-256 of what defines it."""
    text = f"{run_seed}|{recipe_hash}|{host_id}|{kind}|{configuration}|{replicate}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def host_split(recipe: Recipe, cell: int, in_anchor_cell: bool) -> str:
    """Split of a host under a recipe that splits by sky cell; a cell with a known lens of the anchor list only ever tests."""
    return "test" if in_anchor_cell else split_of(str(cell), recipe.split.fractions)


def tasks_per_host(recipe: Recipe) -> float:
    """Number of tasks of a host that is expected: the same for every one, and its hard negatives, which are chance."""
    configurations = min(recipe.tasks.configurations_per_host, len(recipe.grid))
    negatives = recipe.negatives.per_lens if recipe.negatives else 0.0
    each = 2.0 + negatives if recipe.tasks.controls == "paired" else 1.0 + 0.5 * negatives
    return recipe.tasks.replicates * configurations * each


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
    injected = np.flatnonzero(rows["kind"] != "control")
    reasons = np.zeros(len(rows["label"]), dtype=np.int64)
    made: Columns = {}
    if len(injected):
        of_draws = _hosts_of_draws(recipe, hosts, rows, injected)
        drawn = draw_lenses(recipe, run_seed, of_draws, bank)
        reasons[injected[~drawn.accepted]] = Reason.NO_ACCEPTED_DRAW.value
        reasons[injected[drawn.accepted & ~drawn.kept]] = Reason.WEIGHTED_OUT.value
        bricks = np.array(hosts["brickname"].to_pylist())[np.asarray(rows["host"], int)[injected]]
        made = _lens_columns(drawn) | _prescribed_psf(recipe, bricks.tolist(), brick_fwhm)
        shapes, dark = _negative_columns(recipe, run_seed, hosts, _at(rows, injected), of_draws, drawn)
        made |= shapes
        reasons[injected[dark & drawn.accepted]] |= Reason.BAD_PARAMETERS.value
    _refuse_partners(rows, reasons)
    return _table(rows, injected, made, reasons)


def _identities(recipe: Recipe, run_seed: int, shard: int, hosts: pa.Table) -> Columns:
    """Who each task is: host row, kind, configuration, replicate, ids and split."""
    host_ids = hosts["host_id"].to_pylist()
    cells, anchors = hosts["cell"].to_pylist(), hosts["in_anchor_cell"].to_pylist()
    keys = text_keys(host_ids)
    wanted = min(recipe.tasks.configurations_per_host, len(recipe.grid))
    paired = recipe.tasks.controls == "paired"
    beside_lenses = _negatives_beside_lenses(recipe, run_seed, host_ids)
    control_host = ~np.full(len(host_ids), paired) & (uniforms(run_seed, "control_role", keys, 0, 0)[:, 0] < 0.5)
    by_cell = recipe.split.key == "host_cell"
    splits = [host_split(recipe, *place) if by_cell else "" for place in zip(cells, anchors, strict=True)]
    recipe_hash = recipe.recipe_hash  # of the recipe's whole text: as long to make as three tasks
    records = []
    for replicate in range(recipe.tasks.replicates):
        chance = [uniforms(run_seed, "grid", keys, replicate, number)[:, 0] for number in range(len(recipe.grid))]
        chosen = np.sort(np.argsort(np.stack(chance, axis=1), axis=1)[:, :wanted], axis=1)
        for host, host_id in enumerate(host_ids):
            kinds = ("lens", "control") if paired else (("control",) if control_host[host] else ("lens",))
            for configuration in chosen[host].tolist():
                pair = task_id(run_seed, recipe_hash, host_id, "pair", configuration, replicate) if paired else None
                negative = beside_lenses[replicate][configuration][host] if "lens" in kinds else ""
                for kind in (*kinds, negative) if negative else kinds:
                    name = task_id(run_seed, recipe_hash, host_id, kind, configuration, replicate)
                    split = splits[host] or split_of(name, recipe.split.fractions)
                    pair_of_kind = None if kind == negative else pair
                    records.append((host, replicate, name, pair_of_kind, host_id, cells[host], split, kind, configuration))
    records.sort(key=lambda record: record[0])
    names = ("host", "replicate", "task_id", "pair_id", "host_id", "cell", "split", "kind", "configuration")
    columns: Columns = {name: np.array(values) for name, values in zip(names, zip(*records, strict=True), strict=True)}
    columns["label"] = (columns["kind"] == "lens").astype(np.int16)
    n = len(records)
    return columns | {
        "shard": np.full(n, shard),
        "recipe_hash": np.full(n, recipe_hash),
        "run_seed": np.full(n, run_seed),
    }


def _negatives_beside_lenses(recipe: Recipe, run_seed: int, host_ids: list[str]) -> npt.NDArray[np.str_]:
    """Kind of the hard negative of each (replicate, configuration, host), "" where there is none."""
    shape = (recipe.tasks.replicates, len(recipe.grid), len(host_ids))
    if recipe.negatives is None or not host_ids:
        return np.full(shape, "")
    keys = np.tile(negative_keys(host_ids), shape[0] * shape[1])
    replicate, configuration, _ = (places.ravel() for places in np.indices(shape))
    return negative_kinds(recipe.negatives, run_seed, keys, replicate, configuration).reshape(shape)


def _hosts_of_draws(recipe: Recipe, hosts: pa.Table, rows: Columns, injected: npt.NDArray[np.int64]) -> LensHosts:
    """The hosts of the lenses, and of the draws that hard negatives are matched to: those have keys of their own."""
    host, replicate, configuration = (np.asarray(rows[name], int)[injected] for name in ("host", "replicate", "configuration"))
    sample = lens_hosts(recipe, hosts, host, replicate, configuration, np.asarray(rows["split"], str)[injected])
    own = negative_keys(hosts["host_id"].to_pylist())[host]
    return replace(sample, key=np.where(rows["label"][injected] == 0, own, sample.key))


def _negative_columns(
    recipe: Recipe, run_seed: int, hosts: pa.Table, rows: Columns, of_draws: LensHosts, drawn: DrawnLenses
) -> tuple[Columns, npt.NDArray[np.bool_]]:
    """The NEGATIVE columns of injected tasks, null at the lenses, and which tasks would be left without light."""
    n, negative = len(rows["label"]), np.flatnonzero(rows["label"] == 0)
    dark = np.zeros(n, dtype=bool)
    if recipe.negatives is None or not len(negative):
        return {}, dark
    kinds, own, few = np.asarray(rows["kind"], str)[negative], _at(rows, negative), of_draws.rows(negative)
    draws = Draws(run_seed, few.key, few.replicate, np.asarray(own["configuration"], int))
    half_side = 0.5 * recipe.size_pix * PIXEL_SCALE_ARCSEC
    to = matched_to(_at(drawn.columns, negative), _host_magnitudes(hosts, np.asarray(own["host"], int)), half_side)
    shapes = draw_negatives(recipe.negatives, draws, kinds, to)
    dark[negative] = without_light(kinds, shapes)
    return {name: _spread(values, negative, n) for name, values in shapes.items()}, dark


def _at(columns: Columns, places: npt.NDArray[np.int64]) -> Columns:
    return {name: values[places] for name, values in columns.items()}


def _host_magnitudes(hosts: pa.Table, host: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Magnitudes of hosts as observed, (n, bands)."""
    observed = [np.asarray(hosts[f"mag_raw_{band}"].to_numpy(zero_copy_only=False), float) for band in BANDS]
    return np.stack(observed, axis=1)[host]


def _spread(values: npt.NDArray[np.generic], places: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.generic]:
    """A column of length ``n`` with values at some places, null at the others."""
    column = np.full(n, "" if values.dtype.kind == "U" else np.nan, dtype=values.dtype)
    column[places] = values
    return column


def _refuse_partners(rows: Columns, reasons: npt.NDArray[np.int64]) -> None:
    """A pair is made or refused as one: the control of a refused lens is refused too."""
    refused = {pair for pair, reason in zip(rows["pair_id"], reasons, strict=True) if reason and pair is not None}
    for number, pair in enumerate(rows["pair_id"]):
        if pair in refused and not reasons[number]:
            reasons[number] = Reason.PARTNER_REFUSED.value


def _lens_columns(drawn: DrawnLenses) -> Columns:
    """Drawn parameters and the account of the draws, as columns of the tasks table where something is injected."""
    made: Columns = {name: values for name, values in drawn.columns.items() if name in TASKS.names}
    made["n_drawn"] = drawn.n_drawn
    made["n_refused_weight"] = (drawn.accepted & ~drawn.kept).astype(np.int64)
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


def _table(rows: Columns, injected: npt.NDArray[np.int64], made: Columns, reasons: npt.NDArray[np.int64]) -> pa.Table:
    """The TASKS table: identity columns for every row, drawn columns where something is injected; null where NaN."""
    everywhere = rows | {"reasons": reasons}
    arrays = []
    for column in TASKS:
        kind = column.arrow_field.type
        if column.name in everywhere:
            arrays.append(pa.array(everywhere[column.name].tolist(), kind))
        elif column.name in made:
            arrays.append(_drawn_column(made[column.name], injected, len(reasons)).cast(kind))
        else:
            arrays.append(pa.nulls(len(reasons), kind))
    return pa.Table.from_arrays(arrays, schema=TASKS.arrow_schema())


def _drawn_column(values: npt.NDArray[np.generic], injected: npt.NDArray[np.int64], n: int) -> pa.Array:
    """``values`` at the injected rows of ``n``; null at the others, and where a value is NaN or the empty text."""
    empty = values == "" if values.dtype.kind == "U" else np.isnan(values.astype(float))
    places = np.full(n, -1)
    places[injected[~empty]] = np.flatnonzero(~empty)
    return pa.array(values).take(pa.array(places, mask=places < 0))
