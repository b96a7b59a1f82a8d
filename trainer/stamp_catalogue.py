"""What a split of a stamps directory holds, learned without reading a pixel: row groups, kept rows, labels, metadata.

It reads the split's index file (no blobs) and the footers of the stamps files, and holds 9 bytes a kept row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import ContractError
from schemas.contract_files import open_parquet
from schemas.job_entry import InputError
from schemas.run_record import read_run, run_files
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX, STAMPS
from trainer.metadata import MetadataStatistics, check_metadata_columns, measure_metadata

_ROWS_AT_A_TIME = 65536


@dataclass(frozen=True)
class StampCatalogue:
    """Kept rows of a split, in the order (file, row). Row group n holds the samples ``first_sample[n]`` to ``[n + 1]``.

    ``group_file`` and ``group_number`` say where a row group lies; ``row_in_group`` and ``labels`` are one a sample.
    """

    files: tuple[str, ...]
    group_file: npt.NDArray[np.int32]
    group_number: npt.NDArray[np.int32]
    first_sample: npt.NDArray[np.int64]
    row_in_group: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int8]
    size_pix: int
    refused: int
    metadata_columns: tuple[str, ...]
    metadata_statistics: MetadataStatistics | None

    @property
    def samples(self) -> int:
        """Kept rows."""
        return len(self.labels)

    @property
    def group_sizes(self) -> npt.NDArray[np.int64]:
        """Kept rows of each row group."""
        return np.diff(self.first_sample)

    def rows_of_group(self, group: int) -> npt.NDArray[np.int32]:
        """Which rows of a row group are kept, in file order."""
        return self.row_in_group[self.first_sample[group] : self.first_sample[group + 1]]

    def count(self, label: int) -> int:
        """Kept rows with a label: 1 for lenses, 0 for none."""
        return int((self.labels == label).sum())


def load_catalogue(directory: Path, split: str, metadata_columns: Sequence[str], *, measure: bool = False) -> StampCatalogue:
    """The catalogue of one split of a finished stamps directory; with ``measure``, metadata statistics too.

    Raises InputError for an unknown split or a split without usable stamps, RunError for an unfinished directory and
    ContractError where index and files disagree.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r} was asked for; wanted one of {', '.join(SPLITS)}")
    check_metadata_columns(metadata_columns)
    files = run_files(directory, STAMPS, under=f"split={split}/")
    index = run_files(directory, STAMP_INDEX, under=f"index/split-{split}.parquet")
    if not files or not index:
        raise InputError(
            f"{directory} holds {len(files)} stamps files and {len(index)} index files of split {split!r}; wanted some"
        )
    group_file, group_number, group_rows = _row_groups(files)
    rows = _read_index(index[0], [path.relative_to(directory).as_posix() for path in files], metadata_columns)
    first_row_of_file = np.concatenate(([0], np.cumsum(np.bincount(group_file, group_rows, len(files)).astype(np.int64))))
    place = first_row_of_file[rows["file"]] + rows["row"]
    _check_complete(index[0], place, int(group_rows.sum()))
    in_order = np.argsort(place)
    kept = in_order[rows["reasons"][in_order] == 0]
    if not len(kept):
        raise InputError(f"split {split!r} of {directory} has {len(place)} rows, all refused; wanted usable stamps")
    first_row = np.concatenate(([0], np.cumsum(group_rows)))
    group = np.searchsorted(first_row, place[kept], "right") - 1
    values = np.stack([rows[name][kept] for name in metadata_columns], axis=1) if measure else None
    return StampCatalogue(
        files=tuple(str(path) for path in files),
        group_file=group_file,
        group_number=group_number,
        first_sample=np.concatenate(([0], np.cumsum(np.bincount(group, minlength=len(group_rows))))),
        row_in_group=(place[kept] - first_row[group]).astype(np.int32),
        labels=rows["label"][kept].astype(np.int8),
        size_pix=_one_size(directory, split, rows["size_pix"][kept]),
        refused=len(place) - len(kept),
        metadata_columns=tuple(metadata_columns),
        metadata_statistics=None if values is None else measure_metadata(values, metadata_columns),
    )


def stamps_origin(directory: Path) -> dict[str, Any]:
    """What made the stamps, from the record of the run: recipe hash and seed."""
    record = read_run(directory)
    return {key: record.get(key) for key in ("recipe_hash", "run_seed", "recipe_name", "code_version")}


def _row_groups(files: Sequence[Path]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    found: list[tuple[int, int, int]] = []
    for number, path in enumerate(files):
        with open_parquet(path, STAMPS) as parquet:
            footer = parquet.metadata
            found += [(number, group, footer.row_group(group).num_rows) for group in range(footer.num_row_groups)]
    table = np.array(found, np.int64).reshape(-1, 3)
    return table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2]


def _read_index(path: Path, files: Sequence[str], metadata_columns: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Columns of the index as arrays: ``file`` as a number into ``files``, metadata with NaN for null."""
    numbers = ["row", "reasons", "label", "size_pix", *metadata_columns]
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ("file", *numbers)}
    with open_parquet(path, STAMP_INDEX) as parquet:
        for batch in parquet.iter_batches(_ROWS_AT_A_TIME, columns=["file", *numbers]):
            known = pc.index_in(batch["file"], value_set=pa.array(files, pa.string()))
            if known.null_count:
                stranger = batch["file"].filter(pc.is_null(known))[0].as_py()
                raise ContractError(f"{path} names {stranger!r}, which is not among the split's {len(files)} stamps files")
            parts["file"].append(known.to_numpy(zero_copy_only=False))
            for name in numbers:
                column = batch[name].fill_null(0) if name == "size_pix" else batch[name]  # a refused row may have no size
                parts[name].append(column.to_numpy(zero_copy_only=False))
    return {name: np.concatenate(arrays) if arrays else np.empty(0, np.int64) for name, arrays in parts.items()}


def _check_complete(path: Path, place: npt.NDArray[np.int64], rows: int) -> None:
    """Every row of the stamps files must be named exactly once."""
    named = len(np.unique(place))
    if len(place) != rows or named != rows:
        raise ContractError(f"{path} has {len(place)} rows that name {named} stamps; the stamps files have {rows}")


def _one_size(directory: Path, split: str, sizes: npt.NDArray[np.int32]) -> int:
    seen = np.unique(sizes)
    if len(seen) != 1:
        raise InputError(f"split {split!r} of {directory} has stamps of {', '.join(map(str, seen))} pixels; wanted one size")
    return int(seen[0])
