"""The population that a recipe would make on some hosts, drawn without pixels: as many lenses as are wanted.

Legend: arrays of shape (n,), one entry a lens; magnitudes AB as observed; NaN where not defined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.job_entry import InputError
from spark_jobs.physics.keyed_uniforms import text_keys, uniforms
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_file import SourceBank
from spark_jobs.transforms.simulation.draw_lenses import REFUSALS, draw_lenses
from spark_jobs.transforms.simulation.lens_hosts import LensHosts, lens_hosts
from spark_jobs.transforms.simulation.used_hosts import host_splits

FloatArray = npt.NDArray[np.float64]

LENSES_AT_ONCE = 8192
QUANTITIES = {
    "theta_e": "Einstein radius (arcsec)",
    "z_lens": "lens redshift",
    "z_source": "source redshift",
    "host_mag_r": "host r (mag)",
    "source_mag_r": "unlensed source r (mag)",
    "arc_mag_r": "arc r (mag)",
    "magnification": "magnification",
    "arc_snr": "arc S/N in r",
    "arc_to_host": "arc over host flux in r",
}
"""What is drawn of each lens, and how an axis calls it. Magnification, arc and S/N are those of a point and its prediction."""


@dataclass(frozen=True)
class Population:
    """Lenses kept by name of the quantity, and what became of the draws: made, refused by reason, tasks without any."""

    quantities: dict[str, FloatArray]
    accepted_theta_e: FloatArray
    n_drawn: int
    refused: dict[str, int]
    without_draw: int

    def __len__(self) -> int:
        return len(self.quantities["theta_e"])


def draw_population(
    recipe: Recipe,
    run_seed: int,
    hosts: pa.Table,
    bank: SourceBank | None,
    lenses: int,
    *,
    threads: int,
    each_done: Callable[[int], object] = lambda _: None,
) -> Population:
    """Draw ``lenses`` lens tasks, the hosts over and over as replicates: the first replicates are those of a plan.

    ``each_done`` hears how many more were drawn. Raises InputError where there is no host.
    """
    if not hosts.num_rows:
        raise InputError("there is no host to draw lenses on")
    split = host_splits(recipe, hosts) if recipe.split.key == "host_cell" else np.full(hosts.num_rows, "train")
    with ThreadPoolExecutor(threads) as pool:
        work = (pool.submit(_draw_some, recipe, run_seed, hosts, split, bank, some) for some in _bundles(lenses))
        parts = []
        for future in list(work):
            parts.append(future.result())
            each_done(min(LENSES_AT_ONCE, lenses - (len(parts) - 1) * LENSES_AT_ONCE))
    reasons = parts[0].refused
    return Population(
        {name: np.concatenate([part.quantities[name] for part in parts]) for name in QUANTITIES},
        np.concatenate([part.accepted_theta_e for part in parts]),
        sum(part.n_drawn for part in parts),
        {reason: sum(part.refused[reason] for part in parts) for reason in reasons},
        sum(part.without_draw for part in parts),
    )


def _bundles(lenses: int) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, lenses, LENSES_AT_ONCE):
        yield np.arange(start, min(start + LENSES_AT_ONCE, lenses))


def _draw_some(
    recipe: Recipe,
    run_seed: int,
    hosts: pa.Table,
    split: npt.NDArray[np.str_],
    bank: SourceBank | None,
    numbers: npt.NDArray[np.int64],
) -> Population:
    """Lenses by their numbers: the host is the number modulo the hosts, the replicate what is left."""
    host, replicate = numbers % hosts.num_rows, numbers // hosts.num_rows
    few = np.unique(host)
    here, place = hosts.take(pa.array(few)), np.searchsorted(few, host)
    sample = lens_hosts(recipe, here, place, replicate, _configurations(recipe, run_seed, here, place, replicate), split[host])
    drawn = draw_lenses(recipe, run_seed, sample, bank)
    refused = {reason: int(drawn.n_refused[:, number].sum()) for number, reason in enumerate(REFUSALS)}
    refused["weight"] = int((drawn.accepted & ~drawn.kept).sum())
    columns = {name: np.asarray(values) for name, values in drawn.columns.items()}
    theta_e = np.asarray(columns.get("theta_e_arcsec", np.full(len(numbers), np.nan)), float)
    kept = drawn.accepted & drawn.kept
    return Population(
        {name: values[kept] for name, values in _quantities(columns, sample).items()} if columns else _none(),
        theta_e[drawn.accepted],
        int(drawn.n_drawn.sum()),
        refused,
        int((~drawn.accepted).sum()),
    )


def _configurations(
    recipe: Recipe, run_seed: int, hosts: pa.Table, place: npt.NDArray[np.int64], replicate: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """A configuration of the recipe's grid for each lens, by chance."""
    keys = text_keys(hosts["host_id"].to_pylist())[place]
    u = uniforms(run_seed, "population_configuration", keys, replicate, 0)[:, 0]
    return np.minimum((u * len(recipe.grid)).astype(np.int64), len(recipe.grid) - 1)


def _quantities(columns: dict[str, npt.NDArray[np.generic]], sample: LensHosts) -> dict[str, FloatArray]:
    def column(name: str) -> FloatArray:
        return np.asarray(columns[name], float)

    with np.errstate(divide="ignore", invalid="ignore"):
        arc = column("source_mag_r") - 2.5 * np.log10(column("predicted_magnification"))
    return {
        "theta_e": column("theta_e_arcsec"),
        "z_lens": column("z_lens"),
        "z_source": column("z_source"),
        "host_mag_r": sample.mag_raw_r,
        "source_mag_r": column("source_mag_r"),
        "arc_mag_r": arc,
        "magnification": column("predicted_magnification"),
        "arc_snr": column("predicted_arc_snr"),
        "arc_to_host": 10 ** (-0.4 * (arc - sample.mag_raw_r)),
    }


def _none() -> dict[str, FloatArray]:
    return {name: np.empty(0) for name in QUANTITIES}
