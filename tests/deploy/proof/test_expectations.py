"""What was expected is answered by the rules that were written down, whichever way it comes out."""

from __future__ import annotations

from typing import Any

import pytest
from expectations import expectations
from proof_record import Figure, Judged, Proof

OWN_HIGH, OWN_LOW, FINDS, MISSES = (0.99, 0.98, 0.97), (0.90, 0.88, 0.89), (0.41, 0.40, 0.45), (0.10, 0.12, 0.08)


def gate(name: str, verdict: str) -> dict[str, Any]:
    return {"gate": name, "title": name, "verdict": verdict}


def networks(recipe: str, judged_on: str, aucs: tuple[float, ...], tprs: tuple[float | None, ...]) -> list[Judged]:
    found = []
    for n, (auc, tpr) in enumerate(zip(aucs, tprs, strict=True)):
        rates = {0.01: Figure(tpr, None, None, tpr is not None), 0.001: Figure(None, supported=False)}
        found.append(Judged(recipe, n + 1, judged_on, Figure(auc), rates, ([0, 1], [0, 1]), 100, 1000, 1000, []))
    return found


def proof(
    *,
    gen5: tuple[float, ...] = OWN_HIGH,
    realistic: tuple[float, ...] = OWN_LOW,
    gen5_finds: tuple[float | None, ...] = MISSES,
    realistic_finds: tuple[float | None, ...] = FINDS,
    failed: tuple[str, str, str, str] = ("fail", "pass", "fail", "pass"),
) -> Proof:
    """As expected where nothing is said; ``failed``: data gates of gen5 and realistic, gates on their networks."""
    judged = networks("gen5", "gen5", gen5, MISSES) + networks("realistic", "realistic", realistic, MISSES)
    judged += networks("gen5", "standin", OWN_LOW, gen5_finds) + networks("realistic", "standin", OWN_LOW, realistic_finds)
    return Proof(
        judged=judged,
        committees={},
        data_gates={"gen5": [gate("a", failed[0])], "realistic": [gate("a", failed[1])]},
        model_gates={("gen5", "realistic"): [gate("b", failed[2])], ("realistic", "realistic"): [gate("b", failed[3])]},
        autopsies={},
        stamps={},
        minutes=1.0,
    )


def answers(of: Proof) -> list[str]:
    return [one.answer for one in expectations(of)]


def test_all_is_as_expected_where_all_is() -> None:
    assert answers(proof()) == ["as expected"] * 5


@pytest.mark.parametrize(
    ("changed", "which", "answer"),
    [
        ({"gen5": (0.99, 0.94, 0.97)}, 0, "otherwise"),
        ({"realistic": (0.90, 0.975, 0.89)}, 1, "undecided: the seeds overlap"),
        ({"realistic": (0.999, 0.998, 0.997)}, 1, "the reverse"),
        ({"failed": ("pass", "pass", "fail", "pass")}, 2, "otherwise"),
        ({"failed": ("fail", "fail", "fail", "pass")}, 2, "otherwise"),
        ({"failed": ("fail", "pass", "pass", "pass")}, 3, "otherwise"),
        ({"failed": ("fail", "pass", "not supported", "confounded")}, 3, "otherwise"),
        ({"gen5_finds": FINDS, "realistic_finds": MISSES}, 4, "the reverse"),
        ({"gen5_finds": (0.10, 0.42, 0.08)}, 4, "undecided: the seeds overlap"),
        ({"gen5_finds": (None, None, None)}, 4, "not supported"),
    ],
)
def test_each_is_answered_by_its_own_rule(changed: dict[str, Any], which: int, answer: str) -> None:
    found = answers(proof(**changed))
    assert found[which] == answer
    assert found[:which] + found[which + 1 :] == ["as expected"] * 4


def test_what_was_seen_names_the_gates_that_fail_and_every_seed() -> None:
    found = expectations(proof())
    assert found[2].seen == "gen5: 1 fail (a); realistic: 0 fail (none)"
    assert found[0].seen == "0.990, 0.980, 0.970"
    assert found[4].seen == "realistic 0.410, 0.400, 0.450; gen5 0.100, 0.120, 0.080"
