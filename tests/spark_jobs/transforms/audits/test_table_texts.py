"""Tables written out from the contracts: every column with its type, every part of every run, the files in step with them."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from schemas.refusal_reasons import MEANINGS
from schemas.runs_there import FoundRun, runs_there
from schemas.stamps import STAMP_INDEX
from spark_jobs.transforms.audits.query_tables import ASKED, RUN_TABLES, RUNS_COLUMNS, bit_rows, run_row
from spark_jobs.transforms.audits.query_texts import all_queries, queries_folder
from spark_jobs.transforms.audits.table_texts import ENGINES, tables_text, written_files
from tests.spark_jobs.small_index import answer, control_row, index_row, write_index, write_plan

TYPES = {
    "athena": {"string": "STRING", "float64": "DOUBLE", "int16": "SMALLINT", "binary": "BINARY", "bool": "BOOLEAN"},
    "trino": {"string": "varchar", "float64": "double", "int16": "smallint", "binary": "varbinary", "bool": "boolean"},
}
QUOTES = {"athena": "`", "trino": '"'}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[FoundRun]:
    """Two stamps directories, one of them with a quote in its name, and a plan; read only."""
    root = tmp_path_factory.mktemp("tables")
    rows = [index_row(1), control_row(2), index_row(3, reasons=1 << 24), index_row(4, split="val", kind="ring", label=0)]
    write_index(root / "first's", rows)
    write_index(root / "second", [index_row(n) for n in range(5, 8)], run_seed=None, recipe_name="")
    write_plan(root / "plan", rows)
    return runs_there([root])


@pytest.mark.parametrize("name", written_files())
def test_the_files_beside_the_questions_are_those_of_the_contracts(name: str) -> None:
    """Write them anew with: python -m spark_jobs.transforms.audits.table_texts."""
    assert (queries_folder() / name).read_text(encoding="utf-8") == written_files()[name]


@pytest.mark.parametrize("engine", ["athena", "trino"])
@pytest.mark.parametrize("table", RUN_TABLES)
def test_every_column_of_a_contract_stands_in_its_table_in_order_with_its_type(engine: str, table: str) -> None:
    text = written_files()[f"tables/{engine}.sql"]
    head = rf"CREATE (?:EXTERNAL )?TABLE IF NOT EXISTS (?:hive\.darkhaloscope\.)?{table} \((.*?)\n\)"
    (body,) = re.findall(head, text, re.DOTALL)
    quote = QUOTES[engine]
    seen = re.findall(rf"{quote}(\w+){quote} (\w+)", body)
    contract = RUN_TABLES[table].contract
    assert [name for name, _ in seen] == list(contract.names)
    for (name, kind), column in zip(seen, contract, strict=True):
        assert kind == TYPES[engine].get(column.type, kind), name


@pytest.mark.parametrize("engine", ["athena", "trino"])
def test_every_run_is_a_part_of_each_table_that_it_holds(engine: str, runs: list[FoundRun]) -> None:
    text = tables_text(engine, runs)
    root = runs[0].directory.parent  # type: ignore[union-attr]
    for name in ("first''s", "second"):
        for folder in ("index", "split=train", "split=val", "split=test"):
            assert f"'{root}/{name}/{folder}/'" in text
    assert text.count(f"'{root}/plan/tasks/'") == 2  # the table's own place, and its part
    assert "/hosts/" not in text  # this plan has none
    assert text.count("'first''s', 'index'" if engine == "trino" else "run = 'first''s', folder = 'index'") == 1


def test_duckdb_answers_every_question_over_its_views_as_the_command_does(runs: list[FoundRun]) -> None:
    connection = duckdb.connect(":memory:")
    connection.execute(tables_text("duckdb", runs))
    directories = [run.directory for run in runs]
    for name, query in all_queries().items():
        given = [f"{3:032x}"] if query.asks else []
        found = connection.execute(query.sql, given)
        columns = [entry[0] for entry in found.description or ()]
        rows = [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        assert rows == answer(name, *directories, given="".join(given))  # type: ignore[arg-type]
    connection.close()


def test_a_view_of_runs_keeps_nulls_numbers_and_quotes(runs: list[FoundRun]) -> None:
    connection = duckdb.connect(":memory:")
    connection.execute(tables_text("duckdb", runs))
    first, plan, second = (run_row(run) for run in sorted(runs, key=lambda run: run.name))
    assert connection.execute("SELECT * FROM runs ORDER BY run").fetchall() == [first, plan, second]
    names = tuple(RUNS_COLUMNS)
    assert dict(zip(names, first, strict=True))["run"] == "first's"
    assert (second[names.index("run_seed")], second[names.index("recipe_name")]) == (None, None)
    assert connection.execute("SELECT * FROM reason_bits").fetchall() == bit_rows()
    assert len(bit_rows()) == len(MEANINGS)
    kinds = dict(
        connection.execute("SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'runs'").fetchall()
    )
    assert kinds["run_seed"] == "BIGINT"
    connection.close()


def test_no_view_of_duckdb_has_pixels(runs: list[FoundRun]) -> None:
    assert "npz" not in tables_text("duckdb", runs)
    assert set(ENGINES) == {"athena", "duckdb", "trino"}
    assert set(ASKED) < set(RUN_TABLES)


def test_written_files_go_where_they_are_read(tmp_path: Path) -> None:
    from spark_jobs.transforms.audits import table_texts

    table_texts._write(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.sql")} == set(written_files())
    assert STAMP_INDEX.version in (tmp_path / "nulls_against_contract.sql").read_text()
