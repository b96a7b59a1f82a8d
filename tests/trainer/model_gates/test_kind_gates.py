"""Hard negatives against lenses: the figure is the AUC, kinds that are rare say so, and the table has every kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict
from trainer.judge import Numbers
from trainer.model_gates.judged_stamps import JudgedStamps, Threshold
from trainer.model_gates.kind_gates import kind_gates

HOW = Chance(draws=60, seed=1)
THRESHOLD = Threshold(1.5, 0.01, 250)


def with_kinds(stamps: JudgedStamps, above: float, **counts: int) -> JudgedStamps:
    """Some of the controls turned into other kinds; lenses score N(2, 1), controls N(0, 1), other kinds N(2 - above, 1)."""
    catalogue = stamps.stamps.catalogue
    names = ("control", "lens", *counts)
    kind = np.where(stamps.stamps.lens, 1, 0)
    controls = np.random.default_rng(2).permutation(np.flatnonzero(stamps.stamps.control))
    taken = 0
    for number, count in enumerate(counts.values()):
        kind[controls[taken : taken + count]] = number + 2
        taken += count
    mean = np.select([kind == 1, kind == 0], [2.0, 0.0], 2 - above)
    logits = np.random.default_rng(3).normal(mean, 1)
    new = replace(catalogue, kinds=names, kind=kind.astype(np.int8))
    return replace(stamps, stamps=replace(stamps.stamps, catalogue=new), logits=logits)


def gates(stamps: JudgedStamps) -> dict[str, Gate]:
    return {gate.asked.name: gate for gate in kind_gates(stamps, THRESHOLD, HOW)}


def auc(lenses: Numbers, others: Numbers) -> float:
    return float((lenses[:, None] > others[None]).mean())


def test_one_with_an_eye_for_shape_passes_and_one_that_reads_brightness_fails(clean: JudgedStamps) -> None:
    good, bad = (gates(with_kinds(clean, above, shuffled=90, unlensed=90)) for above in (2.5, 0.0))
    assert {name: gate.verdict for name, gate in good.items()} == dict.fromkeys(good, Verdict.PASS)
    assert {name: gate.verdict for name, gate in bad.items()} == dict.fromkeys(bad, Verdict.FAIL)
    assert list(good) == ["shuffled_arcs", "unlensed_sources"]


def test_the_figure_is_the_auc_of_lenses_against_that_kind_alone(clean: JudgedStamps) -> None:
    stamps = with_kinds(clean, 1.0, shuffled=60, unlensed=40)
    kinds, lenses = stamps.stamps.kinds, stamps.logits[stamps.stamps.lens]
    found = gates(stamps)
    for name, kind, count in (("shuffled_arcs", "shuffled", 60), ("unlensed_sources", "unlensed", 40)):
        figure = found[name].interval
        assert figure is not None and figure.value == pytest.approx(auc(lenses, stamps.logits[kinds == kind]))
        assert (found[name].behind.n_positive, found[name].behind.n_negative) == (250, count)


def test_a_rare_kind_and_an_absent_one_get_no_figure(clean: JudgedStamps) -> None:
    found = gates(with_kinds(clean, 2.5, shuffled=29))
    assert found["shuffled_arcs"].interval is None
    assert found["shuffled_arcs"].why == "too few objects: 250 lenses, 29 others; wanted 30 of each"
    assert found["unlensed_sources"].interval is None
    assert found["unlensed_sources"].why == "the split has no negatives of the kind unlensed"


def test_the_table_has_every_kind_with_its_share_called_lenses(clean: JudgedStamps) -> None:
    stamps = with_kinds(clean, 1.0, shuffled=40, trail=5)
    table = gates(stamps)["shuffled_arcs"].evidence.table
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    kinds = stamps.stamps.kinds
    assert {kind: int(row[0]) for kind, row in rows.items()} == {"control": 205, "lens": 250, "shuffled": 40, "trail": 5}
    for kind, row in rows.items():
        assert float(row[1].split()[0]) == pytest.approx((stamps.logits[kinds == kind] > 1.5).mean(), abs=6e-4)
    assert rows["lens"][2] == ""
    assert rows["trail"][2] == "too few objects: 250 lenses, 5 others; wanted 30 of each"
    controls = auc(stamps.logits[stamps.stamps.lens], stamps.logits[kinds == "control"])
    assert float(rows["control"][2].split()[0]) == pytest.approx(controls, abs=6e-4)


def test_stamps_that_could_not_be_read_take_no_part(clean: JudgedStamps) -> None:
    stamps = with_kinds(clean, 1.0, shuffled=60)
    lost = np.flatnonzero(stamps.stamps.kinds == "shuffled")[:20]
    logits = stamps.logits.copy()
    logits[lost] = np.nan
    assert gates(replace(stamps, logits=logits))["shuffled_arcs"].behind.n_negative == 40
