"""The job that makes the stand-in for the sky: lenses and galaxies that lenstronomy renders, to judge networks on.

    python deploy/proof/standin_sky.py --out standin

Nothing of spark_jobs draws any light here. The directory is read like the output of dhs inject: dhs score, evaluate, gate-data.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from standin_identity import Identity, identities
from standin_settings import Settings

from schemas.code_version import code_version
from schemas.contract_files import Provenance, TableWriter, read_table
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.run_record import RunIdentity, RunState, begin_run, finish_run, read_run
from schemas.stamps import STAMP_INDEX, STAMPS

JOB = "standin-sky"
_OBJECTS_PER_SHARD = 400
_REFUSALS = ("n_refused_weight", "n_refused_redshift", "n_refused_theta_e", "n_refused_images", "n_refused_magnification")
_COUNTED = ("kind", "n_drawn", *_REFUSALS, "n_refused_snr")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Shard:
    """One file and the objects in it."""

    number: int
    path: Path
    objects: tuple[Identity, ...]


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(prog="standin_sky.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True, help="directory for the stamps: split=test/ and index/")
    add("--lenses", type=int, default=600, help="detectable lenses (default 600)")
    add("--negatives", type=int, default=12000, help="galaxies of the parent sample, contaminants among them (default 12000)")
    add("--workers", type=int, default=2, help="processes (default 2); the result is the same for any number")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Make the sky, or go on with one that was broken off; 0 when it stands."""
    arguments = build_parser().parse_args(argv)
    for name, least in (("lenses", 0), ("negatives", 0), ("workers", 1)):
        if getattr(arguments, name) < least:
            raise InputError(f"--{name} {getattr(arguments, name)}; wanted {least} or more")
    objects = identities(arguments.lenses, arguments.negatives)
    if not objects:
        raise InputError("--lenses 0 --negatives 0 asks for no object; wanted at least one")
    settings, out = Settings(), arguments.out
    asked = {"lenses": arguments.lenses, "negatives": arguments.negatives}
    identity = RunIdentity(JOB, code_version(), settings.recipe_hash, settings.seed, asked)
    if begin_run(out, identity) is RunState.FINISHED:
        account(JOB, f"{out} holds this sky already: {_summary(read_run(out)['counts'])}; nothing to do")
        return EXIT_DONE
    provenance = Provenance(code_version(), settings.recipe_hash, settings.seed, "standin")
    begun = time.monotonic()
    shards = shards_of(objects, out, settings)
    make_shards(settings, provenance, shards, arguments.workers)
    index = out / "index" / "split-test.parquet"
    counts = write_index(index, shards, out, provenance)
    header = {"recipe_name": "standin", "split_key": "none"}
    finish_run(out, identity, [*(shard.path for shard in shards), index], counts, header)
    seconds = time.monotonic() - begun
    account(JOB, f"{_summary(counts)}; {seconds:.0f} s; written to {out}")
    return EXIT_DONE


def shards_of(objects: Sequence[Identity], out: Path, settings: Settings) -> list[Shard]:
    """Files of about 400 objects; lenses, which take longer, are spread evenly over them."""
    number = -(-len(objects) // _OBJECTS_PER_SHARD)
    name = f"{settings.recipe_hash[:8]}.parquet"
    return [Shard(n, out / "split=test" / f"shard-{n:05d}-{name}", tuple(objects[n::number])) for n in range(number)]


def make_shards(settings: Settings, provenance: Provenance, shards: Sequence[Shard], workers: int) -> None:
    """Write the files that do not stand yet."""
    from tqdm import tqdm

    work = partial(make_shard, settings, provenance)
    waiting = [shard for shard in shards if not shard.path.exists()]
    bar = tqdm(total=sum(len(shard.objects) for shard in waiting), desc="stand-in sky", unit="object", disable=None)
    with bar:
        for made in _results(work, waiting, workers):
            bar.update(made)


def make_shard(settings: Settings, provenance: Provenance, shard: Shard) -> int:
    """Write one file, in the order of its objects; how many rows it has."""
    from standin_stamp import make_row

    with TableWriter(shard.path, STAMPS, provenance) as writer:
        for identity in shard.objects:
            writer.add_rows([make_row(settings, identity) | {"shard": shard.number}])
    return len(shard.objects)


def write_index(path: Path, shards: Sequence[Shard], out: Path, provenance: Provenance) -> dict[str, Any]:
    """The index of all files, in their order; answers with what was made and what was refused on the way."""
    columns = [name for name in STAMP_INDEX.names if name in STAMPS.names]
    kinds, draws = Counter[str](), Counter[str]()
    with TableWriter(path, STAMP_INDEX, provenance) as writer:
        for shard in shards:
            table = read_table(shard.path, STAMPS, columns)
            file = shard.path.relative_to(out).as_posix()
            rows = pa.array(range(table.num_rows), pa.int32())
            writer.add_batch(table.append_column("file", pa.array([file] * table.num_rows)).append_column("row", rows))
            for row in table.select(_COUNTED).to_pylist():
                kinds[row.pop("kind")] += 1
                draws.update({name: number for name, number in row.items() if number})
    return {"rows": kinds.total(), "by_kind": dict(sorted(kinds.items())), "draws": dict(sorted(draws.items()))}


def _results(work: Any, shards: Sequence[Shard], workers: int) -> Iterator[int]:
    if workers == 1 or len(shards) < 2:
        yield from map(work, shards)
        return
    # Children that each take all cores hinder one another; they read these names when numpy is loaded.
    os.environ |= {name: os.environ.get(name, "1") for name in _THREADS}
    with multiprocessing.get_context("spawn").Pool(min(workers, len(shards))) as pool:
        yield from pool.imap_unordered(work, shards)


def _summary(counts: dict[str, Any]) -> str:
    kinds = ", ".join(f"{kind} {number}" for kind, number in counts["by_kind"].items())
    drawn, refusals = counts["draws"].get("n_drawn", 0), counts["draws"].items()
    refused = ", ".join(f"{name.removeprefix('n_refused_')} {number}" for name, number in refusals if name != "n_drawn")
    draws = f"; lenses took {drawn} draws (refused: {refused or 'none'})" if drawn else ""
    return f"{counts['rows']} objects ({kinds}){draws}"


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
