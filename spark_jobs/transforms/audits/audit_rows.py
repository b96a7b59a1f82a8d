"""Checks on the rows of a stamps directory: questions in SQL over the metadata columns, answered by DuckDB.

Nulls are counted here and not by Spark, whose null filter returns nothing on a column declared NOT NULL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import duckdb

from schemas.refusal_reasons import Reason, names_of
from schemas.stamps import STAMP_INDEX, STAMPS
from schemas.tasks import IDENTITY
from spark_jobs.transforms.audits import audit_queries as sql
from spark_jobs.transforms.audits.audit_negatives import hard_negatives, matched_negatives
from spark_jobs.transforms.audits.audit_result import Check, Verdict, examples

Connection: TypeAlias = duckdb.DuckDBPyConnection
_GROUPS = {"host": "host_id", "sky cell": "cell", "source template": "template_id"}
_FROM_THE_PLAN = tuple(column.name for column in IDENTITY if column.name not in ("task_id", "shard"))
_REASON_BITS = sum(reason.value for reason in Reason)


def open_views(directory: Path, stamps: Sequence[Path], index: Sequence[Path], tasks: Sequence[Path] | None) -> Connection:
    """A DuckDB connection with the views that ``audit_queries`` names; blobs are left out of all of them."""
    connection = duckdb.connect(":memory:")
    # Row groups of 256 rows make footers long, and every question reads them all again unless they are kept.
    connection.execute("SET parquet_metadata_cache = true")
    wanted = ", ".join(f'"{name}"' for name in STAMPS.names if name not in STAMPS.blob_names)
    # hive_partitioning off: the folder split=… would silently stand in for the column of the same name.
    files = connection.read_parquet(
        [str(path) for path in stamps], file_row_number=True, filename=True, hive_partitioning=False
    )
    files.create_view("stamps_files")
    start = len(str(directory)) + 2
    connection.execute(
        f"CREATE VIEW stamps AS SELECT {wanted}, substr(filename, {start}) AS file, file_row_number AS row FROM stamps_files"  # noqa: S608 - names of the contract
    )
    connection.read_parquet([str(path) for path in index], hive_partitioning=False).create_view("stamp_index")
    if tasks:
        connection.read_parquet([str(path) for path in tasks], hive_partitioning=False).create_view("tasks")
    return connection


def row_checks(views: Connection, *, split_key: str, planned: bool) -> list[Check]:
    """All checks on rows; ``split_key`` (host_cell or task_id) says whether a group in two splits is a breach."""
    questions: dict[str, Callable[[], Check]] = {
        "rows against the plan": partial(_against_plan, views, planned),
        "nulls": partial(_nulls, views),
        "duplicate tasks": partial(_duplicates, views),
        "reasons": partial(_reasons, views),
        "pairs": partial(_pairs, views),
        "labels and kinds": partial(_labels, views),
        "injected columns": partial(_injected, views),
        "hard negatives": partial(hard_negatives, views),
        "negatives matched to lenses": partial(matched_negatives, views),
        "split folders": partial(_folders, views),
        "origin of the rows": partial(_origins, views),
        "index against stamps": partial(_index, views),
    }
    for what, column in _GROUPS.items():
        questions[f"{what} in one split"] = partial(_leak, views, what, column, split_key)
    return [_answer(name, question) for name, question in questions.items()]


def row_counts(views: Connection) -> list[dict[str, Any]]:
    """Rows made and refused, and hosts, a split and kind."""
    return [dict(zip(("split", "kind", "made", "refused", "hosts"), row, strict=True)) for row in _rows(views, sql.COUNTS)]


def refusal_counts(views: Connection) -> dict[str, int]:
    """Refused rows by reason, the commonest first; a row with two reasons counts under both."""
    counts: Counter[str] = Counter()
    for reasons, n in _rows(views, sql.REFUSALS):
        for name in names_of(reasons):
            counts[name] += n
    return dict(counts.most_common())


def _answer(name: str, question: Callable[[], Check]) -> Check:
    """A broken page must cost one check, not the audit."""
    try:
        return question()
    except duckdb.Error as error:
        return Check(name, f"the files cannot be read: {str(error).splitlines()[0]}", Verdict.FAIL)


def _rows(views: Connection, query: str) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = views.execute(query).fetchall()
    return found


def _names(views: Connection, query: str) -> list[str]:
    return [str(row[0]) for row in _rows(views, query)]


def _against_plan(views: Connection, planned: bool) -> Check:
    name = "rows against the plan"
    if not planned:
        return Check.skipped(name, "no plan given")
    tasks, rows, made = _rows(views, sql.PLAN_TOTALS)[0]
    counted = f"{tasks} tasks planned, {made} stamps made + {rows - made} refused = {rows} rows"
    problems = [] if tasks == rows else [counted]
    lost, strange = _names(views, sql.TASKS_WITHOUT_ROW), _names(views, sql.ROWS_WITHOUT_TASK)
    problems += [f"{len(lost)} tasks without a row: {examples(lost)}"] if lost else []
    problems += [f"{len(strange)} rows without a task: {examples(strange)}"] if strange else []
    difference = " OR ".join(f"s.{column} IS DISTINCT FROM t.{column}" for column in _FROM_THE_PLAN)
    changed = _names(views, sql.ROWS_THAT_DIFFER_FROM_THE_PLAN.format(difference=difference))
    problems += [f"{len(changed)} rows differ from their task in identity or split: {examples(changed)}"] if changed else []
    return Check.of(name, problems, counted)


def _nulls(views: Connection) -> Check:
    problems = []
    for view, contract in (("stamps", STAMPS), ("stamp_index", STAMP_INDEX)):
        columns = [column.name for column in contract if not column.nullable]
        counts = ", ".join(f'count(*) - count("{name}")' for name in columns)
        nulls = _rows(views, f"SELECT {counts} FROM {view}")[0]  # noqa: S608 - names of the contract
        problems += [f"{view}.{name}: {n} nulls" for name, n in zip(columns, nulls, strict=True) if n]
    return Check.of("nulls", problems, "no null in a column that may not hold one")


def _duplicates(views: Connection) -> Check:
    found = [f"{task} stands {n} times" for task, n in _rows(views, sql.DUPLICATE_TASKS)]
    return Check.of("duplicate tasks", found, "every task_id stands once")


def _reasons(views: Connection) -> Check:
    rows = _rows(views, sql.REFUSALS)
    bad = [(reasons, n) for reasons, n in rows if reasons < 0 or reasons & ~_REASON_BITS]
    problems = [f"{n} rows with reasons {reasons} ({', '.join(names_of(reasons)) or 'negative'})" for reasons, n in bad]
    return Check.of("reasons", problems, f"{sum(n for _, n in rows)} rows refused, every reason is known")


def _pairs(views: Connection) -> Check:
    problems = []
    for pair, lenses, controls, made, refused, hosts in _rows(views, sql.BROKEN_PAIRS):
        seen = f"{lenses} lenses, {controls} controls, {made} made, {refused} refused, {hosts} hosts"
        problems.append(f"pair {pair}: {seen}")
    pairs = _rows(views, sql.PAIR_COUNT)[0][0]
    return Check.of("pairs", problems, f"{pairs} pairs, each made or refused as one" if pairs else "no pairs in this run")


def _labels(views: Connection) -> Check:
    rows = _rows(views, sql.LABELS_AGAINST_KINDS)
    problems = [f"{n} rows of kind {kind} with label {label}, e.g. {task}" for kind, label, n, task in rows]
    return Check.of("labels and kinds", problems, "label 1 for every lens and for nothing else")


def _injected(views: Connection) -> Check:
    """What exists only where something was injected is null for a control: else a column gives the label away."""
    columns = STAMPS.injected_names
    counts = ", ".join(f'count("{name}")' for name in columns)
    filled = _rows(views, f"SELECT {counts} FROM stamps WHERE kind = 'control'")[0]  # noqa: S608 - names of the contract
    problems = [f"{name} is filled in {n} controls" for name, n in zip(columns, filled, strict=True) if n]
    without = _names(views, "SELECT task_id FROM stamps WHERE kind = 'lens' AND reasons = 0 AND theta_e_arcsec IS NULL")
    problems += [f"theta_e_arcsec is null in {len(without)} lenses: {examples(without)}"] if without else []
    return Check.of("injected columns", problems, f"{len(columns)} columns, null in every control")


def _folders(views: Connection) -> Check:
    problems = [f"{n} rows of split {split} in {file}" for file, split, n in _rows(views, sql.WRONG_FOLDER)]
    return Check.of("split folders", problems, "every row lies in the folder of its split")


def _origins(views: Connection) -> Check:
    rows = _rows(views, sql.ORIGINS_OF_ROWS)
    seen = [f"{n} rows of recipe {recipe}, seed {seed}" for recipe, seed, n in rows]
    return Check.of("origin of the rows", seen if len(seen) > 1 else [], "; ".join(seen) or "no rows")


def _index(views: Connection) -> Check:
    """Same rows in the same places with the same values: compared by a hash of the row, so that a billion cells fit."""
    columns = ", ".join(f'"{name}"' for name in STAMP_INDEX.names)
    hashed = {view: f"(SELECT file, row, task_id, hash({columns}) AS h FROM {view})" for view in ("stamps", "stamp_index")}  # noqa: S608
    joined = f"{hashed['stamps']} AS s FULL JOIN {hashed['stamp_index']} AS i ON s.file = i.file AND s.row = i.row"
    absent = _names(views, f"SELECT s.task_id FROM {joined} WHERE i.file IS NULL ORDER BY 1")  # noqa: S608
    strange = _names(views, f"SELECT i.task_id FROM {joined} WHERE s.file IS NULL ORDER BY 1")  # noqa: S608
    differ = _names(views, f"SELECT s.task_id FROM {joined} WHERE s.h <> i.h ORDER BY 1")  # noqa: S608
    problems = [f"{len(absent)} stamps rows are not in the index: {examples(absent)}"] if absent else []
    problems += [f"{len(strange)} index rows point at no stamps row: {examples(strange)}"] if strange else []
    problems += [f"{len(differ)} index rows differ from their stamps row: {examples(differ)}"] if differ else []
    total = _rows(views, "SELECT count(*) FROM stamp_index")[0][0]
    return Check.of("index against stamps", problems, f"{total} index rows, each the same as its stamps row")


def _leak(views: Connection, what: str, column: str, split_key: str) -> Check:
    found = _names(views, sql.GROUPS_IN_SEVERAL_SPLITS.format(group=column))
    total = _rows(views, sql.GROUP_COUNT.format(group=column))[0][0]
    name = f"{what} in one split"
    if not found:
        return Check(name, f"{total} distinct, none in two splits", Verdict.PASS)
    text = f"{len(found)} of {total} in more than one split: {examples(found)}"
    if split_key == "task_id":
        return Check(name, f"{text}; leaks by design: the recipe splits by task_id", Verdict.BY_DESIGN)
    return Check(name, f"{text}; the recipe splits by {split_key}", Verdict.FAIL)
