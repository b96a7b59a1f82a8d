"""The steps of the proof are commands that their jobs understand, in an order in which every input has been made."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from spark_jobs.command_line import COMMANDS
from tests.conftest import REPOSITORY

PROOF = REPOSITORY / "deploy" / "proof"


@pytest.fixture
def steps() -> Iterator[ModuleType]:
    sys.path.insert(0, str(PROOF))
    yield importlib.import_module("proof_steps")
    sys.path.remove(str(PROOF))


def test_every_step_is_a_command_that_its_job_understands(steps: ModuleType) -> None:
    for step in steps.proof_steps(Path("out"), steps.Size()):
        if not step.program:
            module = importlib.import_module(COMMANDS[step.words[0]][0])
            module.build_parser().parse_args(step.words[1:])
        else:
            assert (PROOF / step.program).is_file()


def test_every_input_below_the_directory_is_the_output_of_an_earlier_step(steps: ModuleType) -> None:
    made: set[str] = set()
    for step in steps.proof_steps(Path("/out"), steps.Size()):
        words = list(step.words)
        out = words[words.index("--out") + 1]
        for word in words:
            if word.startswith("/out") and word != out:
                assert any(word == one or word.startswith(f"{one}/") for one in made), f"{step.purpose}: {word}"
        made.add(out)


def test_both_recipes_get_the_same_training_of_every_seed(steps: ModuleType) -> None:
    trainings = [step.words for step in steps.proof_steps(Path("/out"), steps.Size()) if step.words[0] == "train"]
    asked = {recipe: [words for words in trainings if f"/out/{recipe}/stamps" in words] for recipe in steps.RECIPES}
    without = {
        recipe: [[word for word in words if not word.startswith("/out")] for words in some] for recipe, some in asked.items()
    }
    assert without["gen5"] == without["realistic"]
    assert len(without["gen5"]) == len(steps.SEEDS) == 3


def test_every_network_is_judged_on_both_test_sets_and_on_the_standin(steps: ModuleType) -> None:
    every = [step.words for step in steps.proof_steps(Path("/out"), steps.Size()) if step.words[0] == "score"]
    scored = [words for words in every if "committee" not in words[-1]]
    pairs = {(words[words.index("--checkpoint") + 1], words[words.index("--stamps") + 1]) for words in scored}
    assert len(pairs) == len(scored) == len(steps.RECIPES) * len(steps.SEEDS) * 3
    assert len(every) == len(scored) + len(steps.RECIPES)
    assert {stamps for _, stamps in pairs} == {"/out/gen5/stamps", "/out/realistic/stamps", "/out/standin"}


def test_only_gates_may_end_with_a_breach(steps: ModuleType) -> None:
    allowed = {step.words[0] for step in steps.proof_steps(Path("/out"), steps.Size()) if step.breach}
    assert allowed == {"gate-data", "gate-model"}
