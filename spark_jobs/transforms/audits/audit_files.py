"""The files of a run against its record: all there, unchanged, under contract, and of one origin."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from schemas.contract import Contract, ContractError
from schemas.contract_files import check_header
from schemas.finished_files import file_sha256
from schemas.locations import Location, files_below, relative_path
from schemas.run_record import FINISHED_NAME, STARTED_NAME, stays_below
from schemas.stamps import STAMP_INDEX, STAMPS
from spark_jobs.transforms.audits.audit_blobs import BlobAudit
from spark_jobs.transforms.audits.audit_result import Check, Verdict, examples
from spark_jobs.transforms.audits.files_at_hand import each_at_hand

ORIGIN = ("recipe_hash", "run_seed", "code_version")
_ENTRY_KEYS = {"path", "rows", "bytes", "sha256"}


@dataclass(frozen=True)
class AuditedFiles:
    """The record of a stamps directory, its files at hand that can be read under contract, and what was found on the way."""

    record: dict[str, Any]
    stamps: list[Path] = field(default_factory=list)
    index: list[Path] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)


def audit_files(directory: Location, folder: Path, blobs: BlobAudit | None) -> AuditedFiles:
    """Check record, files, contract and origin of a stamps directory; with ``blobs`` every byte of every file is read, once.

    Copies of objects lie in ``folder``. The lists hold what the further checks can read: a file that is absent, broken or under
    another contract is in ``checks``.
    """
    record, check = _read_record(directory)
    if record is None:
        return AuditedFiles({}, checks=[check])
    entries: list[dict[str, Any]] = record["files"]
    standing = {relative_path(place, directory) for place in files_below(directory)}
    there = [entry for entry in entries if entry["path"] in standing]
    stamps: list[Path] = []
    index: list[Path] = []
    problems = [f"{entry['path']} is recorded and not there" for entry in entries if entry["path"] not in standing]
    faults: list[str] = []
    headers: dict[str, dict[str, Any]] = {}
    files = each_at_hand(directory, [entry["path"] for entry in there], folder, pixels=blobs is not None)
    for entry, path in tqdm(zip(there, files, strict=True), total=len(there), desc="files", unit="file", disable=None):
        problems += _difference(path, entry, hashes=blobs is not None)
        contract = STAMP_INDEX if entry["path"].startswith("index/") else STAMPS
        header, problem = _header(path, contract)
        faults += [problem] if problem else []
        if header is None:
            continue
        headers[entry["path"]] = header
        (index if contract is STAMP_INDEX else stamps).append(path)
        if blobs is not None and contract is STAMPS:
            blobs.read(path)
    checks = [
        check,
        _files_against_record(entries, standing, problems, hashes=blobs is not None),
        Check.of("schema and contract version", faults, f"{len(headers)} files keep their contract {STAMPS.version}"),
        _one_origin(headers, record),
    ]
    return AuditedFiles(record, stamps, index, checks)


def _read_record(directory: Location) -> tuple[dict[str, Any] | None, Check]:
    name = "run record"
    path = directory / FINISHED_NAME
    if not path.exists():
        return None, Check(name, f"{STARTED_NAME} stands, {FINISHED_NAME} does not: the run is unfinished", Verdict.FAIL)
    try:
        record = json.loads(path.read_text())
    except ValueError as error:
        return None, Check(name, f"{FINISHED_NAME} is not JSON: {error}", Verdict.FAIL)
    files = record.get("files") if isinstance(record, dict) else None
    if not isinstance(files, list) or not all(isinstance(entry, dict) and entry.keys() >= _ENTRY_KEYS for entry in files):
        wanted = ", ".join(sorted(_ENTRY_KEYS))
        return None, Check(name, f"{FINISHED_NAME} does not list its files with {wanted}", Verdict.FAIL)
    outside = [entry["path"] for entry in files if not _inside(directory, entry["path"])]
    if outside:
        return None, Check(name, f"{FINISHED_NAME} names files outside the directory: {examples(outside)}", Verdict.FAIL)
    rows = sum(entry["rows"] for entry in files)
    problems = [] if rows == record.get("rows") else [f"its files have {rows} rows, its total says {record.get('rows')}"]
    clean = f"finished {record.get('finished_utc', 'at an unknown time')}, {len(files)} files"
    return record, Check.of(name, problems, clean)


def _inside(directory: Location, relative: str) -> bool:
    linked_out = isinstance(directory, Path) and not (directory / relative).resolve().is_relative_to(directory.resolve())
    return stays_below(relative) and not linked_out


def _files_against_record(
    entries: Sequence[dict[str, Any]], standing: Collection[str], problems: Sequence[str], *, hashes: bool
) -> Check:
    recorded = {entry["path"] for entry in entries}
    strays = sorted(path for path in standing if path not in recorded and _is_data(PurePosixPath(path)))
    rows = sum(entry["rows"] for entry in entries)
    against = "sizes and SHA-256" if hashes else "sizes (not hashes)"
    return Check.of(
        "files match the record",
        [*problems, *(f"{stray} is there and not recorded" for stray in strays)],
        f"{len(entries)} files, {rows} rows, {against} as recorded",
    )


def _is_data(path: PurePosixPath) -> bool:
    return path.suffix == ".parquet" and not path.name.startswith(".")


def _difference(path: Path, entry: dict[str, Any], *, hashes: bool) -> list[str]:
    """What differs between a file and its entry; empty where nothing does."""
    size = path.stat().st_size
    if size != entry["bytes"]:
        return [f"{entry['path']} has {size} bytes, recorded {entry['bytes']}"]
    if hashes:
        digest = file_sha256(path)
        if digest != entry["sha256"]:
            return [f"{entry['path']} has SHA-256 {digest[:12]}…, recorded {str(entry['sha256'])[:12]}…"]
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowInvalid, OSError) as error:
        return [f"{entry['path']} has no readable Parquet footer: {error}"]
    return [] if rows == entry["rows"] else [f"{entry['path']} has {rows} rows, recorded {entry['rows']}"]


def _header(path: Path, contract: Contract) -> tuple[dict[str, Any] | None, str]:
    """The header of a file that the further checks can read, else None; and the problem with its contract, if any."""
    try:
        with pq.ParquetFile(path) as file:
            header = check_header(path, file, contract)
            differences = _type_differences(file.schema_arrow, contract)
    except (pa.ArrowInvalid, OSError, ContractError, ValueError, KeyError) as error:
        return None, f"{path.name}: {error}"
    if differences:
        return None, f"{path.name}: {'; '.join(differences)}"
    return header, ""


def _type_differences(schema: pa.Schema, contract: Contract) -> list[str]:
    wanted = contract.arrow_schema()
    extra = sorted(set(schema.names) - set(wanted.names))
    differences = [f"column {name} is not in the {contract.name} contract" for name in extra]
    for field_ in wanted:
        seen = schema.field(field_.name).type
        if seen != field_.type:
            differences.append(f"column {field_.name} is {seen}, wanted {field_.type}")
    return differences


def _one_origin(headers: dict[str, dict[str, Any]], record: dict[str, Any]) -> Check:
    """One recipe, seed and code version in the headers of all files, the same as in the record of the run."""
    problems = []
    for key in ORIGIN:
        seen: dict[str, list[str]] = {str(record.get(key)): ["the run record"]}
        for path, header in headers.items():
            seen.setdefault(str(header.get(key)), []).append(path)
        if len(seen) > 1:
            problems.append(f"{key}: " + " but ".join(f"{value} in {examples(places)}" for value, places in seen.items()))
    clean = ", ".join(f"{key} {record.get(key)}" for key in ORIGIN)
    return Check.of("one recipe, seed and code version", problems, clean)
