"""What a Spark worker does to one shard: read its tasks and cutouts, make the stamps host by host, write a file a split.

One rename or one finished upload is the commit of a file, and its name follows from shard, split and recipe: a retry, a second
attempt or a resumed run writes the same rows under the same name, or finds them there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schemas.contract_files import Provenance, TableWriter, read_table, row_batches
from schemas.cutouts import CUTOUTS
from schemas.finished_files import FileEntry, describe_file
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.refusal_reasons import Reason
from schemas.stamps import STAMPS
from schemas.survey import BANDS
from schemas.tasks import TASKS
from spark_jobs.recipe import Recipe
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import SourceBank, open_bank
from spark_jobs.transforms.simulation.make_stamp import StampMaker

Row = dict[str, Any]

_CUTOUTS_AT_ONCE = 64  # rows with blobs: 64 cutouts of 64 pixels in three bands are 7 MB


@dataclass(frozen=True)
class ShardTask:
    """One shard: its tasks, hosts and cutouts files, and the stamps files to write, one a split that it has tasks of.

    ``stands`` where an earlier call of the job wrote all of them.
    """

    tasks: Location
    hosts: Location
    cutouts: Location
    stamps: dict[str, Location]
    stands: bool = False


@dataclass(frozen=True)
class InjectSettings:
    """What every shard is made with, and the directory that it is made for."""

    recipe: Recipe
    bank: Location | None
    provenance: Provenance
    out: Location
    bank_sha256: str | None = None


def inject_shard(settings: InjectSettings, shard: ShardTask) -> list[FileEntry]:
    """Write the stamps files of one shard, or read those that stand; what the record of the run says of them.

    Raises InputError where the cutouts are smaller or larger than the recipe's stamps.
    """
    if shard.stands:
        return [describe_file(path, settings.out) for path in shard.stamps.values()]
    bank = _bank(settings.bank, settings.bank_sha256) if settings.bank else None
    maker = StampMaker(settings.recipe, bank)
    with ExitStack() as stack:
        writers = {
            split: stack.enter_context(TableWriter(path, STAMPS, settings.provenance)) for split, path in shard.stamps.items()
        }
        for rows in shard_rows(maker, shard):
            for split, writer in writers.items():
                writer.add_rows([row for row in rows if row["split"] == split])
    return [writer.entry(settings.out) for writer in writers.values()]


def shard_rows(maker: StampMaker, shard: ShardTask) -> Iterator[list[Row]]:
    """The stamps rows of each host in the order of the cutouts; hosts without a cutout come last, refused."""
    waiting: defaultdict[str, list[Row]] = defaultdict(list)
    for task in read_table(shard.tasks, TASKS).to_pylist():
        waiting[task["host_id"]].append(task)
    hosts = {host["host_id"]: host for host in read_table(shard.hosts, HOSTS).to_pylist()}
    for cutout in _cutouts(shard.cutouts):
        tasks = waiting.pop(cutout["host_id"], [])
        if tasks:
            if cutout["size_pix"] != maker.recipe.size_pix:
                raise InputError(
                    f"cutouts of {shard.cutouts} have {cutout['size_pix']} pixels; recipe {maker.recipe.name} makes stamps of "
                    f"{maker.recipe.size_pix}. Cut the hosts again with --size {maker.recipe.size_pix}."
                )
            yield maker.host_rows(tasks, cutout, _raw_magnitudes(hosts[cutout["host_id"]]))
    for host_id, tasks in waiting.items():
        nothing = dict.fromkeys(CUTOUTS.names) | {name: hosts[host_id][name] for name in ("ra_deg", "dec_deg", "brickname")}
        nothing["reasons"] = Reason.CUTOUT_MISSING.value
        yield maker.host_rows(tasks, nothing, _raw_magnitudes(hosts[host_id]))


def _cutouts(path: Location) -> Iterator[Row]:
    if path.exists():
        for batch in row_batches(path, CUTOUTS):
            for start in range(0, batch.num_rows, _CUTOUTS_AT_ONCE):
                yield from batch.slice(start, _CUTOUTS_AT_ONCE).to_pylist()


def _raw_magnitudes(host: Row) -> dict[str, float | None]:
    return {band: host[f"mag_raw_{band}"] for band in BANDS}


@lru_cache(maxsize=2)
def _bank(place: Location, sha256: str | None) -> SourceBank:
    return open_bank(bank_on_disk(place, sha256))
