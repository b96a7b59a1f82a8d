"""The job ``dhs fetch-stamps``: a finished stamps directory in S3 → the same directory on disk, every file's checksum verified.

The list of files, their sizes and hashes come from the record of the run, which is written last: until all files stand, the
copy is no finished run, and no reader takes it for one.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from schemas.file_commit import commit_bytes, unfinished_file
from schemas.finished_files import file_sha256
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, asked, local_path, location
from schemas.run_record import FINISHED_NAME, STARTED_NAME, read_run

EXAMPLE = """\
example:
  dhs fetch-stamps --from s3://bucket/run7/stamps --to /data/stamps

The same command again fetches what is absent or differs from the record, and verifies the rest. Reading straight from S3 needs
no copy (dhs train --stamps s3://...); a copy on a local disk is faster from the second epoch on.
"""
_CHUNK = 1 << 24


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs fetch-stamps``."""
    parser = argparse.ArgumentParser(
        prog="dhs fetch-stamps",
        description="Copy a finished run from S3 to disk, verifying every file against the run's record.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--from", dest="source", type=location, required=True, help="finished directory, s3://... or a path")
    parser.add_argument("--to", dest="target", type=local_path, required=True, help="directory on disk")
    parser.add_argument("--parallel", type=int, default=8, help="files at a time (default: %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch what is not there, verify what is."""
    args = build_parser().parse_args(argv)
    if not 1 <= args.parallel <= 64:
        raise InputError(f"--parallel is {args.parallel}; wanted 1 to 64")
    entries = read_run(args.source)["files"]
    record = (args.source / FINISHED_NAME).read_bytes()
    standing = args.target / FINISHED_NAME
    if standing.exists() and standing.read_bytes() != record:
        raise InputError(f"{args.target} holds another run than {args.source}; wanted an empty directory, or that run's copy")
    for entry in entries:
        if Path(entry["path"]).is_absolute() or ".." in Path(entry["path"]).parts:
            raise InputError(f"{args.source}: its record names {entry['path']!r}, which lies outside; nothing was fetched")
    total = sum(entry["bytes"] for entry in entries)
    with (
        ThreadPoolExecutor(args.parallel) as pool,
        tqdm(desc="fetch", total=total, unit="B", unit_scale=True, disable=None) as bar,
    ):
        fetched = 0
        for entry, new in zip(entries, pool.map(partial(_fetch, args.source, args.target), entries), strict=True):
            fetched += new
            bar.update(entry["bytes"])
    for name, content in ((STARTED_NAME, _started(args.source)), (FINISHED_NAME, record)):
        commit_bytes(args.target / name, content)
    account(
        "fetch-stamps",
        f"{len(entries)} files, {total / 1e9:.2f} GB, in {args.target}: {fetched} fetched, {len(entries) - fetched} verified",
    )
    return EXIT_DONE


def _fetch(source: Location, target: Path, entry: dict[str, Any]) -> bool:
    """Make one file stand as the record says; answers whether it had to be fetched. Raises InputError where it cannot."""
    path = target / entry["path"]
    if path.exists() and path.stat().st_size == entry["bytes"] and file_sha256(path) == entry["sha256"]:
        return False
    digest, length = hashlib.sha256(), 0
    with unfinished_file(path) as unfinished:
        with _opened(source / entry["path"]) as stream, open(unfinished, "wb") as out:
            while chunk := asked(source / entry["path"], partial(stream.read, _CHUNK)):
                digest.update(chunk)
                length += len(chunk)
                out.write(chunk)
        if (length, digest.hexdigest()) != (entry["bytes"], entry["sha256"]):
            raise InputError(
                f"{source / entry['path']} has {length} bytes of SHA-256 {digest.hexdigest()[:16]}; the record of the run says "
                f"{entry['bytes']} of {entry['sha256'][:16]}. Make it anew, or fetch from where the run was made"
            )
    return True


def _opened(place: Location) -> Any:
    return open(place, "rb") if isinstance(place, Path) else place.open()


def _started(source: Location) -> bytes:
    return (source / STARTED_NAME).read_bytes()


if __name__ == "__main__":
    raise SystemExit(run_job("fetch-stamps", main))
