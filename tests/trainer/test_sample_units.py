"""Pairs that stay together, and kinds in given shares: nothing twice, nothing forgotten, every epoch as long."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.job_entry import InputError
from trainer.sample_order import OrderPlan, lane_order
from trainer.sample_units import Units, make_units

KINDS = ("lens", "control", "ring", "spiral")


def drawn(rng: np.random.Generator, groups: int, hard: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8], Units]:
    """Row groups of lenses with their controls behind them, some lonely, and hard negatives; sizes, kinds, units of pairs."""
    kind: list[int] = []
    partner: list[int] = []
    while len(kind) < 10 * groups:
        if rng.random() < hard:
            kind, partner = [*kind, int(rng.integers(2, 4))], [*partner, -1]
        elif rng.random() < 0.1:
            kind, partner = [*kind, 0], [*partner, -1]
        else:
            kind, partner = [*kind, 0, 1], [*partner, len(kind) + 1, -1]
    sizes = np.diff(np.sort(np.concatenate([[0, len(kind)], rng.integers(0, len(kind) + 1, groups - 1)])))
    kinds = np.array(kind, np.int8)
    return sizes, kinds, make_units(kinds, KINDS, np.array(partner, np.int32), None)


def plan_of(sizes: npt.NDArray[np.int64], units: Units, lanes: int = 3, depth: int = 2) -> OrderPlan:
    return OrderPlan(sizes, lanes, 4 * lanes, depth, 5, units)


def whole(plan: OrderPlan, epoch: int = 0) -> npt.NDArray[np.int64]:
    return np.concatenate([lane_order(plan, epoch, lane) for lane in range(plan.lanes)])


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 999), groups=st.integers(1, 12), lanes=st.integers(1, 5), hard=st.floats(0, 0.8))
def test_a_lens_and_its_control_are_in_the_same_even_part_of_a_lane_and_every_sample_comes_once(
    seed: int, groups: int, lanes: int, hard: float
) -> None:
    sizes, _, units = drawn(np.random.default_rng(seed), groups, hard)
    plan = plan_of(sizes, units, lanes)
    lengths = []
    for lane in range(lanes):
        order = lane_order(plan, 1, lane)
        place = {int(sample): n for n, sample in enumerate(order)}
        for lead, partner in zip(units.lead.tolist(), units.partner.tolist(), strict=True):
            if partner >= 0 and lead in place:
                assert place[partner] == place[lead] + 1 and place[lead] % 2 == 0
        lengths.append(len(order))
    assert sorted(whole(plan, 1).tolist()) == list(range(int(sizes.sum())))
    assert max(lengths) <= plan.batches * plan.micro_batch
    assert plan.samples == sizes.sum() == sum(lengths)


def test_pairs_are_shuffled_among_each_other_and_differ_by_epoch() -> None:
    sizes, _, units = drawn(np.random.default_rng(1), 40, 0.2)
    plan = plan_of(sizes, units, lanes=1, depth=4)
    first, second = whole(plan, 0), whole(plan, 1)
    assert not np.array_equal(first, second)
    steps = np.diff(first[::2])
    assert np.mean(np.abs(steps) <= 2) < 0.2


@pytest.mark.parametrize("pairs", [False, True])
def test_kinds_come_in_the_shares_that_were_asked_for_and_each_epoch_draws_anew(pairs: bool) -> None:
    sizes, kind, units = drawn(np.random.default_rng(2), 60, 0.3)
    partner = np.full(len(kind), -1, np.int32)
    partner[units.lead] = units.partner
    mix = {"lens": 0.5, "hard": 0.5} if pairs else {"lens": 0.4, "control": 0.4, "ring": 0.2}
    mixed = make_units(kind, KINDS, partner if pairs else None, mix)
    plan = plan_of(sizes, mixed)
    epochs = [whole(plan, epoch) for epoch in range(6)]
    for order in epochs:
        assert len(order) == len(set(order.tolist())) == plan.samples
        counts = np.bincount(kind[order], minlength=4)
        if pairs:  # a pair counts as one, under the lens
            assert counts[0] == counts[2:].sum()
            assert set(partner[order[kind[order] == 0]].tolist()) - {-1} == set(order[kind[order] == 1].tolist())
        else:
            np.testing.assert_allclose(counts / counts.sum(), [0.4, 0.4, 0.2, 0], atol=0.01)
    taken = [{name: frozenset(order[kind[order] == n].tolist()) for n, name in enumerate(KINDS)} for order in epochs]
    complete = [name for n, name in enumerate(KINDS) if len(taken[0][name]) == (kind == n).sum()]
    assert complete  # one kind is the scarcest
    for name in KINDS:
        if taken[0][name]:
            assert len({epoch[name] for epoch in taken}) == (1 if name in complete else 6), name


def test_over_many_epochs_all_stamps_of_a_plentiful_kind_are_seen() -> None:
    sizes, kind, _ = drawn(np.random.default_rng(3), 30, 0.45)
    plan = plan_of(sizes, make_units(kind, KINDS, None, {"lens": 0.5, "hard": 0.5}))
    seen = {sample for epoch in range(30) for sample in whole(plan, epoch).tolist()}
    assert seen == set(np.flatnonzero((kind == 0) | (kind >= 2)).tolist())


def test_a_kind_that_is_not_there_is_asked_for_in_vain() -> None:
    kind = np.array([0, 1, 0, 1], np.int8)
    with pytest.raises(InputError, match=r"data.mix asks for 0.5 of 'hard' and there is none; there are lens, control"):
        make_units(kind, ("lens", "control"), None, {"lens": 0.5, "hard": 0.5})


def test_without_pairs_and_mix_a_sample_is_its_own_unit_and_the_order_is_that_of_no_units() -> None:
    sizes, kind, _ = drawn(np.random.default_rng(4), 20, 0.3)
    alone = make_units(kind, KINDS, None, None)
    assert not alone.paired and alone.samples == len(kind)
    np.testing.assert_array_equal(whole(plan_of(sizes, alone)), whole(OrderPlan(sizes, 3, 12, 2, 5)))
