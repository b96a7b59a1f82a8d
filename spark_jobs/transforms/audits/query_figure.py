"""The answer of a question as a picture: bars of counts side by side, or ranges with their middle and what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.file_commit import unfinished_file
from schemas.job_entry import InputError
from schemas.locations import Location
from spark_jobs.transforms.audits.query_answer import Answer
from spark_jobs.transforms.audits.query_texts import FigurePlan, Query

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = (".pdf", ".png", ".svg")
MOST_SHOWN = 40
_COLOURS = ("#2f6690", "#c8612c", "#3c8d5a", "#7b4b94")
_INK, _GREY = "#2b3138", "#e7e9ec"
_HEIGHT = {"bars": 0.8, "ranges": 0.5}


def check_figure(query: Query, out: Location) -> FigurePlan:
    """How a question is drawn; raises InputError where it is not, or where the file's ending is not one of FORMATS."""
    if query.figure is None:
        raise InputError(f"query {query.name} has no figure: its answer is a list; wanted --csv FILE, or no --figure")
    if out.suffix not in FORMATS:
        raise InputError(f"--figure {out}; wanted a file ending in one of {', '.join(FORMATS)}")
    return query.figure


def draw_answer(query: Query, answer: Answer, out: Location) -> None:
    """Draw the first rows of an answer, from top to bottom; the same answer gives the same bytes."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    plan = check_figure(query, out)
    shown = Answer(answer.columns, answer.rows[:MOST_SHOWN])
    with rc_context({"svg.hashsalt": "darkhaloscope", "font.size": 9, "axes.edgecolor": "#8a929b", "axes.axisbelow": True}):
        figure = Figure(figsize=(8.0, 1.7 + 0.3 * max(1, len(shown.rows))), layout="constrained", facecolor="white")
        axes = figure.subplots()
        (_bars if plan.kind == "bars" else _ranges)(axes, plan, shown, query.name)
        axes.set_yticks(range(len(shown.rows)), [_label(shown, plan, n) for n in range(len(shown.rows))], color=_INK)
        axes.set_ylim(max(1, len(shown.rows)) - 0.4, -0.6)
        axes.set_ylabel(", ".join(map(_words, plan.labels)), color=_INK)
        if axes.get_legend_handles_labels()[0] and len(plan.values) > 1:
            figure.legend(loc="outside lower right", ncols=len(plan.values), frameon=False)
        axes.grid(axis="x", color=_GREY)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        rest = len(answer.rows) - len(shown.rows)
        figure.suptitle(
            query.question + (f" ({rest} more rows are not shown)" if rest else ""), fontsize=9, color=_INK, wrap=True
        )
        _save(figure, out)


def _bars(axes: Axes, plan: FigurePlan, answer: Answer, query_name: str) -> None:
    height = _HEIGHT["bars"] / len(plan.values)
    for number, (name, colour) in enumerate(zip(plan.values, _COLOURS, strict=False)):
        places = [n + (number - (len(plan.values) - 1) / 2) * height for n in range(len(answer.rows))]
        axes.barh(places, _numbers(answer, name), height=height, color=colour, label=_words(name))
    axes.set_xlabel(f"{_words(query_name)}, rows")


def _ranges(axes: Axes, plan: FigurePlan, answer: Answer, query_name: str) -> None:
    low, middle, high, *known = (_numbers(answer, name) for name in plan.values)
    places = range(len(answer.rows))
    if known:
        axes.hlines(places, *known, color="#8a929b", linewidth=12, alpha=0.3, label="known lenses")
    axes.hlines(places, low, high, color=_COLOURS[0], linewidth=4, alpha=0.6, label=f"{plan.values[0]} to {plan.values[2]}")
    axes.plot(middle, places, "o", color=_COLOURS[1], markersize=5, label=_words(plan.values[1]))
    axes.set_xlabel(_words(query_name))
    positive = [value for value in (*low, *high) if value > 0]
    if positive and max(positive) > 30 * min(positive):
        axes.set_xscale("log")


def _numbers(answer: Answer, name: str) -> list[float]:
    return [0.0 if value is None else float(value) for value in answer.column(name)]


def _label(answer: Answer, plan: FigurePlan, row: int) -> str:
    return ", ".join(_text(answer.column(name)[row]) for name in plan.labels).replace("$", r"\$")


def _text(value: Any) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _save(figure: Any, out: Location) -> None:
    timeless = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}, ".png": {"Software": None}}[out.suffix]
    with unfinished_file(out) as unfinished:
        figure.savefig(unfinished, format=out.suffix[1:], dpi=120, metadata=timeless)
