"""The questions of deploy/queries: named, never opened by a path, written in SQL that DuckDB and Trino both run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.job_entry import InputError
from schemas.stamps import STAMPS
from spark_jobs.transforms.audits import query_texts
from spark_jobs.transforms.audits.query_tables import ASKED, REASON_BITS, RUN_TABLES, RUNS
from spark_jobs.transforms.audits.query_texts import FigurePlan, all_queries, queries_folder, query_named, read_query
from tests.conftest import REPOSITORY

QUERIES = all_queries()
each_query = pytest.mark.parametrize("name", QUERIES)

IN_BOTH = {
    *("avg", "cast", "coalesce", "count", "floor", "log10", "max", "min", "mod", "power", "round", "sum"),
    *(
        "as",
        "by",
        "distinct",
        "from",
        "in",
        "join",
        "over",
        "then",
        "union",
        "values",
        "where",
        "with",
    ),  # words before a bracket
    *("b", "c", "p", "r", "s", "t", "cells", "counted", "hosts", "ranked", "templates", "binned", "and", "or", "else"),
}
"""What may stand before a bracket: functions that DuckDB and Trino (Athena) both have, with one meaning; words; our own names.

Sources: duckdb.org/docs/sql/functions and trino.io/docs/current/functions.
"""
ONE_ENGINE_ONLY = {
    "::": "a cast of DuckDB's",
    "//": "integer division of DuckDB's",
    "[": "lists are written in two ways",
    "`": "quotes of Athena's definitions only",
    "&": "bits are asked by mod",
    " ilike ": "DuckDB's",
    " qualify ": "not Trino's",
    " exclude ": "DuckDB's",
    " using sample ": "DuckDB's",
    "group by all": "DuckDB's",
    "order by all": "DuckDB's",
    " rows ": "a word of windows",
}


def code_of(name: str) -> str:
    """The SQL without comments, text in quotes emptied, in lower case on one line."""
    text = re.sub(r"--.*", "", QUERIES[name].sql)
    return " ".join(re.sub(r"'[^']*'", "''", text).lower().split())


def test_the_questions_are_those_that_a_referee_asks() -> None:
    assert list(QUERIES) == sorted(QUERIES)
    assert set(QUERIES) == {
        *("arc_snr", "arc_to_host", "counts_against_plan", "hosts_in_several_splits", "injected_in_controls", "magnitudes"),
        *("nulls_against_contract", "provenance", "refusals_by_brick", "refusals_by_reason", "repeated_stamps"),
        *("repeated_tasks", "rows_of_another_recipe", "selection_function", "shared_between_splits", "theta_e_over_fwhm"),
    }
    assert queries_folder() == REPOSITORY / "deploy" / "queries"


@each_query
def test_a_question_names_no_pixels_and_no_table_that_has_some(name: str) -> None:
    assert not any(blob in QUERIES[name].sql for blob in STAMPS.blob_names)
    assert "*" not in code_of(name).replace("count(*)", "").replace(" * ", "")  # SELECT * would ask for them too
    assert not re.search(r"select \*|\.\*", code_of(name))
    assert set(QUERIES[name].tables) <= {*ASKED, RUNS, REASON_BITS}
    assert not any(RUN_TABLES[table].contract.blob_names for table in ASKED)


@each_query
def test_a_question_reads_the_tables_that_it_says(name: str) -> None:
    own = set(re.findall(r"(\w+) as \(", code_of(name)))
    read = set(re.findall(r"\b(?<!_)(?:from|join) (\w+)", code_of(name))) - own
    assert read == set(QUERIES[name].tables)


@each_query
def test_a_question_uses_only_what_duckdb_and_trino_have_in_common(name: str) -> None:
    code = f" {code_of(name)} "
    assert set(re.findall(r"(\w+) ?\(", code)) <= IN_BOTH
    assert {mark: why for mark, why in ONE_ENGINE_ONLY.items() if mark in code} == {}
    # Whole numbers divide to whole numbers in Trino and to fractions in DuckDB: one side must be a fraction already.
    for before in re.findall(r"(.{0,60}) / ", code):
        assert before.endswith((" as double)", "+ 0.5)", "floor(4 * s.theta_e_arcsec)")), before


@each_query
def test_a_limited_answer_is_ordered(name: str) -> None:
    assert "limit" not in code_of(name) or re.search(r"order by [\w, .]+ limit 100$", code_of(name))


@each_query
def test_a_question_that_asks_for_something_has_one_place_for_it(name: str) -> None:
    assert code_of(name).count("?") == (1 if QUERIES[name].asks else 0)


def test_a_question_and_its_head_are_read() -> None:
    query = query_named("arc_to_host")
    assert query.question.startswith("Are the arcs as bright beside their hosts as known ones")
    assert query.tables == ("stamp_index",)
    assert query.figure == FigurePlan("ranges", ("host_r_from",), ("p10", "median", "p90", "known_from", "known_to"))
    assert query_named("provenance").asks == "the task_id"
    assert query_named("repeated_tasks").figure is None


@pytest.mark.parametrize(
    "name", ["nope", "", "../../etc/passwd", "tables/athena", "arc_snr.sql", "/etc/passwd", "arc_snr\n", "ARC_SNR", "x" * 500]
)
def test_an_unknown_or_hostile_name_opens_nothing_and_is_told_what_there_is(name: str) -> None:
    with pytest.raises(InputError, match=r"^no query .{0,90}; wanted one of arc_snr, arc_to_host, counts_against_plan, "):
        query_named(name)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1", "begins with 'SELECT 1'; wanted '-- ' and its question"),
        ("-- No question.\n-- tables: tasks\nSELECT 1", "wanted '-- ' and its question"),
        ("-- Why?\nSELECT 1", "does not say what it reads; wanted a line '-- tables: ...'"),
        ("-- Why?\n-- tables: tasks\n-- figure: pie a | b\n", "asks for the figure 'pie a | b'; wanted 'bars LABELS"),
        ("-- Why?\n-- tables: tasks\n-- figure: bars a\n", "asks for the figure 'bars a'; wanted 'bars LABELS"),
    ],
)
def test_a_file_that_does_not_say_what_it_asks_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.sql").write_text(text)
    with pytest.raises(InputError, match=re.escape(said)):
        read_query(tmp_path / "x.sql")


def test_a_folder_without_questions_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no questions \(\*\.sql\) in .*; wanted the folder deploy/queries of a checkout"):
        all_queries(tmp_path)


def test_an_installed_package_finds_the_questions_where_it_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_texts, "__file__", str(tmp_path / "site" / "spark_jobs" / "transforms" / "audits" / "x.py"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / name))
    assert queries_folder() == tmp_path / "data" / "share" / "darkhaloscope" / "queries"
