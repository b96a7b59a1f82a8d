"""The index beside the stamps: every column but the pixels, one file a split, with the place of each row."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from schemas.contract_files import Provenance, TableWriter, read_table
from schemas.finished_files import FileEntry
from schemas.locations import Location, each_in_order, relative_path
from schemas.stamps import STAMP_INDEX, STAMPS


def write_index(path: Location, stamps: Sequence[Location], directory: Location, provenance: Provenance) -> FileEntry:
    """Write the index of some stamps files; file names in it are relative to ``directory``."""
    columns = [name for name in STAMP_INDEX.names if name in STAMPS.names]
    tables = each_in_order(lambda file: read_table(file, STAMPS, columns), stamps)
    with TableWriter(path, STAMP_INDEX, provenance) as writer:
        for file, table in zip(stamps, tables, strict=True):
            name = relative_path(file, directory)
            placed = table.append_column("file", pa.array([name] * table.num_rows, pa.string()))
            writer.add_batch(placed.append_column("row", pa.array(range(table.num_rows), pa.int32())))
    return writer.entry(directory)
