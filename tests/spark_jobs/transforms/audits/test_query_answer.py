"""An answer and what it cost: the bytes that were read are those of the columns asked for, never of a pixel."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.contract import ContractError
from schemas.job_entry import InputError
from schemas.runs_there import runs_there
from spark_jobs.transforms.audits.counted_files import BytesRead, CountedFile
from spark_jobs.transforms.audits.query_answer import Answer, ask
from spark_jobs.transforms.audits.query_texts import Query, all_queries, query_named
from tests.s3_store import S3Store
from tests.spark_jobs.small_index import as_rows, index_row, write_index, write_plan
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> StampsDirectory:
    """A directory whose index is large beside its footers: 1500 pairs; read only."""
    return write_stamps_directory(tmp_path_factory.mktemp("many"), {"train": 1000, "val": 500}, size=4)


def index_files(stamps: Path) -> list[Path]:
    return sorted((stamps / "index").glob("*.parquet"))


def chunk_bytes(files: Sequence[Path], columns: Sequence[str]) -> int:
    """Bytes that these columns fill in the files, by their footers."""
    total = 0
    for path in files:
        footer = pq.read_metadata(path)
        chunks = [footer.row_group(g).column(c) for g in range(footer.num_row_groups) for c in range(footer.num_columns)]
        total += sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in columns)
    return total


def footer_bytes(files: Sequence[Path]) -> int:
    return sum(int.from_bytes(path.read_bytes()[-8:-4], "little") + 8 for path in files)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("repeated_tasks", ["task_id"]),
        ("hosts_in_several_splits", ["host_id", "split"]),
        ("theta_e_over_fwhm", ["kind", "split", "theta_e_over_fwhm", "reasons"]),
        ("rows_of_another_recipe", ["recipe_hash", "run_seed", "task_id"]),
    ],
)
def test_the_bytes_that_were_read_are_those_of_the_columns_that_the_question_names(
    many: StampsDirectory, name: str, columns: list[str]
) -> None:
    found = ask(query_named(name), runs_there([many.stamps]))
    files = index_files(many.stamps)
    wanted = chunk_bytes(files, columns)
    # pyarrow reads 64 kB from a file's end for its footer, and joins what lies closer than 8 kB: small columns between others.
    most = wanted + sum(min(path.stat().st_size, 65536) for path in files) + footer_bytes(files)
    assert wanted < found.bytes_read <= most
    assert found.bytes_there == sum(path.stat().st_size for path in files)
    assert found.files == 2


def test_every_question_is_answered_alike_where_all_pixels_are_gone(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    stamps = Path(shutil.copytree(stamps_directory.stamps, tmp_path / "stamps"))
    whole = {name: answered(name, stamps, stamps_directory.plan) for name in all_queries()}
    for path in stamps.glob("split=*/*.parquet"):
        path.unlink()
    assert {name: answered(name, stamps, stamps_directory.plan) for name in all_queries()} == whole
    assert sum(bool(answer.rows) for answer in whole.values()) > 8


def answered(name: str, *directories: Path) -> Answer:
    query = query_named(name)
    return ask(query, runs_there(directories), f"{0:04d}{3:08d}{1:020d}" if query.asks else "")


def test_a_question_over_s3_is_answered_as_on_disk(s3: S3Store, stamps_directory: StampsDirectory) -> None:
    far = runs_there([s3.put(stamps_directory.stamps, "asked/stamps"), s3.put(stamps_directory.plan, "asked/plan")])
    for name in ("counts_against_plan", "arc_snr", "shared_between_splits"):
        near = answered(name, stamps_directory.stamps, stamps_directory.plan)
        found = ask(query_named(name), far)
        assert as_rows(found) == as_rows(near)
        assert (found.bytes_read, found.bytes_there) == (near.bytes_read, near.bytes_there)


def test_a_table_that_no_run_holds_is_told_with_the_job_that_makes_it(tmp_path: Path) -> None:
    stamps, plan = write_index(tmp_path / "s", [index_row(1)]), write_plan(tmp_path / "p", [index_row(1)])
    with pytest.raises(
        InputError, match="query counts_against_plan reads tasks, and s has none; wanted a run that dhs plan filled too"
    ):
        ask(query_named("counts_against_plan"), runs_there([stamps]))
    with pytest.raises(
        InputError, match="query arc_snr reads stamp_index, and p has none; wanted a run that dhs inject or dhs adopt"
    ):
        ask(query_named("arc_snr"), runs_there([plan]))


def test_what_a_question_asks_for_must_be_given_and_nothing_else(tmp_path: Path) -> None:
    runs = runs_there([write_index(tmp_path / "s", [index_row(1)])])
    with pytest.raises(InputError, match="query provenance asks for the task_id; wanted --task TASK_ID"):
        ask(query_named("provenance"), runs)
    with pytest.raises(InputError, match="query arc_snr asks for nothing; wanted no --task"):
        ask(query_named("arc_snr"), runs, "abcdef")


def test_a_damaged_page_is_told_and_never_counted(many: StampsDirectory, tmp_path: Path) -> None:
    stamps = Path(shutil.copytree(many.stamps, tmp_path / "stamps"))
    path = index_files(stamps)[0]
    column = pq.read_metadata(path).row_group(0).column(0)
    content = bytearray(path.read_bytes())
    middle = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size // 2
    content[middle] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ContractError, match="query repeated_tasks cannot be answered: "):
        ask(query_named("repeated_tasks"), runs_there([stamps]))


def test_sql_that_is_wrong_is_told_in_one_line(tmp_path: Path) -> None:
    runs = runs_there([write_index(tmp_path / "s", [index_row(1)])])
    with pytest.raises(ContractError, match=r"^query x cannot be answered: [^\n]*no_such_column[^\n]*$"):
        ask(Query("x", "Why?", "SELECT no_such_column FROM stamp_index", ("stamp_index",)), runs)


def test_the_table_for_a_terminal_lines_figures_up_and_shows_nothing_that_moves_the_cursor() -> None:
    answer = Answer(("name", "n", "x"), [("a\x1b[2Jb", 5, 0.123456789), ("long" * 40, 1200, None)])
    first, second, third = answer.as_text().splitlines()
    assert first.split() == ["name", "n", "x"]
    assert second.split() == ["a?[2Jb", "5", "0.123457"]
    assert third.split() == [("long" * 15)[:57] + "...", "1200", "-"]
    assert first.index("n", 20) == third.index("1200") + 3
    assert Answer(("a",), []).as_text() == "(no rows)\n"


def test_csv_keeps_every_digit_and_quotes_what_needs_it() -> None:
    answer = Answer(("name", "x"), [('a,"b"', 0.1 + 0.2), (None, 1)])
    assert answer.as_csv() == 'name,x\n"a,""b""",0.30000000000000004\n,1\n'


def test_a_counted_file_reads_as_the_file_itself_and_counts_each_byte(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(100)))
    tally = BytesRead()
    file = CountedFile(path, tally)
    assert (file.readable(), file.seekable()) == (True, True)
    assert file.seek(-10, 2) == 90
    assert file.read() == bytes(range(90, 100))
    assert file.seek(20) == 20
    assert file.read(5) == bytes(range(20, 25))
    assert file.seek(-5, 1) == file.tell() == 20
    assert file.read(500) == bytes(range(20, 100))
    assert file.read(5) == b""
    assert tally.total == 10 + 5 + 80
    file.close()
    assert file.closed
