"""Who is in which split, worked out again from the published rule and held against every row."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.split_rule import split_of
from spark_jobs.recipe import Split, read_recipe
from spark_jobs.transforms.audits.audit_result import Check, examples

RECIPE_NAME = "recipe.yaml"
_NAME = "split rule"
_SPLITS_OF_CELLS = "SELECT DISTINCT cell, split FROM stamps ORDER BY cell, split"
_SPLITS_OF_TASKS = "SELECT task_id, split FROM stamps ORDER BY task_id"
_READ_AT_A_TIME = 100_000


def planned_split(plan: Location | None) -> Split | None:
    """The split entry of the recipe that lies in the plan; None where there is no plan or no recipe in it."""
    path = plan / RECIPE_NAME if plan else None
    return read_recipe(path).split if path and path.is_file() else None


def anchor_cells(plan: Location) -> set[int]:
    """Sky cells with a known lens of the anchor list, whose hosts only ever test."""
    found: set[int] = set()
    for path in run_files(plan, HOSTS, "hosts/"):
        table = read_table(path, HOSTS, ("cell", "in_anchor_cell"))
        found |= set(table.filter(table["in_anchor_cell"])["cell"].to_pylist())
    return found


def split_rule_check(views: duckdb.DuckDBPyConnection, rule: Split | None, anchors: set[int]) -> Check:
    """Whether every row is in the split that the hash of its key gives; cells of anchors must be in test."""
    if rule is None:
        return Check.skipped(_NAME, f"no plan with a {RECIPE_NAME} given")
    cells = rule.key == "host_cell"
    answer = views.execute(_SPLITS_OF_CELLS if cells else _SPLITS_OF_TASKS)
    wrong, seen = [], 0
    while rows := answer.fetchmany(_READ_AT_A_TIME):
        seen += len(rows)
        wrong += [
            f"{key} in {split}" for key, split in rows if split != _wanted(key, rule.fractions, anchors if cells else set())
        ]
    what = "cells" if cells else "tasks"
    problem = f"{len(wrong)} of {seen} {what} are not in the split of their hash: {examples(wrong)}"
    clean = f"{seen} {what} are where the hash of the {rule.key} puts them, {len(anchors)} anchor cells in test"
    return Check.of(_NAME, [problem] if wrong else [], clean)


def _wanted(key: int | str, fractions: Mapping[str, float], anchors: set[int]) -> str:
    return "test" if key in anchors else split_of(str(key), fractions)
