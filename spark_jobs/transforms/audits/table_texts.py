"""What follows from the contracts as SQL: the tables for Athena, Trino and DuckDB, and the questions about every column.

Run as a module it writes ``deploy/queries/tables/*.sql``, ``nulls_against_contract.sql`` and ``injected_in_controls.sql`` anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.contract import Contract
from schemas.file_commit import commit_text
from schemas.locations import S3Location
from schemas.runs_there import FoundRun
from schemas.stamps import STAMP_INDEX
from spark_jobs.transforms.audits.query_tables import (
    ASKED,
    BITS_COLUMNS,
    REASON_BITS,
    RUN_TABLES,
    RUNS,
    RUNS_COLUMNS,
    bit_rows,
    run_row,
    values_view,
)
from spark_jobs.transforms.audits.query_texts import queries_folder

ENGINES = ("athena", "duckdb", "trino")
NULLS, INJECTED = "nulls_against_contract", "injected_in_controls"
_TRINO_TYPES = {
    "bool": "boolean",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "float32": "real",
    "float64": "double",
    "string": "varchar",
    "binary": "varbinary",
}
_NOTES = {
    "athena": "Athena: statement by statement. A table's partitions are the runs; stamps holds pixels: name its columns.",
    "trino": "Trino with a Hive catalogue named hive and a schema darkhaloscope. stamps holds pixels: name its columns.",
    "duckdb": "DuckDB: no view holds pixels. Paths may be s3:// where the httpfs extension is installed.",
}
_COUNTED = """\
WITH c AS (
    SELECT count(*) AS total,
           {totals}
    FROM {table}
),
counted AS (
    SELECT r.column_name, c.total,
           CASE r.column_name
{cases}
           END AS breaches
    FROM c
    CROSS JOIN (VALUES
{names}
    ) AS r (column_name)
)
SELECT column_name, breaches, total
FROM counted
WHERE breaches > 0
ORDER BY breaches DESC, column_name
"""
_EXAMPLES = tuple(
    FoundRun(name, S3Location("BUCKET", name), {"job": job, "rows": 0, "files": [{"path": folder} for folder in folders]})
    for name, job, folders in (("stamps", "inject", ("index/",)), ("plan", "plan", ("tasks/", "hosts/")))
)
"""What the files under ``deploy/queries/tables`` show: ``dhs audit --tables ENGINE DIRECTORY...`` prints those of real runs."""


def tables_text(engine: str, runs: Sequence[FoundRun]) -> str:
    """The SQL that makes the tables over some runs, for one of ENGINES."""
    one_table = {"athena": _athena, "trino": _trino, "duckdb": _duckdb}[engine]
    names = ASKED if engine == "duckdb" else tuple(RUN_TABLES)
    tables = [one_table(name, places) for name in names if (places := _places(name, runs))]
    views = [
        values_view(RUNS, RUNS_COLUMNS, [run_row(run) for run in runs]),
        values_view(REASON_BITS, BITS_COLUMNS, bit_rows()),
    ]
    return "\n".join([f"-- {_NOTES[engine]}\n", *tables, *views])


def nulls_text(contract: Contract, table: str) -> str:
    """The question where nulls stand that the contract does not allow."""
    never = [column.name for column in contract if not column.nullable]
    counted = {name: f'count(*) - count("{name}")' for name in never}
    return _breaches_text(contract, table, "Which columns hold nulls that the contract does not allow?", counted)


def injected_text(contract: Contract, table: str) -> str:
    """The question which columns that exist for injected light only are filled in controls."""
    counted = {name: f"count(CASE WHEN kind = 'control' THEN \"{name}\" END)" for name in contract.injected_names}
    question = "Which columns that only injected light has are filled in controls, and so give the label away?"
    return _breaches_text(contract, table, question, counted)


def written_files() -> dict[str, str]:
    """Path below ``deploy/queries`` to content, of every file that the contracts decide."""
    tables = {f"tables/{engine}.sql": tables_text(engine, _EXAMPLES) for engine in ENGINES}
    return tables | {
        f"{NULLS}.sql": nulls_text(STAMP_INDEX, "stamp_index"),
        f"{INJECTED}.sql": injected_text(STAMP_INDEX, "stamp_index"),
    }


def _breaches_text(contract: Contract, table: str, question: str, counted: Mapping[str, str]) -> str:
    """A question that counts something in every column of a mapping, in one pass, and tells of the columns with any."""
    totals = ",\n           ".join(f'{expression} AS "n_{name}"' for name, expression in counted.items())
    cases = "\n".join(f"           WHEN '{name}' THEN c.\"n_{name}\"" for name in counted)
    names = ",\n".join(f"    ('{name}')" for name in counted)
    by = f"-- Written from the contract {contract.name} {contract.version} by: python -m {__package__}.table_texts"
    head = "\n".join([f"-- {question}", f"-- tables: {table}", by])
    return f"{head}\n" + _COUNTED.format(totals=totals, table=table, cases=cases, names=names)


def _places(name: str, runs: Sequence[FoundRun]) -> list[tuple[str, str, str]]:
    """Run, folder and path of each part of a table; stamps lie where their index does."""
    table = RUN_TABLES[name]
    has = "index/" if name == "stamps" else table.folders[0]
    found = [run for run in runs if run.holds(has)]
    return [(run.name, folder.rstrip("/"), f"{run.directory}/{folder}") for run in found for folder in table.folders]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _athena(name: str, places: Sequence[tuple[str, str, str]]) -> str:
    columns = ",\n".join(f"    {column}" for column in RUN_TABLES[name].contract.spark_ddl().split(", "))
    parts = "".join(
        f"\n    PARTITION (run = {_quoted(run)}, folder = {_quoted(folder)}) LOCATION {_quoted(path)}"
        for run, folder, path in places
    )
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {name} (\n{columns}\n)\nPARTITIONED BY (run string, folder string)\n"
        f"STORED AS PARQUET\nLOCATION {_quoted(places[0][2])};\n\nALTER TABLE {name} ADD IF NOT EXISTS{parts};\n"
    )


def _trino(name: str, places: Sequence[tuple[str, str, str]]) -> str:
    columns = ",\n".join(f'    "{column.name}" {_TRINO_TYPES[column.type]}' for column in RUN_TABLES[name].contract)
    parts = "".join(
        f"CALL hive.system.register_partition('darkhaloscope', '{name}', ARRAY['run', 'folder'], "
        f"ARRAY[{_quoted(run)}, {_quoted(folder)}], {_quoted(path)});\n"
        for run, folder, path in places
    )
    return (
        f"CREATE TABLE IF NOT EXISTS hive.darkhaloscope.{name} (\n{columns},\n    run varchar,\n    folder varchar\n) WITH (\n"
        f"    format = 'PARQUET',\n    external_location = {_quoted(places[0][2])},\n"
        f"    partitioned_by = ARRAY['run', 'folder']\n);\n{parts}"
    )


def _duckdb(name: str, places: Sequence[tuple[str, str, str]]) -> str:
    columns = ", ".join(f'"{column}"' for column in RUN_TABLES[name].contract.names)
    parts = "\nUNION ALL\n".join(
        f"SELECT {_quoted(run)} AS run, {columns}\nFROM read_parquet({_quoted(f'{path}*.parquet')}, hive_partitioning = false)"
        for run, _, path in places
    )
    return f"CREATE OR REPLACE VIEW {name} AS\n{parts};\n"


def _write(folder: Path) -> None:
    for name, text in written_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        commit_text(folder / name, text)


if __name__ == "__main__":
    _write(queries_folder())
