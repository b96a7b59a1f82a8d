"""What the proof's steps left behind, read into plain records; nothing is computed anew that a command has written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proof_steps import JUDGED_ON, PAIRED, RECIPES, STANDIN, Places, Size

from schemas.run_record import read_run
from trainer.autopsies.autopsy_files import JSON as AUTOPSY
from trainer.gates.gate_files import JSON

RATES = (0.01, 0.001)


@dataclass(frozen=True)
class Figure:
    """A figure with its interval, NaN-free: None where it is not supported; ``why`` says why then."""

    value: float | None
    low: float | None = None
    high: float | None = None
    supported: bool = True


@dataclass(frozen=True)
class Judged:
    """What one network reaches on one test set; a committee of all seeds has the seed 0."""

    recipe: str
    seed: int
    judged_on: str
    auc: Figure
    tpr: Mapping[float, Figure]
    roc: tuple[Sequence[float], Sequence[float]]
    n_positive: int
    n_negative: int
    n_distinct_negative: int
    kinds: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Proof:
    """Everything that the page shows. Gates by what was asked about: (recipe,) for data, (recipe, asked on) for networks.

    Parts of an autopsy by recipe, as autopsy.json has them.
    """

    judged: Sequence[Judged]
    committees: Mapping[str, Judged]
    data_gates: Mapping[str, Sequence[Mapping[str, Any]]]
    model_gates: Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
    autopsies: Mapping[str, Mapping[str, Any]]
    stamps: Mapping[str, Mapping[str, Any]]
    minutes: float

    def on(self, judged_on: str, recipe: str) -> list[Judged]:
        """The networks of a recipe on a test set, by seed."""
        return [one for one in self.judged if one.judged_on == judged_on and one.recipe == recipe]


def read_proof(places: Places, size: Size, notes: Path) -> Proof:
    """Read what stands; every file is there where all steps have run."""
    judged = [
        _judged(Path(places.network(recipe, seed, f"metrics-{name}.json")), recipe, seed, name)
        for recipe in RECIPES
        for seed in size.seeds
        for name in JUDGED_ON
    ]
    committees = {
        recipe: _judged(Path(places.judged(recipe, size.seeds, f"metrics-{STANDIN}.json")), recipe, 0, STANDIN)
        for recipe in RECIPES
    }
    return Proof(
        judged=judged,
        committees=committees,
        data_gates={recipe: _gates(Path(places.at(recipe, "gates"))) for recipe in RECIPES},
        model_gates={
            (recipe, on): _gates(Path(places.model_gates(recipe, on))) for recipe in RECIPES for on in PAIRED.values()
        },
        autopsies={recipe: _json(Path(places.autopsy(recipe)) / AUTOPSY)["parts"] for recipe in RECIPES},
        stamps={name: read_run(Path(places.stamps(name))) for name in JUDGED_ON},
        minutes=sum(_json(notes).values()) / 60,
    )


def _judged(path: Path, recipe: str, seed: int, judged_on: str) -> Judged:
    test = _json(path)["splits"]["test"]
    rates = {rate["fpr"]: rate for rate in test["tpr_at_fpr"]}
    return Judged(
        recipe,
        seed,
        judged_on,
        Figure(test["auc"]["value"], test["auc"]["low"], test["auc"]["high"]),
        {rate: _rate(rates[rate]) for rate in RATES},
        (test["roc"]["fpr"], test["roc"]["tpr"]),
        test["n_positive"],
        test["n_negative"],
        test["n_distinct_negative"],
        test["by_kind"],
    )


def _rate(rate: Mapping[str, Any]) -> Figure:
    return Figure(rate["tpr"], rate["low"], rate["high"], rate["supported"])


def _gates(directory: Path) -> list[Mapping[str, Any]]:
    gates: list[Mapping[str, Any]] = _json(directory / JSON)["gates"]
    return gates


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
