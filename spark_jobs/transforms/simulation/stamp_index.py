"""The index beside the stamps: every column but the pixels, one file a split, with the place of each row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from schemas.contract_files import Provenance, TableWriter, read_table
from schemas.stamps import STAMP_INDEX, STAMPS


def write_index(path: Path, stamps: Sequence[Path], directory: Path, provenance: Provenance) -> None:
    """Write the index of some stamps files; file names in it are relative to ``directory``."""
    columns = [name for name in STAMP_INDEX.names if name in STAMPS.names]
    with TableWriter(path, STAMP_INDEX, provenance) as writer:
        for file in stamps:
            table = read_table(file, STAMPS, columns)
            name = file.relative_to(directory).as_posix()
            table = table.append_column("file", pa.array([name] * table.num_rows, pa.string()))
            writer.add_batch(table.append_column("row", pa.array(range(table.num_rows), pa.int32())))
