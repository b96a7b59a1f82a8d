"""From files of foreign stamps to files of ours: one pass with little memory, one file a file, finished ones left alone."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from schemas.contract_files import ROWS_PER_GROUP_WITH_BLOBS, Provenance, TableWriter, read_table, row_batches
from schemas.file_commit import commit_text
from schemas.finished_files import FileEntry, describe_file
from schemas.job_entry import InputError
from schemas.locations import Location, files_below, map_in_order, relative_path
from schemas.refusal_reasons import names_of
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX, STAMPS
from trainer.adopting.foreign_stamps import SourceFile, host_names, open_stamps
from trainer.adopting.one_host import HostNames
from trainer.adopting.stamp_columns import AdoptionRules, adopted_table

HOSTS_NAME = "_hosts.json"


@dataclass(frozen=True)
class Adoption:
    """What is adopted into which directory, and how."""

    out: Location
    rules: AdoptionRules
    provenance: Provenance

    def target(self, file: SourceFile) -> Location:
        """Where the rows of a file go."""
        return self.out / f"split={file.split}" / f"adopted-{file.number:05d}.parquet"


@dataclass(frozen=True)
class AdoptionCounts:
    """Rows with pixels by split and kind, and rows without by reason; a row may have several reasons."""

    rows: int
    usable: dict[str, dict[str, int]]
    refused: int
    reasons: dict[str, int]


def adopt_files(adoption: Adoption, files: Sequence[SourceFile], workers: int) -> list[FileEntry]:
    """Write the stamps files that do not stand yet and the index; answers with all files of the run, described.

    Raises InputError where a file is damaged, or where it does not give as many rows as it has.
    """
    targets, there = {file.number: adoption.target(file) for file in files}, frozenset(files_below(adoption.out))
    waiting = [file for file in files if targets[file.number] not in there]
    standing = {number: path for number, path in targets.items() if path in there}
    described = map_in_order(partial(describe_file, directory=adoption.out), standing.values())
    entries = dict(zip(standing, described, strict=True))
    adopt = partial(adopt_file, adoption, _known_hosts(adoption.out, files))
    with tqdm(total=sum(file.rows for file in waiting), desc="stamps", unit="row", disable=None) as progress:
        for file, entry in zip(waiting, _mapped(adopt, waiting, workers), strict=True):
            entries[file.number] = entry
            progress.update(entry.rows)
    return [*(entries[file.number] for file in files), *_write_indices(adoption, files)]


def adopt_file(adoption: Adoption, hosts: HostNames, file: SourceFile) -> FileEntry:
    """Write one file, whole or not at all; memory holds some hundred rows. Answers with what the record says of it."""
    with (
        open_stamps(file.path) as parquet,
        TableWriter(adoption.target(file), STAMPS, adoption.provenance) as writer,
    ):
        seen = 0
        for batch in _batches(parquet.iter_batches(ROWS_PER_GROUP_WITH_BLOBS, columns=list(file.columns)), file.path):
            writer.add_batch(adopted_table(batch, seen, file, adoption.rules, hosts))
            seen += batch.num_rows
        if seen != file.rows:
            raise InputError(f"{file.path}: {seen} rows were read and its footer says {file.rows}; wanted as many")
    if writer.rows_written != file.rows:
        raise InputError(f"{file.path}: {file.rows} rows in and {writer.rows_written} out; wanted as many")
    return writer.entry(adoption.out)


def count_rows(adoption: Adoption, files: Sequence[SourceFile]) -> AdoptionCounts:
    """Count what the index says. Raises InputError unless as many rows came out as went in."""
    reasons: Counter[int] = Counter()
    usable: dict[str, Counter[str]] = {}
    for split in _splits(files):
        for batch in row_batches(_index_of(adoption, split), STAMP_INDEX, ["kind", "reasons"]):
            bits = batch["reasons"].to_numpy()
            reasons.update(bits[bits != 0].tolist())
            kinds = np.array(batch["kind"].to_pylist(), np.str_)[bits == 0]
            usable.setdefault(split, Counter()).update(kinds.tolist())
    made = sum(sum(kinds.values()) for kinds in usable.values())
    rows, wanted = made + sum(reasons.values()), sum(file.rows for file in files)
    if rows != wanted:
        raise InputError(f"{adoption.out}: {wanted} rows in and {rows} out; wanted as many")
    named: Counter[str] = Counter()
    for bits, count in reasons.items():
        named.update(dict.fromkeys(names_of(bits), count))
    by_split = {split: dict(sorted(kinds.items())) for split, kinds in usable.items()}
    return AdoptionCounts(rows, by_split, sum(reasons.values()), dict(sorted(named.items())))


def _known_hosts(out: Location, files: Sequence[SourceFile]) -> HostNames:
    """The names of hosts, found once a run: finished files are not opened for it again."""
    noted = out / HOSTS_NAME
    if not noted.exists():
        commit_text(noted, host_names(files).to_text())
    return HostNames.from_text(noted.read_text())


def _mapped(adopt: partial[FileEntry], files: Sequence[SourceFile], workers: int) -> Iterator[FileEntry]:
    if workers <= 1 or len(files) <= 1:
        yield from map(adopt, files)
        return
    # Spawned, because a fork copies the locks of pyarrow's threads.
    with ProcessPoolExecutor(min(workers, len(files)), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(adopt, files)


def _batches(batches: Iterator[pa.RecordBatch], path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of a file; damage is one InputError that names it."""
    try:
        yield from batches
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is damaged: {' '.join(str(error).split())[:200]}") from error


def _splits(files: Sequence[SourceFile]) -> list[str]:
    return [split for split in SPLITS if any(file.split == split for file in files)]


def _index_of(adoption: Adoption, split: str) -> Location:
    return adoption.out / "index" / f"split-{split}.parquet"


def _write_indices(adoption: Adoption, files: Sequence[SourceFile]) -> list[FileEntry]:
    """The index of each split, read back from the finished files without their pixels."""
    written = []
    for split in _splits(files):
        with TableWriter(_index_of(adoption, split), STAMP_INDEX, adoption.provenance) as writer:
            for target in (adoption.target(file) for file in files if file.split == split):
                _add_to_index(writer, target, adoption.out)
        written.append(writer.entry(adoption.out))
    return written


def _add_to_index(writer: TableWriter, target: Location, out: Location) -> None:
    table = read_table(target, STAMPS, [name for name in STAMPS.names if name not in STAMPS.blob_names])
    file = pa.scalar(relative_path(target, out), pa.string())
    table = table.append_column("file", pa.repeat(file, len(table)))
    writer.add_batch(table.append_column("row", pa.array(np.arange(len(table), dtype=np.int32))))
