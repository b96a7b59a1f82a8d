"""What every job that renders a plan asks of it first: do recipe, bank and cutouts belong to it?"""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from schemas.contract_files import read_table
from schemas.cutouts import CUTOUTS
from schemas.finished_files import file_sha256
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import RunError, read_run, run_files
from schemas.tasks import TASKS
from spark_jobs.plan_tasks import RECIPE_FILE
from spark_jobs.recipe import Recipe
from spark_jobs.recipe_priors import BankLight
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank


def check_inputs(place: Location, cutouts: Location, bank: Location | None, plan: dict[str, Any], recipe: Recipe) -> None:
    """Whether a plan's recipe, its bank and its cutouts belong together; raises InputError or RunError where they do not."""
    if plan["recipe_hash"] != recipe.recipe_hash:
        raise RunError(
            f"{place / RECIPE_FILE} has hash {recipe.recipe_hash}; the plan was made with {plan['recipe_hash']}. "
            "The recipe was changed, or the code reads it in another way: plan again."
        )
    wanted = plan["settings"]["bank_sha256"]
    if isinstance(recipe.priors.source_light, BankLight) or bank:
        if bank is None:
            raise InputError("the plan draws its sources from a bank and none was given; wanted --bank FILE.h5")
        here = bank_on_disk(bank)
        open_bank(here)
        if wanted is not None and file_sha256(here) != wanted:
            raise InputError(f"{bank} is not the bank that the plan was made with (its SHA-256 begins {wanted[:12]})")
    cut = {path.name for path in run_files(cutouts, CUTOUTS)}
    shards = [path.name for path in run_files(place, TASKS, "tasks/")]
    absent = [name for name in shards if name not in cut]
    if absent:
        raise InputError(
            f"{cutouts} lacks {len(absent)} of the plan's {len(shards)} shards, the first {absent[0]}; "
            f"wanted the output of dhs cut-hosts --hosts {place}"
        )
    if shards and not any(_share_a_host(place, cutouts, name) for name in shards):  # the first that does is enough
        raise InputError(f"{cutouts} has none of the plan's hosts; wanted the output of dhs cut-hosts --hosts {place}")
    size = read_run(cutouts)["settings"].get("size_pix", recipe.size_pix)  # another survey's record may not say
    if size != recipe.size_pix:
        raise InputError(
            f"cutouts of {cutouts} have {size} pixels; recipe {recipe.name} makes stamps of {recipe.size_pix}. "
            f"Cut the hosts again with --size {recipe.size_pix}."
        )


def _share_a_host(plan: Location, cutouts: Location, name: str) -> bool:
    """Whether a host of a shard was cut."""
    hosts, cut = read_table(plan / "hosts" / name, HOSTS, ["host_id"]), read_table(cutouts / name, CUTOUTS, ["host_id"])
    return bool(pc.any(pc.is_in(hosts["host_id"], value_set=cut["host_id"].combine_chunks())).as_py())
