"""The job that packs stamps, or anybody's Parquet, into shards of one size with row groups for training."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import pyarrow.parquet as pq

from schemas.code_version import code_version
from schemas.contract_files import Provenance
from schemas.finished_files import FileEntry
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, files_below, location, map_in_order, relative_path
from schemas.run_record import (
    FINISHED_NAME,
    STARTED_NAME,
    RunIdentity,
    RunState,
    begin_run,
    finish_run_of_entries,
    read_run,
    run_files,
    standing_files,
)
from schemas.stamps import STAMPS
from spark_jobs.progress_log import ProgressLog
from spark_jobs.session import build_session
from spark_jobs.spark_map import map_names
from spark_jobs.transforms.compacting.pack_plan import Shard, plan_shards
from spark_jobs.transforms.compacting.pack_shard import Packing, metadata_of, pack_shard
from spark_jobs.transforms.simulation.stamp_index import write_index

JOB = "compact"
_MB = 1 << 20
_EPILOG = """\
examples:
  dhs compact --source stamps --out packed
  dhs compact --source s3://bucket/foreign_stamps --target-mb 512 --out packed

A finished stamps directory becomes another one, with its index, that every other command takes. Anything else that holds
Parquet is packed folder by folder (region_split=train stays what it is), columns and types as they are; dhs adopt reads it
then. Rows keep their order; blobs are counted and hashed while they are read, and again in the shard that was written.
"""
Footers = dict[Location, pq.FileMetaData]


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--source", type=location, required=True, help="finished stamps, or a directory of Parquet files, here or s3://")
    add("--out", type=location, required=True, help="directory for the shards, here or s3://")
    add("--target-mb", type=int, default=256, metavar="MB", help="size of a shard, 1 to 4096 (default: %(default)s)")
    add("--rows-per-group", type=int, default=256, metavar="N", help="rows of a row group (default: %(default)s)")
    add("--partitions", type=int, metavar="N", help="Spark partitions (default: one a shard); the result is the same")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when the shards stand."""
    args = checked(build_parser().parse_args(argv))
    ours = any((args.source / name).exists() for name in (FINISHED_NAME, STARTED_NAME))  # what is unfinished is said to be
    footers = _footers(_our_files(args.source) if ours else _foreign_files(args.source))
    shards = _plan(args.source, footers, args.target_mb * _MB)
    out: Location = args.out.resolve()
    identity = _identity(args, footers, read_run(args.source) if ours else {})
    state = begin_run(out, identity)
    if state is RunState.FINISHED:
        account(JOB, f"{out} holds this run already, finished; nothing to do")
        return EXIT_DONE
    work = partial(pack_shard, Packing(out, args.rows_per_group, standing_files(out, state)))
    packs = map_names(build_session(JOB), shards, work, what="packing", partitions=args.partitions, log=ProgressLog(out))
    tallies = [tally for tally, _ in packs]
    files = [file for _, file in packs]
    rows = sum(footer.num_rows for footer in footers.values())
    packed = sum(tally.rows for tally in tallies)
    if packed != rows:
        raise InputError(f"{args.source} has {rows} rows and {out} {packed}; wanted the same")
    written = [*files, *(_indexes(out, files, identity, args.source) if ours else [])]
    blobs, size = sum(tally.blobs for tally in tallies), sum(tally.blob_bytes for tally in tallies)
    header = {name: read_run(args.source).get(name) for name in ("recipe_name", "split_key")} if ours else {}
    before = read_run(args.source)["counts"] if ours else {}
    finish_run_of_entries(out, identity, written, {**before, "rows": rows, "blobs": blobs, "blob_bytes": size}, header)
    sizes = sorted(file.bytes / _MB for file in files)
    account(
        JOB,
        f"{rows:,} rows and {blobs:,} blobs ({size / _MB:,.0f} MB) of {len(footers):,} files in {len(files):,} shards of "
        f"{sizes[0]:.1f} to {sizes[-1]:.1f} MB, read back and found the same; {out}",
    )
    return EXIT_DONE


def checked(args: argparse.Namespace) -> argparse.Namespace:
    """The arguments; raises InputError for a number that makes no shard."""
    if not 1 <= args.target_mb <= 4096 or args.rows_per_group < 1 or (args.partitions is not None and args.partitions < 1):
        seen = f"--target-mb {args.target_mb} --rows-per-group {args.rows_per_group} --partitions {args.partitions}"
        raise InputError(f"{seen}; wanted 1 to 4096 MB, a row and a partition or more")
    return args


def _our_files(source: Location) -> list[Location]:
    """The stamps files of a finished run."""
    files: list[Location] = run_files(source, STAMPS, "split=")
    if not files:
        raise InputError(f"{source} is a finished run without stamps; wanted the output of dhs inject or dhs adopt")
    return files


def _foreign_files(source: Location) -> list[Location]:
    """Every Parquet file below a directory, by name; hidden ones are somebody's unfinished work."""
    found = [path for path in files_below(source) if path.name.endswith(".parquet") and not path.name.startswith((".", "_"))]
    if not found:
        raise InputError(f"{source} holds no Parquet file; wanted a directory of some, or a finished stamps directory")
    return found


def _footers(files: Sequence[Location]) -> Footers:
    return dict(zip(files, map_in_order(metadata_of, files), strict=True))


def _plan(source: Location, footers: Footers, target: int) -> list[Shard]:
    folders: defaultdict[str, Footers] = defaultdict(dict)
    for file, footer in footers.items():
        folders[relative_path(file, source).rpartition("/")[0]][file] = footer
    return [shard for folder, some in sorted(folders.items()) for shard in plan_shards(folder, some, target)]


def _indexes(out: Location, files: Sequence[FileEntry], identity: RunIdentity, source: Location) -> list[FileEntry]:
    """The index of each split."""
    name = str(read_run(source).get("recipe_name") or "")
    provenance = Provenance(identity.code_version, identity.recipe_hash, identity.run_seed, name)
    written = []
    for folder in sorted({file.path.partition("/")[0] for file in files}):
        stamps = [out / file.path for file in files if file.path.startswith(f"{folder}/")]
        written.append(write_index(out / "index" / f"{folder.replace('=', '-')}.parquet", stamps, out, provenance))
    return written


def _identity(args: argparse.Namespace, footers: Footers, record: dict[str, Any]) -> RunIdentity:
    rows = {relative_path(file, args.source): footer.num_rows for file, footer in footers.items()}
    hashes = {entry["path"]: entry["sha256"] for entry in record.get("files", [])}
    settings: dict[str, Any] = {"target_mb": args.target_mb, "rows_per_group": args.rows_per_group, "files": rows}
    settings |= {"sha256": hashes}
    before = record.get("settings", {})  # what dhs replay looks for
    settings |= {name: before[name] for name in ("plan_sha256", "cutouts_sha256", "bank_sha256") if name in before}
    return RunIdentity(JOB, code_version(), record.get("recipe_hash") or "", record.get("run_seed"), settings)


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
