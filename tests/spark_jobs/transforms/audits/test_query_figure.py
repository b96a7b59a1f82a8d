"""The figure of an answer: drawn for every question that has one, the same bytes for the same rows, or told why not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas.job_entry import InputError
from schemas.runs_there import runs_there
from spark_jobs.transforms.audits.query_answer import Answer, ask
from spark_jobs.transforms.audits.query_figure import MOST_SHOWN, check_figure, draw_answer
from spark_jobs.transforms.audits.query_texts import FigurePlan, Query, all_queries, query_named
from tests.spark_jobs.small_index import control_row, index_row, write_index, write_plan

BARS = Query("q", "How many?", "", (), figure=FigurePlan("bars", ("name",), ("made", "lost")))
RANGES = Query(
    "q", "How much?", "", (), figure=FigurePlan("ranges", ("name",), ("p10", "median", "p90", "known_from", "known_to"))
)
DRAWN = [name for name, query in all_queries().items() if query.figure]


def drawn(query: Query, answer: Answer, out: Path) -> str:
    draw_answer(query, answer, out)
    return out.read_text(encoding="utf-8")


def lengths(svg: str) -> list[float]:
    """Lengths of the bars, in the order drawn."""
    bars = re.findall(r'<path d="M ([\d.]+) [\d.]+ \nL ([\d.]+) [^"]*" clip-path="[^"]*" style="fill: #(?:2f6690|c8612c)"', svg)
    return [round(float(end) - float(start), 3) for start, end in bars]


def test_every_figure_names_columns_that_the_answer_has(tmp_path: Path) -> None:
    rows = [index_row(1), control_row(2), index_row(3, reasons=1 << 24), index_row(4, split="val")]
    runs = runs_there([write_index(tmp_path / "s", rows), write_plan(tmp_path / "p", rows)])
    assert len(DRAWN) > 7
    for name in DRAWN:
        query = query_named(name)
        answer = ask(query, runs)
        assert query.figure is not None
        assert {*query.figure.labels, *query.figure.values} <= set(answer.columns)
        draw_answer(query, answer, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert not list(tmp_path.glob(".*unfinished"))


def test_bars_are_as_long_as_their_numbers_and_a_null_is_none(tmp_path: Path) -> None:
    answer = Answer(("name", "made", "lost"), [("a", 40, 10), (None, 20, None)])
    first, second, third, fourth = lengths(drawn(BARS, answer, tmp_path / "x.svg"))
    assert first == pytest.approx(2 * second, abs=0.01)
    assert third == pytest.approx(first / 4, abs=0.01)
    assert fourth == 0


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
def test_the_same_answer_gives_the_same_bytes(tmp_path: Path, ending: str) -> None:
    answer = Answer(
        ("name", "p10", "median", "p90", "known_from", "known_to"), [("a $x", 1.0, 2.0, 3.0, 1.5, 4.0), ("b", 1, 50, 99, 2, 3)]
    )
    for name in ("one", "two"):
        draw_answer(RANGES, answer, tmp_path / f"{name}{ending}")
    assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"two{ending}").read_bytes()


def test_no_rows_are_an_empty_figure_and_many_are_cut_and_counted(tmp_path: Path) -> None:
    few = drawn(BARS, Answer(("name", "made", "lost"), []), tmp_path / "a.svg")
    assert lengths(few) == []
    rows = [(f"row {n}", 1, 1) for n in range(MOST_SHOWN + 7)]
    many = drawn(BARS, Answer(("name", "made", "lost"), rows), tmp_path / "b.svg")
    assert "How many? (7 more rows are not shown)" in many
    assert len(lengths(many)) == 2 * MOST_SHOWN


def test_a_question_that_is_a_list_has_no_figure_and_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="query repeated_tasks has no figure: its answer is a list; wanted --csv FILE"):
        check_figure(query_named("repeated_tasks"), tmp_path / "x.png")
    with pytest.raises(InputError, match=r"--figure .*x\.gif; wanted a file ending in one of \.pdf, \.png, \.svg"):
        check_figure(query_named("arc_snr"), tmp_path / "x.gif")
