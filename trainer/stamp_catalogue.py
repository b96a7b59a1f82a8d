"""What a split of a stamps directory holds, learned without reading a pixel: row groups, kept rows, labels, metadata.

It reads the split's index file (no blobs) and the footers of the stamps files, and holds 10 bytes a kept row, 14 with pairs.
Row groups of which nothing is kept are never read, and blobs of rows that are not kept never decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import ContractError
from schemas.contract_files import read_footers, row_batches
from schemas.job_entry import InputError
from schemas.locations import Location, relative_path
from schemas.run_record import read_run, run_files
from schemas.split_rule import SPLITS
from schemas.stamps import STAMP_INDEX, STAMPS
from trainer.metadata import MetadataStatistics, check_metadata_columns, measure_metadata
from trainer.stamp_selection import columns_wanted, partners_of_lenses, selected_rows
from trainer.train_settings import SelectSettings

EVERYTHING = SelectSettings()


@dataclass(frozen=True)
class StampCatalogue:
    """Kept rows of a split, in the order (file, row). Row group n holds the samples ``first_sample[n]`` to ``[n + 1]``.

    ``group_file`` and ``group_number`` say where a row group lies; ``row_in_group``, ``labels`` and ``kind`` (a number into
    ``kinds``) are one a sample, and so is ``partner``, the sample that is a lens's control, -1 for none: None without pairs.
    ``refused`` rows have no stamp, ``dropped`` ones did not pass the selection. ``source`` names the kind of table
    (``stamp_sources``).
    """

    files: tuple[str, ...]
    group_file: npt.NDArray[np.int32]
    group_number: npt.NDArray[np.int32]
    first_sample: npt.NDArray[np.int64]
    row_in_group: npt.NDArray[np.int32]
    labels: npt.NDArray[np.int8]
    kind: npt.NDArray[np.int8]
    kinds: tuple[str, ...]
    partner: npt.NDArray[np.int32] | None
    size_pix: int
    refused: int
    dropped: int
    metadata_columns: tuple[str, ...]
    metadata_statistics: MetadataStatistics | None
    source: str = "stamps"

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


def load_catalogue(
    directory: Location,
    split: str,
    metadata_columns: Sequence[str],
    *,
    measure: bool = False,
    select: SelectSettings = EVERYTHING,
    pairs: bool = False,
) -> StampCatalogue:
    """The catalogue of one split of a finished stamps directory, of the rows that ``select`` keeps.

    With ``measure``, metadata statistics too; with ``pairs``, which control belongs to which lens. Raises InputError for an
    unknown split or one without usable stamps, RunError for an unfinished directory and ContractError where index and files
    disagree.
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
    names = [relative_path(path, directory) for path in files]
    rows, kinds = _read_index(index[0], names, [*metadata_columns, *columns_wanted(select, pairs=pairs)])
    first_row_of_file = np.concatenate(([0], np.cumsum(np.bincount(group_file, group_rows, len(files)).astype(np.int64))))
    place = first_row_of_file[rows["file"]] + rows["row"]
    _check_complete(index[0], place, int(group_rows.sum()))
    usable = rows["reasons"] == 0
    chosen = selected_rows(rows, kinds, usable, select)
    in_order = np.argsort(place)
    kept = in_order[chosen[in_order]]
    if not len(kept):
        why = "data.select keeps none" if usable.any() else "all refused"
        raise InputError(f"split {split!r} of {directory} has {len(place)} rows, {why}; wanted usable stamps")
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
        kind=rows["kind"][kept],
        kinds=tuple(kinds),
        partner=_partners(rows, kinds, kept) if pairs else None,
        size_pix=_one_size(directory, split, rows["size_pix"][kept]),
        refused=int((~usable).sum()),
        dropped=int(usable.sum()) - len(kept),
        metadata_columns=tuple(metadata_columns),
        metadata_statistics=None if values is None else measure_metadata(values, metadata_columns),
    )


def stamps_origin(directory: Location) -> dict[str, Any]:
    """What made the stamps, from the record of the run: recipe hash and seed."""
    record = read_run(directory)
    return {key: record.get(key) for key in ("recipe_hash", "run_seed", "recipe_name", "code_version")}


def _row_groups(files: Sequence[Location]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    found: list[tuple[int, int, int]] = []
    for number, footer in enumerate(read_footers(files, STAMPS)):
        found += [(number, group, footer.row_group(group).num_rows) for group in range(footer.num_row_groups)]
    table = np.array(found, np.int64).reshape(-1, 3)
    return table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2]


def _read_index(path: Location, files: Sequence[str], columns: Sequence[str]) -> tuple[dict[str, npt.NDArray[Any]], list[str]]:
    """Columns of the index as arrays: ``file`` and ``kind`` as numbers, ``pair_id`` too (-1: none), others NaN for null.

    The second answer is the names of the kinds.
    """
    wanted = list(dict.fromkeys(["row", "reasons", "label", "size_pix", *columns]))
    parts: dict[str, list[Any]] = {name: [] for name in ("file", "kind", *wanted)}
    for batch in row_batches(path, STAMP_INDEX, ["file", "kind", *wanted]):
        known = pc.index_in(batch["file"], value_set=pa.array(files, pa.string()))
        if known.null_count:
            stranger = batch["file"].filter(pc.is_null(known))[0].as_py()
            raise ContractError(f"{path} names {stranger!r}, which is not among the split's {len(files)} stamps files")
        parts["file"].append(known.to_numpy(zero_copy_only=False))
        parts["kind"].append(batch["kind"])
        for name in wanted:
            column = batch[name].fill_null(0) if name == "size_pix" else batch[name]  # a refused row may have no size
            parts[name].append(column if name == "pair_id" else column.to_numpy(zero_copy_only=False))
    named = {name: pa.chunked_array(parts.pop(name), pa.string()) for name in ("kind", "pair_id") if name in parts}
    rows = {name: np.concatenate(arrays) if arrays else np.empty(0, np.int64) for name, arrays in parts.items()}
    rows["kind"], kinds = _numbered(named["kind"], np.int8)
    if "pair_id" in named:
        rows["pair_id"], _ = _numbered(named["pair_id"], np.int32)
    return rows, kinds


def _numbered(names: pa.ChunkedArray, kind: type[np.integer]) -> tuple[npt.NDArray[Any], list[str]]:
    """Names as numbers from 0, -1 for null, and what they stand for."""
    encoded = names.combine_chunks().dictionary_encode()
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(kind), encoded.dictionary.to_pylist()


def _partners(rows: dict[str, npt.NDArray[Any]], kinds: Sequence[str], kept: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    control = np.array([name == "control" for name in kinds], bool)[rows["kind"][kept]]
    return partners_of_lenses(rows["pair_id"][kept], rows["label"][kept] == 1, control)


def _check_complete(path: Location, place: npt.NDArray[np.int64], rows: int) -> None:
    """Every row of the stamps files must be named exactly once."""
    named = len(np.unique(place))
    if len(place) != rows or named != rows:
        raise ContractError(f"{path} has {len(place)} rows that name {named} stamps; the stamps files have {rows}")


def _one_size(directory: Location, split: str, sizes: npt.NDArray[np.int32]) -> int:
    seen = np.unique(sizes)
    if len(seen) != 1:
        raise InputError(f"split {split!r} of {directory} has stamps of {', '.join(map(str, seen))} pixels; wanted one size")
    return int(seen[0])
