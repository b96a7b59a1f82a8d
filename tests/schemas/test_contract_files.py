"""Tables to Parquet and back: whole or not at all, only under their contract, and never with a byte changed unnoticed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.contract import METADATA_KEY, Column, Contract, ContractError
from schemas.contract_files import (
    ROWS_PER_GROUP_WITH_BLOBS,
    TableWriter,
    check_header,
    conform,
    open_parquet,
    read_table,
    write_table,
)
from schemas.refusal_reasons import published_bits
from tests.schemas.small_table import MADE_BY, SHELF, shelf_rows, shelf_table


def shelf_file(folder: Path, rows: int = 20, contract: Contract = SHELF) -> Path:
    path = folder / "deep" / "shelf.parquet"
    assert write_table(path, shelf_table(rows), contract, MADE_BY) == rows
    return path


def test_a_table_comes_back_as_it_was_whole_or_by_columns_in_the_contracts_order(tmp_path: Path) -> None:
    path = shelf_file(tmp_path)
    assert read_table(path, SHELF).to_pylist() == shelf_rows(20)
    part = read_table(path, SHELF, ["picture", "name"])
    assert part.column_names == ["name", "picture"]
    assert read_table(path, SHELF).schema.equals(SHELF.arrow_schema())
    with pytest.raises(ContractError, match="has no column colour"):
        read_table(path, SHELF, ["colour"])


def test_the_file_says_which_contract_code_recipe_and_seed_made_it_and_what_its_bits_mean(tmp_path: Path) -> None:
    with open_parquet(shelf_file(tmp_path), SHELF) as file:
        schema = file.schema_arrow
    header = json.loads(schema.metadata[METADATA_KEY])
    assert header == {
        "contract": "shelf",
        "contract_version": "1.1",
        "reasons": published_bits(),
        "code_version": "0.1.0+abc",
        "recipe_hash": "5ca1ab1e",
        "run_seed": 7,
        "recipe_name": "synthetic",
    }
    assert schema.field("flux_nmgy").metadata[b"unit"] == b"nmgy"
    assert schema.field("flux_nmgy").metadata[b"injected"] == b"true"


@pytest.mark.parametrize("batches", [1, 7, 300])
def test_row_groups_are_full_but_the_last_however_rows_come_in(tmp_path: Path, batches: int) -> None:
    rows = shelf_rows(2 * ROWS_PER_GROUP_WITH_BLOBS + 88)
    path = tmp_path / "shelf.parquet"
    with TableWriter(path, SHELF, MADE_BY) as writer:
        for start in range(batches):
            writer.add_rows(rows[start * len(rows) // batches : (start + 1) * len(rows) // batches])
    assert writer.rows_written == len(rows)
    with open_parquet(path, SHELF) as file:
        assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [256, 256, 88]
        assert file.read().to_pylist() == rows


def test_rows_and_tables_given_in_turn_stand_in_the_order_they_were_given(tmp_path: Path) -> None:
    with TableWriter(tmp_path / "shelf.parquet", SHELF, MADE_BY) as writer:
        writer.add_rows(shelf_rows(12)[:3])
        writer.add_batch(shelf_table(12).slice(3, 4))
        writer.add_rows(shelf_rows(12)[7:])
    assert read_table(tmp_path / "shelf.parquet", SHELF).to_pylist() == shelf_rows(12)


def test_blobs_are_stored_as_they_are_and_without_statistics_other_columns_compressed(tmp_path: Path) -> None:
    with open_parquet(shelf_file(tmp_path), SHELF) as file:
        group = file.metadata.row_group(0)
        columns = {group.column(n).path_in_schema: group.column(n) for n in range(3)}
    assert {name: column.compression for name, column in columns.items()} == {
        "name": "ZSTD",
        "flux_nmgy": "ZSTD",
        "picture": "UNCOMPRESSED",
    }
    assert {name: column.is_stats_set for name, column in columns.items()} == {
        "name": True,
        "flux_nmgy": True,
        "picture": False,
    }
    assert not columns["picture"].has_dictionary_page


def test_an_empty_table_is_a_file_with_its_contract(tmp_path: Path) -> None:
    path = shelf_file(tmp_path, rows=0)
    assert read_table(path, SHELF).num_rows == 0
    assert read_table(path, SHELF).schema.equals(SHELF.arrow_schema())


def test_nothing_stands_under_the_name_until_the_block_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "shelf.parquet"
    with TableWriter(path, SHELF, MADE_BY) as writer:
        writer.add_rows(shelf_rows(300))
        assert not path.exists()
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="out of paper"), TableWriter(path, SHELF, MADE_BY) as writer:
        writer.add_rows(shelf_rows(400))
        raise RuntimeError("out of paper")
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["shelf.parquet"]


def test_a_writer_outside_its_block_says_so(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="used outside its with block"):
        TableWriter(tmp_path / "shelf.parquet", SHELF, MADE_BY).add_rows(shelf_rows(ROWS_PER_GROUP_WITH_BLOBS))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"colour": 1}, "shelf: columns lacking: none; columns not in the contract: colour"),
        ({"picture": ...}, "shelf: columns lacking: picture; columns not in the contract: none"),
    ],
)
def test_a_row_must_name_every_column_and_no_other(tmp_path: Path, change: dict[str, object], told: str) -> None:
    row = {name: value for name, value in (shelf_rows(1)[0] | change).items() if value is not ...}
    with pytest.raises(ContractError, match=told), TableWriter(tmp_path / "shelf.parquet", SHELF, MADE_BY) as writer:
        writer.add_rows([*shelf_rows(3), row])
    assert list(tmp_path.iterdir()) == []


def test_columns_are_taken_by_name_and_cast_where_nothing_is_lost() -> None:
    shuffled = shelf_table(20).select(["picture", "flux_nmgy", "name"])
    narrow = shuffled.set_column(1, "flux_nmgy", shuffled["flux_nmgy"].cast(pa.float32()))
    assert conform(narrow, SHELF).to_pylist() == shelf_rows(20)
    assert conform(narrow.to_batches()[0], SHELF).schema.equals(SHELF.arrow_schema())


def test_a_table_that_cannot_keep_the_contract_is_refused_with_the_column_and_the_count() -> None:
    table = shelf_table(20)
    nameless = table.set_column(0, "name", pa.array([None, None, *table["name"].to_pylist()[2:]], pa.string()))
    with pytest.raises(ContractError, match=r"shelf.name: 2 nulls of 20 rows; wanted none"):
        conform(nameless, SHELF)
    with pytest.raises(ContractError, match="shelf: a column cannot be cast to the contract's type"):
        conform(table.set_column(1, "flux_nmgy", pa.array(["bright"] * 20)), SHELF)
    with pytest.raises(ContractError, match="columns lacking: flux_nmgy; columns not in the contract: flux"):
        conform(table.rename_columns(["name", "flux", "picture"]), SHELF)


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.1"])
def test_an_unknown_major_version_is_refused_in_one_sentence(tmp_path: Path, version: str) -> None:
    path = shelf_file(tmp_path, contract=replace(SHELF, version=version))
    told = f"shelf.parquet is of shelf contract version {version}; this code reads 1.x"
    for read in (read_table, open_parquet):
        with pytest.raises(ContractError, match=told) as refusal:
            read(path, SHELF)
        assert "\n" not in str(refusal.value)


def test_a_newer_minor_version_with_a_column_more_and_another_order_is_read_as_ours(tmp_path: Path) -> None:
    new = Column("new", "bool", "New.", nullable=True)
    newer = replace(SHELF, version="1.7", columns=(*reversed(SHELF.columns), new))
    write_table(tmp_path / "shelf.parquet", shelf_table(20).append_column("new", pa.nulls(20, pa.bool_())), newer, MADE_BY)
    table = read_table(tmp_path / "shelf.parquet", SHELF)
    assert table.column_names == list(SHELF.names)
    assert table.to_pylist() == shelf_rows(20)


def test_a_file_of_another_contract_or_of_none_or_without_a_column_is_refused(tmp_path: Path) -> None:
    path = shelf_file(tmp_path)
    with pytest.raises(ContractError, match="holds 'shelf'; wanted 'board'"):
        read_table(path, replace(SHELF, name="board"))
    with pytest.raises(ContractError, match=r"lacks columns new of the shelf contract 1\.1"):
        read_table(path, replace(SHELF, columns=(*SHELF.columns, Column("new", "bool", "New."))))
    foreign = tmp_path / "foreign.parquet"
    pq.write_table(shelf_table(3), foreign)
    with pytest.raises(ContractError, match=r"foreign.parquet carries no darkhaloscope metadata"):
        read_table(foreign, SHELF)
    with pq.ParquetFile(path) as file:
        assert check_header(path, file, SHELF)["run_seed"] == 7


@pytest.mark.parametrize("damage", ["absent", "empty", "text", "cut"])
def test_what_is_no_parquet_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = shelf_file(tmp_path)
    whole = path.read_bytes()
    path.unlink()
    if damage != "absent":
        path.write_bytes({"empty": b"", "text": b"name,flux\n", "cut": whole[: len(whole) // 2]}[damage])
    for read in (read_table, open_parquet):
        with pytest.raises(ContractError, match=r"shelf.parquet is not a readable Parquet file"):
            read(path, SHELF)


def test_a_flipped_byte_is_noticed_in_whatever_column_it_lies_and_in_no_other(tmp_path: Path) -> None:
    path = shelf_file(tmp_path)
    whole = path.read_bytes()
    with pq.ParquetFile(path) as file:
        columns = [file.metadata.row_group(0).column(n) for n in range(3)]
    for name, column in zip(SHELF.names, columns, strict=True):
        data = bytearray(whole)
        data[(column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1] ^= 0x10
        path.write_bytes(data)
        for wanted in SHELF.names:
            if wanted == name:
                with pytest.raises(ContractError, match=r"shelf\.parquet is damaged: .*CRC"):
                    read_table(path, SHELF, [wanted])
            else:
                assert read_table(path, SHELF, [wanted]).to_pylist() == [{wanted: row[wanted]} for row in shelf_rows(20)]


def test_without_the_check_a_changed_blob_would_be_read_silently(tmp_path: Path) -> None:
    path = shelf_file(tmp_path)
    path.write_bytes(path.read_bytes().replace(shelf_rows(20)[3]["picture"], b"X" * 32))
    with pq.ParquetFile(path) as blind:
        assert blind.read()["picture"].to_pylist()[3] == b"X" * 32
    with open_parquet(path, SHELF) as file, pytest.raises(OSError, match="CRC"):
        file.read()
