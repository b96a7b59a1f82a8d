"""The page of the proof: both recipes side by side, every figure with its words, whatever a title says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from expectations import expectations
from proof_page import render
from proof_record import Figure, Judged, Proof
from proof_steps import JUDGED_ON, PAIRED, RECIPES, STANDIN, Places

from tests.synthetic_stamps import write_stamps_directory
from tests.trainer.browser import WIDTHS, console, installed_chromium, layout, requests_of_page

HOSTILE = "<script>alert(1)</script>"
_PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def gate(name: str, verdict: str, value: float | None) -> dict[str, Any]:
    drawing = {"uri": _PIXEL, "alt": f"Map of {name}.", "caption": f"caption of {name}"}
    ends = {"low": None if value is None else value - 0.1, "high": None if value is None else value + 0.1}
    told = {"gate": name, "title": f"Title of {name}", "question": f"asks {name}?", "verdict": verdict, "why": "because"}
    return told | {"value": value, **ends, "drawings": [drawing]}


def judged(recipe: str, seed: int, judged_on: str) -> Judged:
    value = 0.9 + seed / 100 + (0.03 if recipe == judged_on else 0)
    rates = {0.01: Figure(0.5, 0.4, 0.6), 0.001: Figure(0.123456, 0.1, 0.2, judged_on == STANDIN)}
    return Judged(
        recipe, seed, judged_on, Figure(value, value - 0.02, value + 0.02), rates, ([0, 0.1, 1], [0, 0.8, 1]), 60, 900, 900, []
    )


def autopsy(recipe: str) -> dict[str, Any]:
    """Parts of an autopsy with one figure each, as autopsy.json has them."""
    ends = {"value": 0.25 if recipe == "gen5" else 0.75, "low": 0.125, "high": 0.875, "n": 1234}
    found = [{"name": "all.all lenses.p ≥ 0.5", "failed_experiment": "3 of 68: 0.044", **ends}]
    told = {"told": f"Anchors of {recipe} {HOSTILE} hold less light."}
    parts: dict[str, Any] = {key: {"findings": []} for key in ("central_maximum", "correlations", "ring_test")}
    return parts | {
        "recall": {"findings": found},
        "causes": {"verdicts": dict.fromkeys(("anchors/lenses", "anchors/negatives"), told)},
    }


@pytest.fixture(scope="module")
def page(standin: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("proof")
    for recipe in RECIPES:
        write_stamps_directory(out / recipe, {"test": 10}, size=16, refused_pairs=1)
    shutil.copytree(standin, out / STANDIN)
    gates = [gate("ring_family", "pass", 0.123), gate("other", "fail", 0.456), gate("third", "not supported", None)]
    proof = Proof(
        judged=[judged(recipe, seed, on) for recipe in RECIPES for seed in (1, 2, 3) for on in JUDGED_ON],
        committees={recipe: judged(recipe, 0, STANDIN) for recipe in RECIPES},
        data_gates={recipe: [gate("data", "fail", 0.789), gate(HOSTILE, "pass", 1.0)] for recipe in RECIPES},
        model_gates={(recipe, on): gates for recipe in RECIPES for on in PAIRED.values()},
        autopsies={recipe: autopsy(recipe) for recipe in RECIPES},
        stamps={name: {"code_version": "1.0+abc", "run_seed": 7} for name in JUDGED_ON},
        minutes=42.0,
    )
    return render(proof, expectations(proof), Places(out))


def test_every_expectation_stands_there_with_what_was_seen_and_its_answer(page: str) -> None:
    assert page.count('class="answer">') == 5
    assert "realistic 0.500, 0.500, 0.500; gen5 0.500, 0.500, 0.500" in page
    assert "undecided: the seeds overlap" in page


def test_every_figure_of_merit_has_a_cell_for_each_recipe_with_its_interval(page: str) -> None:
    table = page[page.index('<section id="merit">') : page.index('<section id="data-gates">')]
    assert table.count("<tr><td>AUC</td>") == len(JUDGED_ON) + 1
    assert "0.940 (0.920 to 0.960); 0.950 (0.930 to 0.970); 0.960 (0.940 to 0.980)" in table
    # A rate that too few negatives stand behind has no figure in the table, though one was computed.
    assert table.count("not supported; not supported; not supported") == 2 * len(RECIPES)
    assert table.count("0.123 (0.100 to 0.200)") > 0


def test_every_gate_has_a_light_a_figure_and_a_reason_for_each_that_was_asked(page: str) -> None:
    models = page[page.index('<section id="model-gates">') : page.index('<section id="rings">')]
    assert models.count("0.456 (0.356 to 0.556)") == len(RECIPES) * len(PAIRED)
    assert models.count('class="light"') == 3 * len(RECIPES) * len(PAIRED)
    assert 'title="because"' in models


def test_the_rings_of_both_networks_are_drawn(page: str) -> None:
    rings = page[page.index('<section id="rings">') : page.index('<section id="autopsy">')]
    assert rings.count("Map of ring_family.") == len(RECIPES)
    assert "Map of other." not in rings


def test_the_autopsies_stand_side_by_side_with_the_failed_figure_and_what_is_missing_is_said(page: str) -> None:
    part = page[page.index('<section id="autopsy">') : page.index('<section id="pictures">')]
    row = "<td>0.250 (0.125 to 0.875), 1,234 objects</td><td>0.750 (0.125 to 0.875), 1,234 objects</td><td>3 of 68: 0.044</td>"
    assert row in part and part.count("<td>not given</td>") == 2 * 9
    assert part.count("Anchors of gen5") == part.count("Anchors of realistic") == 2


def test_no_title_becomes_a_script_and_nothing_is_asked_of_the_network(page: str) -> None:
    assert "<script" not in page and "&lt;script&gt;" in page
    assert not re.search(r"(src|href)=\"https?://", page)


def test_every_picture_has_words(page: str) -> None:
    pictures = re.findall(r"<img[^>]*>", page)
    assert len(pictures) > 20
    assert all(re.search(r'alt="[^"]{6,}"', picture) for picture in pictures)


@pytest.mark.browser
@pytest.mark.slow
def test_a_browser_finds_no_fault_and_asks_nothing(page: str, tmp_path: Path) -> None:
    (tmp_path / "proof.html").write_text(page, "utf-8")
    answer, asked = requests_of_page(installed_chromium(), tmp_path / "proof.html", tmp_path)
    assert console(answer) == [] and asked == set()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_window(page: str, tmp_path: Path, width: int) -> None:
    seen = layout(installed_chromium(), page, tmp_path, width)
    assert seen.client == width and seen.scroll <= seen.client
    assert seen.broken == 0 and seen.pictures > 20
