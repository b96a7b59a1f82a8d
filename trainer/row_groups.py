"""Row groups of stamps files, opened and read in the process that decodes them.

Page checksums are verified while reading: without that a flipped byte on disk would be read silently.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.contract_files import open_parquet, read_group
from schemas.locations import location
from trainer.stamp_catalogue import StampCatalogue
from trainer.stamp_sources import SOURCES

_OPEN_FILES = 16


@dataclass(frozen=True)
class RowGroup:
    """One row group: identity columns, metadata (row, column) with NaN for null, and blobs not yet decoded."""

    identity: pa.Table
    task_ids: list[str]
    labels: npt.NDArray[np.int16]
    metadata: npt.NDArray[np.float64]
    blobs: pa.BinaryArray


class RowGroupReader:
    """Reads row groups of a catalogue's files, keeping a few files open. Never pickled: each process makes its own."""

    def __init__(self, catalogue: StampCatalogue) -> None:
        self._catalogue, self._source = catalogue, SOURCES[catalogue.source]
        self._open: OrderedDict[str, pq.ParquetFile] = OrderedDict()

    def read(self, group: int) -> RowGroup:
        """The catalogue's row group by number; raises ContractError where its pages fail their checksums."""
        path = self._catalogue.files[self._catalogue.group_file[group]]
        columns = self._catalogue.metadata_columns
        number = int(self._catalogue.group_number[group])
        wanted = [*self._source.columns, *columns, self._source.blobs]
        table = read_group(path, self._file(path), number, wanted, use_threads=False)
        identity = self._source.identify(table)
        return RowGroup(
            identity=identity,
            task_ids=identity["task_id"].to_pylist(),
            labels=identity["label"].to_numpy(),
            metadata=_values(table, columns),
            blobs=table[self._source.blobs].combine_chunks(),
        )

    def _file(self, path: str) -> pq.ParquetFile:
        if path not in self._open:
            self._open[path] = open_parquet(location(path), self._source.contract)
            if len(self._open) > _OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(path)
        return self._open[path]

    def close(self) -> None:
        """Close the open files."""
        while self._open:
            self._open.popitem()[1].close()


def _values(table: pa.Table, columns: Sequence[str]) -> npt.NDArray[np.float64]:
    return np.stack([table[name].to_numpy().astype(np.float64) for name in columns], axis=1)
