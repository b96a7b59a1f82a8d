"""The proof as one self-contained HTML page: both recipes side by side, figure by figure and gate by gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from expectations import Expectation, expectations
from jinja2 import ChoiceLoader, FileSystemLoader
from proof_autopsy import autopsy_causes, autopsy_rows
from proof_figures import NAMES, contaminants, examples, merit_drawings, roc_drawing
from proof_record import RATES, Figure, Proof, read_proof
from proof_steps import HERE, JUDGED_ON, PAIRED, RECIPES, STANDIN, Places, Size

from schemas.file_commit import commit_text
from trainer.gates.gate import Verdict
from trainer.gates.gate_figures import VERDICT_COLOURS
from trainer.report_page import environment

_SHOWN = 8
_COLOURS = {verdict.value: colour for verdict, colour in VERDICT_COLOURS.items()}


def write_page(places: Places, size: Size, path: Path) -> str:
    """Write the page; answers with what came out, in a sentence."""
    proof = read_proof(places, size, places.out / "steps.json")
    asked = expectations(proof)
    commit_text(path, render(proof, asked, places))
    as_expected = sum(one.answer == "as expected" for one in asked)
    return f"{as_expected} of {len(asked)} expectations came out as expected; on the stand-in {_poor(asked)}"


def render(proof: Proof, asked: Sequence[Expectation], places: Places) -> str:
    """The page as HTML text."""
    made = environment()
    made.loader = ChoiceLoader([FileSystemLoader(HERE), *([made.loader] if made.loader else [])])
    galleries = {NAMES[name]: examples(Path(places.stamps(name)), _SHOWN) for name in JUDGED_ON}
    galleries["contaminants of the stand-in"] = contaminants(Path(places.stamps(STANDIN)), 2)
    return made.get_template("proof.html.j2").render(
        facts=_facts(proof),
        expectations=asked,
        merits=[*merit_drawings(proof), roc_drawing(proof)],
        recipes=RECIPES,
        merit_rows=_merit_rows(proof),
        data_gates=_gate_rows([proof.data_gates[recipe] for recipe in RECIPES]),
        model_gates=_gate_rows([proof.model_gates[recipe, on] for recipe in RECIPES for on in PAIRED.values()]),
        model_heads=[f"{recipe} network, {on} pairs" for recipe in RECIPES for on in PAIRED.values()],
        rings=_rings(proof),
        autopsy_rows=autopsy_rows(proof),
        causes=autopsy_causes(proof),
        galleries=galleries,
    )


def _facts(proof: Proof) -> dict[str, str]:
    one = proof.on(STANDIN, RECIPES[0])[0]
    return {
        "code": str(proof.stamps[RECIPES[0]].get("code_version")),
        "stand-in": f"{one.n_positive:,} lenses, {one.n_negative:,} negatives, seed {proof.stamps[STANDIN].get('run_seed')}",
        "commands ran for": f"{proof.minutes:.0f} minutes",
    }


def _merit_rows(proof: Proof) -> list[tuple[str, str, list[str]]]:
    """(figure, test set, one cell a recipe): the seeds' figures with their intervals."""
    rows = []
    for name in JUDGED_ON:
        rows.append(("AUC", NAMES[name], [_cell([one.auc for one in proof.on(name, recipe)]) for recipe in RECIPES]))
        for rate in RATES:
            cells = [_cell([one.tpr[rate] for one in proof.on(name, recipe)]) for recipe in RECIPES]
            rows.append((f"TPR at FPR {rate:g}", NAMES[name], cells))
    together = "stand-in, the three seeds as a committee"
    rows.append(("AUC", together, [_figure(proof.committees[recipe].auc) for recipe in RECIPES]))
    for rate in RATES:
        rows.append((f"TPR at FPR {rate:g}", together, [_figure(proof.committees[recipe].tpr[rate]) for recipe in RECIPES]))
    return rows


def _cell(figures: Sequence[Figure]) -> str:
    return "; ".join(_figure(one) for one in figures)


def _figure(figure: Figure) -> str:
    if figure.value is None or not figure.supported:
        return "not supported"
    ends = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{ends}"


def _gate_rows(several: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """One row a gate, in the order of the first; one cell a directory of gates."""
    by_name = [{gate["gate"]: gate for gate in gates} for gates in several]
    rows = []
    for gate in several[0]:
        cells = []
        for gates in by_name:
            found = gates.get(gate["gate"])
            cells.append(None if found is None else _gate_cell(found))
        rows.append({"title": gate["title"], "question": gate["question"], "cells": cells})
    return rows


def _gate_cell(gate: Mapping[str, Any]) -> dict[str, str]:
    value, low, high = (gate[name] for name in ("value", "low", "high"))
    figure = "" if value is None else f"{value:.3g}"
    ends = "" if low is None or high is None else f" ({low:.3g} to {high:.3g})"
    colour = _COLOURS.get(gate["verdict"], _COLOURS[Verdict.NOT_SUPPORTED.value])
    return {"verdict": gate["verdict"], "figure": figure + ends, "why": gate["why"], "colour": colour}


def _rings(proof: Proof) -> list[tuple[str, list[Mapping[str, str]]]]:
    """The response to rings of each recipe's network, on realistic hosts."""
    on = PAIRED["realistic"]
    return [
        (recipe, [drawing for gate in proof.model_gates[recipe, on] if "ring" in gate["gate"] for drawing in gate["drawings"]])
        for recipe in RECIPES
    ]


def _poor(asked: Sequence[Expectation]) -> str:
    return asked[-1].seen
