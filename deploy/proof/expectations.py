"""What was expected before the experiment, and whether it came out so, by rules that were written down with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proof_record import Figure, Proof
from proof_steps import PAIRED, STANDIN

HIGH_AUC = 0.95
RATE = 0.01


@dataclass(frozen=True)
class Expectation:
    """A sentence, the rule by which it is held to be true, what was seen, and the answer."""

    sentence: str
    rule: str
    seen: str
    answer: str


def expectations(proof: Proof) -> list[Expectation]:
    """All of them, in the order of the argument."""
    return [
        _high_on_its_own(proof),
        _lower_on_its_own(proof),
        _gates_of_data(proof),
        _gates_of_networks(proof),
        _poor_on_the_standin(proof),
    ]


def _high_on_its_own(proof: Proof) -> Expectation:
    aucs = [one.auc for one in proof.on("gen5", "gen5")]
    high = all(auc.value is not None and auc.value >= HIGH_AUC for auc in aucs)
    return Expectation(
        "The failed recipe's networks score high on their own test set.",
        f"AUC of at least {HIGH_AUC} for every seed",
        _several(aucs),
        _answer(high),
    )


def _lower_on_its_own(proof: Proof) -> Expectation:
    own = {recipe: [one.auc for one in proof.on(recipe, recipe)] for recipe in ("gen5", "realistic")}
    return Expectation(
        "The realistic recipe's own test set is the harder one.",
        "every realistic network's AUC on its own set lies below every failed one's on its own",
        f"realistic {_several(own['realistic'])}; gen5 {_several(own['gen5'])}",
        _ordered(own["realistic"], own["gen5"]),
    )


def _gates_of_data(proof: Proof) -> Expectation:
    failed = {recipe: _failed(gates) for recipe, gates in proof.data_gates.items()}
    seen = "; ".join(f"{recipe}: {len(names)} fail ({', '.join(names) or 'none'})" for recipe, names in failed.items())
    return Expectation(
        "The failed recipe's stamps fail gates, the realistic one's pass.",
        "gen5 fails at least one data gate, realistic none",
        seen,
        _answer(bool(failed["gen5"]) and not failed["realistic"]),
    )


def _gates_of_networks(proof: Proof) -> Expectation:
    failed = {recipe: _failed(proof.model_gates[recipe, PAIRED["realistic"]]) for recipe in ("gen5", "realistic")}
    seen = "; ".join(f"{recipe}: {len(names)} fail ({', '.join(names) or 'none'})" for recipe, names in failed.items())
    return Expectation(
        "The failed recipe's network fails more gates than the realistic one's.",
        "counted on the same realistic pairs",
        seen,
        _answer(len(failed["gen5"]) > len(failed["realistic"])),
    )


def _poor_on_the_standin(proof: Proof) -> Expectation:
    tpr = {recipe: [one.tpr[RATE] for one in proof.on(STANDIN, recipe)] for recipe in ("gen5", "realistic")}
    return Expectation(
        "On the stand-in the realistic recipe's networks find more lenses than the failed one's.",
        f"every realistic network's share of lenses found at a false positive rate of {RATE:g} lies above every failed one's",
        f"realistic {_several(tpr['realistic'])}; gen5 {_several(tpr['gen5'])}",
        _ordered(tpr["gen5"], tpr["realistic"]),
    )


def _failed(gates: Sequence[Mapping[str, Any]]) -> list[str]:
    return [gate["title"] for gate in gates if gate["verdict"] == "fail"]


def _ordered(lower: list[Figure], higher: list[Figure]) -> str:
    below = [one.value for one in lower if one.value is not None]
    above = [one.value for one in higher if one.value is not None]
    if not below or not above:
        return "not supported"
    if max(below) < min(above):
        return "as expected"
    return "the reverse" if min(below) > max(above) else "undecided: the seeds overlap"


def _answer(holds: bool) -> str:
    return "as expected" if holds else "otherwise"


def _several(figures: list[Figure]) -> str:
    return ", ".join("not supported" if one.value is None else f"{one.value:.3f}" for one in figures)
