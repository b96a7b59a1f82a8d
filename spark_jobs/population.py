"""The job that draws a recipe's population without pixels: a picture and a table to decide by, before a run is paid for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from schemas.contract_files import read_table
from schemas.file_commit import require_writable
from schemas.hosts import HOSTS
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import S3Location, location
from schemas.run_record import run_files
from spark_jobs.recipe import Recipe, packaged_recipes, read_recipe
from spark_jobs.recipe_priors import BankLight
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank
from spark_jobs.transforms.simulation.draw_population import QUANTITIES, Population, draw_population
from spark_jobs.transforms.simulation.known_lens_values import KNOWN
from spark_jobs.transforms.simulation.population_figure import draw_figure
from spark_jobs.transforms.simulation.used_hosts import usable_hosts
from spark_jobs.transforms.simulation.weigh_lenses import even_radii

JOB = "population"
FORMATS = (".png", ".svg", ".pdf")
_EXAMPLE = """examples:
  dhs population realistic --hosts hosts --bank cosmos.h5 --out population.png
  dhs population mine.yaml --hosts hosts --bank cosmos.h5 --tasks 20000 --out quick.png

The first replicates are the lenses that dhs plan draws with the same seed. Magnification and arc are those of a point at the
source's place, the signal to noise is the plan's prediction. A million lenses take half a minute on two cores."""


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("recipe", help=f"a YAML file, or one that comes with the package: {', '.join(packaged_recipes())}")
    add("--hosts", type=location, required=True, help="finished output of select-hosts, or of plan")
    add("--out", type=location, required=True, metavar="FILE", help=f"the picture, by its ending one of {', '.join(FORMATS)}")
    add("--bank", type=location, help="source bank (HDF5) of dhs source-bank, where the recipe draws its sources from one")
    add("--seed", type=int, default=1, help="seed of the run, 0 or more (default: %(default)s)")
    add("--tasks", type=int, default=1_000_000, metavar="N", help="lens tasks to draw (default: %(default)s)")
    add("--threads", type=int, default=os.cpu_count() or 1, metavar="N", help="threads (default: %(default)s); same result")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the picture stands. Raises InputError or RunError for input that cannot be used."""
    arguments = build_parser().parse_args(argv)
    recipe = read_recipe(arguments.recipe)
    bank = _check(arguments, recipe)
    hosts = pa.concat_tables([read_table(path, HOSTS) for path in run_files(arguments.hosts, HOSTS)])
    used, left_out = usable_hosts(recipe, hosts)
    if not used.num_rows:
        reasons = ", ".join(f"{name} {count}" for name, count in left_out.items()) or "the table is empty"
        raise InputError(f"none of {hosts.num_rows} hosts can be used by recipe {recipe.name}: {reasons}")
    with tqdm(total=arguments.tasks, desc="drawing lenses", unit="lens", unit_scale=True, disable=None) as bar:
        population = draw_population(
            recipe, arguments.seed, used, bank, arguments.tasks, threads=arguments.threads, each_done=bar.update
        )
    told = _outcome(population, arguments.tasks)
    draw_figure(population, f"Recipe {recipe.name} on {used.num_rows:,} hosts: {told}", arguments.out)
    sys.stdout.write("\n".join([_table(population), *_flattening(recipe, population), ""]))
    account(JOB, f"{told}; look at {arguments.out.resolve()}")
    return EXIT_DONE


def _check(arguments: argparse.Namespace, recipe: Recipe) -> SourceBank | None:
    """Everything that can be wrong with the call, before anything is drawn; the bank where the recipe wants one."""
    if arguments.seed < 0:
        raise InputError(f"--seed {arguments.seed}; wanted 0 or more")
    for option in ("tasks", "threads"):
        if getattr(arguments, option) < 1:
            raise InputError(f"--{option} {getattr(arguments, option)}; wanted 1 or more")
    if arguments.out.suffix not in FORMATS:
        raise InputError(f"--out {arguments.out}; wanted a file ending in one of {', '.join(FORMATS)}")
    if not isinstance(arguments.out, S3Location) and not arguments.out.resolve().parent.is_dir():
        raise InputError(f"--out {arguments.out}: the directory {arguments.out.resolve().parent} is not there")
    require_writable(arguments.out)
    if not isinstance(recipe.priors.source_light, BankLight):
        return None
    if arguments.bank is None:
        raise InputError(f"recipe {recipe.name} draws its sources from a bank and none was given; wanted --bank FILE.h5")
    return open_bank(bank_on_disk(arguments.bank))


def _outcome(population: Population, tasks: int) -> str:
    """What became of the draws, in one sentence."""
    refused = ", ".join(f"{reason} {n / population.n_drawn:.1%}" for reason, n in population.refused.items() if n)
    lost = f", {population.without_draw:,} tasks found none" if population.without_draw else ""
    return (
        f"{len(population):,} lenses of {tasks:,} tasks, {population.n_drawn:,} draws"
        f"{f', refused for {refused}' if refused else ''}{lost}"
    )


def _table(population: Population) -> str:
    """Percentiles of each quantity, and what real lenses have."""
    width = max(map(len, QUANTITIES.values()))
    lines = [f"{'':{width}}" + "".join(f"{head:>9}" for head in ("5 %", "16 %", "median", "84 %", "95 %")) + "   known"]
    for name, label in QUANTITIES.items():
        known = "; ".join(map(str, KNOWN.get(name, ())))
        lines.append(
            f"{label:{width}}" + "".join(f"{value:>9}" for value in _percentiles(population.quantities[name])) + f"   {known}"
        )
    return "\n".join(line.rstrip() for line in lines)


def _percentiles(values: npt.NDArray[np.float64]) -> list[str]:
    finite = values[np.isfinite(values)]
    if not len(finite):
        return ["-"] * 5
    return [f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}" for value in np.percentile(finite, [5, 16, 50, 84, 95])]


def _flattening(recipe: Recipe, population: Population) -> list[str]:
    """The weighting that makes radii come equally often, as a recipe writes it; nothing where there is no range of radii."""
    if recipe.accept is None:
        return []
    try:
        radii, keep = even_radii(population.accepted_theta_e, recipe.accept.theta_e_range)
    except ValueError as error:
        return [f"No weighting for Einstein radii that come equally often: {error}."]
    return [
        "To let Einstein radii come equally often between the limits, write in the recipe:",
        "weighting:",
        "  law: theta_e",
        f"  theta_e: [{', '.join(f'{radius:.4g} arcsec' for radius in radii)}]",
        f"  keep: [{', '.join(f'{chance:.3g}' for chance in keep)}]",
        f"  reference: dhs population {recipe.name}",
    ]


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
