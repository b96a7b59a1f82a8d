"""The index beside the stamps: what stands in it is what stands in the files, without a pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.contract import ContractError
from schemas.contract_files import Provenance, read_table
from schemas.stamps import STAMP_INDEX, STAMPS
from spark_jobs.transforms.simulation.stamp_index import write_index
from tests.synthetic_stamps import StampsDirectory


@pytest.fixture(scope="module")
def files(stamps_directory: StampsDirectory) -> list[Path]:
    """Stamps files of every split, in an order that is not the alphabet's."""
    return sorted(stamps_directory.stamps.glob("split=*/*.parquet"), reverse=True)


@pytest.fixture(scope="module")
def rows(
    stamps_directory: StampsDirectory, files: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    directory = tmp_path_factory.mktemp("index")
    for split in {file.parent for file in files}:
        (directory / split.name).symlink_to(split)
    path = directory / "deep" / "split-all.parquet"
    entry = write_index(path, [directory / file.parent.name / file.name for file in files], directory, Provenance("test"))
    assert (entry.path, entry.rows) == ("deep/split-all.parquet", 160)
    found: list[dict[str, Any]] = read_table(path, STAMP_INDEX).to_pylist()
    return found


def test_every_row_of_every_file_is_there_once_in_order_with_all_but_its_pixels(
    rows: list[dict[str, Any]], files: list[Path]
) -> None:
    stamps = [row for path in files for row in read_table(path, STAMPS).to_pylist()]
    assert len(rows) == len(stamps) == 160
    for row, stamp in zip(rows, stamps, strict=True):
        assert {name: value for name, value in row.items() if name not in ("file", "row")} == {
            name: value for name, value in stamp.items() if name != "stamp_npz"
        }


def test_file_and_row_lead_back_to_the_stamp(rows: list[dict[str, Any]], stamps_directory: StampsDirectory) -> None:
    for row in rows[::17]:
        assert not Path(row["file"]).is_absolute()
        stamp = read_table(stamps_directory.stamps / row["file"], STAMPS, ["task_id"])["task_id"][row["row"]].as_py()
        assert stamp == row["task_id"]


def test_the_columns_of_the_index_are_read_without_touching_a_blob(
    files: list[Path], tmp_path: Path, stamps_directory: StampsDirectory
) -> None:
    """Every byte of the pixels is overwritten: their page checksums are wrong, and the index does not notice."""
    broken = tmp_path / "split=train" / files[0].name
    broken.parent.mkdir()
    content = bytearray(files[0].read_bytes())
    footer = pq.ParquetFile(files[0]).metadata
    for group in range(footer.num_row_groups):
        column = footer.row_group(group).column(STAMPS.names.index("stamp_npz"))
        assert column.path_in_schema == "stamp_npz"
        start = column.data_page_offset + 200  # behind the page's header
        end = column.data_page_offset + column.total_compressed_size
        content[start:end] = bytes(end - start)
    broken.write_bytes(content)
    write_index(tmp_path / "index.parquet", [broken], tmp_path, Provenance("test"))
    assert read_table(tmp_path / "index.parquet", STAMP_INDEX).num_rows == footer.num_rows
    with pytest.raises(ContractError, match=r"is damaged: .*CRC"):
        read_table(broken, STAMPS)
