"""The questions of ``deploy/queries``: which there are, and what the first lines of each say about it."""

from __future__ import annotations

import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from schemas.job_entry import InputError

FIGURES = ("bars", "ranges")
_HEAD = re.compile(r"-- (?P<key>tables|figure|asks): (?P<value>.+)")
_FIGURE = re.compile(r"(?P<kind>\w+) (?P<labels>[\w ]+) \| (?P<values>[\w ]+)")


@dataclass(frozen=True)
class FigurePlan:
    """How an answer is drawn: ``bars`` of the values, or ``ranges`` from the first value over the second to the third.

    Two more values of ``ranges`` are the range of known lenses, drawn behind.
    """

    kind: str
    labels: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """One question: its name and sentence, the SQL, the tables that it reads, what it must be given, and its figure."""

    name: str
    question: str
    sql: str
    tables: tuple[str, ...]
    asks: str = ""
    figure: FigurePlan | None = None


def queries_folder() -> Path:
    """Where the questions lie: in a checkout, else where the package put them when it was installed."""
    checkout = Path(__file__).resolve().parents[3] / "deploy" / "queries"
    return checkout if checkout.is_dir() else Path(sysconfig.get_path("data")) / "share" / "darkhaloscope" / "queries"


def all_queries(folder: Path | None = None) -> dict[str, Query]:
    """Every question by name, in the order of the alphabet; raises InputError where there are none."""
    folder = folder or queries_folder()
    found = {path.stem: read_query(path) for path in sorted(folder.glob("*.sql"))}
    if not found:
        raise InputError(f"no questions (*.sql) in {folder}; wanted the folder deploy/queries of a checkout")
    return found


def query_named(name: str, folder: Path | None = None) -> Query:
    """The question of that name: looked up among those that are there, never opened as a path."""
    known = all_queries(folder)
    if name not in known:
        raise InputError(f"no query {name[:80]!r}; wanted one of {', '.join(known)}")
    return known[name]


def read_query(path: Path) -> Query:
    """A file's question; raises InputError where its first lines do not say what they must."""
    text = path.read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    if not first.startswith("-- ") or "?" not in first:
        raise InputError(f"{path.name} begins with {first[:60]!r}; wanted '-- ' and its question")
    head = {match["key"]: match["value"].strip() for line in text.splitlines() if (match := _HEAD.fullmatch(line))}
    if "tables" not in head:
        raise InputError(f"{path.name} does not say what it reads; wanted a line '-- tables: ...'")
    tables = tuple(name.strip() for name in head["tables"].split(","))
    figure = _figure_plan(path, head["figure"]) if "figure" in head else None
    return Query(path.stem, first.removeprefix("-- "), text, tables, head.get("asks", ""), figure)


def _figure_plan(path: Path, text: str) -> FigurePlan:
    match = _FIGURE.fullmatch(text)
    if not match or match["kind"] not in FIGURES:
        raise InputError(f"{path.name} asks for the figure {text!r}; wanted 'bars LABELS | VALUES' or 'ranges LABELS | VALUES'")
    return FigurePlan(match["kind"], tuple(match["labels"].split()), tuple(match["values"].split()))
